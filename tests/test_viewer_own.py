"""Each image of a series shows with what is its own: window, table, presets, scale, time, words."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from app.view import picture_of, view_from
from dicom import Frame, Window, automatic
from tests.viewer_page.screen import drag, painted, rendered, settled, show, view, visit
from tests.viewer_page.series import BONE, own_windows, variations
from tests.viewer_page.server import Site

pytest_plugins = ["tests.viewer_page.fixtures"]
FRAMES = own_windows().frames


def go(page: Page, number: int) -> None:
    page.locator(".bv-slider").fill(str(number + 1))
    settled(page)


def shows(page: Page, frame: Frame, window: Window | None) -> None:
    """The canvas has the bytes of `window` (None: the frame's own), and the model would be shown the same."""
    np.testing.assert_array_equal(painted(page), rendered(frame, window))
    seen = picture_of(frame, view_from(view(page) | {"series": "0" * 32, "region": None}))
    np.testing.assert_array_equal(painted(page), np.asarray(seen.convert("RGB")))


def test_every_image_opens_with_its_own_window_or_table_until_one_is_chosen(page: Page, site: Site) -> None:
    visit(page, site)
    show(page, "own-windows")
    corner = page.locator("[data-corner=window]")
    for number, words in ((0, "W 4000"), (1, "W 400"), (2, "VOI LUT"), (0, "W 4000")):
        go(page, number)
        shows(page, FRAMES[number], None)
        expect(corner).to_contain_text(words)


def test_a_chosen_window_stays_for_the_series_and_the_reset_gives_each_image_its_own_again(
    page: Page, site: Site
) -> None:
    visit(page, site)
    show(page, "own-windows")
    page.locator("[data-preset=bone]").click()
    for number in (1, 2, 0):
        go(page, number)
        shows(page, FRAMES[number], BONE)
    drag(page, 60, 20)
    dragged = view(page)
    go(page, 1)
    shows(page, FRAMES[1], Window(dragged["center"], dragged["width"]))
    page.locator("[data-action=reset]").click()
    for number in (1, 2, 0):
        go(page, number)
        shows(page, FRAMES[number], None)


def test_inverting_is_kept_and_chooses_no_window(page: Page, site: Site) -> None:
    visit(page, site)
    show(page, "own-windows")
    page.locator("[data-action=invert]").click()
    go(page, 1)
    assert (view(page)["invert"], view(page)["width"]) == (True, 400)
    page.locator("[data-action=reset]").click()
    shows(page, FRAMES[1], None)


def test_presets_of_the_file_and_the_automatic_one_are_those_of_the_image_shown(page: Page, site: Site) -> None:
    visit(page, site)
    show(page, "own-windows")
    chips = page.locator(".bv-chip span")
    assert chips.all_inner_texts()[:2] == ["File 1", "File 2 · Bone"]
    expect(page.locator("[data-preset=file-1]")).to_have_attribute("aria-pressed", "true")
    page.locator("[data-preset=file-2]").click()
    shows(page, FRAMES[0], FRAMES[0].windows[1])
    go(page, 1)
    shows(page, FRAMES[1], None)  # it has no second window
    page.locator("[data-preset=file-1]").click()
    go(page, 0)
    shows(page, FRAMES[0], FRAMES[0].windows[0])
    page.locator("[data-preset=automatic]").click()
    for number in (0, 1, 2):
        go(page, number)
        expect(page.locator("[data-preset=automatic]")).to_have_attribute("aria-pressed", "true")
        shows(page, FRAMES[number], automatic(FRAMES[number]))
    page.evaluate("viewer.setLanguage('ar')")
    assert chips.first.inner_text() == "جدول الملف 1 · أقل تباينًا"


def test_a_view_brought_back_that_is_an_images_own_leaves_the_others_theirs(page: Page, site: Site) -> None:
    visit(page, site)
    show(page, "own-windows", frame=1)
    own = view(page)
    page.locator("[data-preset=bone]").click()
    chosen = view(page)
    for kept, other in ((own, None), (chosen, BONE)):
        visit(page, site)
        page.evaluate("viewer.setSeries(series.filter((one) => one.id === 'own-windows'))")
        assert page.evaluate("view => viewer.restore(view)", kept) is True
        page.wait_for_function("viewer.pixels() !== null && viewer.view().frame === 1")
        assert view(page) == kept
        go(page, 0)
        shows(page, FRAMES[0], other)


def test_nothing_is_said_of_the_window_of_an_image_that_is_not_here(page: Page, site: Site) -> None:
    visit(page, site)
    site.gate.clear()
    page.evaluate("viewer.show(series.find((one) => one.id === 'own-windows'), { frame: 1 })")
    page.wait_for_function("document.querySelector('.bv-loading')")
    assert (view(page)["frame"], view(page)["center"], view(page)["width"]) == (1, None, None)
    site.gate.set()
    settled(page)
    assert view(page)["width"] == 400


@pytest.mark.parametrize(
    "name", ["ct", "mr-padding-inverted", "mr-scaled", "dose-float", "dose-with-holes", "unsigned"]
)
def test_the_automatic_window_is_the_one_python_finds(page: Page, site: Site, name: str) -> None:
    expected = automatic(variations()[name])
    visit(page, site)
    found = page.evaluate(
        """async (name) => {
          const { FrameStore } = await import("/assets/web/viewer/frames.js");
          const { automatic } = await import("/assets/web/viewer/looks.js");
          return automatic(await new FrameStore().load(name, 0));
        }""",
        name,
    )
    assert (found["center"], found["width"]) == pytest.approx((expected.center, expected.width), rel=1e-9)
    assert found["function"] == expected.function


def test_the_scale_bar_is_that_of_the_image_and_says_where_it_was_measured(page: Page, site: Site) -> None:
    visit(page, site)
    show(page, "two-depths")
    scale, rule = page.locator("[data-corner=scale]"), page.locator(".bv-scale")

    def millimetres_per_pixel() -> float:
        words = scale.inner_text()
        amount, unit = words.split()[:2]
        box = rule.bounding_box()
        assert box is not None
        return float(amount) * {"cm": 10, "mm": 1}[unit] / box["width"]

    first = millimetres_per_pixel()
    go(page, 1)
    assert millimetres_per_pixel() / first == pytest.approx(3, rel=0.03)
    show(page, "own-windows", frame=1)
    expect(scale).to_contain_text("at the detector")
    page.evaluate("viewer.setLanguage('ar')")
    expect(scale).to_contain_text("عند الكاشف")


def test_what_tells_images_apart_stands_on_them_and_in_the_names_of_their_small_pictures(
    page: Page, site: Site
) -> None:
    visit(page, site)
    show(page, "own-windows")
    slice_corner = page.locator("[data-corner=slice]")
    expect(slice_corner).to_have_text("1 / 3\nPA", use_inner_text=True)
    go(page, 1)
    expect(slice_corner).to_have_text("2 / 3\nLateral", use_inner_text=True)
    names = [one.get_attribute("aria-label") for one in page.locator(".bv-thumb:not(.bv-thumb-series)").all()]
    assert names == ["Slice 1 · PA", "Slice 2 · Lateral", "Slice 3 · Lateral"]


def test_a_loop_plays_each_frame_for_as_long_as_its_file_says(page: Page, site: Site) -> None:
    visit(page, site)
    show(page, "loop")
    for number in (1, 2, 3, 4, 0):  # all of them here, so that no waiting is measured
        go(page, number)
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    page.evaluate("document.querySelector('.bv-cine').click()")
    for milliseconds, frame in ((39, 0), (2, 1), (40, 2), (290, 2), (12, 3), (40, 4), (40, 0), (40, 1)):
        page.clock.run_for(milliseconds)
        assert page.evaluate("viewer.view().frame") == frame
    page.evaluate("document.querySelector('.bv-cine').click()")
    page.clock.run_for(2000)
    assert page.evaluate("viewer.view().frame") == 1, "stopped"


def test_times_that_cannot_be_watched_are_brought_to_what_can_be(page: Page, site: Site) -> None:
    visit(page, site)
    beats = page.evaluate(
        "() => import('/assets/web/viewer/cine.js').then(({ beat }) => [null, undefined, 0.5, 40, 1e6].map(beat))"
    )
    assert beats == [90, 90, 16, 40, 1000]
