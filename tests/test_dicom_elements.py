"""Single elements read without pydicom's conversion have the values pydicom gives them."""

from __future__ import annotations

import io

import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset

from dicom import elements


def encoded(ds: Dataset, *, implicit: bool, little: bool) -> bytes:
    out = DicomBytesIO()
    out.is_implicit_VR, out.is_little_endian = implicit, little
    write_dataset(out, ds)
    return out.getvalue()


@pytest.mark.parametrize(("implicit", "little"), [(True, True), (False, True), (False, False)])
def test_numbers_are_those_pydicom_reads(implicit: bool, little: bool) -> None:
    ds = Dataset()
    ds.Rows, ds.PixelRepresentation = 513, 0
    ds.TagSpacingFirstDimension = -0.1
    ds.RegionLocationMinX0, ds.ReferencePixelX0 = 70000, -70000
    ds.RecommendedDisplayFrameRateInFloat = 12.5
    ds.SimpleFrameList = [1, 2, 70000]
    data = encoded(ds, implicit=implicit, little=little)
    read = read_dataset(io.BytesIO(data), implicit, little)
    for element in read_dataset(io.BytesIO(data), implicit, little):
        expected = element.value if element.VM > 1 else [element.value]
        assert elements.values(read, element.keyword) == list(expected)
        assert isinstance(read.get_item(element.tag), RawDataElement), "nothing was converted"


def test_a_files_own_value_representation_goes_before_the_dictionarys() -> None:
    read = read_dataset(io.BytesIO(b"\x28\x00\x10\x00SS\x02\x00\xfb\xff"), False, True)
    assert elements.decimal(read, "Rows") == -5


def test_numbers_that_do_not_fill_their_bytes_are_no_numbers() -> None:
    read = read_dataset(io.BytesIO(b"\x28\x00\x10\x00US\x03\x00\x01\x02\x03"), False, True)
    assert elements.integer(read, "Rows") is None


def test_an_element_without_bytes_has_no_value() -> None:
    read = read_dataset(io.BytesIO(b"\x28\x00\x10\x00US\x00\x00"), False, True)
    assert elements.value(read, "Rows") is None
