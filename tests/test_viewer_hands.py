"""Mouse, wheel, keys and fingers on the viewer, in a real browser, in both languages and on a phone."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from dicom import Window
from tests.viewer_page.screen import (
    Fingers,
    box_of,
    drag,
    middle,
    painted,
    rendered,
    settled,
    show,
    view,
    visit,
    zoom_in,
)
from tests.viewer_page.series import BONE, BRAIN, stack
from tests.viewer_page.server import Site

pytest_plugins = ["tests.viewer_page.fixtures"]


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
