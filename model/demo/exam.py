"""The examination: held-out pictures and held-out wordings as conversations with their right answers. No tensors."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from model.demo import heldout, phantoms
from model.demo.answers import OPPOSITE, answer, places_to_ask
from model.demo.dialogues import RELEVANT, Turn, put
from model.demo.language import choose, expand, wordings
from model.demo.pictures import facts_of
from model.demo.scene import FINDINGS, Scene

Draw = Callable[[np.random.Generator, int, str | None], Scene]
PAPERS = ("heldout", "training")  # whose wordings are used
VARIED = {"mixed": "both scripts in one question", "spoken": "dialects, capitals, vowel signs"}


@dataclass(frozen=True)
class Item:
    """One conversation; only its last answer is marked. `kind` is how the result is filed."""

    kind: str
    language: str
    turns: tuple[Turn, ...]
    scenes: tuple[Scene, ...]


class Examiner:
    """Makes items in one language from one generator and one set of wordings; the same for one seed."""

    def __init__(self, language: str, *, paper: str = "heldout", seed: int = 4242, size: int = 224) -> None:
        self.language, self.paper, self.seed, self.size = language, paper, seed, size
        self.words = wordings(f"{paper}_{language}" if paper == "heldout" else f"questions_{language}")

    def _text(self, rng: np.random.Generator, kind: str, argument: str, scene: Scene | None) -> str:
        pattern = choose(rng, self.words[kind])
        if self.paper == "training":
            return put(rng, pattern, self.language, kind, argument, facts_of(scene) if scene else None)
        return self._filled(rng, pattern, kind, argument)

    def _filled(self, rng: np.random.Generator, pattern: str, kind: str, argument: str, things: str = "things") -> str:
        if kind == "quadrant":
            pattern = pattern.replace("{place}", self.words["places"][argument][0])
        if kind == "half":
            pattern = pattern.replace("{side}", self.words["sides"][argument])
        if kind == "such":
            pattern = pattern.replace("{thing}", choose(rng, self.words[things][argument]))
        return expand(rng, pattern)

    def _turn(
        self, rng: np.random.Generator, kind: str, scene: Scene | None, argument: str = "", picture: int | None = None
    ) -> Turn:
        said = answer(kind, facts_of(scene) if scene else None, self.language, argument)
        return Turn(kind, self.language, self._text(rng, kind, argument, scene), said, picture)

    def _argument(self, rng: np.random.Generator, kind: str, scene: Scene) -> str | None:
        facts = facts_of(scene)
        if kind == "half":
            return choose(rng, ["right", "left"])
        if kind == "such":
            if facts.finding != "none" and rng.random() < 0.5:
                return facts.finding
            return choose(rng, list(RELEVANT[facts.part]) if rng.random() < 0.7 else list(FINDINGS[1:]))
        if kind == "quadrant":
            sure = places_to_ask(facts)
            return choose(rng, sure) if sure else None
        return ""

    def scene(self, index: int, kind: str | None = None, *, seen: bool = False) -> Scene:
        """Scene number `index` of the held-out (or, `seen`, of the training) generator."""
        rng = np.random.default_rng([self.seed, 11 if seen else 7, index])
        if seen:
            return phantoms.draw(rng, self.size, kind)
        return heldout.draw(rng, self.size, kind)

    def single(self, kind: str, index: int, scene: Scene) -> Item | None:
        """One question about one picture; None where the kind does not fit the picture."""
        rng = np.random.default_rng([self.seed, 3, index])
        facts = facts_of(scene)
        ill = facts.finding != "none"
        if kind in ("stain", "density") and facts.modality != "histology":
            return None
        if kind in ("side", "which", "where") and not ill:
            return None
        if (kind == "side" and facts.side == "none") or (kind == "where" and not facts.quadrant):
            return None
        if kind == "half" and facts.modality == "histology":
            return None
        argument = self._argument(rng, kind, scene)
        if argument is None:
            return None
        return Item(kind, self.language, (self._turn(rng, kind, scene, argument, 0),), (scene,))

    def question(self, rng: np.random.Generator, kind: str, scene: Scene, manner: str) -> tuple[str, str] | None:
        """(held-out question of this kind in a manner, "heldout" or one of `VARIED`; its argument), None without."""
        patterns = (self.words if manner == "heldout" else self.words[manner]).get(kind)
        argument = self._argument(rng, kind, scene) if patterns else None
        if argument is None or (kind == "where" and facts_of(scene).finding != "none" and not scene.quadrant()):
            return None
        things = "mixed_things" if manner == "mixed" else "things"
        return self._filled(rng, choose(rng, patterns), kind, argument, things), argument

    def varied(self, index: int, scene: Scene) -> list[Item]:
        """One question in each of the other manners, and one for a finding of another part of the body."""
        rng = np.random.default_rng([self.seed, 6, index])
        facts, made = facts_of(scene), []
        for manner, name in VARIED.items():
            kinds = [k for k in self.words[manner] if k != "side" or facts.side != "none"]
            kind = choose(rng, kinds)
            if found := self.question(rng, kind, scene, manner):
                said = answer(kind, facts, self.language, found[1])
                made.append(Item(name, self.language, (Turn(kind, self.language, found[0], said, 0),), (scene,)))
        elsewhere = [name for name in FINDINGS[1:] if name not in RELEVANT[facts.part]]
        turn = self._turn(rng, "such", scene, choose(rng, elsewhere), 0)
        made.append(Item("finding of elsewhere", self.language, (turn,), (scene,)))
        return made

    def follow_ups(self, index: int, scene: Scene, other: Scene) -> list[Item]:
        """Two-turn conversations whose second question needs the first (held-out wordings only)."""
        rng = np.random.default_rng([self.seed, 5, index])
        facts, made = facts_of(scene), []
        first = self._turn(rng, "finding", scene, "", 0)
        if facts.side != "none":
            text = choose(rng, self.words["bare_side"])
            second = Turn("side", self.language, text, answer("side", facts, self.language))
            made.append(Item("follow-up: side", self.language, (first, second), (scene,)))
            argument = choose(rng, ["right", "left"])
            half = self._turn(rng, "half", scene, argument, 0)
            text = choose(rng, self.words["other_side"])
            flipped = Turn("half", self.language, text, answer("half", facts, self.language, OPPOSITE[argument]))
            made.append(Item("follow-up: other side", self.language, (half, flipped), (scene,)))
        text = choose(rng, self.words["bare_part"])
        part = Turn("part", self.language, text, answer("part", facts, self.language))
        made.append(Item("follow-up: body part", self.language, (first, part), (scene,)))
        kind = choose(rng, ["modality", "finding"])
        start = self._turn(rng, kind, scene, "", 0)
        text = choose(rng, self.words["again"])
        again = Turn(kind, self.language, text, answer(kind, facts_of(other), self.language), 1)
        made.append(Item("follow-up: new image", self.language, (start, again), (scene, other)))
        return made

    def out_of_scope(self, scenes: list[Scene]) -> list[Item]:
        """Every out-of-scope question once, about a picture each."""
        said = answer("scope", None, self.language)
        return [
            Item(
                "out of scope",
                self.language,
                (Turn("scope", self.language, text, said, 0),),
                (scenes[k % len(scenes)],),
            )
            for k, text in enumerate(self.words["scope"])
        ]

    def without_image(self, count: int = 12) -> list[Item]:
        rng = np.random.default_rng([self.seed, 9])
        kinds = ["modality", "part", "finding", "side", "describe", "where"]
        return [
            Item("no image", self.language, (self._turn(rng, kinds[k % len(kinds)], None),), ()) for k in range(count)
        ]


SINGLES = (
    "modality", "part", "finding", "which", "such", "side", "where", "quadrant", "half", "stain", "density", "describe",
)  # fmt: skip


def paper(examiner: Examiner, count: int, *, seen: bool = False, follow_ups: bool = True) -> list[Item]:
    """All items of one sitting: `count` pictures, every kind of question that fits each."""
    kinds = list(heldout.KINDS)
    scenes = [examiner.scene(k, kinds[k % len(kinds)], seen=seen) for k in range(count)]
    items = [
        item
        for k, scene in enumerate(scenes)
        for n, kind in enumerate(SINGLES)
        if (item := examiner.single(kind, k * 31 + n, scene)) is not None
        and (scene.assessed or kind in ("modality", "part"))
    ]
    if follow_ups:
        for k, scene in enumerate(scenes):
            items += examiner.follow_ups(k, scene, scenes[(k + 3) % count])
            items += examiner.varied(k, scene) if scene.part in RELEVANT else []
        items += examiner.out_of_scope(scenes) + examiner.without_image()
    return items
