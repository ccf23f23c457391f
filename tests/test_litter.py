"""System files are passed over alike in folders, in ZIPs and on the page, dropped or chosen, without a word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from dicom import open_study
from dicom.litter import is_litter
from tests.dicom_files import make_stack, sandbox, zipped
from tests.page import PATIENCE, Room, browser_page
from tests.serving import Program

LITTER = [
    ".DS_Store", "._IM1", "folder/.DS_Store", "__MACOSX/folder/._IM1", "__MACOSX/IM1", "Thumbs.db", "thumbs.DB",
    "ehthumbs.db", "desktop.ini", "Desktop.ini", ".directory", "Icon\r", "@eaDir/IM1/SYNOPHOTO_THUMB_M.jpg",
    ".Spotlight-V100/store.db", ".Trashes/501/IM1", "$RECYCLE.BIN/S-1-5/IM1", "System Volume Information/x",
    "#recycle/IM1", "lost+found/IM1", "autorun.inf", "a\\Thumbs.db", ".hidden", ".git/config",
]  # fmt: skip
NO_LITTER = [
    "IM1", "IM.1", "folder/IM1", "thumbs.db.dcm", "Thumbs", "desktop", "icon", "MACOSX/IM1", "a/../IM1", "./IM1",
    "صورة", "IM1.", "eaDir/x", "recycle/x",
]  # fmt: skip
IMPORT = """names => import(performance.getEntriesByType("resource").find((one) => one.name.includes("litter.js")).name)
  .then((own) => names.map(own.isLitter))"""
STORE, DOUBLE = b"\0\0\0\1Bud1" + bytes(50), b"\0\5\x16\7\0\2\0\0" + bytes(50)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    running = Program(tmp_path_factory.mktemp("program") / "data")
    running.start()
    yield running
    running.stop()


@pytest.fixture
def page() -> Iterator[Page]:
    with browser_page() as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three slices as a Mac and a network disk leave them."""
    root = tmp_path / "study"
    for number, path in enumerate(make_stack(root, [0.0, 5.0, 10.0], Modality="CT")):
        path.rename(root / f"IM{number}")
        (root / f"._IM{number}").write_bytes(DOUBLE)
    thumbnail = root / "@eaDir" / "IM0"
    thumbnail.mkdir(parents=True)
    (thumbnail / "SYNOPHOTO_THUMB_M.jpg").write_bytes(b"\xff\xd8\xff no picture")
    (root / "__MACOSX").mkdir()
    (root / "__MACOSX" / "IM0").write_bytes(DOUBLE)
    for name in (".DS_Store", "Thumbs.db", "desktop.ini"):
        (root / name).write_bytes(STORE)
    return root


@pytest.mark.parametrize("name", LITTER)
def test_a_systems_own_file_is_known_by_its_name(name: str) -> None:
    assert is_litter(name)


@pytest.mark.parametrize("name", NO_LITTER)
def test_a_persons_file_is_not_taken_for_a_systems(name: str) -> None:
    assert not is_litter(name)


def test_a_folder_and_a_zip_of_it_give_the_slices_and_no_word_of_the_rest(folder: Path, tmp_path: Path) -> None:
    members = {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    archive = tmp_path / "study.zip"
    archive.write_bytes(zipped(members))
    for given in (folder, archive):
        with open_study([given], sandbox=sandbox()) as study:
            assert [len(series) for series in study.series] == [3]
            assert study.skipped == ()


def drop(page: Page, *paths: Path) -> None:
    """What the hand does with files and folders from another window."""
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": 700, "y": 300, "data": data})
        page.wait_for_timeout(100)  # a drop before the page has answered the drag is none to Chromium


@pytest.mark.parametrize("how", ["folder dropped", "files dropped", "files chosen"])
def test_the_page_reads_the_slices_and_shows_no_error(program: Program, page: Page, folder: Path, how: str) -> None:
    room = Room(page, program.url).open()
    files = sorted(path for path in folder.iterdir() if path.is_file())
    if how == "folder dropped":
        drop(page, folder)
    elif how == "files dropped":
        drop(page, *files)
    else:
        room.upload(*files)
    room.wait_for_image()
    expect(page.locator("#facts")).to_contain_text("3 slices", timeout=PATIENCE)
    expect(page.locator("#notice .notice")).to_be_hidden()


def test_both_languages_of_code_know_the_same_names_and_nothing_but_litter_is_said_in_passing(
    program: Program, page: Page, folder: Path
) -> None:
    room = Room(page, program.url).open()
    assert page.evaluate(IMPORT, LITTER + NO_LITTER) == [True] * len(LITTER) + [False] * len(NO_LITTER)
    room.upload(folder / ".DS_Store", folder / "Thumbs.db")
    expect(page.locator("#notice .notice")).to_contain_text("operating system")
    room.upload(folder / "IM1")
    room.wait_for_image()
    expect(page.locator("#notice .notice")).to_be_hidden()
