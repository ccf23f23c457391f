"""The conformance table: every corpus file read, its pixels compared, or refused with which error.

    python -m tests.conformance [--shared ../shared] [--out docs/conformance.md]

A file counts as agreeing only if its pixels were compared: with the rendering of dcmtk's dcmj2pnm the corpus
brings (+-1 grey level, +-3 when lossy), else with a second decoder (`tests.second_decoders`). "worse" means
another tool opens a file that we refuse.
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

from app.locale import Locale
from app.notices import key_of
from dicom import DicomError, Frame, Limits, Sandbox, errors
from dicom.headers import Header
from dicom.inspection import encoding_name
from tests.second_decoders import LOSSY, Comparison, against_rendering, by_second_decoder

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
            return Verdict(entry.name, header.reader, "container")
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


def _compared(entry: Entry, frame: Frame, header: Header, sandbox: Sandbox) -> Comparison | None:
    reference = entry.facts.get("reference")
    if reference:
        lossy = header.syntax.startswith(LOSSY)
        return against_rendering(entry.corpus / reference["png"], reference["command"], frame, lossy=lossy)
    return by_second_decoder(entry.path, frame, header, sandbox)


def table(verdicts: list[Verdict], entries: list[Entry], version: str) -> str:
    """The Markdown of docs/conformance.md."""
    outcomes = Counter(v.outcome for v in verdicts)
    references = [v for v in verdicts if v.reference]
    met = sum(v.outcome == "agrees" for v in references)
    lines = [
        "# Conformance",
        "",
        "Made by `make conformance` (`python -m tests.conformance`) over the shared corpus of test files; not edited",
        "by hand. A file *agrees* only if its pixels were compared: with the corpus's dcmj2pnm rendering (±1 grey",
        "level, ±3 lossy), else with another decoder's values (grey exact, lossy ±3; colour ±1, lossy ±8). *read*",
        "means that no other decoder here opens the file; a *container* (ZIP, DICOMDIR) holds others.",
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
        *(f"| {v.file} | {v.against} | {v.error} | {v.reason or 'a gap'} |" for v in verdicts if v.worse),
        *(
            f"| {v.file} | {v.against} | differs by {v.difference:g} | not understood yet |"
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
        "| file | encoding | outcome | compared with | largest difference, or what the reader is told |",
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
    difference = "" if v.difference is None else f"{v.difference:g}"
    return f"| {v.file} | {v.encoding} | {v.outcome} | {v.against} | {difference} |"


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
