"""The viewer in a real browser: the same greys as `dicom.render`, and hands and keys that do what they say."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from dicom import Frame, VoiLut, Window, render
from tests.viewer_page.browser import chromium
from tests.viewer_page.series import BONE, BRAIN, frames_of, large, stack, variations
from tests.viewer_page.server import ROOT, Shown, Site, serve, words

FRAMES = variations()
WINDOWS = [
    Window(40, 80),
    Window(-37.5, 1646.25),
    Window(600, 1),
    Window(500, 900, "LINEAR_EXACT"),
    Window(1.0e6, 4.1e5, "SIGMOID"),
    Window(300, 250, "SIGMOID"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def shared_site() -> Iterator[Site]:
    narrow = replace(frames_of("MR_small.dcm")[0], pixel_aspect=1.5)
    series = [stack(), *(Shown(name, [frame]) for name, frame in FRAMES.items()), large(), Shown("narrow", [narrow])]
    with serve(series) as running:
        yield running


@pytest.fixture
def site(shared_site: Site) -> Iterator[Site]:
    shared_site.asked.clear()
    yield shared_site
    shared_site.broken.clear()
    shared_site.gate.set()


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 900, "height": 700})
    opened = context.new_page()
    trouble: list[str] = []
    opened.on("pageerror", lambda error: trouble.append(str(error)))
    yield opened
    context.close()
    assert trouble == []


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
    page.mouse.move(*middle(page))
    page.keyboard.down("Control")
    for _ in range(notches):
        page.mouse.wheel(0, -120)
    page.keyboard.up("Control")
    page.wait_for_function("viewer.view().region !== null")


# ---- the same greys as the model sees ------------------------------------------------------------------


@pytest.mark.parametrize("name", FRAMES)
def test_the_canvas_holds_the_very_bytes_that_render_gives(page: Page, site: Site, name: str) -> None:
    frame = FRAMES[name]
    visit(page, site)
    show(page, name)
    np.testing.assert_array_equal(painted(page), rendered(frame, None))
    if frame.color:
        return
    for window in WINDOWS:
        show(page, name, window=look(window))
        np.testing.assert_array_equal(painted(page), rendered(frame, window), err_msg=str(window))


def test_a_file_with_a_table_and_no_window_starts_with_the_table_and_a_drag_leaves_it(page: Page, site: Site) -> None:
    visit(page, site)
    show(page, "mr-table")
    assert view(page)["lut"] is True
    expect(page.locator("[data-corner=window]")).to_have_text("VOI LUT")
    drag(page, 40, 0)
    assert view(page)["lut"] is False


def test_inverting_keeps_padding_black(page: Page, site: Site) -> None:
    frame = FRAMES["mr-padding-inverted"]
    visit(page, site)
    show(page, "mr-padding-inverted")
    page.locator("[data-action=invert]").click()
    assert view(page)["invert"] is True
    np.testing.assert_array_equal(painted(page), rendered(replace(frame, invert=False), None))


def test_marks_stored_in_the_file_appear_only_when_asked_for(page: Page, site: Site) -> None:
    visit(page, site)
    show(page, "mr")
    expect(page.locator("[data-action=overlay]")).to_be_hidden()
    show(page, "mr-overlay")
    page.locator("[data-action=overlay]").click()
    assert view(page)["overlay"] is True
    np.testing.assert_array_equal(painted(page), rendered(FRAMES["mr-overlay"], None, overlays=True))


def test_the_picture_of_a_zoomed_view_is_the_region_that_render_cuts_out(page: Page, site: Site) -> None:
    visit(page, site)
    show(page, "ct-512", window=look(BRAIN))
    np.testing.assert_array_equal(picture(page, 4096), rendered(FRAMES["ct-512"], BRAIN))
    zoom_in(page)
    region = view(page)["region"]
    cut = rendered(FRAMES["ct-512"], BRAIN, region=tuple(region))
    np.testing.assert_array_equal(picture(page, 4096), cut)
    assert 0 < region[0] < region[2] < 512


def test_regions_of_oblong_pixels_are_in_the_pixels_of_the_displayed_picture(page: Page, site: Site) -> None:
    visit(page, site)
    show(page, "narrow")
    assert picture(page, 4096).shape == (96, 64, 3)
    page.evaluate("viewer.restore({ ...viewer.view(), region: [10, 50, 50, 90] })")
    region = view(page)["region"]
    assert region[3] > 64  # beyond the stored rows: displayed ones are counted
    assert region[0] <= 10 < 50 <= region[2]


def test_a_large_radiograph_is_painted_coarsely_while_dragged_and_fully_after(page: Page, site: Site) -> None:
    visit(page, site)
    show(page, "large")
    x, y = middle(page)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 30, y)
    page.evaluate(NEXT_FRAME)
    assert page.evaluate("viewer.pixels()") is None  # a preview stands there
    page.mouse.up()
    page.wait_for_function("viewer.pixels() !== null")
    assert page.evaluate("viewer.pixels().width") == 2500


# ---- hands ---------------------------------------------------------------------------------------------


def drag(page: Page, dx: float, dy: float, button: Any = "left") -> None:
    x, y = middle(page)
    page.mouse.move(x, y)
    page.mouse.down(button=button)
    page.mouse.move(x + dx / 2, y + dy / 2)
    page.mouse.move(x + dx, y + dy)
    page.mouse.up(button=button)


def test_dragging_right_widens_and_dragging_down_raises_the_centre(page: Page, site: Site) -> None:
    visit(page, site)
    show(page, "ct-stack")
    drag(page, 100, 50)
    now = view(page)
    assert now["width"] > BRAIN.width
    assert now["center"] > BRAIN.center
    expect(page.locator("[data-corner=window]")).to_have_text(
        f"W {now['width']}\nL {now['center']}", use_inner_text=True
    )
    frame = stack().frames[10]
    np.testing.assert_array_equal(painted(page), rendered(frame, Window(now["center"], now["width"])))


def test_the_right_button_always_changes_the_window(page: Page, site: Site) -> None:
    visit(page, site)
    show(page, "ct-stack")
    page.locator("[data-action=move]").click()
    drag(page, 60, 0, button="right")
    assert view(page)["width"] > BRAIN.width


def test_the_wheel_goes_through_slices_and_with_control_it_zooms_at_the_pointer(page: Page, site: Site) -> None:
    visit(page, site)
    show(page, "ct-stack")
    page.mouse.move(*middle(page))
    page.mouse.wheel(0, 120)
    page.wait_for_function("viewer.view().frame === 11")
    page.mouse.wheel(0, -120)
    page.wait_for_function("viewer.view().frame === 10")
    zoom_in(page)
    x0, y0, x1, y1 = view(page)["region"]
    assert abs((x0 + x1) / 2 - 64) <= 1.5
    assert abs((y0 + y1) / 2 - 64) <= 1.5


def test_the_image_never_leaves_the_screen_and_fit_brings_all_of_it_back(page: Page, site: Site) -> None:
    visit(page, site)
    show(page, "ct-stack")
    zoom_in(page)
    page.locator("[data-action=move]").click()
    drag(page, 5000, 5000)
    x0, y0, x1, y1 = view(page)["region"]
    assert (x0, y0) == (0, 0)
    assert x1 < 128
    assert y1 < 128
    page.locator("[data-action=fit]").click()
    assert view(page)["region"] is None
    expect(page.locator("[data-action=fit]")).to_be_disabled()


def test_reset_brings_back_the_first_window_and_the_whole_image(page: Page, site: Site) -> None:
    visit(page, site)
    show(page, "ct-stack")
    first = view(page)
    drag(page, 100, 50)
    page.keyboard.press("i")
    zoom_in(page)
    page.keyboard.press("0")
    assert view(page) == first


def test_the_value_under_the_pointer_is_the_modality_value(page: Page, site: Site) -> None:
    visit(page, site)
    show(page, "ct-stack")
    frame = stack().frames[10]
    canvas = page.locator(".bv-canvas").bounding_box()
    assert canvas is not None
    side = min(canvas["width"], canvas["height"])
    x = canvas["x"] + (canvas["width"] - side) / 2 + side * (30.5 / 128)
    y = canvas["y"] + (canvas["height"] - side) / 2 + side * (90.5 / 128)
    page.mouse.move(x, y)
    value = int(frame.samples[90, 30] * frame.slope + frame.intercept)
    expect(page.locator("[data-corner=value]")).to_have_text(f"{value} HU".replace("-", "−"))


def test_slices_can_be_scrolled_by_the_slider_and_by_thumbnails(page: Page, site: Site) -> None:
    visit(page, site)
    show(page, "ct-stack")
    page.locator(".bv-slider").fill("3")
    page.wait_for_function("viewer.view().frame === 2")
    expect(page.locator("[data-corner=slice]")).to_have_text("3 / 20")
    thumbs = page.locator(".bv-thumb")
    assert thumbs.count() == 8
    thumbs.last.click()
    page.wait_for_function("viewer.view().frame === 19")
    expect(thumbs.last).to_have_attribute("aria-current", "true")
    expect(page.locator(".bv-thumb[aria-current]")).to_have_count(1)


# ---- keys ----------------------------------------------------------------------------------------------


def test_every_key_does_what_its_button_says(page: Page, site: Site) -> None:
    visit(page, site)
    show(page, "ct-stack")
    page.locator(".bv-stage").focus()
    for key, frame in [("ArrowDown", 11), ("ArrowUp", 10), ("PageDown", 19), ("PageUp", 9), ("Home", 0), ("End", 19)]:
        page.keyboard.press(key)
        page.wait_for_function(f"viewer.view().frame === {frame}")
    page.keyboard.press("2")
    assert (view(page)["center"], view(page)["width"]) == (BONE.center, BONE.width)
    expect(page.locator("[data-preset=bone]")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("i")
    assert view(page)["invert"] is True
    for _ in range(4):
        page.keyboard.press("=")
    assert view(page)["region"] is not None
    page.keyboard.press("f")
    assert view(page)["region"] is None
    page.keyboard.press("Shift+ArrowRight")
    assert view(page)["width"] > BONE.width


def test_the_slider_goes_the_same_way_as_the_image(page: Page, site: Site) -> None:
    visit(page, site)
    show(page, "ct-stack")
    page.locator(".bv-slider").focus()
    page.keyboard.press("ArrowDown")
    page.wait_for_function("viewer.view().frame === 11")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("viewer.view().frame === 12")


def test_typing_a_question_never_changes_the_image(page: Page, site: Site) -> None:
    visit(page, site)
    show(page, "ct-stack")
    before = view(page)
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<textarea id=question></textarea>')")
    page.locator("#question").focus()
    page.mouse.move(*middle(page))
    page.keyboard.type("12 is it 0 or i?")
    page.keyboard.press("PageDown")
    assert view(page) == before
    assert page.locator("#question").input_value() == "12 is it 0 or i?"


# ---- several series, views, memory ---------------------------------------------------------------------


def test_each_series_of_a_conversation_keeps_its_place(page: Page, site: Site) -> None:
    visit(page, site)
    page.evaluate("viewer.setSeries(series.filter((one) => ['ct-stack', 'mr', 'color'].includes(one.id)))")
    settled(page)
    zoom_in(page)
    page.mouse.wheel(0, 120)
    page.wait_for_function("viewer.view().frame === 11")
    before = view(page)
    chosen = page.locator(".bv-thumb-series")
    assert chosen.count() == 3
    chosen.nth(2).click()
    page.wait_for_function("viewer.view().series === 'color'")
    settled(page)
    assert (view(page)["center"], view(page)["width"]) == (None, None)
    expect(page.locator("[data-action=window]")).to_be_disabled()
    chosen.nth(0).click()
    settled(page)
    assert view(page) == before


@pytest.mark.parametrize("window", [Window(123.25, 77.5), Window(40, 80, "SIGMOID")])
def test_a_view_comes_back_exactly_as_it_was(page: Page, site: Site, window: Window) -> None:
    visit(page, site)
    show(page, "ct-stack", frame=4, window=look(window))
    page.keyboard.press("i")
    zoom_in(page, 5)
    before = view(page)
    assert before["function"] == window.function
    visit(page, site)
    page.evaluate("viewer.setSeries(series)")
    assert page.evaluate("view => viewer.restore(view)", before) is True
    settled(page)
    assert view(page) == before
    assert page.evaluate("viewer.restore({ series: 'gone', frame: 0 })") is False


def test_the_page_is_told_once_when_a_view_has_come_to_rest(page: Page, site: Site) -> None:
    visit(page, site)
    show(page, "ct-stack")
    page.wait_for_function("views.length === 1")
    drag(page, 80, 0)
    page.wait_for_function("views.length === 2")
    assert page.evaluate("views.at(-1)") == view(page)
    page.evaluate("viewer.clear()")
    page.wait_for_function("views.length === 3 && views.at(-1) === null")
    assert page.evaluate("[viewer.view(), viewer.picture()]") == [None, None]


def test_frames_are_fetched_once_neighbours_ahead_and_nothing_beyond(page: Page, site: Site) -> None:
    visit(page, site)
    show(page, "ct-stack")
    page.wait_for_load_state("networkidle")
    frames = sorted(int(path.rpartition("/")[2]) for path in site.asked if "/frames/" in path)
    assert frames == [9, 10, 11, 12, 13]
    page.locator(".bv-stage").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.wait_for_load_state("networkidle")
    frames = [path for path in site.asked if path.endswith(("/frames/10", "/frames/11"))]
    assert len(frames) == 2


def test_what_fast_scrolling_leaves_behind_is_cancelled(page: Page, site: Site) -> None:
    visit(page, site)
    cancelled: list[str] = []
    page.on("requestfailed", lambda request: cancelled.append(request.url))
    site.gate.clear()
    page.evaluate("viewer.show(series[0], { frame: 0 })")
    page.wait_for_function("document.querySelector('.bv-loading')")
    page.evaluate("viewer.show(series[0], { frame: 19 })")
    site.gate.set()
    settled(page)
    assert view(page)["frame"] == 19
    assert any(url.endswith("/frames/0") for url in cancelled)


def test_kept_frames_stay_within_the_byte_budget(page: Page, site: Site) -> None:
    visit(page, site)
    kept = page.evaluate(
        """async () => {
          const { FrameStore } = await import("/assets/web/viewer/frames.js");
          const store = new FrameStore({ budget: 5 * 128 * 128 * 2 });
          for (let index = 0; index < 12; index += 1) await store.load("ct-stack", index);
          return [store.size, store.bytes, store.peek("ct-stack", 0) === undefined,
                  store.peek("ct-stack", 11) !== undefined];
        }"""
    )
    assert kept == [5, 5 * 128 * 128 * 2, True, True]


def test_a_table_and_marks_may_also_travel_behind_the_samples(page: Page, site: Site) -> None:
    visit(page, site)
    unpacked = page.evaluate(
        """async () => {
          const { decodeFrame } = await import("/assets/web/viewer/frames.js");
          const header = { rows: 2, columns: 5, dtype: "int16", voi_lut: { first: -3, length: 4 }, overlay: true };
          const bytes = new Uint8Array([...new Array(20).fill(1), 9, 8, 7, 6, 0b10000000, 0b01000000]);
          const frame = decodeFrame(header, bytes.buffer);
          return [[...frame.samples], frame.voiLut.first, [...frame.voiLut.table], [...frame.overlay]];
        }"""
    )
    assert unpacked == [[257] * 10, -3, [9, 8, 7, 6], [1, 0, 0, 0, 0, 0, 0, 0, 0, 1]]


# ---- what takes long and what fails --------------------------------------------------------------------


def test_a_frame_that_does_not_come_says_so_and_can_be_asked_for_again(page: Page, site: Site) -> None:
    visit(page, site)
    site.broken.add(("ct-stack", 10))
    page.evaluate("viewer.show(series[0])")
    expect(page.locator(".bv-trouble")).to_contain_text("could not be loaded")
    assert page.evaluate("viewer.view()") is None
    site.broken.clear()
    page.locator(".bv-retry").click()
    settled(page)
    expect(page.locator(".bv-trouble")).to_be_hidden()


def test_a_failed_slice_leaves_the_one_before_on_the_screen_and_in_the_view(page: Page, site: Site) -> None:
    visit(page, site)
    show(page, "ct-stack")
    site.broken.add(("ct-stack", 16))
    page.locator(".bv-slider").fill("17")
    expect(page.locator(".bv-trouble")).to_be_visible()
    assert view(page)["frame"] == 10
    expect(page.locator("[data-corner=slice]")).to_have_text("11 / 20")
    page.locator(".bv-slider").fill("16")
    settled(page)
    expect(page.locator(".bv-trouble")).to_be_hidden()


def test_waiting_is_shown_and_the_rest_can_still_be_used(page: Page, site: Site) -> None:
    visit(page, site, "ar")
    site.gate.clear()
    page.evaluate("viewer.show(series[0])")
    expect(page.locator(".bv-progress")).to_be_visible()
    expect(page.locator("[role=status]")).to_have_text("جارٍ تحميل الصورة…")
    page.locator("[data-preset=bone]").click()
    site.gate.set()
    settled(page)
    expect(page.locator(".bv-progress")).to_be_hidden()
    assert view(page)["width"] == BONE.width


# ---- languages, fingers, small screens -----------------------------------------------------------------


def box_of(page: Page, selector: str) -> dict[str, float]:
    box = page.locator(selector).first.bounding_box()
    assert box is not None
    return dict(box)


def test_in_arabic_the_room_is_mirrored_and_the_image_is_not(page: Page, site: Site) -> None:
    visit(page, site, "en")
    show(page, "ct-stack")
    greys = painted(page)
    corners = ["window", "slice", "value", "scale", "edge-left", "edge-right", "edge-top", "edge-bottom"]

    def places() -> list[tuple[str, float, float]]:
        stage = box_of(page, ".bv-stage")
        found = [(name, box_of(page, f"[data-corner={name}]")) for name in corners if name != "value"]
        return [(name, box["x"] - stage["x"], box["y"] - stage["y"]) for name, box in found]

    english = places()
    assert box_of(page, "[data-action=window]")["x"] < box_of(page, "[data-preset=brain]")["x"]
    assert box_of(page, ".bv-stage")["x"] < box_of(page, ".bv-strip")["x"]
    page.evaluate("viewer.setLanguage('ar')")
    assert box_of(page, "[data-action=window]")["x"] > box_of(page, "[data-preset=brain]")["x"]
    assert box_of(page, ".bv-stage")["x"] > box_of(page, ".bv-strip")["x"]
    assert places() == english
    np.testing.assert_array_equal(painted(page), greys)
    expect(page.locator("[data-preset=brain]")).to_have_text("1الدماغ")
    slider = box_of(page, ".bv-slider")
    page.mouse.click(slider["x"] + slider["width"] - 3, slider["y"] + slider["height"] / 2)
    page.wait_for_function("viewer.view().frame === 19")  # the end is at the right in every language


@pytest.mark.parametrize("language", ["en", "ar"])
def test_every_control_has_a_name_in_the_language_of_the_page(page: Page, site: Site, language: str) -> None:
    visit(page, site, language)
    page.evaluate("viewer.setSeries(series)")
    settled(page)
    names = page.evaluate(
        """() => [...viewer.element.querySelectorAll("button, input, [role]")]
          .map((part) => part.getAttribute("aria-label") || part.innerText.trim() || part.getAttribute("role"))"""
    )
    assert all(names)
    assert not [name for name in names if "?viewer" in name or "undefined" in name]
    titles = page.locator(".bv-button").evaluate_all("all => all.map((one) => one.title)")
    arabic = [any("\u0600" <= letter <= "\u06ff" for letter in title) for title in titles]
    assert all(titles)
    assert all(arabic) if language == "ar" else not any(arabic)


@pytest.fixture
def phone(browser: Browser, site: Site) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": 390, "height": 560}, has_touch=True, is_mobile=True, device_scale_factor=2
    )
    yield visit(context.new_page(), site, "ar")
    context.close()


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


def test_one_finger_goes_through_the_slices_and_two_zoom(phone: Page) -> None:
    show(phone, "ct-stack")
    fingers = Fingers(phone)
    x, y = middle(phone)
    fingers.drag(((x, y - 40), (x, y + 40)))
    phone.wait_for_function("viewer.view().frame === 16")
    fingers.drag(((x - 20, y), (x - 90, y)), ((x + 20, y), (x + 90, y)))
    region = view(phone)["region"]
    assert region is not None
    assert region[2] - region[0] < 64
    assert view(phone)["frame"] == 16
    for _ in range(2):  # tapped twice: the whole image
        fingers.touch("touchStart", (x, y))
        fingers.touch("touchEnd")
    phone.wait_for_function("viewer.view().region === null")


def test_one_finger_changes_the_window_when_that_tool_is_chosen(phone: Page) -> None:
    show(phone, "ct-stack")
    phone.locator("[data-action=window]").tap()
    x, y = middle(phone)
    Fingers(phone).drag(((x - 60, y), (x + 60, y)))
    assert view(phone)["width"] > BRAIN.width
    assert view(phone)["frame"] == 10


def test_a_phone_shows_everything_without_sideways_scrolling_and_with_room_for_fingers(phone: Page) -> None:
    phone.evaluate("viewer.setSeries(series)")
    settled(phone)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    sizes = phone.locator(".bv-button:visible, .bv-chip, .bv-slider, .bv-thumb").evaluate_all(
        "all => all.map((one) => [one.offsetWidth, one.offsetHeight])"
    )
    assert all(width >= 40 and height >= 40 for width, height in sizes), sizes
    assert box_of(phone, ".bv-stage")["height"] > 200
    assert box_of(phone, ".bv-strip")["y"] > box_of(phone, ".bv-stage")["y"]


def test_buttons_are_large_enough_for_a_mouse(page: Page, site: Site) -> None:
    visit(page, site)
    show(page, "ct-stack")
    sizes = page.locator(".bv-button:visible, .bv-chip").evaluate_all(
        "all => all.map((one) => [one.offsetWidth, one.offsetHeight])"
    )
    assert all(width >= 32 and height >= 32 for width, height in sizes), sizes


def test_the_slices_play_and_pause(page: Page, site: Site) -> None:
    visit(page, site)
    show(page, "ct-stack", frame=18)
    page.locator(".bv-cine").click()
    page.wait_for_function("viewer.view().frame === 1")  # past the end it begins again
    page.locator(".bv-cine").click()
    expect(page.locator(".bv-cine svg")).to_have_attribute("data-icon", "play")


def test_reduced_motion_is_respected(page: Page, site: Site) -> None:
    page.emulate_media(reduced_motion="reduce")
    visit(page, site)
    site.gate.clear()
    page.evaluate("viewer.show(series[0])")
    expect(page.locator(".bv-skeleton")).to_be_visible()
    assert page.locator(".bv-skeleton").evaluate("part => getComputedStyle(part).animationName") == "none"


def test_the_viewer_asks_nobody_else_for_anything(page: Page, site: Site) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    visit(page, site)
    page.evaluate("viewer.setSeries(series)")
    settled(page)
    page.wait_for_load_state("networkidle")
    assert [url for url in asked if not url.startswith((site.url, "data:"))] == []


# ---- small parts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("millimetres", "text", "pixels"),
    [(0.5, "5 cm", 100), (0.05, "5 mm", 100), (2.0, "20 cm", 100), (0.00025, "20 µm", 80), (0.1, "1 cm", 100)],
)
def test_the_scale_bar_is_as_long_as_it_says(
    page: Page, site: Site, millimetres: float, text: str, pixels: float
) -> None:
    visit(page, site)
    bar = page.evaluate("mm => import('/assets/web/viewer/corners.js').then((own) => own.scaleBar(mm))", millimetres)
    assert bar["text"] == text
    assert bar["pixels"] == pytest.approx(pixels)


def test_without_a_spacing_there_is_no_scale_bar(page: Page, site: Site) -> None:
    visit(page, site)
    show(page, "color")
    expect(page.locator("[data-corner=scale]")).to_be_hidden()


def test_icons_are_those_of_the_shipped_files() -> None:
    inlined = (ROOT / "assets/web/viewer/icons.js").read_text(encoding="utf-8")
    shapes = dict(re.findall(r'^  "?([a-z-]+)"?:\n    \'(.*)\',$', inlined, re.MULTILINE))
    assert len(shapes) == 11
    for name, shape in shapes.items():
        source = (ROOT / f"assets/icons/{name}.svg").read_text(encoding="utf-8")
        inside = re.sub(r"\s*\n\s*", "", source.partition("<svg")[2].partition(">")[2].removesuffix("</svg>\n"))
        assert shape == inside, name


def test_fonts_and_icons_come_with_their_licences() -> None:
    assert "SIL Open Font License, Version 1.1" in (ROOT / "assets/fonts/OFL.txt").read_text(encoding="utf-8")
    assert "ISC License" in (ROOT / "assets/icons/LICENSE").read_text(encoding="utf-8")
    for weight in ("Regular", "Medium", "SemiBold"):
        assert (ROOT / f"assets/fonts/IBMPlexSansArabic-{weight}.woff2").read_bytes()[:4] == b"wOF2"


def test_both_languages_have_the_same_labels_and_every_label_is_used() -> None:
    english, arabic = words("en"), words("ar")
    assert english.keys() == arabic.keys()
    scripts = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "assets/web/viewer").glob("*.js"))
    composed = {f"viewer-tool-{name}" for name in ("window", "move", "scroll")}
    composed |= {f"viewer-{name}" for name in ("fit", "reset", "invert", "overlay", "play", "pause")}
    assert {key for key in english if f'"{key}"' not in scripts} <= composed


def luminance(color: str) -> float:
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_every_colour_of_text_stands_out_enough() -> None:
    css = (ROOT / "assets/web/viewer.css").read_text(encoding="utf-8")
    colors = dict(re.findall(r"--v-([a-z]+): (#[0-9a-f]{6});", css))
    for ink in ("ink", "muted", "accent", "trouble"):
        for ground in ("wall", "raised", "chosen"):
            light, dark = sorted((luminance(colors[ink]), luminance(colors[ground])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, ground)  # WCAG 2.2, 1.4.3 AA
