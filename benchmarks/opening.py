"""Processor time of opening a conversation of 200 turns, each with a picture and a rating, as the page is given it.

    python -m benchmarks.opening [--json] [--turns 200] [--repeats 9]

Baseline, in the same run and in turn: a question to the record about the rating of each turn, as the first release
asked. The model input of a turn repeats all turns before it, as it does in a real conversation.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from app.web.transcript import conversation_shown
from storage import NewPicture, Store

ANSWER = "There is a **low-density area** of 3.2 × 4.7 cm in the left lobe, about 14.8 HU.\n\n- no bleed\n- no shift"
MODEL = {"name": "demo", "quantization": "nf4", "demonstration": True, "accepts_images": True}


def fill(store: Store, turns: int) -> str:
    """A conversation of that many turns."""
    conversation = store.start_conversation("me", language="en").id
    series = store.add_series("me", conversation, facts={"kind": "dicom", "modality": "CT"}, descriptor={}, frames=1).id
    messages: list[dict[str, object]] = []
    for number in range(turns):
        question = f"Question {number}: is the area of 32 × 47 mm larger than before?"
        messages.append({"role": "user", "text": question, "images": ["f" * 64]})
        view = {"series": series, "frame": number, "center": 40, "width": 80}
        picture = NewPicture(f"{number}".encode(), "f" * 64, {"kind": "dicom"}, view, series)
        turn = store.begin_turn(
            "me", conversation, question=question, language="en", model=MODEL, settings={}, pictures=[picture],
            model_input={"messages": list(messages)},
        )  # fmt: skip
        store.finish_turn("me", turn.id, answer=ANSWER, status="complete", timings={})
        store.rate("me", turn.id, thumb="up", reasons=["clear"])
        messages.append({"role": "assistant", "text": ANSWER, "images": []})
    return conversation


class OneByOne(Store):
    """The record as the first release asked it: about one turn's rating at a time."""

    def current_ratings(self, owner: str, conversation_id: str) -> dict[str, object]:  # type: ignore[override]  # the same, slower
        rated = {turn.id: self.current_rating(owner, turn.id) for turn in self.turns(owner, conversation_id)}
        return {turn: rating for turn, rating in rated.items() if rating is not None}


def milliseconds(opened: Callable[[], object]) -> float:
    """Processor time of one call, in this process."""
    start = time.process_time()
    opened()
    return (time.process_time() - start) * 1000


def main() -> None:
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--turns", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=9)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        with Store(Path(folder)) as store:
            conversation = fill(store, asked.turns)
        with Store(Path(folder)) as now, OneByOne(Path(folder)) as before:
            ways = {"now": now, "a question a turn": before}
            times: dict[str, list[float]] = {name: [] for name in ways}
            for _ in range(asked.repeats + 1):
                for name, record in ways.items():
                    times[name].append(
                        milliseconds(lambda r=record: conversation_shown(r, "me", conversation, answering=False))  # type: ignore[misc]  # bound now
                    )
    rows = {
        name: {"first_ms": round(each[0], 1), "median_ms": round(statistics.median(each[1:]), 1)}
        for name, each in times.items()
    }
    if asked.json:
        print(json.dumps({"turns": asked.turns, **rows}))
        return
    for name, row in rows.items():
        print(f"{name:<20} first {row['first_ms']:>8} ms   then {row['median_ms']:>8} ms")


if __name__ == "__main__":
    main()
