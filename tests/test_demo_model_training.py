"""The recipe runs: a few steps of every stage, taken up again after a stop, end in a folder that loads and answers."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.demo import phantoms
from model.demo.answers import answer
from model.demo.architecture import CONTEXT, build, helper_heads, tower_config
from model.demo.blends import kept_blends, kinds_said, kinds_seen
from model.demo.dialogues import Turn, branches
from model.demo.package import save
from model.demo.pictures import SIDE, Facts, Shard, facts_of, patches, square
from model.demo.scene import MODALITIES
from model.demo.speech import (
    Batches,
    Padded,
    Sight,
    answer_loss,
    batch_of,
    learn,
    padded,
    pieces,
    train_long,
    train_speech,
)
from model.demo.tokens import IMAGE, Coder, train_tokenizer
from model.demo.tower import Album, train_tower


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Album:
    made = Album(tmp_path_factory.mktemp("pictures"), 1, 0, 1)
    scenes = [phantoms.draw(np.random.default_rng(k), 128, kind) for k, kind in enumerate(phantoms.KINDS)]
    cover = np.stack([patches(s) for s in scenes]).astype(np.float16)
    made.shards.append(Shard(np.stack([square(s.image) for s in scenes]), cover, tuple(map(facts_of, scenes))))
    return made


@pytest.fixture(scope="module")
def tokenizer(album: Album) -> Any:
    return train_tokenizer(album.shards[0].facts, 1, count=60)


def test_a_batch_is_the_same_for_one_seed_and_step_and_holds_what_it_was_asked_for(
    album: Album, tokenizer: Any
) -> None:
    coder = Coder(tokenizer)
    one, two = (Batches(album, coder, 3, 6) for _ in range(2))
    for step in (0, 5, 2):
        (ids, pictures), (again, shown) = one(step), two(step)
        assert [e.ids for e in ids] == [e.ids for e in again]
        assert pictures == shown
        assert len(ids) == 6
        assert sum(e.ids.count(coder.image) for e in ids) == 64 * len(pictures)


def test_every_question_of_a_conversation_is_read_as_if_it_alone_had_been_asked(album: Album, tokenizer: Any) -> None:
    import torch

    ends = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
    model = build(len(tokenizer), tokenizer.convert_tokens_to_ids(IMAGE), *ends).eval()
    coder, facts = Coder(tokenizer), album.shards[0].facts
    rng = np.random.default_rng(4)
    talk = branches(rng, lambda: facts[int(rng.integers(len(facts)))], "en", turns=3, asides=2)
    assert [len(questions) for questions in talk] == [3, 3, 3]

    def read(text: Padded) -> Any:
        with torch.inference_mode():
            embeds = model.get_input_embeddings()(text.ids)
            options = {"attention_mask": text.sees, "position_ids": text.positions}
            return model.model.language_model(inputs_embeds=embeds, **options).last_hidden_state[0]

    whole = coder.encode(talk, loose=False)
    together, branch = read(padded([whole], "cpu")), np.array(whole.branch)
    number = 0
    for turn, (asked, *others) in enumerate(talk):
        for other in (*others, asked):
            before = [[earlier] for earlier, *_ in talk[:turn]]
            single = padded([coder.encode([*before, [other]], loose=False)], "cpu")
            alone = read(single)
            number += other is not asked
            own = branch == (0 if other is asked else number)
            mine = together[own & (np.array(whole.positions) < single.ids.shape[1])]
            assert torch.allclose(mine, alone[-len(mine) :], atol=1e-4)


def test_blends_are_called_what_the_tower_calls_them_and_no_kind_prevails(album: Album, tmp_path: Path) -> None:
    import torch
    from transformers import CLIPVisionModel

    torch.manual_seed(0)
    tower, heads = CLIPVisionModel(tower_config()), helper_heads()
    made = kept_blends(
        tmp_path / "blends.npz", album.shards, lambda images: kinds_seen(tower, heads, images, "cpu"), seed=3, count=20
    )
    assert [f.modality for f in made.facts] == kinds_seen(tower, heads, made.images, "cpu")
    assert max(Counter(f.modality for f in made.facts).values()) <= 8
    assert not any(f.part or f.assessed for f in made.facts)
    assert made.images.dtype == np.uint8
    assert made.images.shape == (len(made.facts), SIDE, SIDE, 3)
    again = kept_blends(tmp_path / "blends.npz", [], lambda images: [], seed=0, count=0)
    assert again.facts == made.facts, "made once"


def test_every_stage_runs_stops_goes_on_and_ends_in_a_folder_that_answers(
    album: Album, tokenizer: Any, tmp_path: Path
) -> None:
    import torch

    from model.demo import reader

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    checkpoint = tmp_path / "tower.pt"
    train_tower(album, checkpoint, steps=1, batch=4, seed=1)
    seen = train_tower(album, checkpoint, steps=2, batch=4, seed=1)
    assert torch.load(checkpoint, weights_only=True)["step"] == 2
    ends = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
    model = build(len(tokenizer), tokenizer.convert_tokens_to_ids(IMAGE), *ends)
    model.model.vision_tower.load_state_dict(seen["tower"])
    heads = helper_heads()
    heads.load_state_dict(seen["heads"])
    before = {k: v.clone() for k, v in model.state_dict().items()}
    coder = Coder(tokenizer, dropout=0.1)
    frozen = {"batch": 4, "seed": 1, "rate": 1e-3, "tower_rate": 0.0}
    train_speech(model, heads, album, coder, tmp_path / "speech.pt", steps=1, **frozen)
    train_speech(model, heads, album, coder, tmp_path / "speech.pt", steps=2, **frozen)
    changed = {k for k, v in model.state_dict().items() if not torch.equal(v, before[k])}
    assert changed
    assert not any("vision_tower" in k for k in changed), "the tower is frozen in the second stage"
    train_speech(
        model, heads, album, coder, tmp_path / "joint.pt", steps=1, batch=4, seed=2, rate=1e-3, tower_rate=1e-3
    )
    assert any("vision_tower" in k and not torch.equal(v, before[k]) for k, v in model.state_dict().items()), (
        "and learns in the third"
    )
    tower = {k: v.clone() for k, v in model.state_dict().items() if "vision_tower" in k}
    how = {"batch": 2, "seed": 3, "rate": 1e-3}
    train_long(model, album, coder, tmp_path / "long.pt", steps=1, **how)
    train_long(model, album, coder, tmp_path / "long.pt", steps=2, **how)
    assert torch.load(tmp_path / "long.pt", weights_only=True)["step"] == 2
    assert all(torch.equal(v, model.state_dict()[k]) for k, v in tower.items()), "frozen again in the last"
    save(model, tokenizer, tmp_path / "out")
    turn = Turn("modality", "en", "What kind of image is this?", "", 0)
    said = reader.answers(*reader.load(tmp_path / "out", "bf16"), [((turn,), (album.shards[0].images[0],))])
    assert len(said) == 1
    torch.set_num_threads(threads)


def untrained(tokenizer: Any) -> Any:
    import torch

    torch.manual_seed(0)
    ends = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
    return build(len(tokenizer), tokenizer.convert_tokens_to_ids(IMAGE), *ends)


def test_conversations_are_trained_up_to_the_declared_context_and_never_beyond(album: Album, tokenizer: Any) -> None:
    coder = Coder(tokenizer)
    longest, pictures = 0, 0
    for seed in range(12):
        encoded, shown = batch_of(album, coder, np.random.default_rng(seed), 4, long=1.0)
        longest = max(longest, *(max(e.positions) + 1 for e in encoded))
        assert sum(e.ids.count(coder.image) for e in encoded) == 64 * len(shown)
        assert all(set(e.labels) - {-100} for e in encoded)
        pictures = max(pictures, len(shown))
    assert 0.9 * CONTEXT < longest <= CONTEXT + 64
    assert pictures > 20


def test_a_batch_in_parts_has_the_gradient_of_the_whole(
    album: Album, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from model.demo import speech

    model, coder = untrained(tokenizer), Coder(tokenizer)
    model.model.vision_tower.requires_grad_(False)
    made = batch_of(album, coder, np.random.default_rng(1), 4)
    assert len(pieces(*made, coder.image, 1)) == 4
    assert sum(len(shown) for _, shown in pieces(*made, coder.image, 1)) == len(made[1])
    sight = Sight(model, album, frozen=True, device="cpu")
    found = []
    for tokens in (10**6, 1):
        monkeypatch.setattr(speech, "TOKENS", tokens)
        model.zero_grad()
        loss = learn(model, *made, sight, coder.image)
        found.append((loss, model.lm_head.weight.grad.clone()))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-3)
    assert torch.allclose(found[0][1], found[1][1], atol=1e-3, rtol=0.05)


def test_a_whole_model_names_a_picture_as_it_would_answer(album: Album, tokenizer: Any) -> None:
    import torch

    model, coder = untrained(tokenizer).eval(), Coder(tokenizer)
    images = album.shards[0].images[:3]
    sight = Sight(model, album, frozen=True, device="cpu")
    found = kinds_said(model, coder, images, "cpu")
    for row, name in enumerate(found):
        losses = {}
        for kind in MODALITIES:
            said = answer("modality", Facts(kind, "", False, "none", "none", "", "", ""), "en")
            talk = [[Turn("modality", "en", "What kind of image is this?", said, 0)]]
            encoded = coder.encode(talk, loose=False)
            with torch.no_grad():
                loss = answer_loss(
                    model, sight.features(np.random.default_rng(0), [(0, row)]), padded([encoded], "cpu"), coder.image
                )
            losses[kind] = float(loss) * sum(label != -100 for label in encoded.labels)
        assert losses[name] <= min(losses.values()) + 0.05
