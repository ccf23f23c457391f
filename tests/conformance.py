"""The conformance table: every corpus file read, its pixels compared, or refused with which error.

    python -m tests.conformance [--shared ../shared] [--out docs/conformance.md]

A file counts as agreeing only if its pixels were compared: the first frame with the rendering of dcmtk's dcmj2pnm
the corpus brings (+-1 grey level, +-3 when lossy), others with a second decoder (`tests.second_decoders`). All frames
of a file are decoded; the first, second, middle and last are compared. "worse" means that another tool opens a file
or a frame that we refuse.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom

from app.locale import Locale
from app.notices import key_of
from dicom import DicomError, Frame, Limits, Sandbox, errors
from dicom.headers import Header
from dicom.inspection import encoding_name
from tests.second_decoders import LOSSY, Comparison, against_rendering, by_second_decoder, opening

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
    "pydicom_shipped/MR_truncated.dcm": "gdcmconv copies it as it is; half a picture without a word would mislead",
    "mr/GH1146.dcm": "gdcmconv copies it as it is; the pixel element is empty",
    "raster_edge/decompression_bomb.gif": "a bomb",
    "synthetic/png_bomb_13000x13000_grey8.png": "beyond the bound on pixels; settings can raise it",
    "synthetic/png_bomb_30000x30000_1bit.png": "a bomb",
}
DAMAGED = {
    "synthetic/jpeg_bitflips.dcm": "damaged on purpose; every decoder guesses, libjpeg-turbo in Pillow as in ours",
}
"""Files over which decoders disagree and nobody is right."""
TOOLS = ("pydicom_default", "dcmtk_dcmj2pnm", "dcmtk_dcml2pnm", "gdcm3.0.21_gdcmconv", "simpleitk")
COMPARED = {
    "pydicom with all plugins": ("pydicom_default", "pydicom_plugins"),
    "dcmtk (dcmj2pnm, dcml2pnm)": ("dcmtk_dcmj2pnm", "dcmtk_dcml2pnm"),
    "gdcm 3.0.21": ("gdcm3.0.21_gdcmconv",),
    "SimpleITK": ("simpleitk",),
}
"""Tools and their names in the manifest."""


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
    """"agrees", "differs", "read" (not compared), "container" or "refused"."""
    compared: tuple[Comparison, ...] = ()
    lossy: bool = False
    frames: int = 1
    """How many the file has."""
    failing: tuple[int, ...] = ()
    """Frames that are refused though the first is not, from 0."""
    opened_by: str = ""
    """Who opens what we refuse."""
    error: str = ""
    worse: bool = False
    reason: str = ""

    @property
    def reference(self) -> bool:
        """Whether the corpus has a rendering of it."""
        return any(c.reference for c in self.compared)

    @property
    def difference(self) -> float | None:
        """The largest, from the rendering where there is one; None when nothing was compared."""
        return self.compared[0].difference if self.compared else None


def corpus_files(shared: Path) -> list[Entry]:
    """All files of the manifest that are there."""
    corpus = shared / "dicom-corpus"
    manifest = json.loads((corpus / "MANIFEST.json").read_text(encoding="utf-8"))
    entries = [Entry(corpus / f["file"], corpus, f) for f in manifest["files"]]
    return [entry for entry in entries if entry.path.exists()]


def judge(entry: Entry, sandbox: Sandbox) -> Verdict:
    """Read all frames of one file and compare what can be compared."""
    try:
        header: Header = sandbox.call("scan", str(entry.path))
        if header.reader in ("zip", "directory"):
            return Verdict(entry.name, header.reader, "container")
        if header.reader == "slide":
            sandbox.call("frame", str(entry.path), "slide", 0, 0, True)
    except DicomError as refused:
        return _refused(entry, refused)
    reader, count = _tiles(entry, header) if header.reader == "slide" else (header.reader, len(header.slots))
    frames: dict[int, Frame] = {}
    failing: dict[int, DicomError] = {}
    requests = ((str(entry.path), reader, index, 0, True) for index in range(count))
    for index, result in enumerate(sandbox.map("frame", requests)):
        if isinstance(result, DicomError):
            failing[index] = result
        elif index in (0, 1, count // 2, count - 1):
            frames[index] = result
    if 0 in failing:
        return _refused(entry, failing[0])
    with warnings.catch_warnings():  # the other decoders comment on every deviation of these files
        warnings.simplefilter("ignore")
        found = tuple(_compared(entry, frames, header, sandbox))
        others = dict.fromkeys(opening(entry.path, index, frames[0], header, sandbox) for index in failing)
    outcome = "read" if not found else "agrees" if all(c.agrees for c in found) else "differs"
    opened_by = " ".join(name for name in others if name)
    return Verdict(
        entry.name,
        encoding_name(header.syntax) if header.syntax else "",
        outcome,
        found,
        header.syntax.startswith(LOSSY),
        count,
        tuple(failing),
        opened_by,
        type(next(iter(failing.values()))).__name__ if failing else "",
        worse=bool(opened_by),
        reason=DAMAGED.get(entry.name, "") if outcome == "differs" else "",
    )


def _tiles(entry: Entry, header: Header) -> tuple[str, int]:
    """How the frames of a slide are asked for, and how many: those of a DICOM slide are its tiles."""
    if header.syntax == "slide":
        return "slide", 1
    return "dicom", int(pydicom.dcmread(entry.path, stop_before_pixels=True).get("NumberOfFrames", 1))


def _refused(entry: Entry, refused: DicomError) -> Verdict:
    name = type(refused).__name__
    decode = entry.facts.get("decode") or {}
    others = [tool for tool in TOOLS if decode.get(tool) == "ok"]
    plugins = [p for p, result in (decode.get("pydicom_plugins") or {}).items() if result == "ok"]
    worse = bool(others or plugins)
    reason = ON_PURPOSE.get(name, BY_NAME.get(entry.name, "")) if worse else ""
    by = " ".join(others + plugins)
    return Verdict(entry.name, "", "refused", opened_by=by, error=name, worse=worse, reason=reason)


def _compared(entry: Entry, frames: dict[int, Frame], header: Header, sandbox: Sandbox) -> Iterator[Comparison]:
    """The corpus's rendering of the first frame, and a second decoder for the frames that it does not show."""
    reference = entry.facts.get("reference")
    left = frames
    if reference:
        lossy = header.syntax.startswith(LOSSY)
        yield against_rendering(entry.corpus / reference["png"], reference["command"], frames[0], lossy=lossy)
        left = {index: frame for index, frame in frames.items() if index}
    if left and (found := by_second_decoder(entry.path, left, header, sandbox)) is not None:
        yield found


def table(verdicts: list[Verdict], entries: list[Entry], version: str) -> str:
    """The Markdown of docs/conformance.md."""
    outcomes = Counter(v.outcome for v in verdicts)
    references = [v for v in verdicts if v.reference]
    met = sum(v.outcome == "agrees" for v in references)
    lines = [
        "# Conformance",
        "",
        "Made by `make conformance` (`python -m tests.conformance`) over the shared corpus of test files; not edited",
        "by hand. All frames of every file are decoded. A file *agrees* only if its pixels were compared: the first,",
        "second, middle and last frame of it. *read* means that no other decoder here opens the file; a *container*",
        "(ZIP, DICOMDIR) holds others. Each row names whom it was compared with, the largest difference found and, in",
        "brackets, what was allowed:",
        "",
        "- `dcmj2pnm +on …`: the corpus's own rendering of the first frame, grey levels, 1 (lossy 3).",
        "- `dcmdjpeg`, `dcmdrle`, `dcmdjpls` (dcmtk), `imagecodecs` (JPEG-LS by CharLS, HTJ2K by OpenJPH), `Pillow`",
        "  (called by pydicom for JPEG and JPEG 2000; `alone` for tiles cut off at a slide's edge, whose rows dcmtk",
        "  lays end to end), `pydicom` (its own Python, for RLE and uncompressed files), `SimpleITK` (GDCM; modality",
        "  values): grey 0 (lossy 3), colour 1 (lossy 8).",
        "- `dcmj2pnm here`: a rendering over the full range of the frame, 1 (lossy: grey 3, colour 8). `the JPEG",
        "  inside` a JPEG XL: 12, as the two spread colour of half the resolution differently. `Pillow` for pictures:",
        "  1, for slides: 8. `nibabel`: 0.",
        "- `pydicom with our own decoder` is no independent witness: it checks what stands around the decoder only.",
        "  Nor are JPEG 2000 and JPEG-LS wholly independent: every decoder here is a build of OpenJPEG or of CharLS.",
        "",
        f"Corpus {version}: {len(verdicts)} files. "
        + ", ".join(f"{count} {name}" for name, count in sorted(outcomes.items()))
        + f". Reference renderings met: {met} of {len(references)}.",
        "",
        "## Beside other tools",
        "",
        "Files of the corpus with pixels that a tool opens, by the corpus's own record.",
        "",
        "| tool | opens | of these we open | we open and it does not |",
        "|---|---|---|---|",
        *_beside(verdicts, entries),
        "",
        "## Files we do worse on than any other tool",
        "",
        "| file | opened by | our error | why |",
        "|---|---|---|---|",
        *(f"| {v.file}{_which(v)} | {v.opened_by} | {v.error} | {v.reason or 'a gap'} |" for v in verdicts if v.worse),
        *(
            f"| {v.file} | {_against(v)} | differs by {_difference(v)} | {v.reason or 'a gap'} |"
            for v in verdicts
            if v.outcome == "differs"
        ),
        "",
        "## Why files are refused",
        "",
        "| error | files | what the reader is told |",
        "|---|---|---|",
        *_refusals(verdicts),
        "",
        "## Every file",
        "",
        "| file | encoding | outcome | compared with | largest difference (allowed), or what the reader is told |",
        "|---|---|---|---|---|",
        *(_row(v) for v in verdicts),
    ]
    return "\n".join(lines) + "\n"


def _beside(verdicts: list[Verdict], entries: list[Entry]) -> Iterator[str]:
    opened = {v.file for v in verdicts if v.outcome not in ("refused", "container")}
    pixels = [e for e in entries if e.facts.get("decode") and e.facts["decode"].get("pydicom_default") != "n/a"]
    for tool, names in COMPARED.items():
        theirs = {e.name for e in pixels if any(_opens(e.facts["decode"].get(name)) for name in names)}
        ours = {e.name for e in pixels} & opened
        yield f"| {tool} | {len(theirs)} | {len(theirs & ours)} | {len(ours - theirs)} |"


def _opens(result: Any) -> bool:
    return result == "ok" or (isinstance(result, dict) and "ok" in result.values())


def _told(error: str) -> str:
    return Locale("en").sentence(key_of(getattr(errors, error)))


def _refusals(verdicts: list[Verdict]) -> Iterator[str]:
    for error, count in Counter(v.error for v in verdicts if v.outcome == "refused").most_common():
        yield f"| {error} | {count} | {_told(error)} |"


def _row(v: Verdict) -> str:
    if v.outcome == "refused":
        return f"| {v.file} |  | refused: {v.error} |  | {_told(v.error)} |"
    refused = f"; refused{_which(v)}: {v.error}" if v.failing else ""
    return f"| {v.file} | {v.encoding} | {v.outcome}{refused} | {_against(v)} | {_difference(v)} |"


def _which(v: Verdict) -> str:
    """The frames that are refused, counted from 1."""
    return f", {_listed(v.failing, v.frames)}" if v.failing else ""


def _listed(indices: tuple[int, ...], count: int) -> str:
    shown = [str(index + 1) for index in indices[:12]] + ["…"] * (len(indices) > 12)
    return f"frame{'s' * (len(indices) > 1)} {', '.join(shown)} of {count}"


def _against(v: Verdict) -> str:
    """Whom it was compared with, and which frames where there are several, counted from 1."""
    return "; ".join(c.against + (f", {_listed(c.frames, v.frames)}" if v.frames > 1 else "") for c in v.compared)


def _difference(v: Verdict) -> str:
    return "; ".join(f"{c.difference:g} ({c.allowed:g})" for c in v.compared)


def _verdicts(entries: list[Entry]) -> Iterator[Verdict]:
    sandbox = Sandbox(Limits())
    try:
        for entry in entries:
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
    entries = corpus_files(arguments.shared)
    found = list(_verdicts(entries))
    arguments.out.write_text(table(found, entries, hashlib.sha256(manifest).hexdigest()[:12]), encoding="utf-8")


if __name__ == "__main__":
    main()
