"""The viewer's small parts: scale bar, labels, icons, fonts, colours."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.viewer_page.screen import (
    show,
    visit,
)
from tests.viewer_page.server import ROOT, Site, words

pytest_plugins = ["tests.viewer_page.fixtures"]


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
    own = {key for key in english if key.startswith("viewer-")}
    assert {key for key in own if f'"{key}"' not in scripts} <= composed


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
