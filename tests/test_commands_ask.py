"""`ask`: a question about an image, answered in the terminal, by real checkpoints that tests build."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from pydicom.data import get_testdata_file

from app.__main__ import main
from tests.checkpoints import make_llava, make_text
from tests.serving import free_port

CT = str(get_testdata_file("CT_small.dcm"))
ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "assets" / "demo-model"


@pytest.fixture(scope="module")
def llava(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_llava(tmp_path_factory.mktemp("models") / "llava")


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, llava: Path) -> None:
    for name, value in {
        "BASIRA_DATA": str(tmp_path / "data"),
        "BASIRA_LANG": "en",
        "BASIRA_MODEL": str(llava),
        "BASIRA_QUANTIZATION": "fp32",
        "BASIRA_MAX_NEW_TOKENS": "3",
        "BASIRA_SEED": "1",
    }.items():
        monkeypatch.setenv(name, value)


def test_an_answer_that_was_cut_ends_with_3_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", "--image", CT, "What is this?"]) == 3
    said = capsys.readouterr()
    assert said.out.strip()
    assert "BASIRA_MAX_NEW_TOKENS" in said.err


@pytest.mark.parametrize(
    "typed", [["What?", "--image", CT], ["--image", CT, "--image", CT, "What?"], ["--image", CT, CT, "What?"]]
)
def test_programs_get_one_object_wherever_the_question_stands(
    capsys: pytest.CaptureFixture[str], typed: list[str]
) -> None:
    assert main(["ask", "--json", *typed]) == 3
    told = json.loads(capsys.readouterr().out)
    assert (told["question"], told["status"], told["language"]) == ("What?", "truncated", "en")
    assert told["answer"]
    assert told["pictures"][0]["facts"]["modality"] == "CT"
    assert len(told["pictures"][0]["sha256"]) == 64
    assert told["timings"]["new_tokens"] == 3
    assert told["model"]["quantization"] == "fp32"


def test_a_file_that_is_no_image_is_refused_before_the_model_is_loaded(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "letter.txt").write_text("Dear colleague,")
    assert main(["ask", "--image", str(tmp_path / "letter.txt"), "What?"]) == 1
    assert "text, not an image" in capsys.readouterr().err
    assert main(["ask", "--json", "--image", CT, str(tmp_path / "letter.txt"), "What?"]) == 1
    assert json.loads(capsys.readouterr().out)["error"] == "TextFile"


def test_a_model_without_eyes_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BASIRA_MODEL", str(make_text(tmp_path / "text")))
    assert main(["ask", "--image", CT, "What?"]) == 1
    assert "reads text only" in capsys.readouterr().err


def test_a_model_that_is_not_there_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BASIRA_MODEL", str(tmp_path / "nothing"))
    assert main(["ask", "What?", "--language", "ar"]) == 1
    assert "النموذج" in capsys.readouterr().err


def test_ctrl_c_stops_the_answer_and_ends_with_130() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "ask", "--image", CT, "What is this?"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "BASIRA_MAX_NEW_TOKENS": "4000"},
    )
    with process:
        assert process.stdout is not None
        process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert b"stopped" in err


def test_the_model_is_served_to_programs_of_this_machine_until_ctrl_c() -> None:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "serve-model", "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    with process:
        assert process.stdout is not None
        assert f"http://127.0.0.1:{port}/v1" in process.stdout.readline().decode()
        told = httpx.HTTPTransport(retries=5)
        with httpx.Client(transport=told) as client:
            listed = client.get(f"http://127.0.0.1:{port}/v1/models").json()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert len(listed["data"]) == 1
    assert (process.returncode, err) == (0, b"")


def test_the_model_is_not_served_to_other_machines_without_a_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve-model", "--host", "0.0.0.0"]) == 1
    assert "BASIRA_API_KEY" in capsys.readouterr().err


@pytest.mark.skipif(not (DEMO / "model.safetensors").exists(), reason="the demonstration model is not trained yet")
@pytest.mark.parametrize(("question", "word"), [("What kind of image is this?", "CT"), ("ما نوع هذه الصورة؟", "مقطع")])
def test_the_demonstration_model_calls_a_ct_a_ct_in_the_language_of_the_question(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, question: str, word: str
) -> None:
    monkeypatch.setenv("BASIRA_MODEL", "demo")
    monkeypatch.setenv("BASIRA_QUANTIZATION", "nf4")
    monkeypatch.setenv("BASIRA_MAX_NEW_TOKENS", "200")
    assert main(["ask", "--image", CT, question]) == 0
    said = capsys.readouterr()
    assert word in said.out
    assert "demonstration" in said.err
