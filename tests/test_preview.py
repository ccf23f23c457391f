"""A first look at files that are still on their way: what it shows, and that nothing is kept of it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fastapi import FastAPI
from pydicom.data import get_testdata_file
from starlette.testclient import TestClient

from app import preview
from app.intake import Intake
from dicom import Sandbox, open_study
from dicom.limits import Limits
from dicom.sandbox import shared_sandbox
from storage import NotFound, Store
from tests.dicom_files import make_ct, zipped
from tests.record_builder import begin, picture

CT = Path(str(get_testdata_file("CT_small.dcm")))


@pytest.fixture
def sandbox() -> Sandbox:
    return shared_sandbox(Limits())


@pytest.fixture
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def client(store: Store, sandbox: Sandbox, private: Path) -> Iterator[TestClient]:
    app = FastAPI()
    app.include_router(preview.preview_route(Intake(store, sandbox), owner=lambda request: "local"))
    with TestClient(app) as opened:
        yield opened


def test_a_first_look_is_the_very_frame_with_its_series_and_nothing_stays_of_it(
    client: TestClient, private: Path, store: Store, sandbox: Sandbox
) -> None:
    answer = client.post("/api/preview", content=CT.read_bytes())
    header = json.loads(answer.headers["x-basira-frame"])
    with open_study([CT], sandbox=sandbox) as study:
        frame = study.series[0].frame(0)
    samples = np.frombuffer(answer.content, frame.samples.dtype).reshape(header["rows"], header["columns"])
    np.testing.assert_array_equal(samples, frame.samples)
    assert json.loads(answer.headers["x-basira-series"])["caption"]["en"].startswith("CT")
    assert "whole" not in header
    assert "no-store" in answer.headers["cache-control"]
    assert list(private.iterdir()) == []
    assert store.conversations("local") == ()


@pytest.mark.parametrize("what", ["text", "nothing", "series in a ZIP", "too large"])
def test_what_shows_nothing_by_itself_is_answered_with_nothing(
    client: TestClient, private: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    content = CT.read_bytes()
    if what == "text":
        content = b"no picture"
    if what == "nothing":
        content = b""
    if what == "series in a ZIP":
        mr = Path(str(get_testdata_file("MR_small.dcm")))
        content = zipped({"a": content, "b": mr.read_bytes()})
    if what == "too large":
        monkeypatch.setattr(preview, "MOST_BYTES", 1000)
    answer = client.post("/api/preview", content=content)
    assert (answer.status_code, answer.content) == (204, b"")
    assert list(private.iterdir()) == []


def test_the_frame_a_reader_looks_at_is_in_the_record_when_its_series_is_announced(
    store: Store, sandbox: Sandbox, tmp_path: Path
) -> None:
    files = make_ct(tmp_path / "ct", 7, side=16)
    conversation = store.start_conversation("local", language="en").id
    events = Intake(store, sandbox).take("local", conversation, files, glanced=6)
    for event in events:
        if type(event).__name__ == "Opened":
            assert event.glanced == 6  # type: ignore[union-attr]  # by its name above
            series = str(event.descriptor["id"])  # type: ignore[union-attr]  # as before
            store.frame("local", series, 6)
            store.frame("local", series, 3)
            with pytest.raises(NotFound):
                store.frame("local", series, 0)
    assert store.series("local", series).stored_frames == 7


def test_a_series_is_taken_back_with_its_frames_unless_a_question_was_asked_about_it(store: Store) -> None:
    conversation = store.start_conversation("local", language="en").id
    ids = []
    for number in range(2):
        ids.append(store.add_series("local", conversation, facts={}, descriptor={}, frames=1).id)
        store.add_frame("local", ids[number], 0, meta={}, samples=b"samples %d" % number)
    begin(store, "local", conversation, pictures=[picture(series_id=ids[1])])
    assert store.erase_series("local", ids[0])
    assert not store.erase_series("local", ids[1])
    assert [each.id for each in store.series_of("local", conversation)] == [ids[1]]
    assert store.verify().orphaned == ()
    with pytest.raises(NotFound):
        store.frame("local", ids[0], 0)
    with pytest.raises(NotFound):
        store.erase_series("somebody", ids[1])
    assert store.add_series("local", conversation, facts={}, descriptor={}, frames=1).number == 2
