"""The main job, the viewer's pixels and what is cut, in Firefox and in WebKit. Chromium has all tests of the page."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.dicom_files import make_dicom
from tests.other_browsers import NAMES, Browser, is_installed, open_browser
from tests.serving import Program
from tests.viewer_page.screen import BYTES, PAINTED, rendered
from tests.viewer_page.series import offered, variations
from tests.viewer_page.server import Shown, serve

QUESTION = {"en": "What kind of image is this?", "ar": "ما نوع هذه الصورة؟"}
ANSWER = "return document.querySelector('article.turn .answer-text').innerText"
# A scroll bar inside the field takes its line: Firefox drew one for Arabic, and the words were gone.
BOX = "const box = document.querySelector('#question textarea'); return [box.clientHeight, box.offsetHeight]"
CUT_WITHOUT_A_SIGN = """
const clips = (e) => getComputedStyle(e).overflowX !== 'visible';
const cut = (e) => e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1;
const dotted = (e) => e.tagName !== 'BUTTON' && getComputedStyle(e).textOverflow === 'ellipsis';
const sign = (e) => dotted(e) || getComputedStyle(e, '::after').content.includes('…');
return [...document.querySelectorAll('.shelf-item *')].filter((e) => clips(e) && cut(e) && !sign(e))
  .map((e) => e.textContent)"""
LONG = " and what else could it be, seen from here and from there?"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    running = Program(tmp_path_factory.mktemp("other") / "data")
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module", params=NAMES)
def browser(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if not is_installed(request.param):
        pytest.skip(f"{request.param} is not installed: tools/browsers.sh names what brings it")
    with open_browser(request.param, tmp_path_factory.mktemp(request.param)) as opened:
        opened.resize(1440, 900)
        yield opened


@pytest.mark.parametrize("code", ["ar", "en"])
def test_an_image_is_opened_asked_about_and_found_again(
    browser: Browser, program: Program, code: str, tmp_path: Path
) -> None:
    browser.go(f"{program.url}/")
    browser.until("return window.basira !== undefined && document.querySelector('#question textarea') !== null")
    browser.run("document.querySelector(`#language input[value=${arguments[0]}]`).click()", code)
    browser.until("return document.documentElement.lang === arguments[0]", code)
    browser.type("#upload input[type=file]", str(make_dicom(tmp_path / "scan.dcm")))
    browser.until("return document.querySelector('.place-seen img:not([hidden])') !== null", what="the image")
    browser.until("return document.querySelector('.reading-progress').hidden", what="the image in the record")

    shown = [browser.run(BOX)]
    browser.type("#question textarea", QUESTION[code] + (LONG if code == "en" else ""))
    shown.append(browser.run(BOX))
    browser.click("#send")
    browser.until("return document.querySelector('article.turn') !== null", what="the turn")
    shown.append(browser.run(BOX))
    browser.until("return document.querySelector('article.turn footer.about') !== null", what="the answer's end")
    shown.append(browser.run(BOX))
    said = browser.until(ANSWER, what="the answer")
    assert bool(re.search("[\u0621-\u064a]", said)) == (code == "ar"), said
    assert all(inner >= 18 and outer - inner <= 2 for inner, outer in shown), shown
    assert browser.run(CUT_WITHOUT_A_SIGN) == []

    browser.reload()
    browser.until("return document.querySelector('article.turn footer.about') !== null", what="the turn, again")


def test_the_canvas_holds_the_very_bytes_that_render_gives(browser: Browser) -> None:
    frames = variations()
    with serve([Shown(name, [frame], presets=offered(frame)) for name, frame in frames.items()]) as site:
        browser.go(f"{site.url}/?lang=en")
        browser.until("return document.querySelector('html[data-ready]') !== null")
        for name, frame in frames.items():
            browser.run("viewer.show(series.find((one) => one.id === arguments[0]), {})", name)
            browser.until(f"return ({PAINTED})()", what=name)
            width, height, text = browser.run(f"return ({BYTES})()")
            painted = np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 3)
            np.testing.assert_array_equal(painted, rendered(frame, None), err_msg=name)
