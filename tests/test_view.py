"""What the page may say is on the screen, and the picture that follows from it."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from app.frames import pack, unpack
from app.view import MalformedView, picture_of, view_from
from dicom import Frame, VoiLut, Window, render

SERIES = "0123456789abcdef"


def frame(**changes: object) -> Frame:
    ramp = np.arange(-1000, 3096, dtype=np.int16).reshape(64, 64)
    values: dict[str, object] = {"samples": ramp, "unit": "HU", "default_window": Window(40, 80)}
    return Frame(**(values | changes))  # type: ignore[arg-type]  # fields by name


def test_a_view_survives_the_journey_to_the_page_and_back() -> None:
    sent = {
        "series": SERIES, "frame": 3, "center": 40.0, "width": 80.0, "function": "LINEAR",
        "lut": False, "invert": True, "overlay": False, "region": [1, 2, 30, 40],
    }  # fmt: skip
    assert view_from(sent).to_dict() == sent


@pytest.mark.parametrize(
    "change",
    [
        {"series": "../../etc/passwd"},
        {"series": None},
        {"frame": -1},
        {"frame": 1.5},
        {"frame": True},
        {"center": float("nan")},
        {"width": 0},
        {"width": float("inf")},
        {"function": "EVAL"},
        {"region": [10, 10, 5, 20]},
        {"region": [0, 0, 10]},
        {"region": "all"},
        {"region": [0, 0, 1 << 40, 1]},
    ],
)
def test_a_view_that_is_none_is_refused(change: dict[str, object]) -> None:
    sent = {"series": SERIES, "frame": 0, "center": 40, "width": 80, "function": "LINEAR"} | change
    with pytest.raises(MalformedView):
        view_from(sent)


def test_the_model_gets_the_pixels_of_the_window_and_region_on_the_screen() -> None:
    view = view_from({"series": SERIES, "frame": 0, "center": 300, "width": 700, "region": [8, 4, 40, 36]})
    expected = render(frame(), Window(300, 700)).crop((8, 4, 40, 36))
    assert picture_of(frame(), view).tobytes() == expected.tobytes()


def test_inverting_on_the_screen_inverts_what_the_model_sees() -> None:
    plain = view_from({"series": SERIES, "frame": 0, "center": 300, "width": 700})
    inverted = view_from({"series": SERIES, "frame": 0, "center": 300, "width": 700, "invert": True})
    shown = np.asarray(picture_of(frame(), plain)).astype(int)
    assert (np.asarray(picture_of(frame(), inverted)) == 255 - shown).all()


@pytest.mark.parametrize(
    "original",
    [
        frame(),
        frame(samples=np.arange(64, dtype=np.uint16).reshape(8, 8), slope=2.5, intercept=-7.0),
        frame(samples=np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8), padding=(0.0, 0.0)),
        frame(samples=np.arange(192, dtype=np.uint8).reshape(8, 8, 3)),
        frame(
            voi_luts=(
                VoiLut(-5, np.arange(100, dtype=np.uint8)),
                VoiLut(7, np.arange(30, dtype=np.uint8), "harder"),
            ),
            windows=(Window(1, 2), Window(3, 4, "SIGMOID")),
        ),
        frame(overlays=(np.indices((64, 64)).sum(0) % 3 == 0).astype(np.uint8), pixel_aspect=1.5),
    ],
    ids=["int16", "uint16 with slope", "float32 with padding", "colour", "two luts", "overlay"],
)
def test_a_frame_survives_storage_and_the_route_exactly(original: Frame) -> None:
    meta, samples = pack(original)
    returned = unpack(meta, samples)
    assert render(returned).tobytes() == render(original).tobytes()
    assert render(returned, overlays=True).tobytes() == render(original, overlays=True).tobytes()
    for back, lut in zip(returned.voi_luts, original.voi_luts, strict=True):
        assert render(returned, back).tobytes() == render(original, lut).tobytes()
        assert back.explanation == lut.explanation
    assert pack(returned) == (meta, samples)


@pytest.mark.parametrize("tables", [1, 0])
def test_a_frame_recorded_while_only_the_first_table_was_kept_still_unpacks(tables: int) -> None:
    lut = VoiLut(-5, np.arange(100, dtype=np.uint8))
    meta, samples = pack(frame(voi_luts=(lut,) * tables))
    kept = {key: value for key, value in meta.items() if key != "voi_luts"}
    table = base64.b64encode(lut.table.tobytes()).decode()
    returned = unpack({**kept, "voi_lut": {"first": -5, "table": table} if tables else None}, samples)
    assert len(returned.voi_luts) == tables
    assert render(returned).tobytes() == render(frame(voi_luts=(lut,) * tables)).tobytes()
