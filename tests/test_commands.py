"""The command line as an operator meets it: help, misuse, files, the record, the doctor, the address."""

from __future__ import annotations

import io
import json
import os
import re
import socket
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image
from pydicom.data import get_testdata_file

from app.__main__ import main
from app.address import is_loopback, url
from app.commands.help import SYNTAX
from app.commands.parser import COMMANDS, parse
from dicom import fingerprint
from model import known_checkpoints
from storage import Store
from tests.record_builder import answered, picture
from tests.serving import free_port

CT = str(get_testdata_file("CT_small.dcm"))
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BASIRA_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("BASIRA_LANG", "en")
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize("options", [[], ["--shape"]])
@pytest.mark.parametrize("code", ["en", "ar"])
def test_help_explains_every_command_on_one_screen(
    capsys: pytest.CaptureFixture[str], code: str, options: list[str]
) -> None:
    assert main(["--help", "--language", code, *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 24
    assert max(len(line) for line in lines) <= 80 or code == "ar"
    for command in COMMANDS:
        assert any(re.match(rf"\s*{command}\b", line) for line in lines), command


def test_every_command_has_its_help_and_its_code() -> None:
    import importlib

    assert SYNTAX.keys() == COMMANDS.keys()
    for command, (module, _) in COMMANDS.items():
        assert callable(getattr(importlib.import_module(module), "run_" + command.replace("-", "_")))


def test_without_a_command_the_page_is_served() -> None:
    assert parse([]).command == "serve"


@pytest.mark.parametrize(
    ("typed", "named"),
    [
        (["doctr"], "doctor"),
        (["dance"], "dance"),
        (["inspect"], "FILE"),
        (["inspect", "/no/such/file"], "/no/such/file"),
        (["inspect", "x" * 300], "xxx"),
        (["inspect", "--colour", CT], "--colour"),
        (["render", CT], "--out"),
        (["render", "--out"], "--out"),
        (["render", "--out", "x", "--frame", "one", CT], "--frame"),
        (["ask"], "question"),
        (["ask", "--image", CT], "question"),
        (["ask", "--image", CT, CT], "question"),
        (["ask", "--image", "/no/such/file", "What is it?"], "/no/such/file"),
        (["ask", "--image", "/no/such/file", "What is it? " * 40], "/no/such/file"),
        (["ask", "--image", "x" * 300, "What is it?"], "xxx"),
        (["--language", "fr"], "--language"),
        (["convert", "one"], "FOLDER"),
        (["evaluate"], "--questions"),
    ],
)
def test_misuse_is_explained_and_ends_with_2(capsys: pytest.CaptureFixture[str], typed: list[str], named: str) -> None:
    assert main(typed) == 2
    said = capsys.readouterr()
    assert named in said.err
    assert "--help" in said.err
    assert said.out == ""


def test_misuse_is_explained_in_arabic_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctr", "--language", "ar"]) == 2
    assert "doctor" in (said := capsys.readouterr().err)
    assert "هل تقصد" in said


def test_a_setting_that_does_not_exist_ends_every_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BASIRA_PROT", "1")
    assert main(["models"]) == 2
    assert "BASIRA_PORT" in capsys.readouterr().err


def test_settings_lists_every_variable_with_its_value(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BASIRA_PORT", "8123")
    monkeypatch.setenv("BASIRA_MODEL_KEY", "hunter2")
    assert main(["settings"]) == 0
    said = capsys.readouterr().out
    assert "BASIRA_PORT=8123" in said
    assert "default: 7860" in said
    assert "hunter2" not in said


def test_export_writes_a_line_per_turn_and_the_pictures_beside_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with Store(tmp_path / "data") as store:
        conversation = store.start_conversation("local", language="ar").id
        answered(store, "local", conversation, "ما هذا؟", "صورة", pictures=[picture(b"png bytes")])
    assert main(["export"]) == 0
    line = json.loads(capsys.readouterr().out)
    assert (line["question"], line["status"]) == ("ما هذا؟", "complete")

    out, pictures = tmp_path / "out.jsonl", tmp_path / "pictures"
    assert main(["export", "--out", str(out), "--pictures", str(pictures)]) == 0
    assert "One turn" in capsys.readouterr().out
    assert json.loads(out.read_text(encoding="utf-8")) == line
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert (pictures / f"{line['pictures'][0]['png_sha256']}.png").read_bytes() == b"png bytes"


def test_export_says_why_it_cannot_write(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    Store(tmp_path / "data").close()
    for target in (tmp_path / "no" / "folder" / "x", tmp_path / "data"):
        assert main(["export", "--out", str(target)]) == 1
        said = capsys.readouterr().err
        assert "cannot be written" in said
        assert str(target) in said


@pytest.mark.parametrize("code", ["en", "ar"])
def test_export_from_a_folder_without_a_record_says_so_and_makes_none(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, code: str
) -> None:
    out = tmp_path / "out.jsonl"
    out.write_text("an earlier export")
    assert main(["export", "--out", str(out), "--language", code]) == 1
    assert str(tmp_path / "data") in capsys.readouterr().err
    assert not (tmp_path / "data").exists()
    assert out.read_text() == "an earlier export"


def test_an_export_that_fails_leaves_the_earlier_one_whole(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out, pictures = tmp_path / "out.jsonl", tmp_path / "pictures"
    out.write_text("an earlier export")
    with Store(tmp_path / "data") as store:
        conversation = store.start_conversation("local", language="en").id
        turn = answered(store, "local", conversation, "q", "a", pictures=[picture(b"png bytes")])
    blob = turn.pictures[0].blob
    (tmp_path / "data" / "blobs" / blob[:2] / blob).unlink()
    assert main(["export", "--out", str(out), "--pictures", str(pictures)]) == 1
    assert "damaged" in capsys.readouterr().err
    assert out.read_text() == "an earlier export"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "out.jsonl", "pictures"]
    assert list(pictures.iterdir()) == []


def test_an_export_replaces_the_earlier_one_where_a_link_points_and_keeps_it_private(tmp_path: Path) -> None:
    Store(tmp_path / "data").close()
    kept, link = tmp_path / "kept.jsonl", tmp_path / "latest.jsonl"
    kept.write_text("an earlier export")
    link.symlink_to(kept)
    assert main(["export", "--out", str(link)]) == 0
    assert link.is_symlink()
    assert kept.read_text() == ""
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert main(["export", "--out", "/dev/null"]) == 0
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_a_data_folder_that_cannot_be_made_is_told_in_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("BASIRA_DATA", str(tmp_path / "file" / "data"))
    monkeypatch.setenv("BASIRA_PORT", str(free_port()))
    assert main(["serve"]) == 1
    assert "data folder cannot be made" in capsys.readouterr().err


def run_app(*typed: str, flags: Sequence[str] = (), **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, *flags, "-m", "app", *typed]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, check=False)


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "utf-8"])
def test_a_terminal_without_arabic_letters_still_gets_its_words(encoding: str) -> None:
    for code in ("en", "ar"):
        done = run_app("--help", "--language", code, PYTHONIOENCODING=encoding)
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"BASIRA_DATA" in done.stdout


def test_programs_lose_no_letter_whatever_the_encoding(tmp_path: Path) -> None:
    with Store(tmp_path / "data") as store:
        conversation = store.start_conversation("local", language="ar").id
        answered(store, "local", conversation, "ما هذا؟", "صورة")
    for encoding in ("latin-1", "utf-8"):
        line = json.loads(run_app("export", PYTHONIOENCODING=encoding).stdout.decode(encoding))
        assert (line["question"], line["answer"]) == ("ما هذا؟", "صورة")


@pytest.mark.parametrize(("code", "word"), [("en", "installs"), ("ar", "يثبّت")])
def test_a_python_without_the_libraries_is_told_in_a_sentence_where_they_are(code: str, word: str) -> None:
    done = run_app("--help", flags=["-S"], BASIRA_LANG=code)  # -S: without the installed packages
    assert (done.returncode, done.stdout) == (1, b"")
    said = done.stderr.decode()
    assert word in said
    assert "make run" in said
    assert ".venv/bin/python -m app" in said
    assert len(said.splitlines()) == 1


def test_an_error_nobody_foresaw_ends_with_4_and_repeats_nothing(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    Store(tmp_path / "data").close()
    with sqlite3.connect(tmp_path / "data" / "basira.sqlite3") as other:
        other.execute("ALTER TABLE conversations RENAME TO secret")
    other.close()
    assert main(["export"]) == 4
    said = capsys.readouterr()
    assert "Something went wrong" in said.err
    assert "OperationalError" in caplog.text
    assert "no such table" not in caplog.text + said.err + said.out


def test_models_lists_what_is_known_and_what_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    said = capsys.readouterr().out
    assert "MBZUAI/BiMediX2-8B-hf" in said
    assert "refused" in said
    entry = said.partition("google/medgemma-4b-it\n")[2].partition("google/medgemma-1.5-4b-it")[0]
    for word in ("form of gemma", "temperature 0\n", "max_new_tokens 1024", "HF_TOKEN", "never runs in float16"):
        assert word in entry, word
    assert main(["models", "--json"]) == 0
    assert all("id" in json.loads(line) for line in capsys.readouterr().out.splitlines())


def test_all_that_is_known_of_a_checkpoint_can_be_said_in_both_languages(capsys: pytest.CaptureFixture[str]) -> None:
    for code in ("en", "ar"):
        assert main(["models", "--language", code]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert sum("HF_TOKEN" in line for line in lines) == sum(known.gated for known in known_checkpoints())
        extra = sum(bool(one.boxes) + bool(one.sampling) + one.gated + len(one.notes) for one in known_checkpoints())
        assert len(lines) == 2 * len(known_checkpoints()) + extra


def test_the_doctor_finds_what_is_there_and_says_what_is_wrong(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BASIRA_MODEL", str(tmp_path / "no-model"))
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    for found in ("Python", "PyTorch", "bitsandbytes", "Model", "Record", "Fonts", "IBM Plex", "GB"):
        assert found in said
    assert "The model was not found" in said


def test_the_doctor_tells_programs_and_verifies_the_record(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BASIRA_MODEL", "openai:http://127.0.0.1:1/v1#none")
    with Store(tmp_path / "data") as store:
        conversation = store.start_conversation("local", language="en").id
        image = Image.new("L", (8, 8), 7)
        image.save(png := io.BytesIO(), "PNG")
        shown = picture(png.getvalue(), sha256=fingerprint(image))
        turn = answered(store, "local", conversation, "q", "a", pictures=[shown])
    assert main(["doctor", "--verify", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["well"] is True

    blob = turn.pictures[0].blob
    (tmp_path / "data" / "blobs" / blob[:2] / blob).write_bytes(b"changed")
    assert main(["doctor", "--verify", "--json"]) == 1
    problems = [f["problem"] for f in json.loads(capsys.readouterr().out)["findings"] if "problem" in f]
    assert any("damaged" in problem for problem in problems)


def test_a_port_in_use_is_named_with_the_way_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        monkeypatch.setenv("BASIRA_PORT", str(port))
        assert main([]) == 1
    said = capsys.readouterr().err
    assert str(port) in said
    assert "BASIRA_PORT=" in said


def test_an_address_of_another_machine_cannot_be_listened_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BASIRA_HOST", "192.0.2.1")  # RFC 5737: documentation only
    assert main([]) == 1
    assert "192.0.2.1" in capsys.readouterr().err


@pytest.mark.parametrize("host", ["no such name", "a..b"])
def test_a_name_that_is_none_cannot_be_listened_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("BASIRA_HOST", host)
    assert main([]) == 1
    assert host in capsys.readouterr().err


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1", "http://127.0.0.1:7860"),
        ("localhost", "http://localhost:7860"),
        ("0.0.0.0", "http://127.0.0.1:7860"),
        ("0", "http://127.0.0.1:7860"),
        ("::1", "http://[::1]:7860"),
        ("::", "http://[::1]:7860"),
        ("2001:db8::7", "http://[2001:db8::7]:7860"),
        ("reading-room.invalid", "http://reading-room.invalid:7860"),
    ],
)
def test_the_address_announced_is_one_a_browser_understands(host: str, shown: str) -> None:
    assert url(host, 7860) == shown


def test_only_the_loopback_is_this_machines_alone() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.0.0.2", "::1", "localhost", "LOCALHOST")))
    assert not any(map(is_loopback, ("0.0.0.0", "0", "::", "192.0.2.1", "reading-room.invalid", "")))
