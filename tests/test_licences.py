"""Licences: what is installed by default is free of surprises, and the document says what is installed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools.licences import ALLOWED, DOCUMENT, PINNED, Package, installed_packages

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = list(installed_packages())


def name(package: Package) -> str:
    return package.name


@pytest.mark.parametrize("package", PACKAGES, ids=name)
def test_every_library_has_a_licence_that_was_weighed(package: Package) -> None:
    assert package.asked, "its metadata names none"
    assert [names for names in package.asked if not names & ALLOWED.keys()] == []


def test_no_licence_that_was_weighed_is_the_gpl() -> None:
    assert [licence for licence in ALLOWED if re.match(r"A?GPL", licence)] == []


@pytest.mark.parametrize("package", PACKAGES, ids=name)
def test_the_document_lists_every_library_with_its_version_and_licence(package: Package) -> None:
    assert f"| {package.name} | {package.version} | {package.licence} | {package.purpose} |" in DOCUMENT.read_text()


def test_the_document_lists_nothing_that_is_not_installed() -> None:
    pinned = {name for path in PINNED for name in re.findall(r"(?m)^([\w.-]+)==", path.read_text())}
    assert set(re.findall(r"(?m)^\| ([\w.-]+) \| \d", DOCUMENT.read_text())) <= pinned


def test_the_repository_says_under_which_licence_it_and_its_assets_are() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text()
    notice = (ROOT / "NOTICE").read_text()
    for folder in ("fonts", "icons", "demo-model", "samples"):
        assert f"assets/{folder}" in notice
        assert (ROOT / "assets" / folder).is_dir()


@pytest.mark.parametrize("path", sorted((ROOT / "dicom").glob("*.py")), ids=lambda path: path.name)
def test_pixels_are_decoded_without_the_gpl_decoder(path: Path) -> None:
    assert not re.search(r"(?m)^\s*(from|import) libjpeg", path.read_text(encoding="utf-8"))
