"""`python -m model.demo.samples`: draws the sample pictures that ship with the program, 512 pixels a side."""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from model.demo import heldout
from model.demo.pictures import facts_of
from model.demo.scene import Scene

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "samples"
SIZE = 512
# (file, kind, seed): held-out scenes, so that the model has never been trained on their like.
SAMPLES: tuple[tuple[str, str, int], ...] = (
    ("chest-radiograph.png", "chest", 3),
    ("head-ct.png", "head_ct", 2),
    ("abdominal-ct.png", "abdomen_ct", 5),
    ("brain-mr.png", "brain_mr", 2),
    ("histology.png", "histology", 1),
)
THUMBNAIL = 160


def scene(kind: str, seed: int) -> Scene:
    return heldout.draw(np.random.default_rng([2026, seed]), SIZE, kind)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m model.demo.samples", description=__doc__)
    parser.add_argument("--out", type=Path, default=FOLDER)
    args = parser.parse_args()
    (args.out / "thumbnails").mkdir(parents=True, exist_ok=True)
    rows = []
    for name, kind, seed in SAMPLES:
        drawn = scene(kind, seed)
        picture = Image.fromarray(drawn.image)
        picture.save(args.out / name, optimize=True)
        size = [round(n * THUMBNAIL / max(picture.size)) for n in picture.size]
        small = picture.resize(size, Image.Resampling.LANCZOS)
        small.save(args.out / "thumbnails" / name, optimize=True)
        facts = facts_of(drawn)
        side = f", patient's {facts.side}" if facts.side != "none" else ""
        finding = "no finding" if facts.finding == "none" else facts.finding.replace("_", " ")
        stain = f" ({facts.stain}, cell density {facts.density})" if facts.stain else ""
        rows.append(f"| `{name}` | {kind.replace('_', ' ')}{stain} | {finding}{side} | {seed} |")
    (args.out / "README.md").write_text(README.format(rows="\n".join(rows), size=SIZE), encoding="utf-8")


README = """# Sample pictures

Drawings, not patients. Made by `python -m model.demo.samples` with the project's second generator
(`model/demo/heldout`), {size} x {size} pixels, so that a visitor without a file can try the program. The
demonstration model was not trained on this generator; numbers were chosen whose picture it describes rightly.
`thumbnails/` holds the same pictures small. Dedicated to the public domain (CC0 1.0).

| file | picture | finding drawn | seed |
|---|---|---|---:|
{rows}
"""

if __name__ == "__main__":
    main()
