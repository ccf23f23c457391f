"""The demonstration model's words: complete in both languages, examined with wordings it never saw."""

import itertools
import re
from typing import Any

import numpy as np
import pytest

from model.demo.answers import answer, stated
from model.demo.dialogues import PICTURE_KINDS, REPEATABLE, TISSUE_KINDS, branches, converse, put, without_oldest
from model.demo.exam import SINGLES, VARIED, Examiner, paper
from model.demo.language import LANGUAGES, every, expand, in_script, repeated, vocalised, wordings
from model.demo.pictures import Facts
from model.demo.rehearsal import Script, sentences
from model.demo.scene import FINDINGS, QUADRANTS

FACTS = (
    Facts("xray", "chest", True, "effusion", "left", "lower_right", "", ""),
    Facts("xray", "chest", True, "none", "none", "", "", ""),
    Facts("ct", "head", True, "bleed", "right", "upper_left", "", ""),
    Facts("ct", "abdomen", True, "stone", "left", "lower_right", "", ""),
    Facts("mr", "spine", False, "none", "none", "", "", ""),
    Facts("mr", "head", True, "brain_lesion", "right", "lower_left", "", ""),
    Facts("histology", "tissue", True, "cluster", "none", "upper_left", "he", "low"),
    Facts("histology", "tissue", True, "none", "none", "", "ihc", "high"),
    Facts("histology", "tissue", False, "none", "none", "", "he", ""),
    Facts("other", "other", False, "none", "none", "", "", ""),
)
OPEN = Facts("ct", "", False, "none", "none", "", "", "")  # a picture of no particular part
KINDS = sorted({*PICTURE_KINDS, *TISSUE_KINDS, "scope"})
PLAIN = re.compile(r"[\s.,:;!?؟،؛]+")


def _argument(kind: str, number: int) -> str:
    pairs = [f"{one}+{other}" for one, other in itertools.pairwise(FINDINGS[1:])]
    asked = {"half": ("right", "left"), "quadrant": QUADRANTS, "such": FINDINGS[1:], "either": pairs}
    options = asked.get(kind, ("",))
    return options[number % len(options)]


def _bare(text: str) -> str:
    return PLAIN.sub(" ", text.lower()).strip()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_an_answer_for_every_picture(kind: str, language: str) -> None:
    for number, facts in enumerate((*FACTS, None)):
        said = answer(kind, facts, language, _argument(kind, number))
        assert said.endswith(".")
        assert not re.search(r"[{}()]", said.replace("(H&E)", "").replace("(X-ray)", "")) or language == "ar"
        arabic = bool(re.search("[\u0600-\u06ff]", said))
        assert arabic == (language == "ar")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["finding", "which", "such", "half", "where", "describe", "side", "modality"])
def test_what_an_answer_states_is_what_was_meant_in_whatever_sentence(kind: str, language: str) -> None:
    for facts in FACTS:
        if not facts.assessed:
            continue
        found = {facts.finding} if facts.finding != "none" else {"none"}
        argument = facts.side if kind == "half" else facts.finding
        if (kind == "half" and facts.side == "none") or (kind == "such" and facts.finding == "none"):
            continue
        said = answer(kind, facts, language, argument)
        expected = {"side": set(), "where": set(), "modality": set()}.get(kind, found)
        if facts.finding == "none" and kind in ("side", "where"):
            expected = {"none"}
        assert stated("finding", said, language) == expected
        if kind in ("side", "half") and facts.side != "none":
            assert stated("side", said, language) == {facts.side}
        if kind in ("modality", "describe"):
            assert stated("modality", said, language) == {facts.modality}
    for other in FINDINGS[1:]:
        healthy = Facts("ct", "head", True, "none", "none", "", "", "")
        assert stated("finding", answer("such", healthy, language, other), language) == set()


def test_both_languages_have_the_same_answers_and_the_same_kinds_of_question() -> None:
    english, arabic = (wordings("answers")[language] for language in LANGUAGES)
    assert english.keys() == arabic.keys()
    for key, value in english.items():
        if isinstance(value, dict):
            assert value.keys() == arabic[key].keys()
    for name in ("questions", "heldout"):
        one, two = (wordings(f"{name}_{language}") for language in LANGUAGES)
        assert one.keys() == two.keys()
        for group in ("things", "places", "sides"):
            assert one[group].keys() == two[group].keys()
    assert all(len(wordings("heldout_en")[k]) == len(wordings("heldout_ar")[k]) for k in (*SINGLES, "scope"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_training_wording_expands_to_clean_sentences(language: str) -> None:
    data = wordings(f"questions_{language}")
    rng = np.random.default_rng(0)
    for kind in (*SINGLES, "either", "scope", "again", "other_side", "bare"):
        for pattern in data[kind]:
            assert pattern.count("(") == pattern.count(")")
            text = expand(rng, pattern)
            assert "|" not in text
            assert text.strip()
            assert set(re.findall(r"{(\w+)}", text)) <= {
                *data["fillers"], "number", "words", "gibberish", "thing", "other", "place", "side", "side_f",
                "side_noun", "kind",
            }  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_held_out_question_can_come_out_of_the_training_wordings(language: str) -> None:
    data, held = wordings(f"questions_{language}"), wordings(f"heldout_{language}")
    kinds = (*SINGLES, "either", "scope", "again", "other_side", "bare")
    known = {_bare(s) for k in kinds for p in data[k] for s in every(p)}
    openers = {"", *(_bare(o) for o in data["openers"])}
    closers = {"", *(_bare(c) for c in data["closers"])}
    asked = [q for kind in (*SINGLES, "scope", "again", "other_side", "bare_side", "bare_part") for q in held[kind]]
    asked += [question for manner in VARIED for questions in held[manner].values() for question in questions]
    seen = []
    for question in asked:
        bare = _bare(question)
        for opener, closer in itertools.product(openers, closers):
            if bare.startswith(opener) and bare.endswith(closer):
                core = bare[len(opener) : len(bare) - len(closer) or None].strip()
                if core in known:
                    seen.append(question)
                    break
    assert seen == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_training_never_reads_the_held_out_wordings(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    real = wordings

    def watched(name: str) -> object:
        read.append(name)
        return real(name)

    for module in ("language", "answers", "dialogues"):
        monkeypatch.setattr(f"model.demo.{module}.wordings", watched)
    for seed in range(60):
        rng = np.random.default_rng(seed)
        converse(rng, lambda rng=rng: FACTS[int(rng.integers(len(FACTS)))], language, turns=4)
    assert read
    assert not any("heldout" in name for name in read)


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_said_about_the_part_where_there_is_none(language: str) -> None:
    kinds = set()
    for seed in range(150):
        for turn in converse(np.random.default_rng(seed), lambda: OPEN, language, turns=5, textless=0):
            assert turn.kind not in ("part", "describe")
            kinds.add(turn.kind)
    assert {"modality", "finding"} <= kinds


def test_conversations_repeat_exactly_for_one_seed_and_differ_for_another() -> None:
    def talk(seed: int) -> list[object]:
        rng = np.random.default_rng(seed)
        return list(converse(rng, lambda: FACTS[int(rng.integers(len(FACTS)))], "ar", turns=5))

    assert talk(3) == talk(3)
    assert talk(3) != talk(4)


def test_a_follow_up_on_a_new_image_is_answered_about_the_new_image() -> None:
    found = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        given: list[Facts] = []

        def pick(given: list[Facts] = given, rng: np.random.Generator = rng) -> Facts:
            given.append(FACTS[int(rng.integers(len(FACTS)))])
            return given[-1]

        newest = None
        for turn in converse(rng, pick, "en", turns=5):
            if turn.picture is not None:
                newest = given[turn.picture]
            if turn.kind in REPEATABLE and newest is not None:
                assert turn.answer == answer(turn.kind, newest, turn.language)
                found += turn.picture not in (None, 0)
    assert found > 20


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_examination_is_the_same_for_one_seed_and_covers_every_kind(language: str) -> None:
    first, second = (paper(Examiner(language, size=96), 10) for _ in range(2))
    assert [i.turns for i in first] == [i.turns for i in second]
    assert {i.kind for i in first} >= {
        *SINGLES, *VARIED.values(), "finding of elsewhere", "out of scope", "no image", "follow-up: side",
        "follow-up: new image",
    }  # fmt: skip
    assert all("{" not in turn.question for item in first for turn in item.turns)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("finding", FINDINGS[1:])
def test_a_finding_that_is_not_there_is_never_answered_with_yes(finding: str, language: str) -> None:
    yes = "Yes" if language == "en" else "نعم"
    for facts, asked in itertools.product(FACTS, FINDINGS[1:]):
        for kind, argument in (("such", asked), ("either", f"{asked}+{finding}")):
            said = answer(kind, facts, language, argument)
            assert said.startswith(yes) == (facts.assessed and facts.finding in argument.split("+"))
            if said.startswith(yes):
                assert stated("finding", said, language) == {facts.finding}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_question_of_both_scripts_keeps_words_of_its_language(language: str) -> None:
    mixed = 0
    other = LANGUAGES[1 - LANGUAGES.index(language)]
    for seed in range(600):
        rng = np.random.default_rng(seed)
        for turn in converse(rng, lambda rng=rng: FACTS[int(rng.integers(len(FACTS)))], language, turns=2):
            if turn.kind != "scope":  # which may be no words at all
                assert in_script(turn.question, turn.language), turn.question
            assert in_script(turn.answer, "ar") == (turn.language == "ar")
            mixed += turn.language == language and in_script(turn.question, other)
    assert mixed > 20


def test_each_name_of_a_question_is_chosen_anew() -> None:
    rng = np.random.default_rng(0)
    asked = {put(rng, "{thing}/{thing}?", "en", "such", "bleed", None) for _ in range(40)}
    assert any(one != other for one, other in (text.rstrip("?").split("/") for text in asked))
    assert all(in_script(text, "en") for text in asked), "alone, a name is in the question's script"


def test_vowel_signs_and_repetition_change_nothing_but_how_it_is_written() -> None:
    rng = np.random.default_rng(1)
    text = "هل يوجد نزف؟"
    marked = vocalised(rng, text)
    assert marked != text
    assert re.sub("[\u064b-\u0652]", "", marked) == text
    many = [repeated(rng, text) for _ in range(30)]
    assert all(set(said.split("؟ ")) <= {"هل يوجد نزف", text} for said in many)
    assert max(map(len, many)) > 10 * len(text)


def test_what_the_context_does_not_hold_is_left_out_as_the_engine_does_it() -> None:
    from model import Message
    from model.prompt import keep, split_turns

    kinds = set()
    for seed in range(200):
        rng = np.random.default_rng(seed)
        pick = lambda rng=rng: FACTS[int(rng.integers(len(FACTS)))]  # noqa: E731
        talk = branches(rng, pick, "en", turns=8, asides=1, renewing=0.2)
        first = int(rng.integers(1, 7))
        kept = without_oldest(talk, first)
        messages = []
        for asked, *_ in talk:
            pictures: Any = () if asked.picture is None else (asked.picture,)  # the engine only counts and moves them
            messages += [Message("user", asked.question, pictures), Message("assistant", asked.answer)]
        expected = keep(*split_turns(messages), first)
        assert [(t.question, t.picture) for t, *_ in kept] == [
            (m.text, m.images[0] if m.images else None) for m in expected if m.role == "user"
        ]
        shown = next((n for n, (t, *_) in enumerate(kept) if t.picture is not None), 0)
        assert [t.taught for t, *_ in kept] == [n > 0 and n >= shown for n in range(len(kept))]
        kinds.add(shown > 0)
    assert kinds == {False, True}


def test_every_answer_of_training_is_among_the_sentences_a_rehearsal_accepts() -> None:
    for seed in range(150):
        rng = np.random.default_rng(seed)
        talk = converse(rng, lambda rng=rng: FACTS[int(rng.integers(len(FACTS)))], LANGUAGES[seed % 2], turns=6)
        assert {turn.answer for turn in talk} <= sentences()
    assert not {"", "This is a CT image shows the head.", "TheTheThe"} & sentences()


def test_a_rehearsal_asks_the_same_for_one_seed_and_brings_new_pictures() -> None:
    one, two = (Script(5, pictures=4) for _ in range(2))
    for number in range(4):
        first = [(manner, turn) for manner, turn, _ in one.conversation(number)]
        assert first == [(manner, turn) for manner, turn, _ in two.conversation(number)]
        assert len(first) == 20
    brought = [sum(scene is not None for *_, scene in one.conversation(number)) for number in range(12)]
    assert max(brought) > 10 > min(brought)
