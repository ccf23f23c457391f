"""The conformance table: every corpus file read, its pixels compared, or refused with which error.

    python -m tests.conformance [--shared ../shared] [--out docs/conformance.md]

A file counts as agreeing only if its pixels were compared: with the rendering of dcmtk's dcmj2pnm the corpus
brings (+-1 grey level, +-3 when lossy), else with the values of a second decoder (pydicom with its plugins),
else with a dcmj2pnm installed here. "worse" means another tool opens a file that we refuse.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import shutil
import subprocess
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image, ImageOps
from pydicom.pixels.processing import apply_color_lut
from pydicom.pixels.utils import pixel_array

from dicom import DicomError, Frame, Limits, Sandbox
from dicom.headers import Header
from dicom.inspection import encoding_name, native

LOSSY = tuple(f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 53, 55, 81, 91, 203))
ON_PURPOSE = {
    "Segmentation": "labels are not pictures; the issue asks for a refusal that says so",
    "WithheldImage": "label and overview of a slide may show a name",
    "RadiotherapyObject": "not a picture",
    "TooManyPixels": "beyond the bound on pixels; settings can raise it",
    "TooManyFrames": "claims frames it does not have",
    "UnsupportedPixels": "private GE syntax on explicit data: the byte order cannot be known",
    "InflatesTooMuch": "a bomb",
}
"""Refusals by design, with the reason."""
BY_NAME = {
    "raster_edge/decompression_bomb.gif": "a bomb",
    "synthetic/png_bomb_13000x13000_grey8.png": "beyond the bound on pixels; settings can raise it",
    "synthetic/png_bomb_30000x30000_1bit.png": "a bomb",
}
TOOLS = ("pydicom_default", "dcmtk_dcmj2pnm", "dcmtk_dcml2pnm")


@dataclass(frozen=True)
class Entry:
    """One line of the corpus manifest."""

    path: Path
    corpus: Path
    facts: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.facts["file"])


@dataclass(frozen=True)
class Verdict:
    """What became of one file."""

    file: str
    encoding: str
    outcome: str
    """"agrees", "differs", "read" (not compared) or "refused"."""
    against: str = ""
    difference: float | None = None
    """Largest difference, in grey levels or stored values."""
    lossy: bool = False
    reference: bool = False
    error: str = ""
    worse: bool = False
    reason: str = ""


def corpus_files(shared: Path) -> list[Entry]:
    """All files of the manifest that are there."""
    corpus = shared / "dicom-corpus"
    manifest = json.loads((corpus / "MANIFEST.json").read_text(encoding="utf-8"))
    entries = [Entry(corpus / f["file"], corpus, f) for f in manifest["files"]]
    return [entry for entry in entries if entry.path.exists()]


def judge(entry: Entry, sandbox: Sandbox) -> Verdict:
    """Read one file and compare what can be compared."""
    try:
        header: Header = sandbox.call("scan", str(entry.path))
        if header.reader in ("zip", "directory"):
            return Verdict(entry.name, header.reader, "read")
        frame: Frame = sandbox.call("frame", str(entry.path), header.reader, 0, 0, True)
    except DicomError as refused:
        return _refused(entry, refused)
    lossy = header.syntax.startswith(LOSSY)
    encoding = encoding_name(header.syntax) if header.syntax else ""
    with warnings.catch_warnings():  # the other decoders comment on every deviation of these files
        warnings.simplefilter("ignore")
        found = _compared(entry, frame, header, sandbox)
    if found is None:
        return Verdict(entry.name, encoding, "read", lossy=lossy)
    against, difference, allowed, reference = found
    outcome = "agrees" if difference <= allowed else "differs"
    return Verdict(entry.name, encoding, outcome, against, difference, lossy, reference)


def _refused(entry: Entry, refused: DicomError) -> Verdict:
    name = type(refused).__name__
    decode = entry.facts.get("decode") or {}
    others = [tool for tool in TOOLS if decode.get(tool) == "ok"]
    plugins = [p for p, result in (decode.get("pydicom_plugins") or {}).items() if result == "ok"]
    worse = bool(others or plugins)
    reason = ON_PURPOSE.get(name, BY_NAME.get(entry.name, "")) if worse else ""
    return Verdict(entry.name, "", "refused", " ".join(others + plugins), error=name, worse=worse, reason=reason)


Comparison = tuple[str, float, float, bool]


def _compared(entry: Entry, frame: Frame, header: Header, sandbox: Sandbox) -> Comparison | None:
    """(against what, largest difference, allowed, whether it is the corpus's rendering)."""
    reference = entry.facts.get("reference")
    lossy = header.syntax.startswith(LOSSY)
    if reference:
        return _against_rendering(entry.corpus / reference["png"], reference["command"], frame, lossy)
    if header.reader == "raster":
        return _against_pillow(entry.path, frame)
    if header.reader == "slide":
        return _against_tile(entry, header, sandbox)
    if header.reader != "dicom":
        return None
    return _against_pydicom(entry, frame, lossy) or _against_dcmtk(entry, frame, lossy)


def _against_rendering(png: Path, command: str, frame: Frame, lossy: bool) -> Comparison:
    with Image.open(png) as image:
        wanted = np.asarray(image.convert("L"), int)
    found = np.asarray(native(frame, "minmax" if "+Wm" in command else "first"), int)
    return command, _largest(found, wanted), 3 if lossy else 1, True


def _largest(found: NDArray[Any], wanted: NDArray[Any]) -> float:
    if found.shape != wanted.shape:
        return float("inf")
    return float(np.abs(found.astype(np.float64) - wanted).max()) if found.size else 0.0


def _against_pydicom(entry: Entry, frame: Frame, lossy: bool) -> Comparison | None:
    """Stored values of a grey frame exactly, RGB within the rounding of two decoders."""
    try:
        ds = pydicom.dcmread(entry.path, force=True)
    except (OSError, ValueError):
        return None
    if "ModalityLUTSequence" in ds:
        return None
    if not getattr(getattr(ds, "file_meta", None), "TransferSyntaxUID", None):
        ds.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
    try:
        wanted: NDArray[Any] = pixel_array(ds, index=0)
        if frame.color and ds.PhotometricInterpretation == "PALETTE COLOR":
            wanted = apply_color_lut(wanted, ds)
    except (ValueError, RuntimeError, NotImplementedError, AttributeError, TypeError, OSError, KeyError):
        return None
    if not frame.color:
        if int(ds.get("HighBit", 0)) + 1 != int(ds.get("BitsStored", 1)):
            return None  # pydicom ignores HighBit
        exact = wanted.astype(frame.samples.dtype) if frame.samples.dtype.kind == "f" else wanted
        return "pydicom", _largest(frame.samples, exact), 3 if lossy else 0, False
    if wanted.dtype.itemsize > 1 and wanted.max() > 255:
        wanted = wanted >> (8 * wanted.dtype.itemsize - 8)
    return "pydicom", _largest(frame.samples, wanted), 8 if lossy else 1, False


def _against_pillow(path: Path, frame: Frame) -> Comparison | None:
    """Pillow's own conversion of the first page, upright, transparency on white."""
    with Image.open(path) as opened:
        if "icc_profile" in opened.info:
            return None
        image = ImageOps.exif_transpose(opened)
        if image.mode == "1":
            image = image.convert("L")
        elif image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
            clear = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")
        elif image.mode not in ("L", "I;16"):
            image = image.convert("RGB")
        wanted = np.asarray(image)
    return "Pillow", _largest(frame.samples, wanted), 0, False


def _against_tile(entry: Entry, header: Header, sandbox: Sandbox) -> Comparison | None:
    """The upper left corner of a slide: pydicom's first tile, or Pillow's decoding of the TIFF's first page."""
    try:
        if header.syntax == "slide":
            with Image.open(entry.path) as page:
                wanted = np.asarray(page.convert("RGB").crop((0, 0, 256, 256)))
        else:
            ds = pydicom.dcmread(entry.path)
            if ds.TotalPixelMatrixColumns != header.facts.columns:
                return None  # OpenSlide has opened the whole pyramid, this file is one of its smaller levels
            wanted = pixel_array(ds, index=0)
    except (OSError, ValueError, RuntimeError, Image.DecompressionBombError):
        return None
    found = sandbox.call("region", str(entry.path), (0, 0, wanted.shape[1], wanted.shape[0]), 1.0)
    return ("Pillow" if header.syntax == "slide" else "pydicom"), _largest(found, wanted), 8, False


def _against_dcmtk(entry: Entry, frame: Frame, lossy: bool) -> Comparison | None:
    """A rendering by a dcmj2pnm installed here: grey over the full range, colour as it is."""
    tool = shutil.which("dcmj2pnm")
    if tool is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "a.pnm"
        option = [] if frame.color else ["+Wm"]
        done = subprocess.run([tool, *option, str(entry.path), str(out)], capture_output=True, check=False, timeout=60)
        if done.returncode or not out.exists():
            return None
        with Image.open(out) as image:
            wanted = np.asarray(image)
    found = np.asarray(native(frame, "minmax"))
    return "dcmj2pnm here", _largest(found, wanted), (8 if frame.color else 3) if lossy else 1, False


def table(verdicts: list[Verdict], version: str) -> str:
    """The Markdown of docs/conformance.md."""
    outcomes = Counter(v.outcome for v in verdicts)
    references = [v for v in verdicts if v.reference]
    met = sum(v.outcome == "agrees" for v in references)
    lines = [
        "# Conformance",
        "",
        "Made by `make conformance` (`python -m tests.conformance`) over the shared corpus; not edited by hand.",
        " A file agrees only if its pixels were compared: with the corpus's dcmj2pnm rendering (±1 grey level,",
        "±3 lossy), else the values of pydicom and its plugins (exact; lossy ±3; colour ±1, lossy ±8), else Pillow",
        "(exact) or a dcmj2pnm installed here.",
        "",
        f"Corpus {version}: {len(verdicts)} files. "
        + ", ".join(f"{count} {name}" for name, count in sorted(outcomes.items()))
        + f". Reference renderings met: {met} of {len(references)}.",
        "",
        "## Files another tool opens and we do not",
        "",
        "| file | opened by | our error | why |",
        "|---|---|---|---|",
        *(f"| {v.file} | {v.against} | {v.error} | {v.reason or 'a gap'} |" for v in verdicts if v.worse),
        "",
        "## Files that differ",
        "",
        *(
            [f"- {v.file}: {v.difference:g} against {v.against}" for v in verdicts if v.outcome == "differs"]
            or ["None."]
        ),
        "",
        "## Every file",
        "",
        "| file | encoding | outcome | compared with | largest difference or error |",
        "|---|---|---|---|---|",
        *(_row(v) for v in verdicts),
    ]
    return "\n".join(lines) + "\n"


def _row(v: Verdict) -> str:
    last = v.error if v.outcome == "refused" else "" if v.difference is None else f"{v.difference:g}"
    against = "" if v.outcome == "refused" else v.against
    return f"| {v.file} | {v.encoding} | {v.outcome} | {against} | {last} |"


def _verdicts(shared: Path) -> Iterator[Verdict]:
    sandbox = Sandbox(Limits())
    try:
        for entry in corpus_files(shared):
            yield judge(entry, sandbox)
    finally:
        sandbox.close()


def main() -> None:
    """Write the table."""
    root = Path(__file__).resolve().parents[1]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=root.parent / "shared")
    parser.add_argument("--out", type=Path, default=root / "docs" / "conformance.md")
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    manifest = (arguments.shared / "dicom-corpus" / "MANIFEST.json").read_bytes()
    found = list(_verdicts(arguments.shared))
    arguments.out.write_text(table(found, hashlib.sha256(manifest).hexdigest()[:12]), encoding="utf-8")


if __name__ == "__main__":
    main()
