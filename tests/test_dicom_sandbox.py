"""The worker processes: what they may import, and what happens when they hang, crash, grow or lie."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import RLELossless

from dicom import Limits, Sandbox, open_study
from dicom.errors import DecoderCrashed, DicomError, TookTooLong, TookTooMuchMemory, TruncatedFile, UnknownFile
from dicom.sandbox import _Unpickler, known_error
from tests.dicom_files import make_dataset, make_dicom, ramp, to_bytes


@pytest.fixture
def pool() -> Iterator[Sandbox]:
    opened = Sandbox(Limits(workers=1, seconds_per_step=20))
    yield opened
    opened.close()


@pytest.mark.parametrize("module", ["torch", "transformers", "gradio", "sqlalchemy", "app", "model", "storage"])
def test_workers_import_nothing_of_the_rest_of_the_program(pool: Sandbox, tmp_path: Path, module: str) -> None:
    pool.call("frame", str(make_dicom(tmp_path / "a")), "dicom", 0, 0, False)
    assert pool.call("probe", module) is False


def test_workers_stay_between_files(pool: Sandbox, tmp_path: Path) -> None:
    path = str(make_dicom(tmp_path / "a"))
    pool.call("scan", path)
    first = pool.pids()
    pool.call("scan", path)
    assert pool.pids() == first


def test_a_single_uncompressed_picture_comes_with_its_header_and_is_given_away_once(tmp_path: Path) -> None:
    pool = Sandbox(Limits(workers=1))
    with open_study([make_dicom(tmp_path / "a", ramp())], sandbox=pool) as study:
        pool.close()
        assert np.array_equal(study.series[0].frame(0).samples, ramp())
        with pytest.raises(DecoderCrashed):
            study.series[0].frame(0)


def test_a_picture_is_not_read_along_when_that_is_work_and_not_given_to_who_wants_it_otherwise(tmp_path: Path) -> None:
    pool = Sandbox(Limits(workers=1))
    plain = make_dicom(tmp_path / "a", ramp())
    compressed = pydicom.dcmread(plain)
    compressed.compress(RLELossless)
    packed = tmp_path / "b"
    compressed.save_as(packed)
    studies = [open_study([path], sandbox=pool) for path in (plain, packed)]
    pool.close()
    for study, unmasked in zip(studies, (True, False), strict=True):
        with pytest.raises(DecoderCrashed):
            study.series[0].frame(0, keep_burned_in=unmasked)


def test_pixels_no_array_can_be_made_of_do_not_cost_the_header(pool: Sandbox, tmp_path: Path) -> None:
    odd = make_dataset(np.zeros((4, 5, 3), np.uint8), photometric="YBR_FULL_422")
    odd.PixelData = b"\0" * 40  # two bytes a pixel, but columns do not come in pairs
    path = tmp_path / "a"
    path.write_bytes(to_bytes(odd))
    with open_study([path], sandbox=pool) as study:
        assert [series.facts.columns for series in study.series] == [5]
        with pytest.raises(DicomError):
            study.series[0].frame(0)


def test_a_picture_that_cannot_be_read_along_is_refused_only_when_wanted(pool: Sandbox, tmp_path: Path) -> None:
    path = make_dicom(tmp_path / "a", ramp())
    path.write_bytes(path.read_bytes()[:-100])
    with open_study([path], sandbox=pool) as study, pytest.raises(TruncatedFile):
        study.series[0].frame(0)


def test_a_killed_worker_costs_one_error_and_is_replaced(pool: Sandbox, tmp_path: Path) -> None:
    path = str(make_dicom(tmp_path / "a", ramp()))
    pool.call("scan", path)
    (pid,) = pool.pids()
    os.kill(pid, signal.SIGSTOP)  # so that it cannot answer before it is killed
    future = pool.submit("scan", path)
    os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(DecoderCrashed):  # or it was found dead before being asked, and replaced
        future.result()
    assert np.array_equal(pool.call("frame", path, "dicom", 0, 0, False).samples, ramp())
    assert pool.pids() != (pid,)


def test_a_worker_that_hangs_is_killed_by_the_clock(tmp_path: Path) -> None:
    pool = Sandbox(Limits(workers=1, seconds_per_step=1.0))
    pool.warm()
    (pid,) = pool.pids()
    os.kill(pid, signal.SIGSTOP)
    start = time.monotonic()
    with pytest.raises(TookTooLong):
        pool.call("ping")
    assert time.monotonic() - start < 5
    pool.call("ping")
    pool.close()


def test_a_worker_that_wants_too_much_memory_says_so_and_lives(tmp_path: Path) -> None:
    pool = Sandbox(Limits(workers=1, worker_memory_bytes=1200 << 20))
    huge = make_dicom(tmp_path / "b", np.zeros((12000, 12000, 3), np.uint8), photometric="YBR_FULL")
    with pytest.raises(TookTooMuchMemory):
        pool.call("frame", str(huge), "dicom", 0, 0, False)
    pid = pool.pids()
    pool.call("ping")
    assert pool.pids() == pid
    pool.close()


def test_a_closed_sandbox_refuses_and_leaves_no_process(tmp_path: Path) -> None:
    pool = Sandbox(Limits(workers=2))
    pool.warm()
    pids = pool.pids()
    pool.close()
    with pytest.raises(DecoderCrashed):
        pool.call("ping")
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_what_a_worker_sends_cannot_run_code_here() -> None:
    for hostile in (os.system, print, Path("x")):
        with pytest.raises(pickle.UnpicklingError):
            _Unpickler(pickle.dumps(hostile), None).load()


def test_an_unknown_error_name_becomes_a_crash() -> None:
    assert type(known_error("os", "x")) is DecoderCrashed
    assert type(known_error("DicomError", "x")).__name__ == "DicomError"


def test_workers_see_no_secrets_of_the_environment(pool: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BASIRA_TOKEN", "secret")
    pool.call("ping")
    (pid,) = pool.pids()
    proc = Path(f"/proc/{pid}/environ")
    if not proc.exists():
        pytest.skip("this system has no /proc")
    assert b"secret" not in proc.read_bytes()


def test_a_pipe_is_refused_at_once(pool: Sandbox, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnknownFile):
        pool.call("scan", str(tmp_path / "pipe"))


def test_shared_memory_of_a_large_frame_is_given_back(pool: Sandbox, tmp_path: Path) -> None:
    large = str(make_dicom(tmp_path / "a", np.full((6000, 6000), 7, np.uint16)))
    pool.call("scan", large)
    (pid,) = pool.pids()
    descriptors = Path(f"/proc/{pid}/fd")
    if not descriptors.exists():
        pytest.skip("this system has no /proc")
    assert int(pool.call("frame", large, "dicom", 0, 0, False).samples[-1, -1]) == 7
    sizes = [link.stat().st_size for link in descriptors.iterdir() if "memfd:pixels" in os.readlink(link)]
    assert sizes == [0]
    assert np.array_equal(pool.call("frame", large, "dicom", 0, 0, False).samples[:2], np.full((2, 6000), 7))
