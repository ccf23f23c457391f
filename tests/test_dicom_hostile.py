"""Hostile, damaged and foreign files: one sentence each in both languages, soon, without growth, without a name."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom._uid_dict import UID_dictionary

from app.locale import Locale, languages
from app.notices import key_of, notice
from dicom import ALL, DicomError, Inspection, inspect
from tests.dicom_files import CORPUS, IDENTITY, make_dataset, make_dicom, needs_corpus, sandbox, to_bytes

FOLDERS = ("malformed", "synthetic", "raster_edge", "phi", "non_image_objects")
TECHNICAL = {w for name, *_ in UID_dictionary.values() for w in re.split(r"\W+", name)} | {k.__name__ for k in ALL}
"""Words of the standard's own names (PS3.6 A), which describe files and no person."""
_NAMED = ("PN", "LO", "SH", "ST", "LT", "UI", "DA", "TM", "DT", "UT", "AE")


def walked(folder: str) -> Iterator[tuple[Path, Inspection, float]]:
    for path in sorted((CORPUS / folder).iterdir()):
        start = time.monotonic()
        found = inspect(path)
        yield path, found, time.monotonic() - start


def secrets(path: Path) -> set[str]:
    """Words of identifying elements, long enough to be recognised."""
    try:
        ds = pydicom.dcmread(path, stop_before_pixels=True, force=True)
        values = [e.value for e in ds.iterall() if e.VR in _NAMED and e.value]
    except Exception:  # these files exist to break parsers
        return set()
    texts = {str(v) for value in values for v in ([value] if isinstance(value, str) else list(value or ()))}
    words = {w for text in texts for w in re.split(r"[\^\s=,/\\]+", text)}
    return {w for w in words if len(w) > 4 and not re.fullmatch(r"[A-Z]{1,8}|[\d.]{1,6}", w)}


@needs_corpus
@pytest.mark.parametrize("folder", FOLDERS)
def test_each_file_is_shown_or_refused_with_one_sentence_in_ten_seconds(folder: str) -> None:
    for path, found, seconds in walked(folder):
        assert seconds < 10, path.name
        if found.error is not None:
            assert type(found.error) in ALL, path.name
            sentences = notice(found.error)
            assert set(sentences) == set(languages())
            assert all(s and "{" not in s and s != key_of(type(found.error)) for s in sentences.values())
        assert type(found.error).__name__ not in ("DecoderCrashed", "TookTooLong", "TookTooMuchMemory"), path.name


@needs_corpus
@pytest.mark.parametrize("folder", FOLDERS)
def test_no_message_and_no_log_line_holds_anything_of_a_patient(folder: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for path, found, _ in walked(folder):
        said = [str(s.error) for s in found.skipped] + [str(r.error) for r in found.series] + [str(found.to_dict())]
        heard = "\n".join(said) + caplog.text
        leaked = {word for word in secrets(path) if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", heard)}
        assert leaked <= TECHNICAL, path.name


def test_planted_identities_stay_out_of_every_refusal_and_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    data = to_bytes(make_dataset())
    refusals = {}
    for cut in range(140, len(data), 611):
        path = tmp_path / f"Planted-{cut}"
        path.write_bytes(data[:cut])
        error = inspect(path).error
        refusals[type(error)] = f"{error!r} {error.__cause__!r}" if error else ""
    path = make_dicom(tmp_path / "Planted", Rows=0)
    refusals[type(inspect(path).error)] = repr(inspect(path).error)
    assert len(refusals) > 1
    heard = "\n".join(refusals.values()) + caplog.text + "".join(capfd.readouterr())
    assert "planted" not in heard.lower()
    assert not any(value in heard for value in IDENTITY.values())


def test_every_error_has_a_sentence_of_its_own_in_every_language() -> None:
    for code in languages():
        sentences = [Locale(code).sentence(key_of(kind)) for kind in ALL]
        assert len(set(sentences)) == len(ALL)
        assert all(issubclass(kind, DicomError) for kind in ALL)


def resident_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        pytest.skip("this system has no /proc")
    return int(next(line for line in status.read_text().splitlines() if line.startswith("VmRSS")).split()[1])


@needs_corpus
def test_reading_hostile_files_again_and_again_leaves_the_workers_as_they_were() -> None:
    def read_all() -> dict[int, int]:
        for folder in FOLDERS:
            for _ in walked(folder):
                pass
        return {pid: resident_kib(pid) for pid in sandbox().pids()}

    read_all()
    before = read_all()
    after = read_all()
    assert set(after) == set(before), "a worker died"
    assert sum(after.values()) - sum(before.values()) < 60 * 1024
    assert max(after.values()) < 700 * 1024
