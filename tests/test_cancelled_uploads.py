"""An upload that is called off, at whatever moment: nothing of it stays in the record."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.dicom_files import make_dicom
from tests.serving import Program


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    running = Program(tmp_path_factory.mktemp("cancelled") / "data")
    running.start()
    yield running
    running.stop()


def test_an_upload_called_off_before_its_last_byte_has_come_keeps_nothing(program: Program, tmp_path: Path) -> None:
    with httpx.Client(base_url=program.url, timeout=60, headers={"origin": program.url}) as web:
        conversation = web.post("/api/conversations").json()["id"]
        ticket = str(uuid.uuid4())
        sent = {
            "data": {"conversation": conversation},
            "files": {"files": ("image", make_dicom(tmp_path / "a.dcm").read_bytes())},
        }
        whole = httpx.Request("POST", program.url, **sent)
        body = whole.read()
        answers: list[bool] = []

        def parts() -> Iterator[bytes]:
            yield body[:-1]
            with httpx.Client(base_url=program.url, timeout=60, cookies=web.cookies) as other:
                while not answers or not answers[-1]:  # until the server has begun to receive
                    cancel = other.post(f"/api/upload/{ticket}/cancel", headers={"origin": program.url})
                    answers.append(cancel.json()["cancelled"])
            yield body[-1:]

        kind = {"content-type": whole.headers["content-type"], "content-length": str(len(body))}
        lines = web.post("/api/upload", params={"ticket": ticket}, content=parts(), headers=kind).text
        assert answers[-1] is True
        assert '"series"' not in lines
        late = web.post(f"/api/upload/{ticket}/cancel").json()
        assert late == {"cancelled": False}, "it is forgotten once it has ended"
