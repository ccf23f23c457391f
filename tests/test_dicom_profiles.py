"""Colour profiles and transparency of deep TIFFs and of palettes come out as those of 8-bit pictures do."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ImageCms

from tests.dicom_files import make_dicom, read_frame

RGB, CMYK = 2, 5
"""TIFF 6.0 PhotometricInterpretation."""
DEPTHS = [np.uint8, np.uint16]


def swapping_profile() -> bytes:
    """sRGB under another name with the places of red and green exchanged: what heeds it exchanges them too."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    (count,) = struct.unpack_from(">L", profile, 128)
    at = {bytes(profile[132 + 12 * i : 136 + 12 * i]): 132 + 12 * i for i in range(count)}
    red, green = at[b"rXYZ"], at[b"gXYZ"]
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(profile).replace("sRGB".encode("utf-16-be"), "xXXX".encode("utf-16-be"))


def tiff(
    path: Path, values: NDArray[Any], photometric: int, *, extra: int | None = None, profile: bytes | None = None
) -> Path:
    """An uncompressed TIFF of one strip, written by hand: Pillow writes no deep colour."""
    rows, columns, samples = values.shape
    data = values.tobytes()
    tags: list[tuple[int, str, list[int]]] = [
        (256, "L", [columns]), (257, "L", [rows]), (258, "H", [values.dtype.itemsize * 8] * samples), (259, "H", [1]),
        (262, "H", [photometric]), (273, "L", [0]), (277, "H", [samples]), (278, "L", [rows]), (279, "L", [len(data)]),
        (284, "H", [1]),
    ]  # fmt: skip
    if extra is not None:
        tags.append((338, "H", [extra]))
    if profile is not None:
        tags.append((34675, "B", list(profile)))
    base = 8 + 2 + 12 * len(tags) + 4
    packed = [struct.pack(f"<{len(v)}{letter}", *v) for _, letter, v in tags]
    beside = b""
    entries = b""
    strip = base + sum(len(p) + len(p) % 2 for p in packed if len(p) > 4)
    for (tag, letter, v), raw in zip(tags, packed, strict=True):
        place = struct.pack("<L", strip) if tag == 273 else raw.ljust(4, b"\0")
        if len(raw) > 4:
            place = struct.pack("<L", base + len(beside))
            beside += raw + b"\0" * (len(raw) % 2)
        entries += struct.pack("<HHL", tag, {"H": 3, "L": 4, "B": 7}[letter], len(v)) + place
    head = b"II*\0" + struct.pack("<LH", 8, len(tags))
    path.write_bytes(head + entries + bytes(4) + beside + data)
    return path


def of(color: tuple[float, ...], dtype: type[np.unsignedinteger[Any]]) -> NDArray[Any]:
    """8 x 8 pixels of a colour given in parts of one."""
    return np.full((8, 8, len(color)), np.asarray(color) * np.iinfo(dtype).max).astype(dtype)


@pytest.mark.parametrize("dtype", DEPTHS)
def test_the_profile_of_a_tiff_is_heeded_at_8_and_at_16_bits(
    tmp_path: Path, dtype: type[np.unsignedinteger[Any]]
) -> None:
    values = of((0.8, 0.3, 0.0), dtype)
    assert read_frame(tiff(tmp_path / "plain", values, RGB)).samples[0, 0].tolist() == [204, 76, 0]
    turned = read_frame(tiff(tmp_path / "a", values, RGB, profile=swapping_profile())).samples[0, 0]
    assert np.abs(turned.astype(int) - [76, 204, 0]).max() <= 1


@pytest.mark.parametrize("dtype", DEPTHS)
@pytest.mark.parametrize(("extra", "seen"), [(2, 255), (1, 255), (0, 0)])
def test_a_clear_pixel_of_a_tiff_is_white_at_8_and_at_16_bits(
    tmp_path: Path, dtype: type[np.unsignedinteger[Any]], extra: int, seen: int
) -> None:
    clear = tiff(tmp_path / "a", of((0, 0, 0, 0), dtype), RGB, extra=extra)
    assert read_frame(clear).samples[0, 0].tolist() == [seen] * 3


@pytest.mark.parametrize("dtype", DEPTHS)
def test_a_half_clear_pixel_lies_on_white(tmp_path: Path, dtype: type[np.unsignedinteger[Any]]) -> None:
    half = read_frame(tiff(tmp_path / "a", of((1, 0, 0, 0.5), dtype), RGB, extra=2)).samples[0, 0]
    assert np.abs(half.astype(int) - [255, 127, 127]).max() <= 1


@pytest.mark.parametrize("dtype", DEPTHS)
def test_ink_of_a_tiff_is_subtracted_at_8_and_at_16_bits(tmp_path: Path, dtype: type[np.unsignedinteger[Any]]) -> None:
    cyan = read_frame(tiff(tmp_path / "a", of((1, 0, 0, 0), dtype), CMYK)).samples[0, 0]
    assert cyan.tolist() == [0, 255, 255]


def test_the_profile_of_a_dicom_palette_is_heeded(tmp_path: Path) -> None:
    palettes: dict[str, Any] = {}
    for name, level in (("Red", 200), ("Green", 80), ("Blue", 0)):
        palettes[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        palettes[f"{name}PaletteColorLookupTableData"] = np.full(256, level * 257, "<u2").tobytes()
    indices = np.zeros((8, 8), np.uint8)
    plain = make_dicom(tmp_path / "plain", indices, photometric="PALETTE COLOR", **palettes)
    assert read_frame(plain).samples[0, 0].tolist() == [200, 80, 0]
    path = make_dicom(tmp_path / "a", indices, photometric="PALETTE COLOR", ICCProfile=swapping_profile(), **palettes)
    assert np.abs(read_frame(path).samples[0, 0].astype(int) - [80, 200, 0]).max() <= 1
