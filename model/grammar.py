"""A grammar → which tokens may come next; knows no sampling, no scheduler. The automaton is llguidance's."""

from __future__ import annotations

import importlib.util
import json
import threading
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from model.engine import Grammar
from model.errors import GrammarRefused

if TYPE_CHECKING:
    import torch

_JSON = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
"""No free white space: a small model that may write any amount of it writes nothing else."""


class Grammars:
    """Makes constraints for one tokenizer; safe to call from many threads."""

    def __init__(self, tokenizer: Any, end_tokens: Collection[int]) -> None:
        self._tokenizer = tokenizer
        self._end = sorted(end_tokens)
        self._lock = threading.Lock()
        self._wrapped: Any = None

    def constraint(self, grammar: Grammar) -> Constraint:
        """A fresh automaton at its beginning. Raises GrammarRefused: the library is not there, or the grammar says
        something it cannot follow."""
        if importlib.util.find_spec("llguidance") is None:
            raise GrammarRefused("answers by a grammar need the library llguidance")
        import llguidance

        matcher: Any = llguidance.LLMatcher
        try:
            source = (
                matcher.grammar_from_json_schema(json.loads(grammar.text), defaults=_JSON)
                if grammar.kind == "json"
                else matcher.grammar_from_regex(grammar.text)
            )
            made = matcher(self._words(), source, log_level=0)
        except (TypeError, ValueError) as error:
            raise GrammarRefused(f"the {grammar.kind} grammar cannot be read: {error}") from error
        if made.is_error():
            raise GrammarRefused(f"the {grammar.kind} grammar cannot be followed: {made.get_error()}")
        return Constraint(made, self._end)

    def _words(self) -> Any:
        """The tokenizer as the library takes it: about a second for a large one, once."""
        from llguidance.hf import from_tokenizer

        with self._lock:
            if self._wrapped is None:
                wrap: Any = from_tokenizer
                self._wrapped = wrap(self._tokenizer, eos_token=self._end or None)
            return self._wrapped


class Constraint:
    """One answer's way through its grammar."""

    def __init__(self, matcher: Any, end_tokens: Collection[int]) -> None:
        self._matcher = matcher
        self._end = frozenset(end_tokens)

    def allow(self, logits: torch.Tensor) -> torch.Tensor:
        """(vocabulary,) with everything but what may come next at minus infinity; at the end that is an end token.
        Tokens that the model has and the tokenizer does not are never allowed."""
        import numpy as np
        import torch

        bits = np.unpackbits(np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8), bitorder="little")
        count = min(len(bits), logits.shape[-1])
        allowed = torch.zeros(logits.shape[-1], dtype=torch.bool)
        allowed[:count] = torch.from_numpy(bits[:count].astype(bool))
        return logits.masked_fill(~allowed.to(logits.device), float("-inf"))

    def take(self, token: int) -> None:
        """The token that was chosen. Raises GrammarRefused when the automaton gave up (its limits were reached)."""
        if token not in self._end and not self._matcher.consume_token(token):
            raise GrammarRefused(f"the grammar cannot be followed any further: {self._matcher.get_error()}")
