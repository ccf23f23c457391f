"""Hostile, damaged and foreign files: one sentence each in both languages, soon, without growth, without a name."""

from __future__ import annotations

import logging
import re
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom._uid_dict import UID_dictionary
from pydicom.encaps import encapsulate

from app.locale import Locale, languages
from app.notices import key_of, notice
from dicom import ALL, DicomError, Inspection, Limits, inspect
from tests.dicom_files import (
    CORPUS,
    IDENTITY,
    make_dataset,
    make_dicom,
    needs_corpus,
    sandbox,
    to_bytes,
)

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


IMAGE = "1.2.840.10008.5.1.4.1.1."
ODD: tuple[dict[str, Any], ...] = (
    {"Rows": 0},
    {"NumberOfFrames": 2**31 - 1},
    {"Rows": 60000, "Columns": 60000},
    {"SamplesPerPixel": 2},
    {"BitsAllocated": 13},
    {"SOPClassUID": IMAGE + "88.11"},
    {"SOPClassUID": IMAGE + "66.4"},
    {"SOPClassUID": IMAGE + "104.1"},
    {"SOPClassUID": IMAGE + "481.3"},
    {"SOPClassUID": IMAGE + "11.1"},
    {"SOPClassUID": IMAGE + "4.2"},
    {"Modality": "ECG"},
    {"ImageType": ["ORIGINAL", "PRIMARY", "LABEL"]},
    {"PhotometricInterpretation": "PALETTE COLOR"},
)
"""Elements that make an otherwise sound file one to refuse."""


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
    for number, odd in enumerate(ODD):
        error = inspect(make_dicom(tmp_path / f"Planted-odd-{number}", **odd)).error
        assert error is not None, odd
        refusals[type(error)] = f"{refusals.get(type(error))} {error!r} {error.__cause__!r}"
    assert len(refusals) > 8
    heard = "\n".join(refusals.values()) + caplog.text + "".join(capfd.readouterr())
    assert "planted" not in heard.lower()
    assert not any(value in heard for value in IDENTITY.values())


def test_every_error_has_a_sentence_of_its_own_in_every_language() -> None:
    for code in languages():
        sentences = [Locale(code).sentence(key_of(kind)) for kind in ALL]
        assert len(set(sentences)) == len(ALL)
        assert all(issubclass(kind, DicomError) for kind in ALL)


WRONG_SIZE = {
    "1.2.840.10008.1.2.4.50": lambda a: imagecodecs.jpeg8_encode((a >> 4).astype(np.uint8)),
    "1.2.840.10008.1.2.4.70": lambda a: imagecodecs.jpeg8_encode(a, lossless=True, bitspersample=12),
    "1.2.840.10008.1.2.4.80": imagecodecs.jpegls_encode,
    "1.2.840.10008.1.2.4.90": lambda a: imagecodecs.jpeg2k_encode(a, reversible=True),
    "1.2.840.10008.1.2.4.201": imagecodecs.htj2k_encode,
    "1.2.840.10008.1.2.4.202": lambda a: imagecodecs.jpegxl_encode(a, lossless=True),
}


@pytest.mark.parametrize("syntax", WRONG_SIZE)
def test_a_codestream_of_another_size_than_its_header_never_reaches_a_decoder(tmp_path: Path, syntax: str) -> None:
    large = np.zeros((3000, 3000), np.uint16)
    ds = make_dataset(np.zeros((64, 64), np.uint16), bits_stored=12)
    ds.PixelData = encapsulate([WRONG_SIZE[syntax](large)])
    path = tmp_path / "a"
    path.write_bytes(to_bytes(ds, syntax=syntax))
    error = inspect(path).error
    assert type(error).__name__ == "DamagedFile"
    assert "size differs" in str(error)


_SEQUENCE = b"\x08\x00\x18\x22SQ\x00\x00\xff\xff\xff\xff"  # (0008,2218), undefined length: a parser must follow it
_ITEM, _ITEM_END = b"\xfe\xff\x00\xe0\xff\xff\xff\xff", b"\xfe\xff\x0d\xe0\x00\x00\x00\x00"
_SEQUENCE_END = b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"
_MEANING = b"\x08\x00\x04\x01LO\x02\x00x "


def with_sequence(path: Path, data: bytes) -> Path:
    """A sound file with `data` put where group 0008 ends."""
    plain = to_bytes(make_dataset())
    at = plain.index(b"\x10\x00\x10\x00PN")
    path.write_bytes(plain[:at] + data + plain[at:])
    return path


@pytest.mark.parametrize(("depth", "name"), [(40, "NoneType"), (90, "TooComplex"), (5000, "TooComplex")])
def test_sequences_within_sequences_are_refused_beyond_the_bound(tmp_path: Path, depth: int, name: str) -> None:
    data = (_SEQUENCE + _ITEM) * depth + _MEANING + (_ITEM_END + _SEQUENCE_END) * depth
    assert type(inspect(with_sequence(tmp_path / "a", data)).error).__name__ == name


def test_elements_without_number_are_refused_beyond_the_bound(tmp_path: Path) -> None:
    data = _SEQUENCE + (_ITEM + _MEANING + _ITEM_END) * 400 + _SEQUENCE_END
    path = with_sequence(tmp_path / "a", data)
    assert inspect(path).readable
    assert type(inspect(path, limits=Limits(elements=300, workers=1)).error).__name__ == "TooComplex"


_SYNTAXES = {"1.2.840.10008.1.2": "<", "1.2.840.10008.1.2.1": "<", "1.2.840.10008.1.2.2": ">"}


@pytest.mark.parametrize("syntax", _SYNTAXES)
def test_one_element_repeated_without_number_is_refused_beyond_the_bound(tmp_path: Path, syntax: str) -> None:
    order, implicit = _SYNTAXES[syntax], syntax == "1.2.840.10008.1.2"
    plain = to_bytes(make_dataset(), syntax=syntax)
    at = plain.index(struct.pack(order + "HH", 0x0010, 0x0010) + (b"" if implicit else b"PN"))
    element = struct.pack(order + "HH", 0x0009, 0x0010) + (b"\0\0\0\0" if implicit else b"LO\0\0")
    path = tmp_path / "a"
    path.write_bytes(plain[:at] + element * 700 + plain[at:])
    assert inspect(path).readable
    assert type(inspect(path, limits=Limits(elements=300, workers=1)).error).__name__ == "TooComplex"


@pytest.mark.parametrize("repeated", [_ITEM + _ITEM_END, b"\xfe\xff\x00\xe0\0\0\0\0", _ITEM + _MEANING * 9 + _ITEM_END])
def test_items_and_repeats_within_sequences_are_refused_beyond_the_bound(tmp_path: Path, repeated: bytes) -> None:
    path = with_sequence(tmp_path / "a", _SEQUENCE + repeated * 700 + _SEQUENCE_END)
    assert inspect(path).readable
    assert type(inspect(path, limits=Limits(elements=300, workers=1)).error).__name__ == "TooComplex"


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
