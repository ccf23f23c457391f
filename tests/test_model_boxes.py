"""Boxes reach whoever asks: found by the engine, in pixels of the picture, their marks kept from the reader."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from model.boxes import MARKS, Box
from model.engine import Finish, Message, Sampling
from model.local import LocalEngine
from tests import checkpoint_words, checkpoints
from tests.asking import only_finish, opened, run, text_of
from tests.checkpoints import picture

_OLD = "<|object_ref_start|>nodule<|object_ref_end|><|box_start|>(100,25),(300,125)<|box_end|> and no more"


@pytest.fixture(scope="module", params=[True, False], ids=["marks are special", "marks are ordinary"])
def qwen2(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Qwen2-VL, whose tokenizer knows the four tokens of its boxes."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param:
            patch.setattr(checkpoints, "QWEN_SPECIALS", (*checkpoint_words.QWEN_SPECIALS, *MARKS))
        folder = checkpoints.make_qwen(tmp_path_factory.mktemp("boxes") / "qwen2", kind="qwen2-vl")
    if not request.param:
        _call_ordinary(folder / "tokenizer.json")
    engine = opened(folder)
    yield engine
    engine.close()


def _call_ordinary(file: Path) -> None:
    """The four tokens in place of others, not called special; the vocabulary keeps its size."""
    known = json.loads(file.read_text(encoding="utf-8"))
    vocabulary = known["model"]["vocab"]
    for mark, (word, place) in zip(MARKS, sorted(vocabulary.items(), key=lambda item: -item[1])[:4], strict=True):
        del vocabulary[word]
        known["model"]["merges"] = [pair for pair in known["model"]["merges"] if "".join(pair) != word]
        vocabulary[mark] = place
        flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized", "special"), False)
        known["added_tokens"].append({"id": place, "content": mark, **flags})
    known["added_tokens"].sort(key=lambda token: token["id"])
    file.write_text(json.dumps(known), encoding="utf-8")


def writing(engine: LocalEngine, text: str) -> Sampling:
    """The engine is made to write this text, token by token, through everything an answer goes through."""
    ids = engine.composer.adapter.tokenizer.encode(text, add_special_tokens=False)

    def next_token(written: Sequence[int]) -> list[int]:
        return ids[len(written) : len(written) + 1]

    return Sampling(temperature=0.0, max_new_tokens=len(ids) + 1, allowed_tokens=next_token)


def finished(engine: LocalEngine, text: str, *sizes: tuple[int, int]) -> Finish:
    images = tuple(picture(number, size) for number, size in enumerate(sizes))
    return only_finish(run(engine, [Message("user", "Where is it?", images)], writing(engine, text)))


def test_a_box_between_tokens_reaches_the_caller_and_its_marks_no_reader(qwen2: LocalEngine) -> None:
    events = run(qwen2, [Message("user", "Where is it?", (picture(1, (200, 80)),))], writing(qwen2, _OLD))
    assert text_of(events) == "nodule(100,25),(300,125) and no more"
    assert only_finish(events).boxes == (Box(20.0, 2.0, 60.0, 10.0, "nodule"),)


def test_a_box_in_a_thought_is_no_answer(qwen2: LocalEngine) -> None:
    assert finished(qwen2, f"<think>{_OLD}</think>None.", (200, 80)).boxes == ()


def test_boxes_are_of_the_picture_read_last_and_none_when_it_came_with_others(qwen2: LocalEngine) -> None:
    assert finished(qwen2, _OLD, (200, 80), (90, 60)).boxes == ()
    assert finished(qwen2, _OLD).boxes == ()
    earlier = Message("user", "And here?", (picture(1, (90, 60)),)), Message("assistant", "Nothing.")
    latest = Message("user", "And here?", (picture(2, (200, 80)),)), Message("assistant", "Something.")
    asked = [*earlier, *latest, Message("user", "Where is it?")]
    assert only_finish(run(qwen2, asked, writing(qwen2, _OLD))).boxes == (Box(20.0, 2.0, 60.0, 10.0, "nodule"),)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (checkpoints.make_gemma, '[{"box_2d": [350, 200, 550, 600]}]'),  # the square has 50 pixels more above
        (checkpoints.make_qwen, '{"bbox_2d": [SENT]}'),
        (lambda folder: checkpoints.make_qwen(folder, kind="qwen3-vl"), '{"bbox_2d": [200, 200, 600, 600]}'),
    ],
    ids=["gemma", "qwen2.5", "qwen3"],
)
def test_every_family_s_boxes_come_in_pixels_of_the_picture(
    tmp_path: Path, make: Callable[[Path], Path], text: str
) -> None:
    engine = opened(make(tmp_path / "it"))
    across, down = engine.composer.pixels_of(picture(0, (200, 100))).sent_size
    sent = [across * 0.2, down * 0.2, across * 0.6, down * 0.6]
    finish = finished(engine, text.replace("SENT", ", ".join(map(str, sent))), (200, 100))
    engine.close()
    assert [(box.x0, box.y0, box.x1, box.y1) for box in finish.boxes] == [pytest.approx((40, 20, 120, 60))]
