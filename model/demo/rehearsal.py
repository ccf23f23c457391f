"""`python -m model.demo.rehearsal`: simulates whole conversations through the real engine and judges every answer.

Held-out pictures, about 20 questions each in every manner people write (the examination's wordings and the training's,
both scripts in one question, dialects, capitals, vowel signs, a question repeated sixty times), new pictures among
them. The engine is the one that the program opens: 4-bit, greedy, its own handling of a context that overflows; the
history is what the model itself said before. Counted is whether each answer is one of the sentences it was taught,
whether it is in the question's language, and whether it is the right one. Trains nothing.
"""

import argparse
import itertools
import json
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from model import Engine, Finish, Message, Piece, Sampling, open_engine
from model.demo import card
from model.demo.answers import answer
from model.demo.dialogues import PICTURE_KINDS, TISSUE_KINDS, Turn, branches
from model.demo.exam import Examiner
from model.demo.language import LANGUAGES, dress, in_script, repeated
from model.demo.pictures import Facts, facts_of
from model.demo.scene import FINDINGS, MODALITIES, PARTS, QUADRANTS, Scene
from model.errors import ContextTooLong

log = logging.getLogger("basira.demo")
FOLDER = Path(__file__).resolve().parents[2] / "assets" / "demo-model"
TURNS = 20
RENEWING = (0.06, 0.3, 0.5, 0.95)  # shares of turns that bring a new picture, one drawn for each conversation
MANNERS = {"trained": 0.3, "heldout": 0.3, "mixed": 0.2, "spoken": 0.18, "repeated": 0.02}
MOST_TOKENS = 400  # of an answer: what is taught is at most about ninety


@dataclass(frozen=True)
class Asked:
    """One question of a simulated conversation, and what came of it."""

    manner: str
    turn: Turn
    said: str
    finish: Finish

    @property
    def taught(self) -> bool:
        return self.finish.reason == "complete" and self.said in sentences()

    @property
    def right_language(self) -> bool:
        return in_script(self.said, self.turn.language) and (
            self.turn.language == "ar" or not in_script(self.said, "ar")
        )


@cache
def sentences() -> frozenset[str]:
    """Every answer that training can give, in both languages: those to all kinds of question about all pictures."""
    sides, places = ("none", "right", "left"), ("", *QUADRANTS)
    looks = itertools.chain(
        itertools.product(MODALITIES[:3], PARTS[:-2], (True,), FINDINGS[:-1], sides, places, ("",), ("",)),
        itertools.product(MODALITIES, PARTS, (False,), ("none",), ("none",), ("",), ("",), ("",)),
        itertools.product(
            ("histology",), ("tissue",), (True, False), ("none", "cluster"), ("none",), places, ("he", "ihc"),
            ("", "low", "high"),
        ),
    )  # fmt: skip
    kinds = {*PICTURE_KINDS, *TISSUE_KINDS, "scope"}
    pairs = ["+".join(pair) for pair in itertools.combinations(FINDINGS[1:], 2)]
    arguments = {"half": ("right", "left"), "quadrant": QUADRANTS, "such": FINDINGS[1:], "either": pairs}
    found = set()
    for look in (*looks, None):
        facts = Facts(*look) if look else None
        for language, kind in itertools.product(LANGUAGES, kinds):
            try:
                found |= {answer(kind, facts, language, argument) for argument in arguments.get(kind, ("",))}
            except KeyError:  # a question that nobody can answer of such a picture
                continue
    return frozenset(found)


class Script:
    """The questions of one conversation after another; the same for one seed."""

    def __init__(self, seed: int, pictures: int = 60) -> None:
        self._seed = seed
        self._examiners = {language: Examiner(language, seed=seed) for language in LANGUAGES}
        self.scenes = [self._examiners["en"].scene(k) for k in range(pictures)]

    def conversation(self, number: int, turns: int = TURNS) -> Iterator[tuple[str, Turn, Scene | None]]:
        """(manner, question with its right answer, the picture it brings)."""
        rng = np.random.default_rng([self._seed, 31, number])
        shown: list[Scene] = []

        def pick() -> Facts:
            shown.append(self.scenes[int(rng.integers(len(self.scenes)))])
            return facts_of(shown[-1])

        language = LANGUAGES[number % 2]
        talk = branches(rng, pick, language, turns=turns, renewing=float(rng.choice(RENEWING)))
        newest: Scene | None = None
        for asked, *_ in talk:
            newest = shown[asked.picture] if asked.picture is not None else newest
            manner, turn = self._said_otherwise(rng, asked, newest)
            yield manner, turn, newest if asked.picture is not None else None

    def _said_otherwise(self, rng: np.random.Generator, turn: Turn, scene: Scene | None) -> tuple[str, Turn]:
        """The turn in another manner, where that manner has its kind of question."""
        manner = str(rng.choice(list(MANNERS), p=list(MANNERS.values())))
        text = turn.question
        if manner == "repeated":
            text = repeated(rng, turn.question)
        elif manner != "trained":
            examiner = self._examiners[turn.language]
            if scene is None or not (found := examiner.question(rng, turn.kind, scene, manner)):
                return "trained", turn
            text, argument = found
            if manner == "heldout" and rng.random() < 0.3:
                text = dress(rng, text, turn.language, plain=1.0)
            facts = facts_of(scene)
            return manner, Turn(turn.kind, turn.language, text, answer(turn.kind, facts, turn.language, argument))
        return manner, Turn(turn.kind, turn.language, text, turn.answer)


def hold(engine: Engine, script: Script, number: int, turns: int = TURNS) -> list[Asked]:
    """One conversation through the engine; a question too long for it is refused and left out."""
    messages: list[Message] = []
    held = []
    images: tuple[Image.Image, ...] = ()
    sampling = Sampling(temperature=0.0, max_new_tokens=MOST_TOKENS)
    for manner, turn, scene in script.conversation(number, turns):
        if scene is not None:
            images = (Image.fromarray(np.array(scene.image)).convert("RGB"),)
        asked = [*messages, Message("user", turn.question, images)]
        events = list(engine.stream(asked, sampling, conversation=f"rehearsal {number}"))
        said = "".join(event.text for event in events if isinstance(event, Piece))
        finish = events[-1]
        assert isinstance(finish, Finish)
        if isinstance(finish.error, ContextTooLong):  # the page says so; the picture stays for the next question
            continue
        messages, images = asked, ()
        held.append(Asked(manner, turn, said, finish))
        messages.append(Message("assistant", said))
    engine.forget(f"rehearsal {number}")
    return held


def summary(held: Sequence[Sequence[Asked]]) -> dict[str, Any]:
    """Counts over all conversations, and shares by manner and language."""
    every = [asked for talk in held for asked in talk]
    rows: dict[str, dict[str, float]] = {}
    for manner, language in itertools.product(MANNERS, LANGUAGES):
        mine = [asked for asked in every if asked.manner == manner and asked.turn.language == language]
        if mine:
            rows[f"{manner}, {language}"] = {
                "answers": len(mine),
                "language": float(np.mean([asked.right_language for asked in mine])),
                "right": float(np.mean([asked.said == asked.turn.answer for asked in mine])),
            }
    return {
        "conversations": len(held),
        "answers": len(every),
        "outside": sum(not asked.taught for asked in every),
        "endings": dict(Counter(asked.finish.cause or asked.finish.reason for asked in every)),
        "left_out": sum(asked.finish.left_out_turns > 0 for asked in every),
        "longest_prompt": max(asked.finish.prompt_tokens for asked in every),
        "manners": rows,
    }


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(prog="python -m model.demo.rehearsal", description=__doc__)
    parser.add_argument("--model", type=Path, default=FOLDER)
    parser.add_argument("--conversations", type=int, default=300)
    parser.add_argument("--turns", type=int, default=TURNS)
    parser.add_argument("--seed", type=int, default=2611)
    parser.add_argument("--context", type=int, help="fewer tokens than the model declares")
    parser.add_argument("--readers", type=int, default=8)
    parser.add_argument("--keep", action="store_true", help="add the result to the model's card")
    args = parser.parse_args()
    engine = open_engine(str(args.model), device="cpu", context=args.context, readers=args.readers, check=False)
    script = Script(args.seed)
    with ThreadPoolExecutor(args.readers) as pool:
        held = list(pool.map(lambda number: hold(engine, script, number, args.turns), range(args.conversations)))
    engine.close()
    found = summary(held)
    log.info("%s", json.dumps(found, indent=1))
    for number, talk in enumerate(held):
        for place, asked in enumerate(talk):
            if not asked.taught:
                where = f"conversation {number}, question {place}, {asked.finish.prompt_tokens} tokens, {asked.manner}"
                log.info("outside: %s: %r: %r", where, asked.turn.question[:120], asked.said[:200])
    if args.keep:
        kept = args.model / card.MEASURED
        measured = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
        card.write(args.model, measured | {"rehearsal": found})


if __name__ == "__main__":
    main()
