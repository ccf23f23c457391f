"""`python -m model.demo.evaluate`: examines a model folder and writes its measurements and its card.

Measures, for each kind of question and language: held-out generator with held-out wordings and the training
generator with training wordings (new pictures), in bfloat16 and NF4; and, as a control, the held-out items with
black pictures and with other items' pictures. What is measured on real files comes from
benchmarks/demo_on_real_files.py, which adds to the same measurements.
"""

import argparse
import json
import logging
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from model.demo import card, reader
from model.demo.answers import stated
from model.demo.exam import Examiner, Item, paper
from model.demo.language import LANGUAGES
from model.demo.scene import Pixels

log = logging.getLogger("basira.demo")
FOLDER = Path(__file__).resolve().parents[2] / "assets" / "demo-model"
CONTROLLED = ("modality", "finding", "side")  # also marked by what is stated, in whatever sentence


def language_of(text: str) -> str:
    """ "ar" when most letters are Arabic, else "en"."""
    arabic = sum("\u0600" <= c <= "\u06ff" for c in text)
    latin = sum(c.isascii() and c.isalpha() for c in text)
    return "ar" if arabic > latin else "en"


def ask(
    model: Any, processor: Any, items: Sequence[Item], pictures: Sequence[Sequence[Pixels]] | None = None
) -> list[str]:
    """Answers to the items, with their own pictures or with `pictures` in their place."""
    shown = pictures if pictures is not None else [[s.image for s in item.scenes] for item in items]
    return reader.answers(model, processor, [(item.turns, seen) for item, seen in zip(items, shown, strict=True)])


def score(items: Sequence[Item], said: Sequence[str]) -> dict[str, dict[str, float]]:
    """Per kind, the share answered letter for letter ("right") and, where that can be told, in content ("stated").

    Also the number of items, and the share in the right language.
    """
    right: dict[str, list[bool]] = defaultdict(list)
    content: dict[str, list[bool]] = defaultdict(list)
    tongue = []
    for item, text in zip(items, said, strict=True):
        asked = item.turns[-1]
        right[item.kind].append(text == asked.answer)
        if asked.kind in CONTROLLED and item.scenes:
            meant, said_so = (stated(asked.kind, words, item.language) for words in (asked.answer, text))
            content[item.kind].append(said_so == meant if meant else text == asked.answer)
        tongue.append(language_of(text) == item.language)
    table = {kind: {"right": float(np.mean(v)), "items": float(len(v))} for kind, v in right.items()}
    for kind, marks in content.items():
        table[kind]["stated"] = float(np.mean(marks))
    return {**table, "language": {"right": float(np.mean(tongue)), "items": float(len(tongue))}}


def _controls(model: Any, processor: Any, items: Sequence[Item]) -> dict[str, Any]:
    chosen = [item for item in items if item.kind in CONTROLLED and len(item.turns) == 1]
    rng = np.random.default_rng(1)
    order = rng.permutation(len(chosen))
    black = [[np.zeros_like(i.scenes[0].image)] for i in chosen]
    other = [[chosen[int(k)].scenes[0].image] for k in order]
    return {
        "black": score(chosen, ask(model, processor, chosen, black)),
        "shuffled": score(chosen, ask(model, processor, chosen, other)),
    }


def measure(folder: Path, count: int, precisions: Sequence[str]) -> dict[str, Any]:
    """{precision: {language: {"heldout": …, "seen": …, "controls": …}}}."""
    result: dict[str, Any] = {}
    for precision in precisions:
        model, processor = reader.load(folder, precision)
        result[precision] = {}
        for language in LANGUAGES:
            unseen = paper(Examiner(language), count)
            part = {"heldout": score(unseen, ask(model, processor, unseen))}
            if precision == precisions[-1]:
                known = paper(Examiner(language, paper="training"), count // 2, seen=True, follow_ups=False)
                part["seen"] = score(known, ask(model, processor, known))
                part["controls"] = _controls(model, processor, unseen)
            result[precision][language] = part
            log.info("%s %s %s", precision, language, json.dumps(part["heldout"]))
    return result


def main() -> None:
    import torch

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    parser = argparse.ArgumentParser(prog="python -m model.demo.evaluate", description=__doc__)
    parser.add_argument("--model", type=Path, default=FOLDER)
    parser.add_argument("--pictures", type=int, default=400, help="held-out pictures per language")
    parser.add_argument("--precisions", nargs="+", default=["bf16", "nf4"], choices=["bf16", "nf4"])
    parser.add_argument("--threads", type=int, default=0, help="0: as torch chooses")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    kept = args.model / card.MEASURED
    measured = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    measured["generated"] = measure(args.model, args.pictures, args.precisions)
    card.write(args.model, measured)


if __name__ == "__main__":
    main()
