"""Is text burned into pictures seen, in Arabic and in Latin letters, and is nothing seen where there is none?

    python -m benchmarks.burned_in [--corpus ../shared/dicom-corpus] [--planted 200] [--seed 5] [--out FOLDER]

Every different picture of the corpus (first, middle and last frame of each file, as it is first shown) that carries no
text by itself is clean; those that do were found by looking at them and are listed below. Into those of at least 200
pixels a side that show medicine, lines are written as devices write them: names, birth dates, numbers, hospitals, with
both kinds of digits, in several fonts and sizes (1.2 to 5 % of the longer side, at least 11 pixels), light or dark,
with or without a box or an outline, in corners, at edges and over the anatomy. A line counts as seen when the boxes
cover more than half of it. Every fourth of those is then masked and looked at again. Baseline in the same run: what the
tags of the files alone say (`Facts.burned_in`), which is what the program went by before. Processor time: shrinking,
loading the network and looking, for each picture by itself, in this process.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from dicom import DicomError, Frame, Sandbox, TextBox, fingerprint, look, masked, open_study, render
from dicom.text_detector import detect, shrunk

ROOT = Path(__file__).resolve().parents[1]
NOT_PICTURES = ("malformed/", "reference/", "non_image_objects/")
CARRIES_TEXT = (
    "us/", "pydicom_shipped/examples_", "ct_scout_sc/philips_70_S4010_I40", "overlay_lut_pr/overlay.dcm",
    "overlay_lut_pr/signed-raw-9bit", "overlay_lut_pr/test16signed", "phi/2_ORIGINAL", "pydicom_shipped/GDCMJ2K_Text",
    "sc_vl/JLS", "sc_vl/VL2_RLE", "sc_vl/GH538", "sc_vl/JPEGwithIcon", "raster_edge/g4-multi",
    "raster_edge/pil_sample_cmyk", "cr_dx/rsna_cxr_sc_jpeg",
)  # fmt: skip
"""Found by looking at every picture: names, dates, settings, a logo, the word RED, two letters and more in a marker."""
NO_MEDICINE = (
    "colour_patterns/", "raster_edge/", "synthetic/ramp", "synthetic/exif", "synthetic/jpeg_bitflips", "SC_rgb",
    "chessboard", "imageForPr", "image_dfl", "JPEGLossle", "OT-PAL", "ctbrain1", "yb10k", "test_orient",
)  # fmt: skip
"""Test patterns and photographs: nothing is planted there, but false alarms on them count."""
SMALLEST = 200  # pixels of the shorter side, to write on
SIZES = (0.012, 0.018, 0.025, 0.035, 0.05)  # of the longer side
LEAST_LETTERS = 11  # pixels
PLEX = ROOT / "assets" / "fonts"
FONTS = ("IBMPlexSansArabic-Regular.woff2", "IBMPlexSansArabic-SemiBold.woff2", "DejaVuSans.ttf")
SPOKEN = json.loads(Path(__file__).with_name("burned_in_words.json").read_text(encoding="utf-8"))
EASTERN = str.maketrans("0123456789", "".join(chr(0x660 + digit) for digit in range(10)))


@dataclass(frozen=True)
class Clean:
    """One picture of the corpus without text of its own."""

    file: str
    image: Image.Image
    declared: bool
    """Whether its tags say or suggest that it carries text."""


@dataclass(frozen=True)
class Planted:
    """A picture with one line written into it, and where."""

    image: Image.Image
    script: str
    box: tuple[int, int, int, int]
    declared: bool


@dataclass
class Counts:
    """Of one script: planted, seen, masked, and still seen after masking."""

    of: int = 0
    seen: int = 0
    masked: int = 0
    left: int = 0


@dataclass
class Result:
    """All that is measured."""

    scripts: dict[str, Counts] = field(default_factory=lambda: defaultdict(Counts))
    clean: int = 0
    false: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    declared_planted: int = 0
    declared_clean: int = 0


def pictures(corpus: Path) -> Iterator[Clean]:
    """Every different clean picture, in the order of the files."""
    known = set()
    for path in sorted(path for path in corpus.rglob("*") if path.is_file()):
        file = str(path.relative_to(corpus))
        if "/" not in file or file.startswith(NOT_PICTURES + CARRIES_TEXT):
            continue
        try:
            with open_study([path]) as study:
                for series in study.series:
                    for index in sorted({0, len(series) // 2, len(series) - 1}):
                        image = render(series.frame(index), overlays=True).convert("RGB")
                        if (key := fingerprint(image)) not in known:
                            known.add(key)
                            yield Clean(file, image, series.facts.burned_in)
        except DicomError:
            continue


def words(rng: random.Random) -> dict[str, list[str]]:
    """Invented identities as devices write them, by script; who they are was made up here."""
    date = f"{rng.randint(1, 28):02}/{rng.randint(1, 12):02}/{rng.randint(1930, 2020)}"
    values = {"date": date, "number": str(rng.randint(10**6, 10**8)), "age": str(rng.randint(20, 90))}
    lines = {}
    for script, said in SPOKEN.items():
        own = {k: v.translate(EASTERN) for k, v in values.items()} if script == "Arabic" else values
        names = {"given": rng.choice(said["given"]), "second": rng.choice(said["given"])}
        names["family"] = rng.choice(said["family"])
        lines[script] = [line.format(**own, **names) for line in said["lines"]]
    return lines


def plant(clean: Clean, script: str, rng: random.Random) -> Planted | None:
    """A line written into the picture; None when it does not fit."""
    image = clean.image.copy()
    size = max(LEAST_LETTERS, round(max(image.size) * rng.choice(SIZES)))
    font = _font(rng, size)
    line = rng.choice(words(rng)[script])
    direction = "rtl" if script == "Arabic" else "ltr"
    draw = ImageDraw.Draw(image)
    x0, y0, x1, y1 = draw.textbbox((0, 0), line, font=font, direction=direction)
    width, height = round(x1 - x0), round(y1 - y0)
    if width + 8 > image.width or height + 8 > image.height:
        return None
    left, top = _place(rng, image.width - width, size), _place(rng, image.height - height, size)
    under = np.asarray(image.convert("L"))[top : top + height, left : left + width]
    ink = rng.choice((255, 255, 220) if np.median(under) < 128 else (0, 0, 30))
    style = rng.choice(("plain", "plain", "plain", "box", "outline"))
    if style == "box":
        draw.rectangle((left - 3, top - 3, left + width + 3, top + height + 3), fill=(255 - ink,) * 3)
    outline = max(1, size // 14) if style == "outline" else 0
    draw.text(
        (left - x0, top - y0), line, font=font, direction=direction, fill=(ink,) * 3,
        stroke_width=outline, stroke_fill=(255 - ink,) * 3,
    )  # fmt: skip
    return Planted(image, script, (left, top, left + width, top + height), clean.declared)


def _font(rng: random.Random, size: int) -> ImageFont.FreeTypeFont:
    name = rng.choice(FONTS)
    try:
        return ImageFont.truetype(str(PLEX / name) if name.startswith("IBM") else name, size)
    except OSError:  # a machine without that font
        return ImageFont.truetype(str(PLEX / FONTS[0]), size)


def _place(rng: random.Random, room: int, size: int) -> int:
    margin = max(2, size // 4)
    return max(0, min(room, rng.choice((margin, room - margin, rng.randint(0, room)))))


def tried(planted: Planted, counts: Counts, sandbox: Sandbox) -> bool:
    """Count one planted picture; whether its line was seen where it was planted."""
    frame = Frame(np.asarray(planted.image))
    boxes = look([frame], sandbox)[0]
    counts.of += 1
    if _covered(planted.box, boxes) <= 0.5:
        return False
    counts.seen += 1
    if counts.seen % 4 == 0:
        counts.masked += 1
        counts.left += _covered(planted.box, look([masked(frame, boxes)], sandbox)[0]) > 0.1
    return True


def _covered(line: tuple[int, int, int, int], boxes: tuple[TextBox, ...]) -> float:
    left, top, right, bottom = line
    under = np.zeros((bottom - top, right - left), np.bool_)
    for box in boxes:
        x0, y0 = max(0, box.left - left), max(0, box.top - top)
        under[y0 : max(0, box.bottom - top), x0 : max(0, box.right - left)] = True
    return float(under.mean())


def measure(corpus: Path, wanted: int, seed: int, out: Path | None) -> Result:
    """Look at every clean picture and at `wanted` planted ones of each script."""
    rng = random.Random(seed)
    result = Result()
    found = list(pictures(corpus))
    with contextlib.closing(Sandbox()) as sandbox:
        for clean in found:
            result.clean += 1
            result.declared_clean += clean.declared
            start = time.process_time()
            lines = detect(shrunk(np.asarray(clean.image)))
            result.seconds.append(time.process_time() - start)
            if lines:
                result.false.append(clean.file)
        grounds = [c for c in found if min(c.image.size) >= SMALLEST and not any(m in c.file for m in NO_MEDICINE)]
        for script in ("Arabic", "Latin"):
            counts = result.scripts[script]
            while counts.of < wanted:
                planted = plant(rng.choice(grounds), script, rng)
                if planted is None:
                    continue
                if not tried(planted, counts, sandbox) and out is not None:
                    planted.image.save(out / f"missed-{script}-{counts.of}.png")
                result.declared_planted += planted.declared
    return result


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.burned_in", description=__doc__)
    parser.add_argument("--corpus", type=Path, default=ROOT.parent / "shared" / "dicom-corpus")
    parser.add_argument("--planted", type=int, default=200, help="pictures with a line of text, for each script")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--out", type=Path, help="a folder for pictures of lines that were not seen")
    args = parser.parse_args()
    if not args.corpus.exists():
        print(f"no corpus at {args.corpus}", file=sys.stderr)
        return 1
    if args.out is not None:
        args.out.mkdir(parents=True, exist_ok=True)
    result = measure(args.corpus, args.planted, args.seed, args.out)
    planted = sum(counts.of for counts in result.scripts.values())
    for script, counts in result.scripts.items():
        print(
            f"{script:8} {counts.of} planted, {100 * counts.seen / counts.of:.1f} % seen; "
            f"{counts.masked} masked, {counts.left} of them seen there again"
        )
    alarms = f"{len(result.false)} false alarms ({100 * len(result.false) / result.clean:.1f} %)"
    print(f"{'clean':8} {result.clean} pictures, {alarms}: {', '.join(result.false) or '-'}")
    print(f"processor time {np.mean(result.seconds):.3f} s a picture, at most {max(result.seconds):.3f} s")
    print(
        f"baseline, tags alone: {100 * result.declared_planted / planted:.1f} % of the planted called, "
        f"{100 * result.declared_clean / result.clean:.1f} % of the clean"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
