"""What is on the screen, as the page says it, checked: series, frame, window, region. Knows no pixels."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from PIL import Image

from dicom import Frame, VoiLut, Window, render
from dicom.errors import InvalidWindow

_ID = re.compile(r"[0-9a-f-]{8,64}")
Function = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]
_FUNCTIONS: dict[str, Function] = {"LINEAR": "LINEAR", "LINEAR_EXACT": "LINEAR_EXACT", "SIGMOID": "SIGMOID"}


class MalformedView(Exception):
    """The page sent a view that is none; the remedy is to reload it."""


@dataclass(frozen=True)
class View:
    """One frame under one window or table, whole or in part.

    `window` None means colour or the frame's own default. `lut` is the number, from 0 in file order, of the
    VOI LUT shown in place of the window. `region` is (x0, y0, x1, y1) in displayed pixels, x1 and y1 exclusive,
    None for the whole frame.
    """

    series: str
    frame: int
    window: Window | None = None
    lut: int | None = None
    invert: bool = False
    overlay: bool = False
    region: tuple[int, int, int, int] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The form the page and the record share (see `view_from`)."""
        window = self.window
        return {
            "series": self.series,
            "frame": self.frame,
            "center": window.center if window else None,
            "width": window.width if window else None,
            "function": window.function if window else None,
            "lut": self.lut,
            "invert": self.invert,
            "overlay": self.overlay,
            "region": list(self.region) if self.region else None,
        }


def view_from(sent: Mapping[str, Any]) -> View:
    """The view a page sent. Raises `MalformedView` on anything that is not exactly one."""
    try:
        series = sent["series"]
        frame = sent["frame"]
        if not (isinstance(series, str) and _ID.fullmatch(series)):
            raise MalformedView("series")
        if not _is_index(frame):
            raise MalformedView("frame")
        return View(
            series,
            frame,
            _window(sent),
            lut=_lut(sent.get("lut")),
            invert=sent.get("invert") is True,
            overlay=sent.get("overlay") is True,
            region=_region(sent.get("region")),
        )
    except (KeyError, TypeError, ValueError, OverflowError, InvalidWindow) as error:
        raise MalformedView(type(error).__name__) from error


def _is_index(sent: Any) -> bool:
    return isinstance(sent, int) and not isinstance(sent, bool) and sent >= 0


def _lut(sent: Any) -> int | None:
    """The number of a VOI LUT. Views kept while only the first could be shown say true and false."""
    if sent is None or isinstance(sent, bool):
        return 0 if sent else None
    if not _is_index(sent):
        raise MalformedView("lut")
    return int(sent)


def _window(sent: Mapping[str, Any]) -> Window | None:
    if sent.get("center") is None or sent.get("width") is None:
        return None
    function = sent.get("function") or "LINEAR"
    if function not in _FUNCTIONS:
        raise MalformedView("function")
    center, width = float(sent["center"]), float(sent["width"])
    if not (math.isfinite(center) and math.isfinite(width)):
        raise MalformedView("window")
    return Window(center, width, _FUNCTIONS[function])


def _region(sent: Any) -> tuple[int, int, int, int] | None:
    if sent is None:
        return None
    x0, y0, x1, y1 = (int(side) for side in sent)
    if not (0 <= x0 < x1 <= 1 << 20 and 0 <= y0 < y1 <= 1 << 20):
        raise MalformedView("region")
    return x0, y0, x1, y1


def picture_of(frame: Frame, view: View) -> Image.Image:
    """The 8-bit picture of `frame` that the screen shows under `view`: exactly what the model is given.

    Raises `MalformedView` when `frame` has no VOI LUT of that number, `FrameMissing` when the region is outside.
    """
    shown = replace(frame, invert=not frame.invert) if view.invert and not frame.color else frame
    return render(shown, look_of(frame, view), region=view.region, overlays=view.overlay)


def look_of(frame: Frame, view: View) -> Window | VoiLut | None:
    """What `view` shows `frame` with; None for the frame's own default. Raises `MalformedView` as `picture_of`."""
    return _table(frame, view.lut) or view.window


def _table(frame: Frame, lut: int | None) -> VoiLut | None:
    if lut is None or (lut == 0 and not frame.voi_luts):  # earlier views said true of such frames: the window showed
        return None
    if lut >= len(frame.voi_luts):
        raise MalformedView("lut")
    return frame.voi_luts[lut]
