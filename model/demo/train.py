"""`python -m model.demo.train`: draws pictures, trains the tower, blends them, trains the speech, writes the folder.

`--onward FOLDER` begins with the weights of a written model instead and runs the last stage alone. Resumable: every
stage keeps a checkpoint in the work folder and goes on from it. Deterministic for one seed, one thread count and one
kind of device.
"""

import argparse
import json
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from model.demo.architecture import CONTEXT, build, helper_heads
from model.demo.blends import kept_blends, kinds_said, kinds_seen
from model.demo.card import TRAINING
from model.demo.package import save
from model.demo.pictures import SHARD
from model.demo.scene import Pixels
from model.demo.tokens import IMAGE, Coder, load_tokenizer, train_tokenizer
from model.demo.tower import Album, train_tower

ROOT = Path(__file__).resolve().parents[2]
DROPOUT = 0.08  # share of the tokenizer's merges left out while training
BLENDED = 7  # drawn shards for each of blends


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m model.demo.train", description=__doc__)
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "demo-model", help="checkpoints and pictures")
    parser.add_argument("--out", type=Path, default=ROOT / "assets" / "demo-model", help="where the model is written")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shards", type=int, default=21, help="of 2000 pictures each")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="that draw pictures")
    parser.add_argument("--tower-steps", type=int, default=6000)
    parser.add_argument("--speech-steps", type=int, default=1500, help="with the tower frozen")
    parser.add_argument("--joint-steps", type=int, default=4500, help="with everything learning")
    parser.add_argument("--long-steps", type=int, default=1500, help="with long conversations, the tower frozen again")
    parser.add_argument("--onward", type=Path, help="a written model to go on from, in the last stage alone")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    return parser.parse_args()


def _tokenizer(work: Path, album: Album, seed: int) -> Any:
    folder = work / "tokenizer"
    if not folder.exists():
        album.grow(1)
        train_tokenizer(album.shards[0].facts, seed).save_pretrained(folder)
    return load_tokenizer(folder)


class Diary:
    """Which stages ran in this process, after those of the model it went on from, for the card."""

    def __init__(self, seed: int, onward: Path | None) -> None:
        before = onward / TRAINING if onward else None
        known = json.loads(before.read_text(encoding="utf-8")) if before and before.exists() else {}
        self.stages: list[dict[str, Any]] = known.get("stages", [])
        self._notes: list[str] = [known["note"]] if known else []
        self._seed, self._since = seed, time.monotonic()

    def done(self, what: str, steps: int, batch: int, rate: float) -> None:
        minutes = round((time.monotonic() - self._since) / 60)
        row = {"what": what, "steps": steps, "batch": batch, "rate": rate, "seed": self._seed, "minutes": minutes}
        self.stages.append(row)
        self._since = time.monotonic()

    def write(self, folder: Path, shards: int) -> None:
        note = f"`python -m model.demo.train`, {shards * SHARD} pictures. Minutes are those of the last process."
        record = {"stages": self.stages, "note": " Then: ".join([*self._notes, note])}
        (folder / TRAINING).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def begun(args: argparse.Namespace, album: Album, diary: Diary) -> tuple[Any, Coder, Any]:
    """(model, coder, tokenizer) after all stages but the last; blends join the album."""
    import torch

    from model.demo.speech import train_speech

    see: dict[str, Any] = {"batch": 32, "rate": 6e-4}
    seen = train_tower(album, args.work / "tower.pt", steps=args.tower_steps, seed=args.seed, device=args.device, **see)
    diary.done("tower with helper heads", args.tower_steps, **see)
    album.grow(args.shards)
    tokenizer = _tokenizer(args.work, album, args.seed)
    torch.manual_seed(args.seed)
    image = tokenizer.convert_tokens_to_ids(IMAGE)
    ends = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
    model = build(len(tokenizer), image, *ends).to(args.device)
    model.model.vision_tower.load_state_dict(seen["tower"])
    heads = helper_heads().to(args.device)
    heads.load_state_dict(seen["heads"])
    blend(args, album, lambda images: kinds_seen(model.model.vision_tower, heads, images, args.device))
    coder = Coder(tokenizer, dropout=DROPOUT)
    for what, steps, rate, tower_rate in (
        ("speech, the tower frozen", args.speech_steps, 1.2e-3, 0.0),
        ("both together", args.joint_steps, 1e-3, 2.5e-4),
    ):
        train_speech(
            model, heads, album, coder, args.work / f"{'joint' if tower_rate else 'speech'}.pt", batch=20, rate=rate,
            steps=steps, seed=args.seed + bool(tower_rate), tower_rate=tower_rate, device=args.device,
        )  # fmt: skip
        diary.done(what, steps, 20, rate)
    return model, coder, tokenizer


def written(args: argparse.Namespace, album: Album) -> tuple[Any, Coder, Any]:
    """(model, coder, tokenizer) of a written folder, in float32; blends join the album."""
    from transformers import LlavaForConditionalGeneration

    album.grow(args.shards)
    tokenizer = load_tokenizer(args.onward)
    model = LlavaForConditionalGeneration.from_pretrained(args.onward, dtype="float32").to(args.device)
    model.config.text_config.max_position_embeddings = CONTEXT
    model.config.text_config.dtype = model.config.vision_config.dtype = None  # the whole one's says it
    coder = Coder(tokenizer, dropout=DROPOUT)
    blend(args, album, lambda images: kinds_said(model, coder, images, args.device))
    return model, coder, tokenizer


def blend(args: argparse.Namespace, album: Album, name: Callable[[Pixels], list[str]]) -> None:
    """Add the shards of blends, each made of the drawn ones."""
    for k in range(max(1, args.shards // BLENDED)):
        how: dict[str, Any] = {"seed": args.seed + k, "count": min(SHARD, SHARD * args.shards // BLENDED)}
        album.shards.append(kept_blends(args.work / f"blends-{k}.npz", album.shards[: args.shards], name, **how))


def main() -> None:
    import torch

    from model.demo.speech import train_long

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    args = arguments()
    torch.set_num_threads(args.threads)
    args.work.mkdir(parents=True, exist_ok=True)
    album = Album(args.work / "pictures", args.seed, args.shards, args.processes)
    diary = Diary(args.seed, args.onward)
    model, coder, tokenizer = written(args, album) if args.onward else begun(args, album, diary)
    how: dict[str, Any] = {"batch": 4, "rate": 4e-4}
    train_long(
        model, album, coder, args.work / "long.pt", steps=args.long_steps, seed=args.seed, device=args.device, **how
    )
    diary.done("long conversations beside short ones, the tower frozen", args.long_steps, **how)
    save(model.cpu(), tokenizer, args.out)
    diary.write(args.out, args.shards)


if __name__ == "__main__":
    main()
