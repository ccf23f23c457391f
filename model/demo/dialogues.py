"""Conversations of one to five turns about generated pictures, questions in training wordings. Knows no tensors."""

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
    "modality": 26, "part": 9, "finding": 13, "which": 8, "such": 22, "side": 11, "where": 7, "quadrant": 6,
    "half": 16, "describe": 7, "stain": 1, "density": 1,
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


def _ask(talk: Talk, kind: str, language: str, *, bare: bool = False) -> str:
    rng = talk.rng
    data = wordings(f"questions_{language}")
    if bare and kind in data["kinds"]:
        return expand(rng, choose(rng, data["bare"])).replace("{kind}", choose(rng, data["kinds"][kind]))
    return put(rng, choose(rng, data[kind]), language, kind, talk.argument, talk.facts)


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


def converse(
    rng: np.random.Generator, pick: Callable[[], Facts], language: str, *, turns: int, textless: float = 0.05
) -> list[Turn]:
    """A conversation; `pick` gives the facts of a further picture each time it is called."""
    talk, made, pictures = Talk(rng), list[Turn](), 0
    for number in range(turns):
        tongue = language if rng.random() > 0.06 else ("ar" if language == "en" else "en")
        fresh = (
            rng.random() > textless
            if number == 0
            else rng.random() < 0.38 or (talk.facts is None and rng.random() < 0.7)
        )
        before = talk.kind
        if fresh:
            talk.facts = pick()
        if fresh and before in REPEATABLE and rng.random() < 0.45 and made[-1].language == tongue:
            # In as many words as before, or "and this one?": only the picture tells the answers apart.
            same = made[-1].question if rng.random() < 0.5 and before == made[-1].kind else ""
            kind, text = before, same or _ask(talk, "again", tongue)
            if kind == "where" and talk.facts and talk.facts.finding != "none" and not talk.facts.quadrant:
                kind, text = "modality", _ask(talk, "modality", tongue)
        elif number and not fresh and talk.facts and rng.random() < 0.45:
            kind = _follow_up(talk)
            if kind == "where" and talk.facts.finding != "none" and not talk.facts.quadrant:
                kind = "side"
            if kind == "other_side":
                talk.argument, text = OPPOSITE[talk.argument], _ask(talk, "other_side", tongue)
                kind = "half"
            else:
                talk.argument = _argument(talk, kind)
                text = _ask(talk, kind, tongue, bare=rng.random() < 0.4)
        else:
            kind = _kind(talk)
            talk.argument = _argument(talk, kind)
            text = _ask(talk, kind, tongue)
        if kind == "quadrant" and talk.facts and not places_to_ask(talk.facts):
            kind, text = "finding", _ask(talk, "finding", tongue)
        if kind in ("part", "describe") and talk.facts and not talk.facts.part:  # nobody can say of what it is
            kind, text = "modality", _ask(talk, "modality", tongue)
        talk.kind = kind
        said = answer(kind, talk.facts, tongue, talk.argument)
        made.append(Turn(kind, tongue, dress(rng, text, tongue), said, pictures if fresh else None))
        pictures += fresh
    return made
