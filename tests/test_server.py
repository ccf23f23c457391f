"""The whole application without a browser: what it serves, what it writes to its log, where uploads lie meanwhile."""

from __future__ import annotations

import io
import logging
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.testclient import TestClient

from app.failures import Failures, WithoutMessages, quiet_threads
from app.guard import Guard
from app.loading import LoadingEngine
from app.temporary import private_folder
from model import Engine
from tests.serving import Program

ROOT = Path(__file__).resolve().parents[1]
SECRET = "MUSTERMANN^ERIKA"


def broken(progress: object) -> Engine:
    raise ValueError(SECRET)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    data = tmp_path_factory.mktemp("server") / "data"
    running = Program(data, {"BASIRA_MODEL": "openai:http://127.0.0.1:9/v1#none"})
    running.start()
    yield running
    running.stop()
    assert list((data / "temporary").iterdir()) == []


def test_the_page_does_not_speak_for_gradio(program: Program) -> None:
    with httpx.Client() as client:
        page = client.get(program.url)
    assert page.status_code == 200
    assert not re.search("og:|twitter|githubusercontent|Click to try", page.text)
    assert '<meta charset="utf-8" />' in page.text, "only those tags are gone"
    assert "gradio_config" in page.text


def test_what_a_page_sends_stays_out_of_the_log_even_if_gradio_stumbles_over_it(program: Program) -> None:
    with httpx.Client(base_url=f"{program.url}/gradio_api", timeout=60) as client:
        for event in range(30):
            asked = {"fn_index": event, "data": [SECRET], "session_hash": f"session{event}"}
            if client.post("/queue/join", json=asked).status_code == 200:
                with client.stream("GET", "/queue/data", params={"session_hash": f"session{event}"}) as events:
                    assert any("process_completed" in line for line in events.iter_lines())
    assert "an unexpected" in program.log
    assert SECRET not in program.log


def test_an_error_nobody_foresaw_is_a_sentence_for_the_reader_and_a_place_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(_: object) -> NoReturn:
        raise ValueError(SECRET)

    guarded = [Middleware(Guard, host="127.0.0.1"), Middleware(Failures)]
    application = Starlette(routes=[Route("/broken", fail)], middleware=guarded)
    with TestClient(application, base_url="http://127.0.0.1") as client:
        answer = client.get("/broken")
    assert answer.status_code == 500
    assert set(answer.json()["sentence"]) == {"en", "ar"}
    assert answer.headers["x-content-type-options"] == "nosniff", "a failure is guarded as everything else"
    assert "ValueError" in caplog.text
    assert "test_server.py" in caplog.text
    assert SECRET not in caplog.text + answer.text


def test_a_model_that_cannot_be_loaded_leaves_its_class_and_place_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    engine = LoadingEngine(broken)
    engine.start()
    with pytest.raises(ValueError, match="MUSTERMANN"):
        engine.ready(10)
    assert "ValueError" in caplog.text
    assert "test_server.py" in caplog.text
    assert SECRET not in caplog.text


def test_what_libraries_log_of_an_exception_loses_its_message() -> None:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(WithoutMessages("%(levelname)s %(name)s: %(message)s"))
    log = logging.Logger("library")
    log.addHandler(handler)
    try:
        raise ValueError(SECRET)
    except ValueError:
        log.exception("it broke")
    assert written.getvalue().startswith("ERROR library: it broke\nValueError\n")
    assert "test_server.py" in written.getvalue()
    assert SECRET not in written.getvalue()


def test_temporary_files_lie_in_a_folder_of_this_run_and_go_with_it(tmp_path: Path) -> None:
    before = tempfile.tempdir
    with private_folder(tmp_path) as own:
        assert own.stat().st_mode & 0o077 == 0
        with tempfile.NamedTemporaryFile(delete=False) as upload:
            upload.write(b"pixels")
        assert Path(upload.name).is_relative_to(own)
    assert tempfile.tempdir == before
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_killed_runs_uploads_are_removed_whatever_its_number_was(tmp_path: Path) -> None:
    for number in ("1", str(os.getpid()), "0" * 32):  # in a container the program is number 1 at every start
        (tmp_path / "temporary" / number).mkdir(parents=True)
        (tmp_path / "temporary" / number / "upload").write_bytes(b"pixels")
    with private_folder(tmp_path) as own:
        assert list((tmp_path / "temporary").rglob("*")) == [own]


HOLDING = """
import sys
from pathlib import Path
from app.temporary import private_folder
with private_folder(Path(sys.argv[1])) as own:
    (own / "upload").write_bytes(b"pixels")
    print(own, flush=True)
    sys.stdin.read()
"""


def test_another_living_runs_uploads_stay_until_it_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    ) as other:
        assert other.stdout is not None
        theirs = Path(other.stdout.readline().decode().strip())
        with private_folder(tmp_path):
            assert (theirs / "upload").exists()
        other.send_signal(signal.SIGKILL)
        other.wait(timeout=30)
    assert (theirs / "upload").exists()
    with private_folder(tmp_path):
        assert not theirs.exists()


def test_a_thread_that_dies_says_where_and_not_what(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)  # put back afterwards
    quiet_threads()
    dying = threading.Thread(target=broken, args=(None,))
    dying.start()
    dying.join(10)
    assert "a thread was ended by ValueError" in caplog.text
    assert SECRET not in caplog.text
