"""What the page may say is on the screen, and the picture that follows from it."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from app.captions import caption, counted, short_title, view_words
from app.frames import pack, unpack
from app.told import prompt
from app.view import MalformedView, picture_of, view_from
from dicom import Facts, Frame, VoiLut, Window, render

SERIES = "0123456789abcdef"


def frame(**changes: object) -> Frame:
    ramp = np.arange(-1000, 3096, dtype=np.int16).reshape(64, 64)
    values: dict[str, object] = {"samples": ramp, "unit": "HU", "default_window": Window(40, 80)}
    return Frame(**(values | changes))  # type: ignore[arg-type]  # fields by name


TABLES = tuple(VoiLut(-1000, (np.arange(4096) // part).astype(np.uint8)) for part in (16, 24, 32))


@pytest.mark.parametrize("lut", [None, 0, 2])
def test_a_view_survives_the_journey_to_the_page_and_back(lut: int | None) -> None:
    sent = {
        "series": SERIES, "frame": 3, "center": 40.0, "width": 80.0, "function": "LINEAR",
        "lut": lut, "invert": True, "overlay": False, "region": [1, 2, 30, 40],
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
        {"lut": -1},
        {"lut": 1.0},
        {"lut": "1"},
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


@pytest.mark.parametrize("lut", [0, 1, 2])
def test_the_model_gets_the_pixels_of_the_very_table_on_the_screen(lut: int) -> None:
    view = view_from({"series": SERIES, "frame": 0, "center": 300, "width": 700, "lut": lut, "region": [8, 4, 40, 36]})
    expected = render(frame(), TABLES[lut]).crop((8, 4, 40, 36))
    assert picture_of(frame(voi_luts=TABLES, windows=(Window(40, 80),)), view).tobytes() == expected.tobytes()


@pytest.mark.parametrize("tables", [TABLES, ()], ids=["three tables", "none"])
def test_a_view_kept_while_only_the_first_table_could_be_shown_is_read_as_it_was_meant(
    tables: tuple[VoiLut, ...],
) -> None:
    kept = {"series": SERIES, "frame": 0, "center": 300, "width": 700}
    shown, by_window = frame(voi_luts=tables), render(frame(), Window(300, 700))
    by_table = render(frame(), tables[0]) if tables else by_window
    assert picture_of(shown, view_from(kept | {"lut": False})).tobytes() == by_window.tobytes()
    assert picture_of(shown, view_from(kept | {"lut": True})).tobytes() == by_table.tobytes()
    assert [view_from(kept | {"lut": lut}).to_dict()["lut"] for lut in (False, True)] == [None, 0]


@pytest.mark.parametrize(("tables", "lut"), [(TABLES, 3), (TABLES, 10**30), ((), 1)])
def test_a_view_through_a_table_that_the_frame_has_not_is_refused(tables: tuple[VoiLut, ...], lut: int) -> None:
    view = view_from({"series": SERIES, "frame": 0, "center": 300, "width": 700, "lut": lut})
    with pytest.raises(MalformedView):
        picture_of(frame(voi_luts=tables), view)


def test_the_words_beside_a_picture_name_the_window_or_the_table_that_was_shown() -> None:
    window = {"series": SERIES, "frame": 0, "center": 300, "width": 700}
    assert "700" in view_words(view_from(window), 1)["en"]
    assert "700" in prompt("?", [(Facts(), view_from(window))], "en")
    for lut, number in ((0, 1), (1, 2), (True, 1)):
        assert view_words(view_from(window | {"lut": lut}), 1)["en"].endswith(f"Table {number}")
        assert "700" not in prompt("?", [(Facts(), view_from(window | {"lut": lut}))], "en")


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


@pytest.mark.parametrize(
    ("facts", "english", "arabic"),
    [
        (Facts(modality="CT", frames=28), "28 slices", "مقطع"),
        (Facts(kind="volume", frames=28), "28 slices", "مقطع"),
        (Facts(modality="US", frames=10), "10 frames", "إطارات"),
        (Facts(modality="XA", frames=96), "96 frames", "إطارًا"),
        (Facts(modality="RF", frames=2), "2 frames", "إطاران"),
        (Facts(modality="SM", frames=25), "25 images", "صورة"),
        (Facts(kind="raster", frames=3), "3 images", "صور"),
    ],
)
def test_pictures_are_counted_as_what_they_are(facts: Facts, english: str, arabic: str) -> None:
    said = caption(facts)
    assert english in said["en"]
    assert arabic in said["ar"]
    seen = view_words(view_from({"series": SERIES, "frame": 1}), facts.frames, counted(facts))
    assert seen["en"].endswith(f"{counted(facts)} 2")
    assert english.endswith(f"{counted(facts)}s")


@pytest.mark.parametrize("thickness", [0.0, 0.003, 1.25, 5.0])
def test_a_thickness_is_said_of_slices_and_not_of_a_slides_focal_plane(thickness: float) -> None:
    said = f"{thickness:g} mm"
    assert said in caption(Facts(modality="CT", frames=25, slice_thickness_mm=thickness))["en"]
    assert said not in caption(Facts(modality="SM", frames=25, slice_thickness_mm=thickness))["en"]


def test_a_title_says_modality_and_body_part_and_nothing_else() -> None:
    told = short_title(
        Facts(modality="CT", body_part="HEAD", sex="F", age_band="40-64", frames=28, rows=512, columns=512)
    )
    assert told == {"en": "CT · Head", "ar": "مقطعي · الرأس"}
    assert short_title(Facts(kind="raster"))["en"] == "Picture"
