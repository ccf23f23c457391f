"""The worker processes: what they may import, and what happens when they hang, crash, grow or lie."""

from __future__ import annotations

import contextlib
import errno
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
from dicom.tasks import Desk
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


def make_sparse(path: Path, mebibytes: int) -> Path:
    """A sound file of half-mebibyte frames, all zero, that takes no space on most disks."""
    data = to_bytes(make_dataset(np.zeros((512, 512), np.uint16), NumberOfFrames=mebibytes * 2))
    start = data.rindex(b"\xe0\x7f\x10\x00OW") + 8  # where the length of the pixels stands
    path.write_bytes(data[:start] + (mebibytes << 20).to_bytes(4, "little"))
    os.truncate(path, start + 4 + (mebibytes << 20))
    return path


def mapped_by(pid: int, path: Path) -> bool:
    maps = Path(f"/proc/{pid}/maps")
    if not maps.exists():
        pytest.skip("this system has no /proc")
    return str(path) in maps.read_text()


def test_large_files_are_read_one_after_another_by_one_worker(tmp_path: Path) -> None:
    pool = Sandbox(Limits(workers=1, worker_memory_bytes=1200 << 20))
    for number in range(5):
        path = make_sparse(tmp_path / str(number), 500)
        with open_study([path], sandbox=pool) as study:
            assert study.skipped == ()
            assert study.series[0].frame(7).samples.shape == (512, 512)
    pool.close()


def test_a_file_larger_than_a_workers_memory_is_refused_for_that_and_not_as_damaged(tmp_path: Path) -> None:
    pool = Sandbox(Limits(workers=1, worker_memory_bytes=700 << 20))
    with open_study([make_sparse(tmp_path / "a", 800)], sandbox=pool) as study:
        assert [type(skipped.error) for skipped in study.skipped] == [TookTooMuchMemory]
    pool.close()


def test_what_needs_the_memory_of_kept_files_is_tried_again_without_them(tmp_path: Path) -> None:
    desk = Desk(Limits())

    def hungry() -> str:
        if desk.keeps_files:
            raise OSError(errno.ENOMEM, "Cannot allocate memory")
        return "fed"

    desk._tasks["hungry"] = hungry
    desk.run("scan", (str(make_dicom(tmp_path / "a")),))
    assert desk.keeps_files
    assert desk.run("hungry", ()) == "fed"


def test_memory_that_stays_short_is_said_to_be_memory() -> None:
    desk = Desk(Limits())

    def greedy() -> None:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    desk._tasks["greedy"] = greedy
    with pytest.raises(MemoryError):
        desk.run("greedy", ())


def test_a_deleted_file_is_let_go_at_the_next_task(pool: Sandbox, tmp_path: Path) -> None:
    path = make_dicom(tmp_path / "a")
    pool.call("scan", str(path))
    (pid,) = pool.pids()
    assert mapped_by(pid, path)
    path.unlink()
    pool.call("ping")
    assert not mapped_by(pid, path)


def test_a_deleted_file_is_let_go_soon_though_nothing_is_asked(pool: Sandbox, tmp_path: Path) -> None:
    path = make_dicom(tmp_path / "a")
    pool.call("scan", str(path))
    (pid,) = pool.pids()
    path.unlink()
    deadline = time.monotonic() + 20
    while mapped_by(pid, path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not mapped_by(pid, path)
    pool.call("ping")
    assert pool.pids() == (pid,)


def test_a_file_that_comes_alone_has_no_more_time_for_its_header_than_others(tmp_path: Path) -> None:
    data, element = to_bytes(make_dataset()), b"\x09\x00\x10\x00LO\x00\x00"
    at = data.index(b"\x10\x00\x10\x00PN")
    path = tmp_path / "a"
    path.write_bytes(data[:at] + element * 900_000 + data[at:])
    pool = Sandbox(Limits(workers=1, seconds_per_scan=0.2))
    pool.warm()
    with open_study([path], sandbox=pool) as study:
        assert [type(skipped.error) for skipped in study.skipped] == [TookTooLong]
    pool.close()


def test_files_kept_open_together_hold_a_small_part_of_a_workers_memory(tmp_path: Path) -> None:
    pool = Sandbox(Limits(workers=1, worker_memory_bytes=1200 << 20))
    large, small, other = (make_sparse(tmp_path / str(size), size) for size in (140, 8, 4))
    pool.call("scan", str(large))
    (pid,) = pool.pids()
    pool.call("scan", str(small))
    pool.call("scan", str(other))
    assert [mapped_by(pid, path) for path in (large, small, other)] == [False, True, True]
    pool.close()
