"""The viewer shows the same greys as `dicom.render`, and keeps what it fetched in bounds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from app.view import picture_of, view_from
from dicom import Window
from tests.viewer_page.screen import (
    NEXT_FRAME,
    drag,
    look,
    middle,
    painted,
    picture,
    rendered,
    settled,
    show,
    view,
    visit,
    zoom_in,
)
from tests.viewer_page.series import BONE, BRAIN, variations
from tests.viewer_page.server import Site

pytest_plugins = ["tests.viewer_page.fixtures"]


FRAMES = variations()
WINDOWS = [
    Window(40, 80),
    Window(-37.5, 1646.25),
    Window(600, 1),
    Window(500, 900, "LINEAR_EXACT"),
    Window(1.0e6, 4.1e5, "SIGMOID"),
    Window(300, 250, "SIGMOID"),
]


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
    assert view(page)["lut"] == 0
    expect(page.locator("[data-corner=window]")).to_have_text("VOI LUT")
    drag(page, 40, 0)
    assert view(page)["lut"] is None


def test_every_table_of_a_file_can_be_chosen_and_shows_the_very_bytes_that_the_model_is_shown(
    page: Page, site: Site
) -> None:
    frame = FRAMES["mr-tables"]
    visit(page, site)
    show(page, "mr-tables")
    corner, chips = page.locator("[data-corner=window]"), page.locator(".bv-chip")
    assert view(page)["lut"] is None  # the file's window comes first
    chosen = len(frame.windows)
    for number, words in enumerate(["VOI LUT Normal", "VOI LUT Harder"]):
        chips.nth(chosen + number).click()
        np.testing.assert_array_equal(painted(page), rendered(frame, frame.voi_luts[number]))
        seen = picture_of(frame, view_from(view(page) | {"series": "0" * 32}))
        np.testing.assert_array_equal(painted(page), np.asarray(seen.convert("RGB")))
        expect(corner).to_have_text(words)
        assert [chip.get_attribute("aria-pressed") for chip in chips.all()].index("true") == chosen + number
    page.evaluate("viewer.setLanguage('ar')")
    expect(corner).to_have_text("VOI LUT أكثر تباينًا")
    page.locator(".bv-stage").focus()
    page.keyboard.press("1")
    np.testing.assert_array_equal(painted(page), rendered(frame, frame.windows[0]))
    page.keyboard.press(str(chosen + 1))
    np.testing.assert_array_equal(painted(page), rendered(frame, frame.voi_luts[0]))
    expect(corner).to_have_text("VOI LUT عادي")


def test_a_view_through_the_second_table_comes_back_and_one_kept_earlier_shows_the_first(
    page: Page, site: Site
) -> None:
    tables = FRAMES["mr-tables"].voi_luts
    visit(page, site)
    show(page, "mr-tables")
    page.locator("[data-preset=table-2]").click()
    before = view(page)
    assert before["lut"] == 1
    for kept, lut, shown in [(1, 1, tables[1]), (True, 0, tables[0]), (False, None, None)]:
        visit(page, site)
        page.evaluate("viewer.setSeries(series.filter((one) => one.id === 'mr-tables'))")
        assert page.evaluate("view => viewer.restore(view)", before | {"lut": kept}) is True
        settled(page)
        np.testing.assert_array_equal(painted(page), rendered(FRAMES["mr-tables"], shown))
        assert view(page) == before | {"lut": lut}


def test_a_slice_without_the_chosen_table_shows_its_window_and_says_so(page: Page, site: Site) -> None:
    frame = FRAMES["mr-tables"]
    visit(page, site)
    show(page, "some-with-tables", frame=1)
    page.locator("[data-preset=table-2]").click()
    assert view(page)["lut"] == 1
    for index, lut in [(2, None), (1, 1)]:
        shown = frame.default_window if lut is None else frame.voi_luts[lut]
        page.locator(".bv-slider").fill(str(index + 1))
        settled(page)
        np.testing.assert_array_equal(painted(page), rendered(frame, shown))
        assert (view(page)["frame"], view(page)["lut"]) == (index, lut)
        expect(page.locator("[data-corner=window]")).to_contain_text("VOI LUT" if lut else "W ")
        expect(page.locator("[data-preset=table-2]")).to_have_attribute("aria-pressed", "true" if lut else "false")


def test_presets_beyond_the_nine_digits_can_still_be_chosen(page: Page, site: Site) -> None:
    visit(page, site)
    show(page, "mr-tables")
    page.evaluate(
        """() => {
          const one = series.find((each) => each.id === "mr-tables");
          const numbers = Array.from({ length: 11 }, (_, index) => index + 1);
          const presets = numbers.map((n) => ({ key: `own-${n}`, center: 1, width: 2, lut: 1 - (n % 2) }));
          viewer.show({ ...one, presets });
        }"""
    )
    page.locator("[data-preset=own-10]").click()
    assert view(page)["lut"] == 1
    expect(page.locator(".bv-chip kbd")).to_have_count(9)


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


def test_a_view_that_is_left_and_at_once_opened_again_is_told_again(page: Page, site: Site) -> None:
    visit(page, site)
    show(page, "ct-stack")
    page.wait_for_function("views.length === 1")
    page.evaluate("() => { const { series } = viewer.view(); viewer.clear(); window.left = series; }")
    show(page, "ct-stack")
    page.wait_for_function("views.length >= 2 && views.at(-1)?.series === left")


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


def test_tables_and_marks_may_also_travel_behind_the_samples(page: Page, site: Site) -> None:
    visit(page, site)
    unpacked = page.evaluate(
        """async () => {
          const { decodeFrame } = await import("/assets/web/viewer/frames.js");
          const voi_luts = [{ first: -3, length: 4, explanation: "" }, { first: 7, length: 2, explanation: "softer" }];
          const header = { rows: 2, columns: 5, dtype: "int16", voi_luts, overlay: true };
          const bytes = new Uint8Array([...new Array(20).fill(1), 9, 8, 7, 6, 5, 4, 0b10000000, 0b01000000]);
          const frame = decodeFrame(header, bytes.buffer);
          const tables = frame.voiLuts.map(({ first, table, explanation }) => [first, [...table], explanation]);
          return [[...frame.samples], tables, [...frame.overlay]];
        }"""
    )
    assert unpacked == [
        [257] * 10,
        [[-3, [9, 8, 7, 6], ""], [7, [5, 4], "softer"]],
        [1, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    ]


def test_a_frame_that_does_not_come_says_so_and_can_be_asked_for_again(page: Page, site: Site) -> None:
    visit(page, site)
    site.broken.add(("ct-stack", 10))
    page.evaluate("viewer.show(series[0])")
    expect(page.locator(".bv-trouble")).to_be_visible()  # its words stand there, unseen, from the beginning
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
    expect(page.locator("[role=status]")).to_have_text("يجري تحميل الصورة…")
    page.locator("[data-preset=bone]").click()
    site.gate.set()
    settled(page)
    expect(page.locator(".bv-progress")).to_be_hidden()
    assert view(page)["width"] == BONE.width
