"""Text in stored pictures: looked for, told with its place, painted over so that no byte of it is left."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from numpy.typing import NDArray

from app.burned_in import BurnedIn
from app.burned_in_routes import burned_in_routes
from app.failures import Failures
from app.frames import pack, unpack
from app.intake import Intake
from dicom import Frame, Sandbox, Window, frames_to_look_at, look, text_detector
from dicom.burned_in import FEW
from dicom.errors import DetectorMissing
from storage import NewFrame, NotFound, Store
from tests.dicom_files import make_dicom, sandbox
from tests.record_builder import answered, picture
from tests.written import ARABIC, LATIN, ground, written

pytestmark = pytest.mark.skipif(not text_detector.is_there(), reason="the text detector is not installed")
NAMED = written(LATIN, ARABIC)


def grey(pixels: NDArray[np.uint8], number: int = 0) -> Frame:
    return Frame(pixels.astype(np.int16) + number, default_window=Window(128, 256))


def stored(store: Store, *frames: Frame, owner: str = "me", facts: dict[str, Any] | None = None) -> str:
    conversation = store.start_conversation(owner, language="en").id
    record = store.add_series(owner, conversation, facts=facts or {}, descriptor={"caption": {}}, frames=len(frames))
    store.add_frames(owner, record.id, [NewFrame(k, *pack(frame)) for k, frame in enumerate(frames)])
    store.complete_series(owner, record.id)
    return record.id


def frames_of(store: Store, series: str, owner: str = "me") -> list[Frame]:
    return [unpack(*store.frame(owner, series, k)) for k in range(store.series(owner, series).frames)]


def found_on_disk(store: Store, samples: bytes) -> list[str]:
    """Files of the record's folder that hold a telling part of `samples`."""
    part = samples[len(samples) // 50 :][:2000]
    assert part.strip(b"\0")
    files = [path for path in store.folder.rglob("*") if path.is_file()]
    return [path.name for path in files if part in path.read_bytes()]


def test_what_is_seen_is_told_with_its_place_in_both_languages_and_kept(store: Store) -> None:
    series = stored(store, grey(NAMED))
    text = BurnedIn(store, sandbox()).look("me", series)
    assert text["state"] == "seen"
    assert "top left" in text["sentence"]["en"]
    assert "أعلى اليسار" in text["sentence"]["ar"]
    (place,) = text["places"]
    assert (place["rows"], place["columns"]) == NAMED.shape
    assert store.series("me", series).descriptor == {"caption": {}, "text": text}


def test_nothing_is_told_of_a_picture_without_text_and_what_is_usual_of_its_kind_is(store: Store) -> None:
    burned_in = BurnedIn(store, sandbox())
    plain, ultrasound = stored(store, grey(ground())), stored(store, grey(ground()), facts={"burned_in": True})
    assert (text := burned_in.look("me", plain))["state"] == "clear"
    assert text["sentence"] is None
    assert (text := burned_in.look("me", ultrasound))["state"] == "clear"
    assert "often" in text["sentence"]["en"]


@pytest.mark.parametrize("place", [0, 10, 19])
def test_the_first_the_middle_and_the_last_frame_of_a_long_series_are_looked_at(store: Store, place: int) -> None:
    frames = [grey(NAMED if k == place else ground(), k) for k in range(20)]
    assert BurnedIn(store, sandbox()).look("me", stored(store, *frames))["state"] == "seen"


def test_every_frame_of_a_short_series_is_looked_at(store: Store) -> None:
    assert frames_to_look_at(FEW) == list(range(FEW))
    frames = [grey(NAMED if k == 2 else ground(), k) for k in range(5)]
    assert BurnedIn(store, sandbox()).look("me", stored(store, *frames))["state"] == "seen"


def test_frames_of_every_size_are_looked_at_and_only_those_painted_over_are_counted(store: Store) -> None:
    small = [grey(ground()[::2, ::2], k) for k in range(10)]
    frames = [*small[:5], grey(NAMED), grey(ground(), 1), *small[5:]]
    series = stored(store, *frames)
    burned_in = BurnedIn(store, sandbox())
    text = burned_in.look("me", series)
    assert [(place["rows"], place["columns"]) for place in text["places"]] == [NAMED.shape]
    masked = burned_in.mask("me", series, corners=False)
    assert "in 2 pictures of the series" in masked["sentence"]["en"]
    after = frames_of(store, series)
    assert [np.array_equal(one.samples, other.samples) for one, other in zip(after, frames, strict=True)] == (
        [True] * 5 + [False] * 2 + [True] * 5
    )


def test_corners_painted_over_where_nothing_was_marked_are_not_called_what_was_marked(store: Store) -> None:
    series = stored(store, grey(ground()))
    burned_in = BurnedIn(store, sandbox())
    burned_in.look("me", series)
    said = burned_in.mask("me", series, corners=True)["sentence"]
    assert said["en"].startswith("The corners are painted over for good.")
    assert said["ar"].startswith("حُجبت الزوايا نهائيًا.")


def test_one_series_that_breaks_the_looking_does_not_end_it_for_those_after(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, sound = stored(store, grey(ground())), stored(store, grey(NAMED))
    burned_in = BurnedIn(store, sandbox())
    looking = burned_in.look

    def break_once(owner: str, series: str) -> dict[str, Any]:
        if series == broken:
            raise MemoryError
        return looking(owner, series)

    monkeypatch.setattr(burned_in, "look", break_once)
    burned_in.begin("me", broken)
    burned_in.begin("me", sound)
    deadline = time.monotonic() + 60
    while "text" not in store.series("me", sound).descriptor and time.monotonic() < deadline:
        time.sleep(0.05)
    burned_in.close()
    assert store.series("me", sound).descriptor["text"]["state"] == "seen"


def test_masking_paints_over_every_frame_looks_again_and_leaves_no_byte_of_it_on_the_disk(store: Store) -> None:
    frames = [grey(NAMED, k) for k in range(10)]
    series = stored(store, *frames)
    before = [frame.samples.tobytes() for frame in frames]
    assert all(found_on_disk(store, samples) for samples in before)
    burned_in = BurnedIn(store, sandbox())
    burned_in.look("me", series)
    text = burned_in.mask("me", series, corners=False)
    assert (text["state"], text["places"]) == ("clear", [])
    assert "10 pictures" in text["sentence"]["en"]
    after = frames_of(store, series)
    assert look(after, sandbox()) == ((),) * 10
    assert all((now.samples[150:] == was.samples[150:]).all() for now, was in zip(after, frames, strict=True))
    assert not any(found_on_disk(store, samples) for samples in before)
    assert store.verify().sound
    assert not store.verify().orphaned
    assert store.health().unfinished_erasures == 0


def test_masking_takes_text_out_of_overlay_planes_too(store: Store) -> None:
    overlay = (written(LATIN, on=np.zeros((400, 512), np.uint8)) > 100).astype(np.uint8)
    series = stored(store, Frame(ground().astype(np.int16), default_window=Window(128, 256), overlays=overlay))
    packed = store.frame("me", series, 0)[0]["overlay"]
    burned_in = BurnedIn(store, sandbox())
    assert burned_in.look("me", series)["state"] == "seen"
    assert burned_in.mask("me", series, corners=False)["state"] == "clear"
    left = frames_of(store, series)[0].overlays
    assert left is not None
    assert not left.any()
    lettered = packed.rstrip("A=")[-400:].encode()
    assert not [path for path in store.folder.rglob("*") if path.is_file() and lettered in path.read_bytes()]


def test_the_corners_are_painted_over_where_that_is_asked_for_and_not_offered_again(store: Store) -> None:
    series = stored(store, grey(np.full((400, 512), 90, np.uint8)))
    burned_in = BurnedIn(store, sandbox())
    assert not burned_in.look("me", series)["corners"]
    assert burned_in.mask("me", series, corners=True)["corners"]
    (after,) = frames_of(store, series)
    assert after.samples[200, 250] == 90
    shown = store.series("me", series).descriptor["text"]
    assert shown["corners"]
    assert shown["sentence"] is None, "what was done is told once"


def test_other_entries_of_a_frame_and_of_the_descriptor_stay_as_they_are(store: Store) -> None:
    series = stored(store, grey(NAMED))
    meta, samples = store.frame("me", series, 0)
    store.replace_frames("me", series, [NewFrame(0, {**meta, "of_another_version": 3}, samples)])
    burned_in = BurnedIn(store, sandbox())
    burned_in.look("me", series)
    burned_in.mask("me", series, corners=False)
    assert store.frame("me", series, 0)[0] == {**meta, "of_another_version": 3}
    assert store.series("me", series).descriptor["caption"] == {}


def test_the_reader_is_told_that_earlier_questions_keep_the_picture_as_the_model_saw_it(store: Store) -> None:
    series = stored(store, grey(NAMED))
    conversation = store.series("me", series).conversation_id
    answered(store, "me", conversation, "What?", "That.", pictures=[picture(series_id=series)])
    burned_in = BurnedIn(store, sandbox())
    burned_in.look("me", series)
    said = burned_in.mask("me", series, corners=False)["sentence"]
    assert "One question asked before keeps the picture" in said["en"]
    assert "سؤال واحد" in said["ar"]


class Blind(Sandbox):
    """A sandbox on a machine without the detector."""

    def call(self, task: str, *arguments: Any) -> Any:
        if task == "text":
            raise DetectorMissing("not installed")
        return super().call(task, *arguments)


def test_without_the_detector_the_reader_is_told_that_nothing_looked_and_it_is_tried_again(store: Store) -> None:
    plain, ultrasound = stored(store, grey(NAMED)), stored(store, grey(NAMED), facts={"burned_in": True})
    blind = BurnedIn(store, Blind())
    for series, usual in ((plain, False), (ultrasound, True)):
        text = blind.look("me", series)
        assert text["state"] == "unlooked"
        assert "not installed" in text["sentence"]["en"]
        assert ("There may be text" in text["sentence"]["en"]) is usual, "what the tags say is told as before"
    assert BurnedIn(store, sandbox()).look("me", plain)["state"] == "seen"


# The record


def test_what_another_frame_holds_as_well_stays_until_that_is_replaced_too(store: Store) -> None:
    frame = grey(NAMED)
    one, other = stored(store, frame), stored(store, frame, owner="somebody else")
    burned_in = BurnedIn(store, sandbox())
    for owner, series, left in (("me", one, 1), ("somebody else", other, 0)):
        burned_in.look(owner, series)
        burned_in.mask(owner, series, corners=False)
        assert len(found_on_disk(store, frame.samples.tobytes())) == left
    assert store.verify().sound


def test_a_masking_that_was_interrupted_is_erased_at_the_next_start(tmp_path: Path) -> None:
    frames = [grey(NAMED, k) for k in range(12)]

    def cut_short(meta: dict[str, Any]) -> Iterator[NewFrame]:
        for k in range(9):
            yield NewFrame(k, meta, bytes(NAMED.size * 2 - k))
        raise KeyboardInterrupt

    with Store(tmp_path / "data") as store:
        series = stored(store, *frames)
        with pytest.raises(KeyboardInterrupt):
            store.replace_frames("me", series, cut_short(store.frame("me", series, 0)[0]))
        assert store.health().unfinished_erasures == 1
    with Store(tmp_path / "data") as store:
        assert store.health().unfinished_erasures == 0
        held = [bool(found_on_disk(store, frame.samples.tobytes())) for frame in frames]
        assert held == [False] * 8 + [True] * 4, "eight were replaced, and nothing else is lost"
        assert store.verify().sound


def test_frames_of_others_and_frames_that_are_not_there_are_not_replaced(store: Store) -> None:
    series = stored(store, grey(ground()))
    meta, samples = store.frame("me", series, 0)
    for owner, index in (("you", 0), ("me", 1)):
        with pytest.raises(NotFound):
            store.replace_frames(owner, series, [NewFrame(index, meta, b"other")])
    assert store.frame("me", series, 0)[1] == samples
    assert not store.verify().orphaned
    with pytest.raises(NotFound):
        store.amend_series("you", series, {"text": {}})


# Reading and the routes


@pytest.fixture
def client(store: Store) -> Iterator[TestClient]:
    app = FastAPI()
    app.add_middleware(Failures)
    burned_in = BurnedIn(store, sandbox())
    intake = Intake(store, sandbox(), burned_in=burned_in)
    app.include_router(burned_in_routes(burned_in, intake, owner=lambda request: request.headers.get("x-reader", "me")))
    app.state.intake = intake
    with TestClient(app) as opened:
        yield opened
    burned_in.close()


def read(client: TestClient, store: Store, path: Path) -> str:
    conversation = store.start_conversation("me", language="en").id
    for _ in client.app.state.intake.take("me", conversation, [path]):  # type: ignore[attr-defined]  # FastAPI
        pass
    return store.series_of("me", conversation)[0].id


def within(seconds: float, true: Callable[[], bool]) -> bool:
    tick = threading.Event()
    return any(true() or tick.wait(0.05) for _ in range(int(seconds / 0.05)))


def test_a_series_is_looked_at_once_it_is_stored_whatever_its_tags_say(
    client: TestClient, store: Store, tmp_path: Path
) -> None:
    path = make_dicom(tmp_path / "named.dcm", NAMED.astype(np.uint16), window=(128, 256))
    series = read(client, store, path)
    assert within(30, lambda: "text" in store.series("me", series).descriptor)
    assert store.series("me", series).descriptor["text"]["state"] == "seen"
    assert client.post(f"/api/series/{series}/text").json()["state"] == "seen"


def test_the_routes_look_and_mask_for_the_owner_only(client: TestClient, store: Store) -> None:
    series = stored(store, grey(NAMED))
    for path, body in (("text", None), ("mask", {"corners": True})):
        for reader, name in (("you", series), ("me", "0" * 32)):
            answer = client.post(f"/api/series/{name}/{path}", json=body, headers={"x-reader": reader})
            assert answer.status_code == 404
    assert (frames_of(store, series)[0].samples == NAMED).all()
    assert client.post(f"/api/series/{series}/text").json()["state"] == "seen"
    assert client.post(f"/api/series/{series}/mask", json={}).status_code == 422
    assert client.post(f"/api/series/{series}/mask", json={"corners": False}).json()["state"] == "clear"


def test_a_series_that_is_still_being_read_is_neither_looked_at_nor_masked(
    client: TestClient, store: Store, tmp_path: Path
) -> None:
    path = make_dicom(tmp_path / "named.dcm", np.stack([NAMED.astype(np.uint16)] * 3))
    conversation = store.start_conversation("me", language="en").id
    events = client.app.state.intake.take("me", conversation, [path])  # type: ignore[attr-defined]  # FastAPI
    while not store.series_of("me", conversation):
        next(events)
    series = store.series_of("me", conversation)[0].id
    for path_, body in (("text", None), ("mask", {"corners": True})):
        answer = client.post(f"/api/series/{series}/{path_}", json=body)
        assert answer.status_code == 409
        assert set(answer.json()["sentence"]) == {"en", "ar"}
    for _ in events:
        pass
    assert client.post(f"/api/series/{series}/text").status_code == 200
