"""From bytes on disk to what the model is given, against the usual ways, in one run.

    python -m benchmarks.dicom [--json] [--shared ../shared] [--repeats 7]

Ours goes the whole public way: open_study in sandboxed workers, frame, window, 896 x 896 uint8. Baselines:
  in_process  ours without the sandbox: bytes in memory to the model's array, no worker, no header for grouping
  plain       pydicom: apply_voi_lut(apply_modality_lut(pixel_array)), Pillow resize, PNG (what most programs do)
  simpleitk   ReadImage, IntensityWindowing, Pillow resize, no PNG (colour and several frames are not its job)
  dcmj2pnm    dcmtk as a process, window 1, scaled to 896, PNG; skipped for JPEG 2000, which it cannot open
  decoder     the floor: the decoder's own time for the pixels alone, nothing else
  full_decode all pixels of a JPEG 2000 file by pydicom and its plugins, nothing more
Every repeat reads a fresh copy of the file, so that no cache of ours helps. The ways take turns; medians.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import SimpleITK
from PIL import Image
from pydicom.encaps import get_frame
from pydicom.pixels import apply_modality_lut, apply_voi_lut

import dicom
from dicom.decoders import decode_codestream
from dicom.frames import build_frame
from dicom.pixels import PixelReader
from dicom.source import mapped, open_source

SIDE = 896
SLICES = 300
CASES = {
    "CR 2140x1760 uncompressed": "cr_dx/RG2_UNC",
    "CT 512x512 uncompressed": "ct/CT2_UNC",
    "DX 2128x2000 JPEG 2000": "cr_dx/966_fixed.dcm",
    "MG 4664x3064 JPEG 2000": "mg/MG1_J2KI",
}


def ours(path: Path, sandbox: dicom.Sandbox) -> np.ndarray[Any, Any]:
    """The public way: sandboxed reading, exact window, padded square."""
    with dicom.open_study([path], sandbox=sandbox) as study:
        frame = study.series[0].frame(0, at_least=SIDE)
        return dicom.model_array(frame, SIDE)


def in_process(path: Path) -> np.ndarray[Any, Any]:
    """From a file's bytes to the model's array, nothing else."""
    opened = open_source(io.BytesIO(path.read_bytes()), dicom.Limits())
    frame = build_frame(opened, PixelReader(opened, dicom.Limits()), 0, at_least=SIDE)
    return dicom.model_array(frame, SIDE)


def plain(path: Path) -> bytes:
    """pydicom's documented pipeline, resized and encoded as PNG."""
    ds = pydicom.dcmread(path)
    values = apply_voi_lut(apply_modality_lut(ds.pixel_array, ds), ds).astype(float)
    grey = (values - values.min()) / max(1e-9, values.max() - values.min()) * 255
    image = Image.fromarray(grey.astype(np.uint8)).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def simpleitk(path: Path) -> np.ndarray[Any, Any]:
    """SimpleITK's reader with its own windowing."""
    image = SimpleITK.ReadImage(str(path))
    values = SimpleITK.GetArrayViewFromImage(image)
    low, high = float(values.min()), float(values.max())
    grey = SimpleITK.IntensityWindowing(image, low, high, 0.0, 255.0)
    pixels = SimpleITK.GetArrayFromImage(grey)[0].astype(np.uint8)
    return np.asarray(Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.LANCZOS))


def dcmj2pnm(path: Path) -> bytes:
    """dcmtk's command, its start included: that is how it is used."""
    out = path.with_suffix(".png")
    subprocess.run(["dcmj2pnm", "+on", "+Wm", "+Sxv", str(SIDE), str(path), str(out)], check=True, capture_output=True)
    return out.read_bytes()


def decoder(path: Path) -> Any:
    """The decoder alone: bytes of the frame to samples, at the resolution ours uses."""
    ds = pydicom.dcmread(path)
    source = open_source(mapped(path), dicom.Limits())
    layout = PixelReader(source, dicom.Limits()).layout
    if source.pixels is None or source.pixels.length is not None:
        start = time.perf_counter()
        np.frombuffer(ds.PixelData, np.uint16).copy()
        return time.perf_counter() - start
    data = get_frame(ds.PixelData, 0, number_of_frames=1)
    start = time.perf_counter()
    decode_codestream(data, layout, rle=False, at_least=SIDE)
    return time.perf_counter() - start


def full_decode(path: Path) -> Any:
    """All pixels decoded by pydicom and its plugins, nothing more."""
    return pydicom.dcmread(path).pixel_array


def ways(compressed: bool, sandbox: dicom.Sandbox) -> dict[str, Callable[[Path], Any]]:
    """Every way that can open the file, by name."""
    found: dict[str, Callable[[Path], Any]] = {
        "ours": lambda path: ours(path, sandbox),
        "in_process": in_process,
        "plain": plain,
        "simpleitk": simpleitk,
    }
    if compressed:
        found["full_decode"] = full_decode
    elif shutil.which("dcmj2pnm"):
        found["dcmj2pnm"] = dcmj2pnm
    return {**found, "decoder": decoder}


def one_file(source: Path, repeats: int, sandbox: dicom.Sandbox) -> dict[str, list[float]]:
    """Milliseconds of every repeat by way. The ways take turns, so that a busy machine is as busy for each."""
    compressed = pydicom.dcmread(source, stop_before_pixels=True).file_meta.TransferSyntaxUID.is_compressed
    runs = ways(compressed, sandbox)
    times: dict[str, list[float]] = {name: [] for name in runs}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(repeats + 2):
            for name, way in runs.items():
                copy = Path(folder) / f"{name}-{number}"
                shutil.copyfile(source, copy)
                start = time.perf_counter()
                result = way(copy)
                took = result if way is decoder else time.perf_counter() - start
                if number > 1:  # the first rounds warm imports and the page cache
                    times[name].append(float(took) * 1000)
                copy.unlink()
    return times


def stages(source: Path) -> dict[str, float]:
    """Where the time of one frame goes, in this process: milliseconds, medians of 7."""
    found: dict[str, list[float]] = {"parse": [], "decode": [], "window": [], "resize": []}
    for _ in range(7):
        marks = [time.perf_counter()]
        opened = open_source(mapped(source), dicom.Limits())
        reader = PixelReader(opened, dicom.Limits())
        marks.append(time.perf_counter())
        frame = build_frame(opened, reader, 0, at_least=SIDE)
        marks.append(time.perf_counter())
        image = dicom.render(frame)
        marks.append(time.perf_counter())
        dicom.square(image, SIDE)
        marks.append(time.perf_counter())
        opened.close()
        for name, begin, end in zip(found, marks, marks[1:], strict=False):
            found[name].append((end - begin) * 1000)
    return {name: round(statistics.median(values), 2) for name, values in found.items()}


def make_series(source: Path, folder: Path) -> None:
    """A 300-slice CT: one real slice repeated at shifted positions."""
    ds = pydicom.dcmread(source)
    x, y, _ = ds.ImagePositionPatient
    for number in range(SLICES):
        ds.ImagePositionPatient, ds.InstanceNumber = [x, y, number * 1.5], number + 1
        ds.SOPInstanceUID = f"1.2.826.0.1.{number}"
        ds.save_as(folder / f"{number:04d}")


def plain_volume(folder: Path) -> np.ndarray[Any, Any]:
    """pydicom, one slice after the other, sorted and stacked."""
    slices = sorted((pydicom.dcmread(p) for p in folder.iterdir()), key=lambda d: d.ImagePositionPatient[2])
    return np.stack([apply_modality_lut(d.pixel_array, d) for d in slices])


def simpleitk_volume(folder: Path) -> np.ndarray[Any, Any]:
    """SimpleITK's own series reader (GDCM sorts)."""
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return np.asarray(SimpleITK.GetArrayFromImage(reader.Execute()))


def processor_seconds(sandbox: dicom.Sandbox) -> float:
    """Processor time this process and the idle workers have used so far; this process alone without /proc."""
    used = time.process_time()
    for pid in sandbox.pids():
        stat = Path(f"/proc/{pid}/stat")
        if stat.exists():
            fields = stat.read_text().rpartition(")")[2].split()
            used += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return used


def whole_series(source: Path, repeats: int, sandbox: dicom.Sandbox) -> dict[str, float]:
    """Seconds to a first picture and to a full volume; the others' for the volume; memory in volumes."""
    found: dict[str, list[float]] = {
        "first_picture": [],
        "first_picture_cpu": [],
        "volume": [],
        "volume_cpu": [],
        "plain_volume": [],
        "simpleitk_volume": [],
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_series(source, folder)
        for _ in range(repeats):
            start, used = time.perf_counter(), processor_seconds(sandbox)
            series = dicom.open_study([folder], sandbox=sandbox).series[0]
            series.picture(series.middle)
            found["first_picture"].append(time.perf_counter() - start)
            found["first_picture_cpu"].append(processor_seconds(sandbox) - used)
            values = dicom.volume(series).values
            found["volume"].append(time.perf_counter() - start)
            found["volume_cpu"].append(processor_seconds(sandbox) - used)
            for way in (plain_volume, simpleitk_volume):
                start = time.perf_counter()
                way(folder)
                found[way.__name__].append(time.perf_counter() - start)
        tracemalloc.start()
        dicom.volume(dicom.open_study([folder], sandbox=sandbox).series[0])
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    medians = {key: statistics.median(times) for key, times in found.items()}
    return {**medians, "peak_memory_over_volume": peak / values.nbytes}


def main() -> None:
    """Print the table, or with --json one object of medians (milliseconds; seconds for the series) and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    root = Path(__file__).resolve().parents[1]
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--shared", type=Path, default=root.parent / "shared")
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    corpus = arguments.shared / "dicom-corpus"
    if not corpus.exists():
        raise SystemExit("the corpus of DICOM files is not there: --shared FOLDER")
    sandbox = dicom.Sandbox(dicom.Limits())
    sandbox.warm()
    runs = {name: one_file(corpus / file, arguments.repeats, sandbox) for name, file in CASES.items()}
    files = {name: {way: statistics.median(ms) for way, ms in times.items()} for name, times in runs.items()}
    fastest = {name: {way: min(ms) for way, ms in times.items()} for name, times in runs.items()}
    where = {name: stages(corpus / file) for name, file in CASES.items()}
    series = whole_series(corpus / "series_ct_3slice" / "01.dcm", max(1, arguments.repeats // 2), sandbox)
    sandbox.close()
    if arguments.json:
        found = {"milliseconds": files, "ratios": _ratios(files), "fastest_ms": fastest, "stages_ms": where}
        print(json.dumps({**found, "series_300": series}))
        return
    _print_files("median milliseconds, and times ours", files)
    _print_files("the fastest run of each", fastest)
    if not shutil.which("dcmj2pnm"):
        print("\ndcmj2pnm is not installed here (Debian: dcmtk).")
    _print_rest(where, series)


def _ratios(files: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    return {
        name: {f"{way}_over_ours": ms / t["ours"] for way, ms in t.items() if way != "ours"}
        for name, t in files.items()
    }


def _print_files(title: str, files: dict[str, dict[str, float]]) -> None:
    """Markdown, as docs/pixels.md holds it."""
    names = ("ours", "in_process", "plain", "simpleitk", "dcmj2pnm", "full_decode", "decoder")
    print(f"\n| {title} | " + " | ".join(names) + " |")
    print("|---" * (len(names) + 1) + "|")
    for name, times in files.items():
        cells = (f"{times[w]:.1f} ({times[w] / times['ours']:.1f}×)" if w in times else "–" for w in names)
        print(f"| {name} | " + " | ".join(cells) + " |")


def _print_rest(where: dict[str, dict[str, float]], series: dict[str, float]) -> None:
    print("\n| where ours goes, in one process | " + " | ".join(next(iter(where.values()))) + " |")
    print("|---" * (len(next(iter(where.values()))) + 1) + "|")
    for name, parts in where.items():
        print(f"| {name} | " + " | ".join(f"{ms:.2f}" for ms in parts.values()) + " |")
    s = {key: f"{value:.2f}" for key, value in series.items()}
    print(
        f"\n{SLICES} CT slices on {dicom.Limits().workers} workers: first picture {s['first_picture']} s (processor "
        f"time {s['first_picture_cpu']} s), volume {s['volume']} s ({s['volume_cpu']} s); plain pydicom's volume "
        f"{s['plain_volume']} s, SimpleITK's {s['simpleitk_volume']} s. Peak memory "
        f"{s['peak_memory_over_volume']} × the volume."
    )


if __name__ == "__main__":
    main()
