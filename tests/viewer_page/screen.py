"""What a test does with the viewer and reads off its screen. Knows no expectation."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Page

from dicom import Frame, VoiLut, Window, render
from tests.viewer_page.server import Site


def visit(page: Page, site: Site, language: str = "en") -> Page:
    page.goto(f"{site.url}/?lang={language}")
    page.wait_for_selector("html[data-ready]")
    return page


def show(page: Page, series: str, **options: Any) -> None:
    """Brings a series to the screen and waits until its wanted frame is painted."""
    page.evaluate("([id, options]) => viewer.show(series.find((one) => one.id === id), options)", [series, options])
    settled(page)


def settled(page: Page) -> None:
    page.wait_for_function(PAINTED)


PAINTED = """() => {
  const slider = document.querySelector(".bv-slider");
  return viewer.pixels() !== null && viewer.view().frame === Number(slider.value) - 1;
}"""
NEXT_FRAME = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
BYTES = """() => {
  const { data, width, height } = viewer.pixels();
  const out = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i += 1) for (let k = 0; k < 3; k += 1) out[i * 3 + k] = data[i * 4 + k];
  let text = "";
  for (let i = 0; i < out.length; i += 8192) text += String.fromCharCode(...out.subarray(i, i + 8192));
  return [width, height, btoa(text)];
}"""


def painted(page: Page) -> np.ndarray[Any, Any]:
    """(rows, columns, 3) bytes of the frame as the canvas has them, at the frame's own size."""
    page.evaluate(NEXT_FRAME)
    width, height, text = page.evaluate(BYTES)
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 3)


def rendered(frame: Frame, window: Window | VoiLut | None, **options: Any) -> np.ndarray[Any, Any]:
    return np.asarray(render(frame, window, **options).convert("RGB"))


def picture(page: Page, most: int) -> np.ndarray[Any, Any]:
    url = page.evaluate("most => viewer.picture(most)", most)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB"))


def look(window: Window) -> dict[str, Any]:
    return {"center": window.center, "width": window.width, "function": window.function}


def view(page: Page) -> dict[str, Any]:
    page.evaluate(NEXT_FRAME)
    found: dict[str, Any] = page.evaluate("viewer.view()")
    return found


def middle(page: Page) -> tuple[float, float]:
    box = page.locator(".bv-stage").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def zoom_in(page: Page, notches: int = 6) -> None:
    """Turn the wheel and wait until the page has taken every notch: the browser passes them on when it has time."""
    page.evaluate("() => { window.turned = 0; document.onwheel = (event) => { window.turned += event.deltaY; }; }")
    page.mouse.move(*middle(page))
    page.keyboard.down("Control")
    for _ in range(notches):
        page.mouse.wheel(0, -120)
    page.wait_for_function(f"turned === {-120 * notches}")
    page.keyboard.up("Control")
    page.wait_for_function("viewer.view().region !== null")


def drag(page: Page, dx: float, dy: float, button: Any = "left") -> None:
    x, y = middle(page)
    page.mouse.move(x, y)
    page.mouse.down(button=button)
    page.mouse.move(x + dx / 2, y + dy / 2)
    page.mouse.move(x + dx, y + dy)
    page.mouse.up(button=button)


def box_of(page: Page, selector: str) -> dict[str, float]:
    box = page.locator(selector).first.bounding_box()
    assert box is not None
    return dict(box)


class Fingers:
    """Touches through the browser's own input, so that pointer capture and touch-action take part."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._session = page.context.new_cdp_session(page)

    def touch(self, kind: str, *points: tuple[float, float]) -> None:
        touches = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    def drag(self, *ways: tuple[tuple[float, float], tuple[float, float]], steps: int = 8) -> None:
        self.touch("touchStart", *(start for start, _ in ways))
        for step in range(1, steps + 1):
            part = step / steps
            at = [(a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part) for a, b in ways]
            self.touch("touchMove", *at)
        self.touch("touchEnd")
        self._page.evaluate(NEXT_FRAME)
