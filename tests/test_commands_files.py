"""`inspect` and `render`: what is said of files on a terminal, and the pictures made of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from pydicom.data import get_testdata_file

from app.__main__ import main

CT = str(get_testdata_file("CT_small.dcm"))


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BASIRA_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("BASIRA_LANG", "en")
    monkeypatch.setenv("COLUMNS", "80")


def test_inspect_says_what_a_file_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", CT]) == 0
    said = capsys.readouterr().out
    assert "CT" in said
    assert "128 × 128" in said


def test_inspect_warns_of_text_that_it_sees_whatever_the_tags_say(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    written = Image.new("RGB", (400, 300), "black")
    ImageDraw.Draw(written).text((10, 10), "MUSTERMANN, ERIKA 12.08.1964", fill="white", font_size=22)
    written.save(tmp_path / "screenshot.png")
    Image.new("RGB", (400, 300), "black").save(tmp_path / "dark.png")
    assert main(["inspect", str(tmp_path / "screenshot.png"), str(tmp_path / "dark.png")]) == 0
    screenshot, dark = capsys.readouterr().out.split("dark.png")
    assert "There may be text in the picture itself" in screenshot
    assert "text" not in dark
    assert main(["inspect", "--json", str(tmp_path / "screenshot.png")]) == 0
    assert json.loads(capsys.readouterr().out)["series"][0]["lines_of_text"] >= 1


def test_inspect_refuses_with_a_sentence_and_goes_on_to_the_next_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "letter.txt").write_text("Dear colleague,")
    assert main(["inspect", str(tmp_path / "letter.txt"), CT]) == 1
    said = capsys.readouterr().out
    assert "text, not an image" in said
    assert "CT ·" in said


def test_inspect_gives_programs_one_line_of_json_per_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "empty.dcm").touch()
    assert main(["inspect", "--json", CT, str(tmp_path / "empty.dcm")]) == 1
    good, bad = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (good["readable"], good["series"][0]["facts"]["modality"]) == (True, "CT")
    assert (bad["readable"], bad["error"]["class"]) == (False, "EmptyFile")
    assert bad["sentence"]
    assert "CompressedSamples" not in json.dumps(good)  # the patient's name in that file


def test_inspect_says_how_an_image_was_taken(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", CT]) == 0
    details = capsys.readouterr().out.splitlines()[2]
    assert "120 kV" in details
    assert "mm between pixels" in details


def test_a_window_may_have_a_negative_centre(tmp_path: Path) -> None:
    for typed in (["--window", "-600/1500"], ["--window=-600/1500"]):
        assert main(["render", *typed, "--out", str(tmp_path / "out"), CT]) == 0


def test_render_writes_a_picture_of_the_files_own_size(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["render", "--window", "40/400", "--out", str(tmp_path / "out"), CT]) == 0
    written = Path(capsys.readouterr().out.strip())
    assert written == tmp_path / "out" / "CT_small.dcm.png"
    with Image.open(written) as image:
        assert (image.size, image.mode) == ((128, 128), "L")
