"""ZIPs: what a broken member costs, and how much all members of a call may hold together."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from dicom import Limits, Sandbox, open_study
from tests.dicom_files import make_dataset, make_stack, sandbox, to_bytes, zipped


def slices(folder: Path, count: int) -> dict[str, bytes]:
    return {str(n): p.read_bytes() for n, p in enumerate(make_stack(folder, [2.5 * n for n in range(count)]))}


def broken(path: Path, member: int, how: str) -> Path:
    """The ZIP at `path` with one member that cannot be read."""
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        info = archive.infolist()[member]
        directory = archive.start_dir
    start = info.header_offset + 30 + len(info.filename)
    if how == "one bit":
        data[start + info.compress_size // 2] ^= 1
    elif how == "its data":
        data[start : start + info.compress_size] = b"\xff" * info.compress_size
    elif how == "its header":
        data[info.header_offset : info.header_offset + 4] = b"nope"
    else:  # the method, where the directory names it: entries are 46 bytes and the name
        entry = directory
        for _ in range(member):
            entry += 46 + data[entry + 28]
        data[entry + 10] = 77
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("how", ["one bit", "its data", "its header", "its method"])
def test_a_broken_member_of_a_zip_costs_itself_only(tmp_path: Path, how: str) -> None:
    archive = tmp_path / "a.zip"
    archive.write_bytes(zipped(slices(tmp_path / "slices", 14)))
    with open_study([tmp_path / "none", broken(archive, 5, how)], sandbox=sandbox()) as study:
        assert [len(series) for series in study.series] == [13]
        ranks = [int(study.series[0].frame(n).samples[0, 0]) for n in range(13)]
        assert sorted(ranks) == [n for n in range(14) if n != 5]
        (_, lost) = study.skipped
        assert (lost.name_index, lost.member, type(lost.error).__name__) == (1, 5, "DamagedFile")


def test_a_zip_without_a_sound_member_lists_them_all(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    archive.write_bytes(zipped(slices(tmp_path / "slices", 2)))
    with open_study([broken(broken(archive, 0, "one bit"), 1, "its header")], sandbox=sandbox()) as study:
        assert study.series == ()
        assert [(s.member, type(s.error).__name__) for s in study.skipped] == [(0, "DamagedFile"), (1, "DamagedFile")]


def test_zips_and_plain_files_of_one_call_share_the_bytes_of_an_upload(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("plain", "first.zip", "second.zip")]
    for path in paths:
        data = to_bytes(make_dataset(np.zeros((256, 256), np.uint16)))
        path.write_bytes(data if path.suffix == "" else zipped({"x": data}))
    for share, read in ((1.5, 1), (2.5, 2), (3.5, 3)):
        limits = Limits(upload_bytes=int(paths[0].stat().st_size * share), workers=1)
        with open_study(paths, limits=limits) as study:
            assert sum(len(series) for series in study.series) == read
            assert [(s.name_index, type(s.error).__name__) for s in study.skipped] == [
                (index, "TooManyBytes") for index in range(read, 3)
            ]


def test_a_zip_that_takes_too_long_leaves_nothing_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("first", b"unpacked at once")
        archive.writestr("second", np.random.default_rng(1).bytes(12 << 20))  # about a second
    pool = Sandbox(Limits(workers=1, seconds_per_step=0.3))
    pool.warm()
    with open_study([path], sandbox=pool) as study:
        assert [type(s.error).__name__ for s in study.skipped] == ["TookTooLong"]
        assert [p for p in tmp_path.rglob("*") if p.is_file()] == [path]
    pool.close()
