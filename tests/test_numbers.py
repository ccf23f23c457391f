"""Numbers as they are written: the same in both languages of code, everywhere, and never rounded to nothing."""

from __future__ import annotations

import math
import random
import re
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import Page, expect

from app.captions import caption, view_words
from app.numbers import written
from app.told import prompt
from app.view import view_from
from dicom import Facts
from tests.viewer_page.screen import show, visit
from tests.viewer_page.server import ROOT, Site

pytest_plugins = ["tests.viewer_page.fixtures"]

TABLE = {
    0.0: "0",
    40.0: "40",
    -450.0: "-450",
    1.25: "1.25",
    5.0: "5",
    0.625: "0.625",
    0.4882812: "0.488",
    0.000527: "0.000527",
    -0.0005274: "-0.000527",
    80.25: "80.3",
    1.125: "1.13",  # halves go away from zero in both languages
    -1.125: "-1.13",
    100.5: "101",
    2.5e-7: "2.5e-7",
    9.999e-7: "1e-6",
    0.000001: "0.000001",
    999.5: "1000",
    9.999: "10",
    0.09996: "0.1",
    12345.6: "12346",
    1646.25: "1646",
    1e15: "1e15",
    -3.25e38: "-3.25e38",
    5e-324: "4.94e-324",
    math.nan: "",
    math.inf: "",
}
IMPORT = "numbers => import('/assets/web/viewer/numbers.js').then((own) => numbers.map((one) => own.written(one)))"


@pytest.mark.parametrize(("value", "text"), TABLE.items())
def test_a_number_has_three_significant_figures_and_all_its_whole_digits(value: float, text: str) -> None:
    assert written(value) == text


@given(st.floats(min_value=-1e300, max_value=1e300, allow_subnormal=False))
def test_a_written_number_is_the_number_to_half_of_its_last_figure(value: float) -> None:
    text = written(value)
    assert re.fullmatch(r"-?\d+(\.\d*[1-9])?(e-?\d+)?", text)
    assert math.isclose(float(text), value, rel_tol=0.00501, abs_tol=0)
    assert (float(text) == 0) == (value == 0)


def test_the_page_writes_numbers_exactly_as_the_program_does(page: Page, site: Site) -> None:
    visit(page, site)
    chance = random.Random(5)
    values = [value for value in TABLE if math.isfinite(value)]
    values += [chance.choice((1, -1)) * 10 ** chance.uniform(-12, 18) for _ in range(500)]
    values += [chance.randrange(-(10**5), 10**5) / 2 ** chance.randrange(12) for _ in range(2000)]  # with exact halves
    values += [-0.0]
    values += [v for (v,) in struct.iter_unpack("<d", chance.randbytes(8000)) if math.isfinite(v)]
    assert page.evaluate(IMPORT, values) == [written(value) for value in values]


SMALL = {"series": "0" * 32, "frame": 0, "center": 0.0002635, "width": 0.000527, "function": "LINEAR_EXACT"}


def test_a_narrow_window_is_told_and_shown_with_its_figures_everywhere(page: Page, site: Site) -> None:
    view = view_from(SMALL)
    assert "W 0.000527 L 0.000264" in view_words(view, 1)["en"]
    assert "0.000527" in view_words(view, 1)["ar"]
    assert "0.000527" in prompt("?", [(Facts(), view)], "en")
    visit(page, site)
    show(page, "ct")
    corner = "look => import('/assets/web/viewer/corners.js').then((own) => { const corners = new own.Corners(String);"
    corner += "corners.show({ look, table: null, frame: 0, frames: 1, edges: [], millimetresPerPixel: NaN });"
    corner += "corners.showValue(-0.0125, 'SUV'); return [corners.window.textContent, corners.value.textContent]; })"
    assert page.evaluate(corner, {"center": -0.0002635, "width": 0.000527}) == [
        "W 0.000527\nL −0.000264",
        "−0.0125 SUV",
    ]
    expect(page.locator("[data-corner=window]")).to_contain_text("W ")


def test_no_number_that_is_read_is_cut_to_a_fixed_count_of_decimals() -> None:
    python = {p: p.read_text(encoding="utf-8") for p in (ROOT / "app").rglob("*.py") if p.name != "numbers.py"}
    scripts = {p: p.read_text(encoding="utf-8") for p in (ROOT / "assets/web").rglob("*.js") if p.name != "numbers.js"}
    cut = r"\.(toFixed|toLocaleString|toExponential)\("
    assert [p.name for p, text in python.items() if re.search(r":[\d,.]*\.\d+[fge]\}|:g\}", text)] == ["settings.py"]
    assert [p.name for p, text in scripts.items() if re.search(cut, text)] == []


def test_a_caption_gives_a_thickness_with_its_figures() -> None:
    assert "1.25 mm" in caption(Facts(modality="CT", slice_thickness_mm=1.25))["en"]
    assert "0.003 mm" in caption(Facts(modality="CT", slice_thickness_mm=0.003))["en"]
