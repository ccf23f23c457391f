"""PNG, JPEG, TIFF, WebP and slides: sizes, depths, orientation, colour, and what is never shown."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, TiffImagePlugin

from dicom import Limits, inspect, model_array, open_study, render, render_files
from dicom.errors import FrameMissing, TooManyPixels, WithheldImage
from dicom.inspection import parse_window
from dicom.model_input import CT_COMPOSITE, composite, sample, square
from dicom.values import Frame
from tests.dicom_files import CORPUS, make_dicom, needs_corpus, ramp, read_frame, sandbox


def saved(path: Path, image: Image.Image, kind: str, **how: Any) -> Path:
    image.save(path, kind, **how)
    return path


def gradient(mode: str = "RGB") -> Image.Image:
    return Image.fromarray(np.add.outer(np.arange(40), np.arange(60)).astype(np.uint8)).convert(mode)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF"])
def test_pictures_are_recognised_by_content_whatever_their_name(tmp_path: Path, kind: str) -> None:
    path = saved(tmp_path / "scan.dcm", gradient(), kind)
    series = open_study([path]).series[0]
    assert (series.facts.kind, series.facts.rows, series.facts.columns) == ("raster", 40, 60)
    assert series.picture(0).image.size == (60, 40)


def test_an_8_bit_grey_png_comes_back_unchanged(tmp_path: Path) -> None:
    path = saved(tmp_path / "a", gradient("L"), "PNG")
    image = open_study([path]).series[0].picture(0).image
    assert np.array_equal(np.asarray(image), np.asarray(gradient("L")))


def test_a_16_bit_png_keeps_its_depth_and_is_not_saturated(tmp_path: Path) -> None:
    deep = ramp(top=65535)
    frame = read_frame(saved(tmp_path / "a", Image.fromarray(deep), "PNG"))
    assert np.array_equal(frame.samples, deep)
    image = np.asarray(open_study([tmp_path / "a"]).series[0].picture(0).image)
    assert 120 < image.mean() < 135


def test_the_cameras_orientation_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(tmp_path / "a", gradient(), "JPEG", exif=exif)
    series = open_study([path]).series[0]
    assert (series.facts.rows, series.facts.columns) == (60, 40)
    assert series.picture(0).image.size == (40, 60)


def test_transparency_is_laid_on_white_and_cmyk_becomes_rgb(tmp_path: Path) -> None:
    clear = saved(tmp_path / "a", Image.new("RGBA", (4, 4), (0, 0, 0, 0)), "PNG")
    printed = saved(tmp_path / "b", Image.new("CMYK", (8, 8), (0, 0, 0, 0)), "JPEG")
    for path in (clear, printed):
        assert np.asarray(open_study([path]).series[0].picture(0).image).min() > 250


def test_pages_of_a_tiff_are_frames(tmp_path: Path) -> None:
    pages = [gradient("L").point(lambda v, k=k: (v + k) % 256) for k in (0, 50, 100)]
    path = tmp_path / "a"
    pages[0].save(path, "TIFF", save_all=True, append_images=pages[1:])
    series = open_study([path]).series[0]
    assert len(series) == 3
    assert series.frame(2).samples[0, 0] == 100


def test_colour_profiles_are_applied_and_dropped(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    path = saved(tmp_path / "a", gradient(), "PNG", icc_profile=profile.tobytes())
    image = open_study([path]).series[0].picture(0).image
    assert "icc_profile" not in image.info


def test_metadata_of_a_photograph_does_not_survive(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "Planted description"
    picture = open_study([saved(tmp_path / "a", gradient(), "JPEG", exif=exif)]).series[0].picture(0)
    out = io.BytesIO()
    picture.image.save(out, "PNG")
    assert b"Planted" not in out.getvalue()


def test_a_picture_beyond_the_pixel_bound_is_refused_before_decoding(tmp_path: Path) -> None:
    path = saved(tmp_path / "a", gradient(), "PNG")
    error = inspect(path, limits=Limits(raster_pixels=100, workers=1)).error
    assert type(error) is TooManyPixels


def test_pictures_have_the_fingerprint_of_their_pixels(tmp_path: Path) -> None:
    first = open_study([saved(tmp_path / "a", gradient(), "PNG")]).series[0].picture(0)
    again = open_study([saved(tmp_path / "b", gradient(), "BMP")]).series[0].picture(0)
    other = open_study([saved(tmp_path / "c", gradient().rotate(180), "PNG")]).series[0].picture(0)
    assert first.sha256 == again.sha256 != other.sha256


@needs_corpus
def test_a_slide_gives_overview_regions_and_tiles_with_its_scale_stated() -> None:
    series = open_study([CORPUS / "wsi" / "cmu-1-small-region.svs"]).series[0]
    assert (series.facts.kind, series.facts.magnification, series.facts.microns_per_pixel) == ("slide", 20.0, 0.499)
    assert max(series.picture(0).image.size) == 2048
    part = series.region((200, 300, 1200, 1300), microns_per_pixel=0.998)
    assert part.image.size == (500, 500)
    assert part.facts.microns_per_pixel == pytest.approx(0.998)
    coarse = series.region((200, 300, 1200, 1300), magnification=5)
    assert (coarse.image.size, coarse.facts.magnification) == ((250, 250), 5.0)
    assert coarse.facts.microns_per_pixel == pytest.approx(1.996)
    full = series.region((200, 300, 264, 364)).image
    tile = series.tile(0, 0, 1, size=256)
    assert np.array_equal(np.asarray(full)[:64, :56], np.asarray(tile)[300 - 256 : 300 - 256 + 64, 200:256])
    with pytest.raises(FrameMissing):
        series.region((5000, 0, 6000, 10))


@needs_corpus
@pytest.mark.parametrize("name", ["cmu1_small_label.dcm", "cmu1_small_overview.dcm"])
def test_label_and_overview_of_a_slide_never_leave(name: str) -> None:
    assert type(inspect(CORPUS / "derived_wsi" / name).error) is WithheldImage


@needs_corpus
def test_a_dicom_slide_and_its_svs_show_the_same_tissue() -> None:
    box = (500, 500, 900, 900)
    svs = open_study([CORPUS / "wsi" / "cmu-1-small-region.svs"]).series[0].region(box).image
    dcm = open_study([CORPUS / "derived_wsi" / "cmu1_small_volume.dcm"]).series[0].region(box).image
    assert np.abs(np.asarray(svs, int) - np.asarray(dcm, int)).max() <= 3


def test_label_pages_of_a_slide_that_openslide_does_not_know_are_withheld(tmp_path: Path) -> None:
    pages = [gradient(), gradient(), gradient()]
    path = tmp_path / "a"
    info = {i: TiffImagePlugin.ImageFileDirectory_v2() for i in range(3)}
    for i, words in enumerate(("Scanner 1.0", "Scanner 1.0\nlabel 387x463", "macro 60x40")):
        info[i][270] = words
    with path.open("w+b") as file:  # Python 3.13 closes the writer once more when it is forgotten
        out = TiffImagePlugin.AppendingTiffWriter(file, new=True)
        for i, page in enumerate(pages):
            page.save(out, "TIFF", tiffinfo=info[i])
            out.newFrame()
        del out
    series = open_study([path]).series[0]
    assert series.frame(0).samples.shape == (40, 60, 3)
    for index in (1, 2):
        with pytest.raises(WithheldImage):
            series.frame(index)


def tiff_of(values: Any, photometric: int, *, planes: bool = False) -> bytes:
    """An uncompressed TIFF written by hand: layouts that Pillow reads but does not write."""
    samples = values.shape[0] if planes else 1
    rows, columns, bits = values.shape[-2], values.shape[-1], values.dtype.itemsize * 8
    size = rows * columns * bits // 8
    start = 8 + 2 + 12 * 10 + 4
    tables = [struct.pack(f"<{samples}H", *[bits] * samples)]
    tables += [struct.pack(f"<{samples}L", *[start + 64 + i * size for i in range(samples)])]
    tables += [struct.pack(f"<{samples}L", *[size] * samples)]
    place = [start, start + 16, start + 32]
    number = (lambda t: place[t]) if planes else (lambda t: int.from_bytes(tables[t], "little"))
    entries = [
        (256, 3, 1, columns), (257, 3, 1, rows), (258, 3, samples, number(0)), (259, 3, 1, 1),
        (262, 3, 1, photometric), (273, 4, samples, number(1)), (277, 3, 1, samples), (278, 3, 1, rows),
        (279, 4, samples, number(2)), (284, 3, 1, 2 if planes else 1),
    ]  # fmt: skip
    directory = struct.pack("<H", 10) + b"".join(struct.pack("<HHLL", *e) for e in entries) + bytes(4)
    extra = b"".join(table.ljust(16, b"\0") for table in tables).ljust(64, b"\0")
    return b"II*\0\x08\0\0\0" + directory + extra + values.tobytes()


def test_deep_tiffs_that_pillow_misreads_are_shown_right(tmp_path: Path) -> None:
    deep = np.arange(40 * 60, dtype=np.uint16).reshape(40, 60) * 27
    path = tmp_path / "a"
    path.write_bytes(tiff_of(deep, 0))
    assert np.array_equal(read_frame(path).samples, 65535 - deep)
    path.write_bytes(tiff_of(np.stack([deep, deep[::-1], deep // 2]), 2, planes=True))
    assert np.array_equal(read_frame(path).samples, np.dstack([deep, deep[::-1], deep // 2]) >> 8)
    path.write_bytes(tiff_of(deep.astype(np.uint32) * 65537, 1))
    assert np.allclose(read_frame(path).samples, deep.astype(np.float64) * 65537)


@needs_corpus
def test_a_16_bit_tiff_and_a_4_bit_tiff_are_read() -> None:
    assert inspect(CORPUS / "raster_edge" / "12in16bit.tif").readable
    assert inspect(CORPUS / "raster_edge" / "hopper_gray_4bpp.tif").readable


@needs_corpus
def test_nifti_volumes_are_read_or_name_the_package_that_is_missing() -> None:
    found = inspect(CORPUS / "nifti" / "example4d.nii.gz")
    if found.readable:
        assert [report.frames for report in found.series] == [24, 24]
        assert found.series[0].facts.kind == "volume"
    else:
        assert type(found.error).__name__ == "MissingDecoder"


def test_rendering_to_files_keeps_native_size_and_names(tmp_path: Path) -> None:
    first = make_dicom(tmp_path / "ct.dcm", ramp(), window=(2048, 4096), PixelAspectRatio=[2, 1])
    second = tmp_path / "broken"
    second.write_bytes(b"nothing")
    written = render_files([first, second], tmp_path / "out", sandbox=sandbox())
    assert written[0] == tmp_path / "out" / "ct.dcm.png"
    assert type(written[1]).__name__ == "TextFile"
    with Image.open(tmp_path / "out" / "ct.dcm.png") as image:
        assert (image.size, image.mode) == ((256, 64), "L")


@pytest.mark.parametrize(("window", "left", "right"), [("minmax", 0, 255), ("first", 255, 255), ("0/2000", 128, 255)])
def test_rendering_takes_a_named_or_a_given_window(tmp_path: Path, window: str, left: int, right: int) -> None:
    path = make_dicom(tmp_path / "a", ramp(), window=(-1000, 10))
    render_files([path], tmp_path / "out", window=window, sandbox=sandbox())
    with Image.open(tmp_path / "out" / "a.png") as image:
        pixels = np.asarray(image)
        assert (pixels[0, 0], pixels[0, -1]) == (left, right)


def test_windows_on_the_command_line_are_centre_slash_width() -> None:
    found = parse_window("-600/1500")
    assert found is not None
    assert (found.center, found.width) == (-600, 1500)
    assert parse_window("first") is None


def test_slices_for_a_model_are_evenly_spaced_or_around_one() -> None:
    assert sample(300, 3) == (0, 150, 299) or sample(300, 3) == (0, 149, 299)
    assert sample(5, 85) == (0, 1, 2, 3, 4)
    assert sample(100, 5, around=50) == (48, 49, 50, 51, 52)
    assert sample(100, 5, around=0) == (0, 1, 2, 3, 4)
    assert sample(100, 4, around=99) == (96, 97, 98, 99)
    assert sample(9, 1) == (4,)


def test_a_composite_shows_one_window_per_channel() -> None:
    frame = Frame(np.array([[-1024, 40, 1024]], np.int16), unit="HU")
    pixels = np.asarray(composite(frame, CT_COMPOSITE))
    assert [tuple(int(v) for v in p) for p in pixels[0]] == [(0, 0, 0), (132, 128, 128), (255, 255, 255)]


def test_fitting_into_a_square_cuts_nothing_off() -> None:
    found = np.asarray(square(Image.new("L", (300, 100), 255), 96))
    assert found.shape == (96, 96)
    assert (found == 255).sum() == 96 * 32


def test_the_models_array_is_the_squared_picture(tmp_path: Path) -> None:
    frame = read_frame(make_dicom(tmp_path / "a", ramp(300, 200), window=(2048, 4096)))
    wanted = np.asarray(square(render(frame), 96))
    assert np.array_equal(model_array(frame, 96), wanted)


@needs_corpus
def test_the_files_of_one_dicom_pyramid_are_one_slide() -> None:
    folder = CORPUS / "derived_wsi"
    study = open_study([folder / "cmu1_small_volume.dcm", folder / "cmu1_small_thumbnail.dcm"])
    assert [(s.facts.kind, s.facts.columns) for s in study.series] == [("slide", 2220)]
