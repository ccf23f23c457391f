"""Halves are rounded alike in Python and on the canvas: up for greys and tables, to even for sizes."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Page

from dicom import Frame, VoiLut, Window, displayed_size, render
from dicom.render import windowed
from tests.viewer_page.screen import look, painted, rendered, show, visit
from tests.viewer_page.series import every_value
from tests.viewer_page.server import Site

pytest_plugins = ["tests.viewer_page.fixtures"]

WINDOWS = [
    Window(0.5, 256, "LINEAR"),  # value 0 is the very middle
    Window(0, 510, "LINEAR_EXACT"),  # every second value would be a half
    Window(0, 255 * 64, "LINEAR_EXACT"),
    Window(0.5, 255 * 64 + 1, "LINEAR"),
    Window(0.25, 512, "LINEAR_EXACT"),
    Window(0, 300, "SIGMOID"),
    Window(-7.5, 1, "LINEAR"),
    Window(0.75, 0.5, "LINEAR_EXACT"),
]


@pytest.mark.parametrize("name", every_value())
def test_every_sixteen_bit_value_has_the_same_grey_on_the_canvas_and_for_the_model(
    page: Page, site: Site, name: str
) -> None:
    frame = every_value()[name]
    visit(page, site)
    show(page, name)
    np.testing.assert_array_equal(painted(page), rendered(frame, None))
    for window in WINDOWS:
        show(page, name, window=look(window))
        np.testing.assert_array_equal(painted(page), rendered(frame, window), err_msg=str(window))


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_a_value_exactly_in_the_middle_of_its_window_is_the_lighter_grey(function: str) -> None:
    center = 100.5 if function == "LINEAR" else 100.0
    assert windowed(np.array([100.0]), Window(center, 401, function)).tolist() == [128]  # type: ignore[arg-type]  # a name


def test_halves_of_greys_go_up_and_not_to_the_even_neighbour() -> None:
    """Width 510 gives 2 values a grey: 127.5, 128.5, 129.5 … are exact in floating point here."""
    values = np.arange(0, 16, 2.0)
    levels = (values / 510 + 0.5) * 255
    halves = levels[levels % 1 == 0.5]
    assert len(halves) >= 4
    shown = windowed(values, Window(0, 510, "LINEAR_EXACT"))
    np.testing.assert_array_equal(shown[levels % 1 == 0.5], np.floor(halves) + 1)


def test_a_value_half_way_between_two_entries_of_a_table_takes_the_higher() -> None:
    frame = Frame(
        np.array([[-3, -1, 1, 3, 5]], np.int16), slope=0.5, voi_luts=(VoiLut(-4, np.arange(9, dtype=np.uint8)),)
    )
    assert np.asarray(render(frame)).tolist() == [[3, 4, 5, 6, 7]]  # -1.5 -0.5 0.5 1.5 2.5 as -1 0 1 2 3


def test_oblong_pixels_make_pictures_of_the_same_size_in_both_languages_of_code(page: Page, site: Site) -> None:
    sizes = [(rows, columns) for rows in range(1, 14) for columns in range(1, 14)]
    cases = [(*size, aspect) for size in sizes for aspect in (0.4, 0.5, 0.8, 1.0, 1.5, 2.5, 1.25)]
    halves = sum((rows * aspect if aspect > 1 else columns / aspect) % 1 == 0.5 for rows, columns, aspect in cases)
    assert halves > 200
    expected = [
        list(displayed_size(Frame(np.zeros((rows, columns), np.uint8), pixel_aspect=aspect)))
        for rows, columns, aspect in cases
    ]
    visit(page, site)
    found = page.evaluate(
        """async (cases) => {
          const { displayedSize } = await import("/assets/web/viewer/camera.js");
          return cases.map(([rows, columns, aspect]) => displayedSize({ rows, columns, aspect }));
        }""",
        cases,
    )
    assert found == expected
