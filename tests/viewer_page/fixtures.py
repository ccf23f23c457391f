"""A browser, a site with the series of `series.py`, and pages on it, for the tests of the viewer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Page

from tests.viewer_page.browser import chromium
from tests.viewer_page.screen import visit
from tests.viewer_page.series import (
    every_value,
    frames_of,
    large,
    loop,
    offered,
    own_windows,
    some_with_tables,
    stack,
    two_depths,
    variations,
)
from tests.viewer_page.server import Shown, Site, serve


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def shared_site() -> Iterator[Site]:
    narrow = replace(frames_of("MR_small.dcm")[0], pixel_aspect=1.5)
    series = [
        stack(),
        *(Shown(name, [frame], presets=offered(frame)) for name, frame in variations().items()),
        *(Shown(name, [frame], presets=offered(frame)) for name, frame in every_value().items()),
        some_with_tables(),
        own_windows(),
        two_depths(),
        loop(40, 40, 300, 40, 40),
        large(),
        Shown("narrow", [narrow]),
    ]
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


@pytest.fixture
def phone(browser: Browser, site: Site) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": 390, "height": 560}, has_touch=True, is_mobile=True, device_scale_factor=2
    )
    yield visit(context.new_page(), site, "ar")
    context.close()
