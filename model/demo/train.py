"""`python -m model.demo.train`: draws pictures, trains the tower, then the speech, and writes the model folder.

Resumable: every stage keeps a checkpoint in the work folder and goes on from it. Deterministic for one seed,
one thread count and one kind of device.
"""

import argparse
import logging
import os
from pathlib import Path
from typing import Any

from model.demo.architecture import build, helper_heads
from model.demo.package import save
from model.demo.tokens import IMAGE, Coder, load_tokenizer, train_tokenizer
from model.demo.tower import Album, train_tower

ROOT = Path(__file__).resolve().parents[2]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m model.demo.train", description=__doc__)
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "demo-model", help="checkpoints and pictures")
    parser.add_argument("--out", type=Path, default=ROOT / "assets" / "demo-model", help="where the model is written")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shards", type=int, default=24, help="of 2000 pictures each")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="that draw pictures")
    parser.add_argument("--tower-steps", type=int, default=1600)
    parser.add_argument("--speech-steps", type=int, default=1500, help="with the tower frozen")
    parser.add_argument("--joint-steps", type=int, default=400, help="with everything learning")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    return parser.parse_args()


def _tokenizer(work: Path, album: Album, seed: int) -> Any:
    folder = work / "tokenizer"
    if not folder.exists():
        album.grow(1)
        train_tokenizer(album.shards[0].facts, seed).save_pretrained(folder)
    return load_tokenizer(folder)


def main() -> None:
    import torch

    from model.demo.speech import train_speech

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    args = arguments()
    torch.set_num_threads(args.threads)
    args.work.mkdir(parents=True, exist_ok=True)
    album = Album(args.work / "pictures", args.seed, args.shards, args.processes)
    seen = train_tower(
        album, args.work / "tower.pt", steps=args.tower_steps, batch=64, seed=args.seed, device=args.device
    )
    album.grow(args.shards)
    tokenizer = _tokenizer(args.work, album, args.seed)
    torch.manual_seed(args.seed)
    image = tokenizer.convert_tokens_to_ids(IMAGE)
    ends = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
    model = build(len(tokenizer), image, *ends).to(args.device)
    model.model.vision_tower.load_state_dict(seen["tower"])
    heads = helper_heads().to(args.device)
    heads.load_state_dict(seen["heads"])
    coder = Coder(tokenizer, dropout=0.08)
    common: dict[str, Any] = {"batch": 24, "device": args.device}
    train_speech(
        model, heads, album, coder, args.work / "speech.pt",
        steps=args.speech_steps, seed=args.seed, rate=1.2e-3, tower_rate=0.0, **common,
    )  # fmt: skip
    train_speech(
        model, heads, album, coder, args.work / "joint.pt",
        steps=args.joint_steps, seed=args.seed + 1, rate=3e-4, tower_rate=1e-4, **common,
    )  # fmt: skip
    save(model.cpu(), tokenizer, args.out)


if __name__ == "__main__":
    main()
