"""Logits → the next token of one reader, by that reader's settings and generator; knows no model."""

from __future__ import annotations

import secrets
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from model.engine import Sampling

if TYPE_CHECKING:
    import torch

    from model.grammar import Constraint


@dataclass
class Sampler:
    """One reader's way of choosing; deterministic for a seed, whoever else is in the batch."""

    sampling: Sampling
    constraint: Constraint | None = None
    """The way through `sampling.grammar`."""
    seed: int | None = None
    _generator: torch.Generator | None = field(default=None, repr=False)
    _said: set[int] = field(default_factory=set, repr=False)

    @property
    def greedy(self) -> bool:
        return self.sampling.temperature == 0

    @property
    def plain(self) -> bool:
        """The arg max of the untouched logits is the answer."""
        s = self.sampling
        free = self.constraint is None and s.allowed_tokens is None
        return self.greedy and free and s.repetition_penalty == 1 and not s.entropy

    def choose(
        self, logits: torch.Tensor, generated: Sequence[int], prompt: Sequence[int] = ()
    ) -> tuple[int | None, float | None]:
        """The next token from logits of (vocabulary,), None when a constraint allows none; and the entropy in
        nats before temperature, when asked. The penalty is for tokens of the prompt too, as in transformers."""
        import torch

        s = self.sampling
        entropy = None
        if s.entropy:
            logs = torch.log_softmax(logits, dim=-1)
            entropy = float(-(logs.exp() * logs.nan_to_num(neginf=0.0)).sum())
        if s.allowed_tokens is not None:
            allowed = list(s.allowed_tokens(generated))
            if not allowed:
                return None, entropy
            only = torch.full_like(logits, float("-inf"))
            only[allowed] = logits[allowed]
            logits = only
        if self.constraint is not None:
            logits = self.constraint.allow(logits)
        if s.repetition_penalty != 1:
            self._said.update(generated if self._said else (*prompt, *generated))
            logits = _penalise(logits, self._said, s.repetition_penalty)
        token = int(logits.argmax()) if self.greedy else self._draw(_truncate(logits / s.temperature, s))
        if self.constraint is not None:
            self.constraint.take(token)
        return token, entropy

    def _draw(self, logits: torch.Tensor) -> int:
        import torch

        if self._generator is None:
            if self.seed is None:
                self.seed = self.sampling.seed if self.sampling.seed is not None else secrets.randbits(31)
            self._generator = torch.Generator()
            self._generator.manual_seed(self.seed)
        chances = torch.softmax(logits, dim=-1).cpu()
        return int(torch.multinomial(chances, 1, generator=self._generator))


def _penalise(logits: torch.Tensor, said: Set[int], penalty: float) -> torch.Tensor:
    logits = logits.clone()
    seen = sorted(said)
    held = logits[seen]
    logits[seen] = held.where(held > 0, held * penalty).where(held <= 0, held / penalty)
    return logits


def _truncate(logits: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """Keep the top_k most likely tokens, then the smallest set of them whose probability reaches top_p."""
    import torch

    if sampling.top_k and sampling.top_k < logits.shape[-1]:
        least = torch.topk(logits, sampling.top_k).values[-1]
        logits = logits.masked_fill(logits < least, float("-inf"))
    if sampling.top_p < 1:
        ordered, order = torch.sort(logits, descending=True)
        chances = torch.softmax(ordered, dim=-1)
        beyond = chances.cumsum(-1) - chances >= sampling.top_p  # the first to reach it stays
        logits = logits.clone()
        logits[order[beyond]] = float("-inf")
    return logits
