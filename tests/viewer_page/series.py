"""Real frames for the viewer's page: from pydicom's own test files, and variations that those lack."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pydicom.data

from dicom import Frame, VoiLut, Window, automatic, open_study
from tests.viewer_page.server import Shown

FILES = Path(pydicom.data.__file__).parent / "test_files"
BRAIN, BONE = Window(40, 80), Window(600, 2800)


@cache
def frames_of(name: str) -> tuple[Frame, ...]:
    """Every frame of the first series of one of pydicom's files."""
    with open_study([FILES / name]) as study:
        series = study.series[0]
        return tuple(series.frame(index) for index in range(len(series)))


def preset(key: str, english: str, arabic: str, window: Window) -> dict[str, Any]:
    return {"key": key, "label": {"en": english, "ar": arabic}, **looked(window)}


def offered(frame: Frame) -> list[dict[str, Any]]:
    """The frame's windows and tables as the program's own descriptor offers them."""
    windows = [
        preset(f"file-{n}", f"File {n}", f"نافذة الملف {n}", window) for n, window in enumerate(frame.windows, 1)
    ]
    tables = [
        {**preset(f"table-{n}", f"Table {n}", f"جدول الملف {n}", frame.default_window), "lut": n - 1}
        for n in range(1, len(frame.voi_luts) + 1)
    ]
    return [*windows, *tables]


def looked(window: Window) -> dict[str, Any]:
    return {"center": window.center, "width": window.width, "function": window.function}


PRESETS = (preset("brain", "Brain", "الدماغ", BRAIN), preset("bone", "Bone", "العظم", BONE))


def stack(count: int = 20) -> Shown:
    """The small CT as a series: every slice a little brighter, so that no two are alike."""
    (frame,) = frames_of("CT_small.dcm")
    frames = [
        replace(frame, samples=frame.samples + np.int16(7 * index), default_window=BRAIN) for index in range(count)
    ]
    first = {"frame": count // 2, "window": looked(BRAIN)}
    return Shown("ct-stack", frames, "CT · Head", PRESETS, first)


def variations() -> dict[str, Frame]:
    """One frame per way of showing pixels that the viewer repeats in JavaScript."""
    (ct,) = frames_of("CT_small.dcm")
    (mr,) = frames_of("MR_small.dcm")
    table = VoiLut(200, (np.linspace(0, 1, 900) ** 0.6 * 255).astype(np.uint8))
    harder = VoiLut(350, (np.linspace(0, 1, 500) ** 2 * 255).astype(np.uint8), "harder")
    holes = frames_of("rtdose.dcm")[3].samples.copy()
    holes[2, 3:6] = np.nan
    corner = np.zeros(mr.samples.shape, np.uint8)
    corner[5:20, 7:30] = 1
    return {
        "ct": ct,
        "ct-512": frames_of("693_J2KI.dcm")[0],
        "mr": mr,
        "mr-inverted": replace(mr, invert=True),
        "mr-padding-inverted": replace(mr, invert=True, padding=(0.0, 120.0)),
        "mr-table": replace(mr, voi_luts=(table,), windows=()),
        "mr-tables": replace(mr, voi_luts=(replace(table, explanation="normal"), harder)),
        "mr-overlay": replace(mr, overlays=corner),
        "mr-scaled": replace(mr, slope=0.125, intercept=-17.3),
        "dose-float": frames_of("rtdose.dcm")[0],
        "dose-with-holes": replace(frames_of("rtdose.dcm")[3], samples=holes, invert=True),
        "unsigned": frames_of("examples_overlay.dcm")[0],
        "color": frames_of("examples_rgb_color.dcm")[0],
        "palette": frames_of("examples_palette.dcm")[0],
    }


def some_with_tables() -> Shown:
    """Three slices of which only the middle one has its two tables."""
    frame = variations()["mr-tables"]
    frames = [replace(frame, voi_luts=()), frame, replace(frame, voi_luts=())]
    return Shown("some-with-tables", frames, presets=offered(frame))


def own_windows() -> Shown:
    """Three radiographs of one series as its own descriptor offers them: two windows, one, and a table alone."""
    ramp = np.tile(np.arange(0, 4096, 32, dtype=np.uint16), (96, 1))
    table = VoiLut(0, (np.arange(4096) // 16).astype(np.uint8), "softer")
    wide, bone, narrow = Window(2000, 4000), Window(1500, 900, explanation="bone"), Window(200, 400)
    frames = [
        Frame(ramp, windows=(wide, bone), default_window=wide),
        Frame(
            ramp[:, :80], windows=(narrow,), default_window=narrow, spacing_at="detector", pixel_spacing_mm=(0.2, 0.2)
        ),
        Frame(ramp[:64], voi_luts=(table,), default_window=Window(2048, 4096)),
    ]
    presets = [*offered(frames[0]), *PRESETS, preset("automatic", "Automatic", "تلقائي", automatic(frames[0]))]
    labels = {"words": [{"en": "PA", "ar": "خلفي أمامي"}, {"en": "Lateral", "ar": "جانبي"}], "of": [0, 1, 1]}
    first = {"frame": 0, "window": looked(wide)}
    return Shown("own-windows", frames, "DX", presets, first, {"labels": labels})


def two_depths() -> Shown:
    """Two ultrasound pictures of one series, the second three times as deep as the first."""
    grey = np.full((150, 200, 3), 90, np.uint8)
    return Shown("two-depths", [Frame(grey, pixel_spacing_mm=(mm, mm), spacing_at="patient") for mm in (0.1, 0.3)])


def loop(*times: float) -> Shown:
    """A film whose frames say how long they stay, ms."""
    frames = [Frame(np.full((16, 16), number, np.uint8).repeat(3).reshape(16, 16, 3)) for number in range(len(times))]
    facts = [{"kind": "dicom", "modality": "US", "frame_time_ms": time} for time in times]
    return Shown("loop", frames, facts=facts)


def every_value() -> dict[str, Frame]:
    """Every 16-bit value once, as it is, halved, and through a table: where halves are rounded shows here."""
    values = np.arange(-32768, 32768, dtype=np.int16).reshape(256, 256)
    table = VoiLut(-128, np.arange(256, dtype=np.uint8))
    return {
        "every-value": Frame(values, default_window=Window(0, 256)),
        "every-half": Frame(values, slope=0.5, intercept=0.25, default_window=Window(0, 256)),
        "every-half-table": Frame(values, slope=0.5, voi_luts=(table,), default_window=Window(0, 256)),
    }


def large() -> Shown:
    """A radiograph's size: 7.5 million pixels, noise over a slope."""
    rows, columns = 3000, 2500
    noise = np.random.default_rng(7).integers(0, 500, (rows, columns))
    samples = (np.arange(columns) + noise).astype(np.uint16)
    return Shown("large", [Frame(samples, default_window=Window(1500, 3000))], "DX")
