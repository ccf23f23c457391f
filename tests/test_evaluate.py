"""A file of questions: answered in batches, in any state of its images, and taken up again where it was left."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pydicom.data import get_testdata_file

from app.__main__ import main
from app.evaluate import Count, MalformedQuestions, Run, answered_before, read_questions
from dicom import Limits
from model import Sampling, open_engine
from tests.checkpoints import make_llava


@pytest.fixture(scope="module")
def llava(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_llava(tmp_path_factory.mktemp("models") / "llava")


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    """Questions in the form of BiMed-MBench, and the images of all but one."""
    images = tmp_path / "images"
    images.mkdir()
    shutil.copyfile(str(get_testdata_file("CT_small.dcm")), images / "ct.dcm")
    Image.new("L", (40, 30), 90).save(images / "gross.png")
    (images / "letter.txt").write_text("Dear colleague,")
    rows: list[dict[str, Any]] = [
        {"question_id": 1, "image": "ct.dcm", "text": "What is this?", "type": "detail", "gpt4_answer": "A CT."},
        {"question_id": 2, "image": "gross.png", "text": "ما هذا؟", "type": "conversation"},
        {"question_id": 3, "text": "What is a CT?"},
        {"question_id": 4, "image": "gone.png", "text": "What is this?"},
        {"question_id": 5, "image": "letter.txt", "text": "What is this?"},
        {"question_id": 6, "image": "../questions.jsonl", "text": "What is this?"},
    ]
    path = tmp_path / "questions.jsonl"
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n", encoding="utf-8")
    return path


def answers(path: Path) -> dict[int, dict[str, Any]]:
    return {line["question_id"]: line for line in map(json.loads, path.read_text(encoding="utf-8").split("\n")[:-1])}


def test_every_row_has_its_answer_or_its_reason_and_a_second_run_asks_only_what_failed(
    llava: Path, bench: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {
        "BASIRA_DATA": str(bench.parent / "data"),
        "BASIRA_LANG": "en",
        "BASIRA_MODEL": str(llava),
        "BASIRA_QUANTIZATION": "fp32",
        "BASIRA_MAX_NEW_TOKENS": "3",
    }.items():
        monkeypatch.setenv(name, value)
    typed = ["evaluate", "--questions", str(bench), "--images", str(bench.parent / "images")]
    assert main(typed) == 4
    out = bench.with_suffix(".answers.jsonl")
    found = answers(out)
    assert {key: found[key]["status"] for key in range(1, 7)} == {
        1: "truncated",
        2: "truncated",
        3: "truncated",
        4: "refused",
        5: "refused",
        6: "refused",
    }
    assert [found[key]["error"] for key in (4, 5, 6)] == ["ImageMissing", "TextFile", "ImageMissing"]
    assert (found[1]["type"], found[1]["gpt4_answer"], found[1]["language"]) == ("detail", "A CT.", "en")
    assert (found[2]["language"], len(found[2]["pictures"]), found[3]["pictures"]) == ("ar", 1, [])
    assert found[1]["timings"]["new_tokens"] == 3

    shutil.copyfile(bench.parent / "images" / "gross.png", bench.parent / "images" / "gone.png")
    before = out.read_text(encoding="utf-8")
    assert main(typed) == 4
    added = out.read_text(encoding="utf-8").removeprefix(before).splitlines()
    assert sorted(json.loads(line)["question_id"] for line in added) == [4, 5, 6]
    assert answers(out)[4]["status"] == "truncated"
    assert "3 before" in capsys.readouterr().out


def test_a_stopped_run_keeps_what_was_whole_and_asks_the_rest_later(llava: Path, tmp_path: Path) -> None:
    questions, out, cancel = tmp_path / "q.jsonl", tmp_path / "a.jsonl", threading.Event()
    questions.write_text("\n".join(json.dumps({"question_id": n, "text": f"Question {n}?"}) for n in range(12)))
    rows = read_questions(questions)
    engine = open_engine(str(llava), quantization="fp32", check=False)

    def stop_after_two(count: Count) -> None:
        if count.answered == 2:
            cancel.set()

    try:
        run = Run(engine, tmp_path, Sampling(temperature=0, max_new_tokens=4), Limits(), readers=2)
        stopped = run.answer(rows, out, stop_after_two, cancel)
        assert 2 <= stopped.answered < 12
        with out.open("a") as file:
            file.write('{"question_id": 11, "status": "compl')  # as a kill leaves it
        whole = run.answer(rows, out, lambda count: None, threading.Event())
    finally:
        engine.close()
    assert whole == Count(12 - stopped.answered, stopped.answered, 0, 12)
    assert answered_before(out) == {str(n) for n in range(12)}


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        "[]",
        "{}",
        '{"text": " "}',
        '{"text": 3}',
        '{"text": "q", "image": [1]}',
        '{"question_id": 1, "text": "q"}',
    ],
)
def test_a_line_that_is_no_question_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "q.jsonl").write_text('{"question_id": 1, "text": "first"}\n\n' + line + "\n")
    with pytest.raises(MalformedQuestions) as refusal:
        read_questions(tmp_path / "q.jsonl")
    assert refusal.value.line == 3


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85"])
def test_a_character_that_only_looks_like_the_end_of_a_line_stays_in_its_question(
    tmp_path: Path, separator: str
) -> None:
    text = f"First line{separator}second line"
    path, out = tmp_path / "questions.jsonl", tmp_path / "answers.jsonl"
    line = json.dumps({"question_id": 1, "text": text}, ensure_ascii=False)
    answer = json.dumps({"question_id": 1, "answer": text, "status": "complete"}, ensure_ascii=False)
    path.write_text(line + "\r\n" + json.dumps({"question_id": 2, "text": "And this?"}) + "\r\n", encoding="utf-8")
    assert [row.text for row in read_questions(path)] == [text, "And this?"]
    out.write_text(answer + "\n", encoding="utf-8")
    assert answered_before(out) == {"1"}
