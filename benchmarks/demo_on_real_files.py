"""Does the demonstration model name the kind of real images? Measured on the shared corpus, never trained on it.

    python -m benchmarks.demo_on_real_files [--corpus ../shared/dicom-corpus] [--json] [--keep]

Every CT, MR, radiograph and histology file is opened as the program opens it (first or middle frame, default
window) and the model, in NF4, is asked in both languages with held-out wordings. Baseline in the same run: always
answering the commonest kind. Then it is asked for findings, of which it knows nothing outside its drawings: counted
is how often it says so. Pictures of less than 64 pixels on a side (cut-outs of 16 to 32 pixels in the DICOMDIR
examples, mostly one even grey, which nobody could name) and a drawn smiling face that calls itself a CT are counted
apart. `--keep` adds the result to the model's measurements and card.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dicom import DicomError, open_study
from model.demo import card
from model.demo.answers import answer
from model.demo.dialogues import Turn
from model.demo.language import LANGUAGES, wordings
from model.demo.pictures import Facts
from model.demo.scene import Pixels

ROOT = Path(__file__).resolve().parents[1]
KINDS = {"CT": "ct", "MR": "mr", "CR": "xray", "DX": "xray", "RG": "xray", "MG": "xray", "SM": "histology"}
# Not pictures of the kind their header names: generated ramps, damaged files, planned failures.
LEFT_OUT = ("synthetic/", "malformed/", "raster_edge/", "charset/")
RASTERS = (("cxr_png/", "xray"), ("histology/", "histology"), ("_CT_", "ct"), ("_MRI-", "mr"), ("_X-Ray_", "xray"))
SMALLEST = 64  # pixels on the shorter side, below which a picture is counted apart
DRAWN = ("sc_vl/ctbrain1.dcm",)  # pen strokes on white, whatever its header says
SLIDES = ("wsi/cmu-1-small-region.svs", "wsi/tcga-cr-7395-01a-01-ts1.svs")


@dataclass(frozen=True)
class Real:
    """One real file: its kind and the picture the program shows of it."""

    file: str
    kind: str
    image: Pixels

    @property
    def nameable(self) -> bool:
        """Whether the picture shows enough for anybody to say what kind it is."""
        return min(self.image.shape[:2]) >= SMALLEST and self.file not in DRAWN

    @property
    def print(self) -> str:
        return hashlib.sha256(self.image.tobytes()).hexdigest()


def kind_of(entry: dict[str, str]) -> str:
    """The kind by the manifest; "" for files that are not measured."""
    file = entry["file"]
    if file.startswith(LEFT_OUT):
        return ""
    if entry.get("kind") == "dicom":
        localizer = "philips_70_S4010" in file or "label" in entry.get("notes", "").lower()
        return "" if localizer or entry.get("has_pixels") is False else KINDS.get(entry.get("modality") or "", "")
    if file in SLIDES:
        return "histology"
    return next((kind for mark, kind in RASTERS if mark in file), "")


def gather(corpus: Path) -> tuple[list[Real], list[str]]:
    """(files with their pictures, names of those the program could not open)."""
    entries = json.loads((corpus / "MANIFEST.json").read_text(encoding="utf-8"))["files"]
    found, failed = [], []
    for entry in entries:
        if not (kind := kind_of(entry)):
            continue
        try:
            with open_study([corpus / entry["file"]]) as study:
                series = study.series[0]
                picture = series.picture(series.middle).image
                found.append(Real(entry["file"], kind, np.asarray(picture.convert("RGB"))))
        except (DicomError, IndexError) as error:
            failed.append(f"{entry['file']}: {type(error).__name__}")
    return found, failed


def ask(folder: Path, reals: list[Real], kind: str) -> dict[str, list[str]]:
    """Answers per language to one held-out question of a kind each."""
    from model.demo import reader

    model, processor = reader.load(folder, "nf4")
    said = {}
    for language in LANGUAGES:
        questions = wordings(f"heldout_{language}")[kind]
        items = [
            ([Turn(kind, language, questions[k % len(questions)], "", 0)], [real.image]) for k, real in enumerate(reals)
        ]
        said[language] = reader.answers(model, processor, items)
    return said


ALL = "all files"
NAMEABLE = f"files of {SMALLEST} pixels and more"
DISTINCT = f"different pictures of {SMALLEST} pixels and more"
APART = "smaller or drawn"


def expected(real: Real, language: str) -> str:
    return answer("modality", Facts(real.kind, "", False, "none", "none", "", "", ""), language)


def declined(reals: list[Real], said: dict[str, list[str]]) -> dict[str, float]:
    """Per language the share of nameable pictures of which it says that it was not trained for them."""
    found = {}
    for language, texts in said.items():
        words = wordings("answers")[language]
        theirs = [text for real, text in zip(reals, texts, strict=True) if real.nameable]
        found[language] = float(np.mean([text in (words["unassessed"], words["foreign"]) for text in theirs]))
    return found


def summary(reals: list[Real], said: dict[str, list[str]]) -> dict[str, dict[str, float]]:
    """Per kind (nameable pictures only), and for each of the above groups: files and the share right per language."""
    right: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for language, texts in said.items():
        known = set()
        for real, text in zip(reals, texts, strict=True):
            ok = text == expected(real, language)
            groups = [ALL, *([real.kind, NAMEABLE] if real.nameable else [APART])]
            if real.nameable and real.print not in known:
                known.add(real.print)
                groups.append(DISTINCT)
            for group in groups:
                right[group][language].append(ok)
    order = [*sorted(k for k in right if k not in (ALL, NAMEABLE, DISTINCT, APART)), NAMEABLE, DISTINCT, APART, ALL]
    return {
        group: {"files": len(right[group]["en"]), **{k: float(np.mean(right[group][k])) for k in LANGUAGES}}
        for group in order
        if group in right
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.demo_on_real_files", description=__doc__)
    parser.add_argument("--corpus", type=Path, default=ROOT.parent / "shared" / "dicom-corpus")
    parser.add_argument("--model", type=Path, default=ROOT / "assets" / "demo-model")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--keep", action="store_true", help="add the result to the model's card")
    parser.add_argument("--errors", action="store_true", help="name the files answered wrongly")
    args = parser.parse_args()
    if not args.corpus.exists():
        print(f"no corpus at {args.corpus}", file=sys.stderr)
        return 1
    reals, failed = gather(args.corpus)
    said = ask(args.model, reals, "modality")
    unsure = declined(reals, ask(args.model, reals, "finding"))
    kinds = summary(reals, said)
    baseline = Counter(real.kind for real in reals).most_common(1)[0]
    share = baseline[1] / len(reals)
    result = {"kinds": kinds, "baseline": share, "unopened": failed, "declined": unsure}
    if args.json:
        print(json.dumps(result, indent=1))
    else:
        for kind, cell in kinds.items():
            print(f"{kind:44} {cell['files']:5.0f} files   en {100 * cell['en']:5.1f} %   ar {100 * cell['ar']:5.1f} %")
        print(f"baseline, always {baseline[0]}: {100 * share:.1f} %; not opened: {len(failed)}")
        print(f"not trained for findings, it says: {100 * unsure['en']:.0f} % en, {100 * unsure['ar']:.0f} % ar")
    if args.errors:
        for real, text in zip(reals, said["en"], strict=True):
            if real.nameable and text != expected(real, "en"):
                print(real.kind, real.file, text)
    if args.keep:
        kept = args.model / card.MEASURED
        measured = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
        note = (
            f"Always answering the commonest kind would be right for {100 * share:.1f} % of all files. "
            f"Counted apart: pictures with a side under {SMALLEST} pixels (cut-outs of 16 to 32 pixels, mostly one "
            "even grey, in which nobody could see the kind) and a smiling face drawn by pen that calls itself a CT."
        )
        measured["real"] = {"kinds": kinds, "note": note}
        card.write(args.model, measured)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
