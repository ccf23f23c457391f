"""Conversations of a few turns about generated pictures, questions in training wordings. Knows no tensors."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from model.demo.answers import OPPOSITE, answer, places_to_ask
from model.demo.language import choose, dress, expand, fill, wordings
from model.demo.pictures import Facts
from model.demo.scene import FINDINGS

RELEVANT: dict[str, tuple[str, ...]] = {
    "chest": ("opacity", "effusion", "pneumothorax"),
    "head": ("bleed", "brain_lesion"),
    "abdomen": ("liver_lesion", "stone"),
    "tissue": ("cluster",),
}
PICTURE_KINDS = {
    "modality": 20, "part": 7, "finding": 18, "which": 8, "such": 18, "side": 12, "where": 9, "quadrant": 8,
    "half": 22, "describe": 6, "stain": 1, "density": 1,
}  # fmt: skip
TISSUE_KINDS = {
    "modality": 13, "part": 5, "finding": 13, "which": 5, "such": 5, "side": 3, "where": 6, "quadrant": 8,
    "half": 1, "describe": 8, "stain": 15, "density": 15,
}  # fmt: skip
REPEATABLE = ("modality", "part", "finding", "which", "side", "where", "describe", "stain", "density")


@dataclass(frozen=True)
class Turn:
    """One question and its answer; `picture` numbers the picture this turn adds (None: it adds none)."""

    kind: str
    language: str
    question: str
    answer: str
    picture: int | None = None


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
        if facts and facts.finding != "none" and dice < 0.5:
            return facts.finding
        if facts and facts.part in RELEVANT and dice < 0.85:
            return choose(rng, list(RELEVANT[facts.part]))
        return choose(rng, list(FINDINGS[1:]))
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
        text = text.replace("{thing}", choose(rng, data["things"][argument if kind == "such" else known]))
    return fill(rng, text, language)


def _ask(talk: Talk, kind: str, language: str, argument: str = "", *, bare: bool = False) -> str:
    rng = talk.rng
    data = wordings(f"questions_{language}")
    if bare and kind in data["kinds"]:
        return expand(rng, choose(rng, data["bare"])).replace("{kind}", choose(rng, data["kinds"][kind]))
    return put(rng, choose(rng, data[kind]), language, kind, argument, talk.facts)


def _follow_up(talk: Talk) -> str:
    """The kind of a question that leans on the one before."""
    rng = talk.rng
    if talk.kind == "half":
        return "other_side"
    if talk.kind in ("finding", "which", "such"):
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
) -> list[list[Turn]]:
    """A conversation with, at each turn, `asides` other questions that could have been asked instead.

    The first of each list is the one asked; the next turn follows from it. `pick` gives the facts of a further
    picture each time it is called; all of one list are about the same pictures.
    """
    talk, made, pictures = Talk(rng), list[list[Turn]](), 0
    for number in range(turns):
        before = made[-1][0] if made else None
        fresh = (
            rng.random() > textless
            if number == 0
            else rng.random() < 0.38 or (talk.facts is None and rng.random() < 0.7)
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
