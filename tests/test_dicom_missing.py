"""Paths that lead nowhere, files a DICOMDIR names that are not there, and files that are packed."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest

from app.locale import Locale, languages
from app.notices import notice
from dicom import open_study
from dicom.errors import DirectoryFile, FileMissing, PackedFile, ReferenceMissing
from tests.dicom_files import IDENTITY, item, make_dataset, make_dicom, ramp, sequence, to_bytes


def directory_of(folder: Path, *names: str) -> Path:
    """A DICOMDIR in `folder`: a patient's record, then one record for each name."""
    records = [item(DirectoryRecordType="PATIENT", PatientName=IDENTITY["PatientName"])]
    records += [item(DirectoryRecordType="IMAGE", ReferencedFileID=name) for name in names]
    path = folder / "DICOMDIR"
    path.write_bytes(to_bytes(make_dataset(ramp(8, 8), DirectoryRecordSequence=sequence(*records))))
    return path


@pytest.mark.parametrize("kind", [str, Path])
def test_a_path_may_be_text_and_one_path_needs_no_list(tmp_path: Path, kind: type[str] | type[Path]) -> None:
    path = kind(make_dicom(tmp_path / "a"))
    assert len(open_study([path]).series) == len(open_study(path).series) == 1


def test_a_path_that_leads_nowhere_is_skipped_beside_what_is_there(tmp_path: Path) -> None:
    study = open_study([tmp_path / "nothing", make_dicom(tmp_path / "a")])
    assert len(study.series) == 1
    assert study.series[0].name_indices == (1,)
    assert [(s.name_index, type(s.error), s.member) for s in study.skipped] == [(0, FileMissing, None)]


def test_files_a_directory_names_that_are_not_there_are_listed_with_their_records(tmp_path: Path) -> None:
    make_dicom(tmp_path / "HERE")
    study = open_study(directory_of(tmp_path, "GONE", "HERE", "LOST"))
    assert len(study.series) == 1
    assert [(type(s.error), s.member) for s in study.skipped] == [(ReferenceMissing, 1), (ReferenceMissing, 3)]
    assert "record 2" in str(study.skipped[0].error)
    told = " ".join(str(s.error) for s in study.skipped)
    assert not any(word in told for word in (*IDENTITY.values(), "GONE", "LOST"))


def test_a_file_a_directory_names_is_skipped_by_the_number_of_its_record(tmp_path: Path) -> None:
    make_dicom(tmp_path / "HERE")
    (tmp_path / "BAD").write_text("not an image")
    assert [s.member for s in open_study(directory_of(tmp_path, "HERE", "BAD")).skipped] == [2]


def test_a_directory_none_of_whose_files_came_asks_for_them_once(tmp_path: Path) -> None:
    study = open_study(directory_of(tmp_path, "A", "B", "C"))
    assert [type(s.error) for s in study.skipped] == [DirectoryFile]


def test_a_gzipped_dicom_file_asks_to_be_unpacked(tmp_path: Path) -> None:
    packed = tmp_path / "a.dcm.gz"
    packed.write_bytes(gzip.compress(to_bytes(make_dataset())))
    assert [type(s.error) for s in open_study([packed]).skipped] == [PackedFile]


def test_a_gzipped_nifti_volume_needs_no_unpacking(tmp_path: Path) -> None:
    path = tmp_path / "a.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.arange(60, dtype=np.int16).reshape(3, 4, 5), np.eye(4)), path)
    assert len(open_study([path]).series[0]) == 5


@pytest.mark.parametrize("kind", [FileMissing, ReferenceMissing, PackedFile])
def test_each_of_these_has_a_sentence_of_its_own(kind: type[FileMissing]) -> None:
    unknown = {code: Locale(code).sentence("error-unknown-file") for code in languages()}
    assert all(told != unknown[code] for code, told in notice(kind("")).items())
