"""The tokenizer and chat template, and conversations as token ids with the answers marked. Knows no pixels."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from model.demo.dialogues import Turn, converse
from model.demo.language import LANGUAGES, wordings
from model.demo.pictures import GRID, Facts

BEGIN, END, USER, ASSISTANT, IMAGE, PAD = (
    "<|begin|>",
    "<|end|>",
    "<|user|>",
    "<|assistant|>",
    "<image>",
    "<|pad|>",
)
VOCABULARY = 1024
# A system message is left out: the model was trained without one and has nothing to do with it.
TEMPLATE = (
    "{{- bos_token -}}"
    "{%- for message in messages if message['role'] in ('user', 'assistant') -%}"
    "{{- '<|' + message['role'] + '|>' -}}"
    "{%- if message['content'] is string -%}{{- message['content'] | trim -}}"
    "{%- else -%}{%- for item in message['content'] -%}"
    "{%- if item['type'] == 'image' -%}{{- '<image>' -}}"
    "{%- elif 'text' in item -%}{{- item['text'] | trim -}}{%- endif -%}"
    "{%- endfor -%}{%- endif -%}"
    "{{- '<|end|>' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}\n"
)


def _sentences(turns: Iterable[Turn]) -> Iterable[str]:
    for turn in turns:
        yield turn.question
        yield turn.answer


def train_tokenizer(facts: Sequence[Facts], seed: int, count: int = 6000) -> Any:
    """A byte-level BPE tokenizer learnt from training conversations; every text comes back exactly."""
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[PAD, BEGIN, END, USER, ASSISTANT, IMAGE],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )

    def corpus() -> Iterable[str]:
        for index in range(count):
            rng = np.random.default_rng([seed, 5, index])
            language = LANGUAGES[index % 2]
            yield from _sentences(converse(rng, lambda r=rng: facts[int(r.integers(len(facts)))], language, turns=4))  # type: ignore[misc]  # the default binds the loop's rng
        for language in LANGUAGES:
            yield wordings(f"questions_{language}")["common"]

    core.train_from_iterator(corpus(), trainer)
    library: Any = transformers  # partly untyped
    return library.PreTrainedTokenizerFast(
        tokenizer_object=core,
        bos_token=BEGIN,
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=[USER, ASSISTANT, IMAGE],
        extra_special_tokens={"image_token": IMAGE},
        clean_up_tokenization_spaces=False,
        padding_side="left",
        chat_template=TEMPLATE,
    )


def load_tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


@dataclass
class Encoded:
    """A conversation and, beside it, the other questions that could have been asked at each of its turns.

    All lists are as long as the text. labels are -100 outside the answers. branch is 0 in the conversation itself and
    otherwise the number of the question asked instead; such a question stands before the one asked, and sees what of
    the conversation came before it and itself. Pictures come in the order of their tokens.
    """

    ids: list[int] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    branch: list[int] = field(default_factory=list)

    def add(self, ids: list[int], labels: list[int], start: int, branch: int) -> int:
        """Append a piece that begins at position `start`; returns the position after it."""
        self.ids += ids
        self.labels += labels
        self.positions += range(start, start + len(ids))
        self.branch += [branch] * len(ids)
        return start + len(ids)


class Coder:
    """Encodes conversations as the chat template renders them; with dropout, words split in ever new ways."""

    def __init__(self, tokenizer: Any, dropout: float = 0.0) -> None:
        from tokenizers import Tokenizer

        self._plain = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
        self._loose = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
        self._loose.model.dropout = dropout or None
        names = (BEGIN, END, USER, ASSISTANT, IMAGE)
        self.begin, self.end, self.user, self.assistant, self.image = (self._plain.encode(n).ids[0] for n in names)

    def first_that_fits(self, talk: Sequence[Sequence[Turn]], most: int) -> int:
        """The first turn with which the conversation that was had (without what could have been asked instead) still
        fits `most` tokens; the last turn in any case."""
        left = most - GRID * GRID - 1
        for number in range(len(talk) - 1, -1, -1):
            asked = talk[number][0]
            left -= len(self._exchange(asked, loose=False)[0]) + 1 + (GRID * GRID if asked.picture is not None else 0)
            if left < 0:
                return min(number + 1, len(talk) - 1)
        return 0

    def encode(self, talk: Sequence[Sequence[Turn]], *, loose: bool) -> Encoded:
        """`talk`: at each turn the question asked, then those that could have been asked instead."""
        made = Encoded()
        here = made.add([self.begin], [-100], 0, 0)
        numbers = itertools.count(1)
        for asked, *others in talk:
            opening = [self.user] + ([self.image] * (GRID * GRID) if asked.picture is not None else [])
            here = made.add(opening, [-100] * len(opening), here, 0)
            for other in others:
                made.add(*self._exchange(other, loose=loose), here, next(numbers))
            here = made.add(*self._exchange(asked, loose=loose), here, 0)
        return made

    def _exchange(self, turn: Turn, *, loose: bool) -> tuple[list[int], list[int]]:
        """(ids, labels) of a question and its answer."""
        question = (self._loose if loose else self._plain).encode(turn.question.strip()).ids
        question = [*question, self.end, self.assistant]
        said = [*self._plain.encode(turn.answer).ids, self.end]
        return question + said, [-100] * len(question) + (said if turn.taught else [-100] * len(said))
