"""Random grey files rendered beside dcmtk's dcmj2pnm, where it is installed (Debian: dcmtk)."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from dicom import render_files
from tests.dicom_files import make_dataset, sandbox, to_bytes

DCMJ2PNM = shutil.which("dcmj2pnm")
SYNTAXES = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]


@st.composite
def files(draw: st.DrawFn) -> tuple[Dataset, str]:
    """A grey file of any layout. Left out is where dcmtk rounds: fractional rescales, and 8-bit frames of odd
    length, whose padding byte it counts as a value."""
    allocated = draw(st.sampled_from([8, 16]))
    stored = draw(st.integers(2, allocated))
    high = draw(st.integers(stored - 1, allocated - 1))
    signed = draw(st.booleans())
    low = -(1 << (stored - 1)) if signed else 0
    chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = chance.integers(low, low + (1 << stored), (2 * draw(st.integers(1, 12)), draw(st.integers(1, 20))))
    place = ((1 << stored) - 1) << (high + 1 - stored)
    words = (values << (high + 1 - stored)) & place
    if draw(st.booleans()):
        words |= chance.integers(0, 1 << allocated, values.shape) & ~place
    ds = make_dataset(words.astype(f"u{allocated // 8}"), bits_stored=stored, HighBit=high)
    ds.PixelRepresentation = int(signed)
    ds.PhotometricInterpretation = draw(st.sampled_from(["MONOCHROME1", "MONOCHROME2"]))
    slope, intercept = draw(st.sampled_from([(1, 0), (1, -1024), (2, 100), (-1, 0)]))
    ds.RescaleSlope, ds.RescaleIntercept = slope, intercept
    if draw(st.booleans()):
        ds.PresentationLUTShape = draw(st.sampled_from(["IDENTITY", "INVERSE"]))
    if draw(st.booleans()):
        ds.WindowCenter = int(np.median(values)) * slope + intercept + draw(st.integers(-50, 50))
        ds.WindowWidth = draw(st.integers(2, 1 << stored))
        ds.VOILUTFunction = draw(st.sampled_from(["LINEAR", "SIGMOID"]))
    syntax = draw(st.sampled_from(SYNTAXES))
    if syntax == ExplicitVRBigEndian:
        ds.PixelData = words.astype(f">u{allocated // 8}").tobytes()
    return ds, syntax


@pytest.mark.skipif(DCMJ2PNM is None, reason="dcmj2pnm is not installed")
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(files())
def test_random_grey_files_agree_with_dcmj2pnm_within_one_grey_level(made: Any) -> None:
    ds, syntax = made
    with tempfile.TemporaryDirectory() as name:
        path, theirs = Path(name) / "a", Path(name) / "theirs.pgm"
        path.write_bytes(to_bytes(ds, syntax=syntax))
        window, option = ("first", ["+Wi", "1"]) if "WindowCenter" in ds else ("minmax", ["+Wm"])
        render_files([path], Path(name), window=window, sandbox=sandbox())
        subprocess.run([str(DCMJ2PNM), *option, str(path), str(theirs)], check=True, capture_output=True)
        with Image.open(Path(name) / "a.png") as ours, Image.open(theirs) as other:
            assert np.abs(np.asarray(ours, int) - np.asarray(other, int)).max() <= 1
