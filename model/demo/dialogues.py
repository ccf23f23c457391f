"""Conversations of a few turns about generated pictures, questions in training wordings. Knows no tensors."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from model.demo.answers import OPPOSITE, answer, places_to_ask
from model.demo.language import LANGUAGES, choose, dress, expand, fill, in_script, wordings
from model.demo.pictures import Facts
from model.demo.scene import FINDINGS

RELEVANT: dict[str, tuple[str, ...]] = {
    "chest": ("opacity", "effusion", "pneumothorax"),
    "head": ("bleed", "brain_lesion"),
    "abdomen": ("liver_lesion", "stone"),
    "tissue": ("cluster",),
}
PICTURE_KINDS = {
    "modality": 20, "part": 7, "finding": 18, "which": 8, "such": 34, "either": 9, "side": 12, "where": 9,
    "quadrant": 8, "half": 22, "describe": 6, "stain": 1, "density": 1,
}  # fmt: skip
TISSUE_KINDS = {
    "modality": 13, "part": 5, "finding": 13, "which": 5, "such": 5, "side": 3, "where": 6, "quadrant": 8,
    "half": 1, "describe": 8, "stain": 15, "density": 15,
}  # fmt: skip
MIXED = 0.12  # share of questions with words of the other language, where there is such a wording
_SLOT = re.compile(r"{\w+}")
REPEATABLE = ("modality", "part", "finding", "which", "side", "where", "describe", "stain", "density")


@dataclass(frozen=True)
class Turn:
    """One question and its answer; `picture` numbers the picture this turn adds (None: it adds none).

    taught: whether the answer is to be learnt; not where what it is about was left out.
    """

    kind: str
    language: str
    question: str
    answer: str
    picture: int | None = None
    taught: bool = True


@dataclass
class Talk:
    """A conversation being made."""

    rng: np.random.Generator
    facts: Facts | None = None
    kind: str = ""
    argument: str = ""


def _weighted(rng: np.random.Generator, weights: dict[str, int]) -> str:
    p = np.array(list(weights.values()), float)
    return str(rng.choice(list(weights), p=p / p.sum()))


def _kind(talk: Talk) -> str:
    rng, facts = talk.rng, talk.facts
    if rng.random() < 0.18:
        return "scope"
    if facts is None or facts.modality == "other":
        return _weighted(rng, PICTURE_KINDS)
    if not facts.part and rng.random() < 0.4:  # of a picture of no particular place hardly more than its kind is known
        return "modality"
    kind = _weighted(rng, TISSUE_KINDS if facts.modality == "histology" else PICTURE_KINDS)
    if kind == "where" and facts.finding != "none" and not facts.quadrant:
        return "finding"
    return kind


def _argument(talk: Talk, kind: str) -> str:
    rng, facts = talk.rng, talk.facts
    if kind == "half":
        return choose(rng, ["right", "left"])
    if kind == "quadrant":
        return choose(rng, (places_to_ask(facts) if facts else []) or ["upper_left"])
    if kind == "such":
        dice = rng.random()
        if facts and facts.finding != "none" and dice < 0.4:
            return facts.finding
        if facts and facts.part in RELEVANT and dice < 0.62:
            return choose(rng, list(RELEVANT[facts.part]))
        return choose(rng, list(FINDINGS[1:]))
    if kind == "either":
        pair = [str(name) for name in rng.permutation(FINDINGS[1:])[:2]]
        if facts and facts.finding not in ("none", *pair) and rng.random() < 0.45:
            pair[int(rng.integers(2))] = facts.finding
        return "+".join(pair)
    return ""


def put(rng: np.random.Generator, pattern: str, language: str, kind: str, argument: str, facts: Facts | None) -> str:
    """A pattern with its alternatives chosen and its fillers filled."""
    data = wordings(f"questions_{language}")
    text = expand(rng, pattern)
    if kind == "quadrant":
        text = text.replace("{place}", choose(rng, data["places"][argument]))
    if kind == "half":
        names = data["sides"][argument]
        for slot, name in zip(("{side}", "{side_f}", "{side_noun}"), names, strict=False):  # English needs one
            text = text.replace(slot, name)
    if "{thing}" in text:
        known = facts.finding if facts and facts.finding != "none" else choose(rng, list(FINDINGS[1:]))
        thing, _, other = argument.partition("+") if kind in ("such", "either") else (known, "", "")
        text = named(rng, text, "{other}", data["things"].get(other, []), language)
        text = named(rng, text, "{thing}", data["things"][thing], language)
    return fill(rng, text, language)


@cache
def of_both_scripts(kind: str, language: str) -> tuple[str, ...]:
    """The patterns of a kind that hold words of the other language, which are few and hard."""
    other = LANGUAGES[1 - LANGUAGES.index(language)]
    patterns = wordings(f"questions_{language}")[kind]
    return tuple(p for p in patterns if in_script(_SLOT.sub("", p), other))


def named(rng: np.random.Generator, text: str, slot: str, names: list[str], language: str) -> str:
    """Each `slot` filled by one of the names; of their language where nothing else in the question is."""
    own = [n for n in names if in_script(n, language)]
    foreign = [n for n in names if n not in own]
    mixed = foreign and in_script(_SLOT.sub("", text), language) and rng.random() < 2 * MIXED
    while slot in text:
        text = text.replace(slot, choose(rng, foreign if mixed else own), 1)
    return text


def _ask(talk: Talk, kind: str, language: str, argument: str = "", *, bare: bool = False) -> str:
    rng = talk.rng
    data = wordings(f"questions_{language}")
    if bare and kind in data["kinds"]:
        return named(rng, expand(rng, choose(rng, data["bare"])), "{kind}", data["kinds"][kind], language)
    mixed = of_both_scripts(kind, language) if rng.random() < MIXED else ()
    return put(rng, choose(rng, list(mixed) or data[kind]), language, kind, argument, talk.facts)


def _follow_up(talk: Talk) -> str:
    """The kind of a question that leans on the one before."""
    rng = talk.rng
    if talk.kind == "half":
        return "other_side"
    if talk.kind in ("finding", "which", "such", "either"):
        return choose(rng, ["side", "side", "where", "which", "half", "quadrant"])
    if talk.kind == "quadrant":
        return choose(rng, ["quadrant", "quadrant", "which", "part"])
    return _kind(talk)


def _next(talk: Talk, before: Turn | None, tongue: str, *, fresh: bool) -> tuple[str, str, str]:
    """(kind, argument, text) of a question that may come now; `fresh`: it brings the picture of `talk.facts`."""
    rng, facts = talk.rng, talk.facts
    if fresh and before and talk.kind in REPEATABLE and before.language == tongue and rng.random() < 0.6:
        # In as many words as before, or "and this one?": only the picture tells the answers apart.
        if talk.kind == "where" and facts and facts.finding != "none" and not facts.quadrant:
            return "modality", "", _ask(talk, "modality", tongue)
        return talk.kind, "", before.question if rng.random() < 0.5 else _ask(talk, "again", tongue)
    if before and not fresh and facts and rng.random() < 0.45:
        kind = _follow_up(talk)
        if kind == "where" and facts.finding != "none" and not facts.quadrant:
            kind = "side"
        if kind == "other_side":
            return "half", OPPOSITE[talk.argument], _ask(talk, "other_side", tongue)
        argument = _argument(talk, kind)
        return kind, argument, _ask(talk, kind, tongue, argument, bare=rng.random() < 0.4)
    kind = _kind(talk)
    argument = _argument(talk, kind)
    return kind, argument, _ask(talk, kind, tongue, argument)


def _answerable(talk: Talk, tongue: str, question: tuple[str, str, str]) -> tuple[str, str, str]:
    """The question, or another where nobody could say the answer."""
    facts = talk.facts
    if question[0] == "quadrant" and facts and not places_to_ask(facts):
        return "finding", "", _ask(talk, "finding", tongue)
    if question[0] in ("part", "describe") and facts and not facts.part:
        return "modality", "", _ask(talk, "modality", tongue)
    return question


def branches(
    rng: np.random.Generator,
    pick: Callable[[], Facts],
    language: str,
    *,
    turns: int,
    asides: int = 0,
    textless: float = 0.05,
    renewing: float = 0.38,
) -> list[list[Turn]]:
    """A conversation with, at each turn, `asides` other questions that could have been asked instead.

    The first of each list is the one asked; the next turn follows from it. `pick` gives the facts of a further
    picture each time it is called; all of one list are about the same pictures. `renewing`: share of later turns that
    bring one.
    """
    talk, made, pictures = Talk(rng), list[list[Turn]](), 0
    for number in range(turns):
        before = made[-1][0] if made else None
        fresh = (
            rng.random() > textless
            if number == 0
            else rng.random() < renewing or (talk.facts is None and rng.random() < 0.7)
        )
        if fresh:
            talk.facts = pick()
        possible: list[tuple[str, tuple[str, str, str]]] = []
        for _ in range(1 + asides):
            switched = rng.random() < (0.5 if possible and not before else 0.06)
            tongue = language if not switched else ("ar" if language == "en" else "en")
            possible.append((tongue, _answerable(talk, tongue, _next(talk, before, tongue, fresh=fresh))))
        made.append(
            [
                Turn(kind, tongue, dress(rng, text, tongue), answer(kind, talk.facts, tongue, argument),
                     pictures if fresh else None)
                for tongue, (kind, argument, text) in possible
            ]
        )  # fmt: skip
        _, (talk.kind, talk.argument, _) = possible[0]
        pictures += fresh
    return made


def converse(
    rng: np.random.Generator, pick: Callable[[], Facts], language: str, *, turns: int, textless: float = 0.05
) -> list[Turn]:
    """A conversation; `pick` gives the facts of a further picture each time it is called."""
    return [asked for asked, *_ in branches(rng, pick, language, turns=turns, textless=textless)]


def without_oldest(talk: list[list[Turn]], first: int) -> list[list[Turn]]:
    """A conversation from turn `first` on, as the engine leaves out what a context does not hold (`model.prompt.keep`).

    Where no picture is left, the newest of those left out moves to the first question kept. What may lean on what was
    left out is not taught: the first turn, and what was said of a picture that is gone.
    """
    if not first:
        return talk
    kept = [list(questions) for questions in talk[first:]]
    pictures = [asked.picture for asked, *_ in talk[:first] if asked.picture is not None]
    seen = next((n for n, (asked, *_) in enumerate(kept) if asked.picture is not None), None)
    if seen is None and pictures:
        kept[0] = [replace(turn, picture=pictures[-1]) for turn in kept[0]]
    for n in range(max(seen or 0, 1)):
        kept[n] = [replace(turn, taught=False) for turn in kept[n]]
    return kept
