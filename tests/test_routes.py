"""Files in, frames and pictures out: our own routes over the real reader, the real record, real DICOM bytes."""

from __future__ import annotations

import io
import json
import logging
import resource
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate
from pydicom.uid import RLELossless
from starlette.testclient import TestClient

from app.bidi import without_controls
from app.discarded import Discarded
from app.failures import Failures
from app.frames import pack, unpack
from app.intake import Intake
from app.loading import LoadingEngine
from app.routes import routes
from app.turn import Turns
from app.view import picture_of, view_from
from dicom import Frame, Limits, Sandbox, VoiLut, automatic, open_study, render
from model import Engine, ModelError, Sampling
from storage import Store
from tests.dicom_files import item, make_dataset, make_stack, sequence, to_bytes

CT = Path(str(get_testdata_file("CT_small.dcm")))
MR = Path(str(get_testdata_file("MR_small.dcm")))
KIBIBYTE = 1024


def never(progress: object) -> Engine:
    raise ModelError("no model in this test")


@pytest.fixture
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    opened = Sandbox()
    yield opened
    opened.close()


@pytest.fixture
def client(store: Store, sandbox: Sandbox, private: Path, tmp_path: Path) -> Iterator[TestClient]:
    samples = tmp_path / "samples"
    samples.mkdir()
    Image.linear_gradient("L").save(samples / "ramp.png")
    app = FastAPI()
    app.add_middleware(Failures)
    engine = LoadingEngine(never)
    turns = Turns(store, engine, lambda identity: Sampling())
    router = routes(
        store,
        Intake(store, sandbox),
        engine,
        turns,
        Discarded(store, turns, seconds=0.3),
        owner=lambda request: request.headers.get("x-reader", "local"),
        samples=samples,
        limits=Limits(upload_bytes=200 * KIBIBYTE, files=3),
        remote=False,
    )
    app.include_router(router)
    with TestClient(app) as opened:
        yield opened


def started(client: TestClient, reader: str = "local") -> str:
    return str(client.post("/api/conversations", headers={"x-reader": reader}).json()["id"])


def upload(client: TestClient, *files: bytes, conversation: str = "", reader: str = "local") -> list[dict[str, object]]:
    conversation = conversation or started(client, reader)
    parts = [("files", ("MUSTERMANN^ERIKA.dcm", content)) for content in files]
    answer = client.post("/api/upload", files=parts, data={"conversation": conversation}, headers={"x-reader": reader})
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def opened(events: list[dict[str, object]]) -> dict[str, object]:
    (series,) = (event["series"] for event in events if event["event"] == "series")
    assert isinstance(series, dict)
    return series


def test_a_real_file_is_announced_with_facts_in_both_languages_and_served_at_full_depth(
    client: TestClient,
) -> None:
    series = opened(upload(client, CT.read_bytes()))
    assert series["caption"]["en"].startswith("CT")  # type: ignore[index]  # JSON
    assert "مقطعي" in series["caption"]["ar"]  # type: ignore[index]  # JSON
    answer = client.get(f"/api/series/{series['id']}/frames/0")
    meta = json.loads(answer.headers["x-basira-frame"])
    assert meta["unit"] == "HU"
    assert "no-store" in answer.headers["cache-control"], "an erased picture must not live on in a browser"
    served = np.frombuffer(answer.content, "<i2").reshape(meta["rows"], meta["columns"])
    with open_study([CT]) as study:
        frame = study.series[0].frame(0)
    assert (served * meta["slope"] + meta["intercept"] == frame.samples * frame.slope + frame.intercept).all()


def test_every_window_and_table_of_a_radiograph_is_offered_with_its_explanation_and_gives_its_picture(
    client: TestClient, store: Store
) -> None:
    dataset = make_dataset(
        bits_stored=12,
        Modality="DX",
        WindowCenter=[2000, 1500],
        WindowWidth=[4000, 900],
        WindowCenterWidthExplanation=["WINDOW1", "BONE"],
        VOILUTSequence=sequence(
            *(
                item(LUTDescriptor=[4096, 0, 12], LUTData=(np.arange(4096) // part).astype("<u2").tobytes(), **more)
                for part, more in ((1, {"LUTExplanation": "NORMAL"}), (2, {"LUTExplanation": "HARDER"}), (3, {}))
            )
        ),
    )
    series = opened(upload(client, to_bytes(dataset)))
    presets = series["presets"]
    assert isinstance(presets, list)
    assert [preset["label"]["en"] for preset in presets] == [
        "File 1", "File 2 · Bone", "Table 1 · Normal", "Table 2 · Harder", "Table 3", "Automatic",
    ]  # fmt: skip
    assert without_controls(presets[3]["label"]["ar"]) == "جدول الملف 2 · أكثر تباينًا"
    assert [preset.get("lut") for preset in presets] == [None, None, 0, 1, 2, None]
    frame = unpack(*store.frame("local", str(series["id"]), 0))
    shown = [*frame.windows, *frame.voi_luts, automatic(frame)]
    for preset, window in zip(presets, shown, strict=True):
        seen = picture_of(frame, view_from({"series": series["id"], "frame": 0, **preset}))
        assert seen.tobytes() == render(frame, window).tobytes(), preset["key"]


@pytest.mark.parametrize("kept", ["as now", "as while only the first was kept"])
def test_tables_and_a_large_overlay_travel_behind_the_samples_not_in_a_header(
    client: TestClient, store: Store, kept: str
) -> None:
    conversation = store.start_conversation("local", language="en").id
    series = store.add_series("local", conversation, facts={}, descriptor={}, frames=1).id
    mask = (np.indices((3000, 2500)).sum(0) % 2).astype(np.uint8)
    tables = (
        VoiLut(3, np.arange(256, dtype=np.uint8)),
        VoiLut(-2, np.arange(9000, dtype=np.uint32).astype(np.uint8), "softer"),
    )
    meta, samples = pack(Frame(np.zeros((3000, 2500), np.int16), voi_luts=tables, overlays=mask))
    announced = [
        {"first": 3, "length": 256, "explanation": ""},
        {"first": -2, "length": 9000, "explanation": "softer"},
    ]
    if kept != "as now":
        tables, announced = tables[:1], announced[:1]
        (first, *_) = meta.pop("voi_luts")
        meta["voi_lut"] = {"first": first["first"], "table": first["table"]}
    store.add_frame("local", series, 0, meta=meta, samples=samples)
    answer = client.get(f"/api/series/{series}/frames/0")
    assert len(answer.headers["x-basira-frame"]) < 4096
    assert json.loads(answer.headers["x-basira-frame"])["voi_luts"] == announced
    tail = answer.content[len(samples) :]
    assert tail == b"".join(lut.table.tobytes() for lut in tables) + np.packbits(mask).tobytes()


def test_originals_and_their_names_are_gone_after_reading(client: TestClient, store: Store, private: Path) -> None:
    upload(client, CT.read_bytes(), b"rubbish")
    assert list(private.iterdir()) == []
    kept = b"".join(path.read_bytes() for path in store.folder.rglob("*") if path.is_file())
    for identity in (b"MUSTERMANN", b"CompressedSamples", b"1CT1", b"JFK IMAGING", b"1.3.6.1.4.1.5962.1"):
        assert identity not in kept


def test_a_refused_file_gets_a_sentence_in_both_languages_beside_the_good_ones(client: TestClient) -> None:
    events = upload(client, b"not an image", MR.read_bytes(), b"")
    refused = {event["name_index"]: event["sentence"] for event in events if event["event"] == "refused"}
    assert set(refused) == {0, 2}
    for sentence in refused.values():
        assert set(sentence) == {"en", "ar"}  # type: ignore[call-overload]  # JSON
    assert opened(events)["frames"] == 1
    assert events[-1]["event"] == "done"


def test_more_files_go_to_the_same_conversation_and_a_foreign_one_is_refused(client: TestClient, store: Store) -> None:
    conversation = str(upload(client, CT.read_bytes())[0]["conversation"])
    assert upload(client, MR.read_bytes(), conversation=conversation)[0]["conversation"] == conversation
    assert len(store.series_of("local", conversation)) == 2
    answer = client.post(
        "/api/upload",
        files=[("files", ("x", CT.read_bytes()))],
        data={"conversation": conversation},
        headers={"x-reader": "stranger"},
    )
    assert answer.status_code == 400
    assert set(answer.json()["sentence"]) == {"en", "ar"}


def test_nobody_sees_another_readers_series_frames_thumbnails_or_pictures(client: TestClient) -> None:
    series = opened(upload(client, CT.read_bytes()))
    for path in ("", "/frames/0", "/thumbnail/0"):
        url = f"/api/series/{series['id']}{path}"
        assert client.get(url).status_code == 200
        assert client.get(url, headers={"x-reader": "stranger"}).status_code == 404
    assert client.get("/api/pictures/0123456789abcdef0123456789abcdef").status_code == 404


def test_a_frame_that_does_not_exist_is_not_found_at_once(client: TestClient) -> None:
    series = opened(upload(client, CT.read_bytes()))
    for index in (1, -1, 99999999999999999999):
        assert client.get(f"/api/series/{series['id']}/frames/{index}").status_code in (404, 422)


def test_an_upload_beyond_the_bound_says_so_and_leaves_nothing(client: TestClient, private: Path) -> None:
    answer = client.post("/api/upload", files=[("files", ("x", b"0" * 300 * KIBIBYTE))])
    assert answer.status_code == 413
    assert "BASIRA_UPLOAD_MB" in answer.json()["sentence"]["en"]
    assert list(private.iterdir()) == []


def test_more_files_than_allowed_say_so(client: TestClient) -> None:
    parts = [("files", ("x", CT.read_bytes()[:100])) for _ in range(4)]
    answer = client.post("/api/upload", files=parts, data={"conversation": started(client)})
    assert answer.status_code == 413
    assert set(answer.json()["sentence"]) == {"en", "ar"}


def test_a_rating_is_kept_for_its_reader_only_and_nonsense_is_refused(client: TestClient, store: Store) -> None:
    conversation = started(client)
    turn = store.begin_turn("local", conversation, question="?", language="en", model={}, settings={}, model_input={})
    store.finish_turn("local", turn.id, answer="!", status="complete", timings={})
    url, rating = f"/api/turns/{turn.id}/rating", {"thumb": "down", "reasons": ["missed"], "comment": "جيد"}
    assert client.post(url, json=rating).status_code == 200
    assert store.current_rating("local", turn.id).reasons == ("missed",)  # type: ignore[union-attr]  # it was just kept
    assert client.post(url, json=rating, headers={"x-reader": "stranger"}).status_code == 404
    for wrong in ({"thumb": "sideways"}, {"reasons": ["<script>"]}, {"comment": "x" * 5001}):
        assert client.post(url, json=rating | wrong).status_code == 422


def test_an_upload_without_files_says_so(client: TestClient) -> None:
    answer = client.post("/api/upload", data={"conversation": ""})
    assert answer.status_code == 400
    assert set(answer.json()["sentence"]) == {"en", "ar"}


def part(disposition: str, content: bytes) -> bytes:
    return f"--cut\r\ncontent-disposition: form-data; {disposition}\r\n\r\n".encode() + content + b"\r\n"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"--cut\r\n"),
        ("multipart/form-data; boundary=cut", b""),
        ("multipart/form-data; boundary=cut", b"rubbish"),
        ("multipart/form-data; boundary=cut", part('name="files"; filename="x"', b"DI").removesuffix(b"\r\n")),
        ("multipart/form-data; boundary=cut", b"--cut\r\n" + b"x" * 9000 + b": y\r\n\r\n--cut--\r\n"),
        ("multipart/form-data; boundary=cut", part('name="a"', b"1") * 11 + b"--cut--"),
        ("application/x-www-form-urlencoded", b"files=x"),
    ],
    ids=["no boundary", "empty", "no form", "broken off", "endless header", "too many parts", "another form"],
)  # fmt: skip
def test_a_body_that_is_no_whole_form_is_called_so(client: TestClient, private: Path, kind: str, body: bytes) -> None:
    answer = client.post("/api/upload", content=body, headers={"content-type": kind})
    assert answer.status_code == 400
    assert "did not arrive whole" in answer.json()["sentence"]["en"]
    assert "لم يصل" in answer.json()["sentence"]["ar"]
    assert list(private.iterdir()) == []


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """The nearest to a full disk that a test can have without one: the system refuses to write on."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_an_upload_that_finds_no_room_says_so_and_leaves_nothing(client: TestClient, private: Path) -> None:
    conversation = started(client)
    with files_no_larger_than(50 * KIBIBYTE):
        answer = client.post(
            "/api/upload", files=[("files", ("x", b"0" * 100 * KIBIBYTE))], data={"conversation": conversation}
        )
    assert answer.status_code == 507
    assert "disk is full" in answer.json()["sentence"]["en"]
    assert "القرص" in answer.json()["sentence"]["ar"]
    assert list(private.iterdir()) == []


def test_an_upload_without_its_folder_is_answered_too(client: TestClient, private: Path) -> None:
    conversation = started(client)
    private.rmdir()
    answer = client.post("/api/upload", files=[("files", ("x", b"0"))], data={"conversation": conversation})
    assert answer.status_code == 507
    assert set(answer.json()["sentence"]) == {"en", "ar"}


def test_a_record_that_another_program_holds_is_answered_with_a_sentence(
    client: TestClient, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    other = sqlite3.connect(store.folder / "basira.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        answer = client.post("/api/conversations")
    finally:
        other.close()
    assert answer.status_code == 503
    assert "Another program" in answer.json()["sentence"]["en"]
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == [
        "the record could not be used: Busy"
    ]


def test_a_record_that_is_damaged_says_so_wherever_it_is_read(client: TestClient, store: Store) -> None:
    series = opened(upload(client, CT.read_bytes()))
    shutil.rmtree(store.folder / "blobs")
    frame, thumbnail = (client.get(f"/api/series/{series['id']}/{part}/0") for part in ("frames", "thumbnail"))
    with sqlite3.connect(store.folder / "basira.sqlite3") as other:
        other.execute("ALTER TABLE series RENAME TO lost")
    other.close()
    described = client.get(f"/api/series/{series['id']}")
    assert [answer.status_code for answer in (frame, thumbnail)] == [503, 503]
    assert "damaged" in frame.json()["sentence"]["en"]
    assert described.status_code == 500
    assert "series" not in described.text, "what a library said stays out of the answer"


def test_a_sample_is_opened_by_its_name_and_no_other_file_is(client: TestClient) -> None:
    answer = client.post("/api/samples/ramp.png", params={"conversation": started(client)})
    events = [json.loads(line) for line in answer.text.splitlines()]
    assert opened(events)["frames"] == 1
    for name in ("nothing.png", "..%2f..%2fetc%2fpasswd", "%2e%2e"):
        assert client.post(f"/api/samples/{name}", params={"conversation": started(client)}).status_code in (404, 405)


def test_a_thumbnail_is_small_and_a_picture(client: TestClient, tmp_path: Path) -> None:
    series = opened(upload(client, CT.read_bytes()))
    answer = client.get(f"/api/series/{series['id']}/thumbnail/0")
    path = tmp_path / "thumbnail.png"
    path.write_bytes(answer.content)
    with Image.open(path) as image:
        assert max(image.size) <= 128
        assert image.getextrema() != (0, 0)


def test_the_model_route_says_why_there_is_none(client: TestClient) -> None:
    assert client.get("/api/model").json()["state"] == "loading"


def test_a_stack_whose_middle_slice_is_damaged_is_still_opened_at_its_neighbour(
    client: TestClient, tmp_path: Path
) -> None:
    paths = make_stack(tmp_path / "stack", (0, 1, 2))
    middle = paths[1].read_bytes()
    ds = dcmread(io.BytesIO(middle))
    ds.compress(RLELossless, generate_instance_uid=False)
    damaged = io.BytesIO()
    ds.PixelData = encapsulate([b"\xff" * 80])
    ds.save_as(damaged)
    events = upload(client, paths[0].read_bytes(), damaged.getvalue(), paths[2].read_bytes())
    shown = opened(events)
    assert shown["frames"] == 3
    assert shown["first"]["frame"] in (0, 2)  # type: ignore[index]  # JSON
    refused = [event["name_index"] for event in events if event["event"] == "refused"]
    assert refused == [None], "one sentence: a frame is missing"


def test_a_damaged_series_among_others_says_which_file_it_is(client: TestClient, tmp_path: Path) -> None:
    ds = dcmread(make_stack(tmp_path / "one", (0,))[0])
    ds.compress(RLELossless, generate_instance_uid=False)
    ds.PixelData = encapsulate([b"\xff" * 80])
    damaged = io.BytesIO()
    ds.save_as(damaged)
    events = upload(client, CT.read_bytes(), damaged.getvalue())
    assert [event["name_index"] for event in events if event["event"] == "refused"] == [1]
