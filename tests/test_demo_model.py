"""The committed demonstration model: small, complete, and right on a few pictures it never saw, in 4 bits."""

import itertools
import json
import re
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from model import Engine, Message, Piece, Sampling, open_engine
from model.demo import samples
from model.demo.answers import answer
from model.demo.architecture import CONTEXT
from model.demo.dialogues import Turn
from model.demo.evaluate import language_of
from model.demo.exam import Examiner, Item
from model.demo.language import LANGUAGES, wordings
from model.demo.pictures import GRID, drawn, facts_of, square
from model.demo.rehearsal import Script, hold, sentences, summary
from model.demo.scene import Modality, Scene
from model.demo.tokens import Coder
from model.demo.tower import pixel_values

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "assets" / "demo-model"
# Below the measured accuracy by what a sample this small may vary.
FLOORS = {"modality": 0.97, "finding": 0.85, "side": 0.9}
SCOPE_FLOORS = {"en": 0.75, "ar": 0.85}

MODALITY = {"en": "What kind of image is this?", "ar": "ما نوع هذه الصورة؟"}
FINDING = {"en": "Is there a finding?", "ar": "هل توجد علامة مرضية في هذه الصورة؟"}
DESCRIBE = {"en": "Describe this image.", "ar": "صف هذه الصورة."}


@pytest.fixture(scope="module")
def nf4() -> Iterator[tuple[Any, Any]]:
    import torch

    from model.demo import reader

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # third-party notices while loading
        yield reader.load(FOLDER, "nf4")
    torch.set_num_threads(threads)


def ask(loaded: tuple[Any, Any], items: list[Item]) -> list[str]:
    from model.demo import reader

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return reader.answers(*loaded, [(item.turns, [s.image for s in item.scenes]) for item in items])


def share_right(items: list[Item], said: list[str]) -> float:
    return float(np.mean([text == item.turns[-1].answer for item, text in zip(items, said, strict=True)]))


def sitting(language: str, kinds: tuple[str, ...], count: int) -> list[Item]:
    examiner = Examiner(language, seed=99)
    names = ["chest", "head_ct", "abdomen_ct", "brain_mr", "histology"]
    scenes = [examiner.scene(k, names[k % 5]) for k in range(count)]
    made = [examiner.single(kind, k * 7 + n, s) for k, s in enumerate(scenes) for n, kind in enumerate(kinds)]
    return [item for item in made if item is not None]


def test_the_folder_is_complete_and_no_larger_than_allowed() -> None:
    for name in (
        "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja",
        "processor_config.json", "generation_config.json", "CARD.md", "measured.json",
    ):  # fmt: skip
        assert (FOLDER / name).exists(), name
    assert sum(f.stat().st_size for f in FOLDER.glob("*.safetensors")) <= 25_000_000


def test_the_configuration_is_a_llava_in_bfloat16_that_pads_instead_of_cropping() -> None:
    config = json.loads((FOLDER / "config.json").read_text())
    assert config["architectures"] == ["LlavaForConditionalGeneration"]
    assert config["dtype"] == "bfloat16"
    text = config["text_config"]
    widths = (
        text["hidden_size"],
        text["intermediate_size"],
        text["hidden_size"] // text["num_attention_heads"] * text["num_key_value_heads"],
    )
    assert all(w % 32 == 0 for w in widths)
    assert text["max_position_embeddings"] <= CONTEXT, "no more is declared than the last stage trains"
    pictures = json.loads((FOLDER / "processor_config.json").read_text())["image_processor"]
    assert pictures["do_pad"] is True
    assert pictures["do_center_crop"] is False


def test_the_card_says_what_the_model_is_and_what_it_is_not() -> None:
    card = (FOLDER / "CARD.md").read_text(encoding="utf-8")
    for phrase in (
        "no medical knowledge",
        "Not for any clinical use",
        "CC0",
        "Held-out generator",
        "Real files",
        "Control",
    ):
        assert phrase in card


def test_the_tokenizer_gives_every_text_back_exactly() -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    texts = [v for language in LANGUAGES for v in wordings("answers")[language].values() if isinstance(v, str)]
    texts += ["مَا نَوْعُ الصُّورَةِ؟", "Größe 3,5 mm – “quoted”", "  two  spaces\nnew line\t", "النسبة ٪٥٠ 😀", "a , b . c"]
    for text in texts:
        assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False)) == text


def test_the_template_renders_what_training_saw() -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    turns = [
        Turn("finding", "en", " Is there a finding? ", "There is a kidney stone.", 0),
        Turn("side", "ar", "وفي أي جانب؟", "تقع الموجودات في الجهة اليسرى للمريض."),
        Turn("modality", "en", "And this one?", "This is a CT image.", 1),
    ]
    messages: list[dict[str, Any]] = [{"role": "system", "content": "left out"}]
    for turn in turns:
        picture = [{"type": "image"}] if turn.picture is not None else []
        messages.append({"role": "user", "content": [*picture, {"type": "text", "text": turn.question}]})
        messages.append({"role": "assistant", "content": turn.answer})
    text = tokenizer.apply_chat_template(messages, tokenize=False)
    ids = tokenizer.encode(text.replace("<image>", "<image>" * GRID * GRID), add_special_tokens=False)
    assert ids == Coder(tokenizer).encode([[turn] for turn in turns], loose=False).ids
    asked = tokenizer.apply_chat_template(messages[:2], tokenize=False, add_generation_prompt=True)
    assert text.startswith(asked)


def test_the_processor_prepares_pictures_exactly_as_training_did(nf4: tuple[Any, Any]) -> None:
    _, processor = nf4
    for index in range(5):
        image = drawn(3, index).image
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            got = processor.image_processor(Image.fromarray(image).convert("RGB"), return_tensors="pt")["pixel_values"]
        assert (got - pixel_values(square(image)[None])).abs().max() < 1e-5


def test_only_the_language_model_is_quantised(nf4: tuple[Any, Any]) -> None:
    import bitsandbytes
    import torch

    model, _ = nf4
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear):
            inside = ".language_model.layers." in f".{name}"
            assert isinstance(module, bitsandbytes.nn.Linear4bit) == inside, name


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_is_right_on_unseen_pictures_with_unseen_wordings(nf4: tuple[Any, Any], language: str) -> None:
    items = sitting(language, ("modality", "finding", "side"), 20)
    said = ask(nf4, items)
    by = {kind: [n for n, i in enumerate(items) if i.kind == kind] for kind in ("modality", "finding", "side")}
    right = {kind: share_right([items[n] for n in at], [said[n] for n in at]) for kind, at in by.items()}
    assert right["modality"] >= FLOORS["modality"], right
    assert right["finding"] >= FLOORS["finding"], right
    assert right["side"] >= FLOORS["side"], right
    assert all(language_of(text) == language for text in said)


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_says_that_it_is_a_demonstration_when_asked_something_else(nf4: tuple[Any, Any], language: str) -> None:
    examiner = Examiner(language, seed=99)
    items = examiner.out_of_scope([examiner.scene(k) for k in range(3)])[:15] + examiner.without_image(4)
    assert share_right(items, ask(nf4, items)) >= SCOPE_FLOORS[language]


def test_answers_change_when_the_picture_does(nf4: tuple[Any, Any]) -> None:
    items = sitting("en", ("modality", "finding"), 15)
    black = [
        Item(
            i.kind,
            "en",
            i.turns,
            (type(i.scenes[0])(np.zeros_like(i.scenes[0].image), i.scenes[0].mask, "other", "other"),),
        )
        for i in items
    ]
    turned = [Item(i.kind, "en", i.turns, items[k - 3].scenes) for k, i in enumerate(items)]
    assert share_right(items, ask(nf4, black)) < 0.5
    assert share_right(items, ask(nf4, turned)) < 0.6


def test_the_newest_of_two_pictures_is_the_one_asked_about(nf4: tuple[Any, Any]) -> None:
    examiner = Examiner("en", seed=5)
    ct, slide = examiner.scene(1, "head_ct"), examiner.scene(2, "histology")
    question = "What kind of image is this?"
    items = []
    for first, second in ((ct, slide), (slide, ct)):
        one, two = (answer("modality", facts_of(s), "en") for s in (first, second))
        turns = (Turn("modality", "en", question, one, 0), Turn("modality", "en", "And this one?", two, 1))
        items.append(Item("new image", "en", turns, (first, second)))
    assert share_right(items, ask(nf4, items)) == 1.0


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("file", "kind"), [("CT_small.dcm", "ct"), ("MR_small.dcm", "mr")])
def test_a_real_file_is_called_what_it_is(nf4: tuple[Any, Any], file: str, kind: Modality, language: str) -> None:
    from pydicom.data import get_testdata_file

    from dicom import open_study

    with open_study([Path(str(get_testdata_file(file)))]) as study:
        image = np.asarray(study.series[0].picture(0).image.convert("RGB"))
    scene = Scene(image, np.zeros(image.shape[:2], bool), kind, "")
    said = answer("modality", facts_of(scene), language)
    item = Item("modality", language, (Turn("modality", language, MODALITY[language], said, 0),), (scene,))
    assert ask(nf4, [item]) == [said]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_shipped_samples_are_answered_right(nf4: tuple[Any, Any], language: str) -> None:
    items = []
    for name, kind, seed in samples.SAMPLES:
        scene = samples.scene(kind, seed)
        assert np.array_equal(np.asarray(Image.open(samples.FOLDER / name)), scene.image), name
        for asked, text in (
            ("modality", MODALITY[language]),
            ("finding", FINDING[language]),
            ("describe", DESCRIBE[language]),
        ):
            turn = Turn(asked, language, text, answer(asked, facts_of(scene), language), 0)
            items.append(Item(asked, language, (turn,), (scene,)))
    said = ask(nf4, items)
    wrong = [
        (i.turns[0].question, i.turns[0].answer, text)
        for i, text in zip(items, said, strict=True)
        if text != i.turns[0].answer
    ]
    assert wrong == []


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """As the program opens it: 4-bit, for eight readers."""
    opened = open_engine("demo", device="cpu", check=False, readers=8)
    yield opened
    opened.close()


def talk_of(engine: Engine, questions: Sequence[tuple[str, Image.Image | None]]) -> list[str]:
    """The answers to questions asked one after another, each with the picture that comes with it."""
    messages: list[Message] = []
    said = []
    for text, picture in questions:
        messages.append(Message("user", text, () if picture is None else (picture,)))
        events = engine.stream(messages, Sampling(temperature=0.0, max_new_tokens=300), conversation="talk")
        said.append("".join(event.text for event in events if isinstance(event, Piece)))
        messages.append(Message("assistant", said[-1]))
    engine.forget("talk")
    return said


def pictures(kind: str, count: int = 1, *, finding: str = "") -> list[Image.Image]:
    """Held-out pictures of a kind, of one finding when it is named."""
    scenes = (Examiner("en", seed=7).scene(k, kind) for k in range(200))
    chosen = itertools.islice((s for s in scenes if not finding or s.finding == finding), count)
    return [Image.fromarray(scene.image).convert("RGB") for scene in chosen]


ROUNDS = {
    "en": ["What kind of image is this?", "Which body part is shown?", "Is there a haemorrhage?", "Which side?",
           "Describe this image."],
    "ar": ["ما نوع هذه الصورة؟", "أي جزء من الجسم يظهر؟", "هل يوجد نزف؟", "في أي جهة؟", "صف هذه الصورة."],
}  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("renewing", [True, False], ids=["a slice each", "one picture"])
def test_a_conversation_may_go_on_for_ever(engine: Engine, language: str, *, renewing: bool) -> None:
    slices = pictures("head_ct", 20)
    questions = [(ROUNDS[language][k % 5], slices[k] if renewing or not k else None) for k in range(20)]
    said = talk_of(engine, questions)
    assert set(said) <= sentences()
    assert all(language_of(text) == language for text in said)
    assert set(said[::5]) == {wordings("answers")[language]["modality"]["ct"]}


def test_simulated_conversations_stay_within_what_was_taught(engine: Engine) -> None:
    script = Script(77, pictures=20)
    with ThreadPoolExecutor(6) as pool:
        held = list(pool.map(lambda number: hold(engine, script, number), range(6)))
    found = summary(held)
    others = [a for talk in held for a in talk if not a.taught and a.manner != "repeated"]
    assert others == [], "all but questions drawn out by repetition"
    assert set(found["endings"]) <= {"complete", "failed"}, "a question longer than the context is refused"
    assert found["left_out"] > 0, "some conversations are longer than the context"


SUGGESTED = {
    "chest": "radiograph", "head_ct": "head", "abdomen_ct": "ct", "brain_mr": "mr", "histology": "histology",
}  # fmt: skip


def suggestions(language: str, kind: str) -> list[str]:
    page = (ROOT / "locales" / language / "page.ftl").read_text(encoding="utf-8")
    return re.findall(rf"^suggest-{kind}-\d = (.+)$", page, re.MULTILINE)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_page_suggests_asked_in_its_order_is_never_taken_for_a_question_out_of_reach(
    engine: Engine, language: str
) -> None:
    out_of_reach = answer("scope", None, language)
    for kind, name in SUGGESTED.items():
        picture = Image.fromarray(Examiner(language, seed=7).scene(3, kind).image).convert("RGB")
        talk: list[Message] = []
        for question in suggestions(language, name):
            talk.append(Message("user", question, () if talk else (picture,)))
            events = engine.stream(talk, Sampling(temperature=0.0, max_new_tokens=90))
            said = "".join(event.text for event in events if isinstance(event, Piece))
            assert said != out_of_reach, (kind, question)
            talk.append(Message("assistant", said))
        assert len(talk) >= 8, f"{name}: at least four suggestions"
