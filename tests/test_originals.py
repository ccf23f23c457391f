"""Originals hold identities: nothing of them is left where the program was killed, at whatever moment."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from dicom import Originals, Sandbox, open_study
from dicom.errors import TooManyFiles
from tests.dicom_files import item, make_dataset, sandbox, sequence, to_bytes
from tests.serving import ROOT, Program

IDENTITY = b"MUSTERMANN^ERIKA"


def planted(rows: int = 64, **more: object) -> bytes:
    pixels = np.random.default_rng(1).integers(0, 4000, (rows, rows), np.uint16)
    return to_bytes(make_dataset(pixels, PatientName=IDENTITY.decode(), **more))


def traces(*folders: Path) -> list[Path]:
    """Files with a name that hold the planted identity."""
    found = [path for folder in folders for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return [path for path in found if IDENTITY in path.read_bytes()]


@pytest.fixture
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "private"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.mark.parametrize("room", [1 << 20, 10_000, 0], ids=["in memory", "partly on the disk", "on the disk"])
def test_an_original_is_read_by_its_path_in_a_worker_and_has_no_name_on_the_disk(private: Path, room: int) -> None:
    originals = Originals(in_memory=room)
    sent = planted()
    with originals.growing("00000") as file:
        for start in range(0, len(sent), 1000):
            file.write(sent[start : start + 1000])
    path = originals.folder / "00000"
    assert path.read_bytes() == sent
    with open_study([path], sandbox=sandbox()) as study:
        assert study.series[0].frame(0).rows == 64
    assert traces(private) == []
    originals.close()
    assert list(private.iterdir()) == []


def test_members_of_a_zip_have_no_name_on_the_disk_either(private: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"{number}.dcm", planted(InstanceNumber=number, SOPInstanceUID=f"1.2.{number}"))
    with open_study([tmp_path / "a.zip"], sandbox=sandbox()) as study:
        assert sum(len(series) for series in study.series) > 0
        assert study.series[0].frame(0).rows == 64
        assert traces(private) == []
    assert list(private.iterdir()) == []


def test_more_originals_than_the_system_lets_a_process_hold_are_refused_as_too_many(private: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    originals = Originals()
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 3, before[1]))
    try:
        with pytest.raises(TooManyFiles):
            list(map(originals.path, "0123456789", range(10)))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        originals.close()


def test_files_in_the_thousands_do_not_stop_the_workers_from_answering(private: Path) -> None:
    originals = Originals()
    for number in range(1500):  # select() refuses descriptors beyond 1023
        originals.path(str(number), 1)
    with originals.growing("slice") as file:
        file.write(planted())
    fresh = Sandbox()
    with open_study([originals.folder / "slice"], sandbox=fresh) as study:
        assert len(study.series) == 1
    fresh.close()
    originals.close()


@pytest.mark.filterwarnings("ignore::UserWarning")  # names as no DICOMDIR has them
def test_an_uploaded_directory_of_a_disk_names_no_file_of_this_machine(private: Path, tmp_path: Path) -> None:
    """A DICOMDIR among originals, which are links: where they lead to is not where they are."""
    (tmp_path / "elsewhere").write_bytes(planted())
    parts = list((tmp_path / "elsewhere").resolve().parts[1:])
    record = item(DirectoryRecordType="IMAGE", ReferencedFileID=parts)
    originals = Originals()
    with originals.growing("00000") as file:
        file.write(to_bytes(make_dataset(np.zeros((8, 8), np.uint16), DirectoryRecordSequence=sequence(record))))
    with open_study([originals.folder / "00000"], sandbox=sandbox()) as study:
        assert study.series == ()
        assert [type(skipped.error).__name__ for skipped in study.skipped] == ["DirectoryFile"]
    originals.close()


HOLDING = """
import sys
from dicom import Originals
originals = Originals(nameless=False)
with originals.growing("00000") as file:
    file.write(sys.argv[1].encode())
print(originals.folder, flush=True)
sys.stdin.read()
"""


def test_where_files_need_names_a_helper_removes_them_after_a_kill(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, IDENTITY.decode()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as holder:
        assert holder.stdout is not None
        folder = Path(holder.stdout.readline().decode().strip())
        assert traces(tmp_path) == [folder / "00000"]
        holder.send_signal(signal.SIGKILL)
        holder.wait(timeout=30)
    deadline = time.monotonic() + 10
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not folder.exists()


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    running = Program(
        tmp_path / "data",
        {"BASIRA_MODEL": "openai:http://127.0.0.1:9/v1#none", "TMPDIR": str(temporary), "BASIRA_WORKERS": "2"},
    )
    running.start()
    yield running
    running.stop(hard=True)


def half_sent(program: Program, conversation: str, body: bytes) -> socket.socket:
    """A connection on which an upload of twice as much was begun."""
    link = socket.create_connection(("127.0.0.1", program.port))
    start = (
        f'--cut\r\ncontent-disposition: form-data; name="conversation"\r\n\r\n{conversation}\r\n'
        '--cut\r\ncontent-disposition: form-data; name="files"; filename="x"\r\n\r\n'
    ).encode()
    head = (
        f"POST /api/upload HTTP/1.1\r\nHost: 127.0.0.1:{program.port}\r\n"
        f"Content-Type: multipart/form-data; boundary=cut\r\nContent-Length: {2 * len(start + body)}\r\n\r\n"
    ).encode()
    link.sendall(head + start + body)
    return link


def test_a_kill_in_the_midst_of_sending_reading_and_unpacking_leaves_no_identity_anywhere(
    program: Program, tmp_path: Path
) -> None:
    with httpx.Client(base_url=program.url, timeout=60) as web:
        conversation = web.post("/api/conversations").json()["id"]
        fields = {"conversation": conversation}
        sending = half_sent(program, conversation, planted(1000) * 2)
        archive = tmp_path / "slow"
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as made:
            made.writestr("first", planted(InstanceNumber=1))
        with zipfile.ZipFile(archive, "a", zipfile.ZIP_BZIP2) as made:
            made.writestr("second", planted(2400, InstanceNumber=2))
        unpacking = half_sent_whole(program, conversation, archive.read_bytes())
        slices = [
            ("files", (f"{IDENTITY.decode()}{n}.dcm", planted(400, InstanceNumber=n, SOPInstanceUID=f"1.2.3.{n}")))
            for n in range(30)
        ]
        with web.stream("POST", "/api/upload", files=slices, data=fields) as reading:
            for line in reading.iter_lines():
                if json.loads(line)["event"] in ("progress", "series"):
                    break
            held = [path for path in program.data.rglob("originals-*/*") if path.is_symlink() or path.is_file()]
            assert len(held) >= 31, "originals are there to be lost"
            assert program.process is not None
            program.process.send_signal(signal.SIGKILL)
            program.process.wait(timeout=30)
            program.process = None
    sending.close()
    unpacking.close()
    archive.unlink()
    assert traces(program.data, tmp_path / "tmp") == []


def half_sent_whole(program: Program, conversation: str, body: bytes) -> socket.socket:
    """A connection on which a whole upload was sent, its answer not yet waited for."""
    link = socket.create_connection(("127.0.0.1", program.port))
    form = (
        f'--cut\r\ncontent-disposition: form-data; name="conversation"\r\n\r\n{conversation}\r\n'
        '--cut\r\ncontent-disposition: form-data; name="files"; filename="x"\r\n\r\n'
    ).encode() + body + b"\r\n--cut--\r\n"  # fmt: skip
    head = (
        f"POST /api/upload HTTP/1.1\r\nHost: 127.0.0.1:{program.port}\r\n"
        f"Content-Type: multipart/form-data; boundary=cut\r\nContent-Length: {len(form)}\r\n\r\n"
    ).encode()
    link.sendall(head + form)
    return link
