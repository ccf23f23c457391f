"""Turns word patterns into sentences: alternatives, fillers, openers, slips of the pen. Knows no pictures.

A pattern holds alternatives in round brackets, "(a|b|)", and fillers in braces, "{thing}". All wordings are data
(wordings/*.json); what is kept out of training is in wordings/heldout_*.json and read only by the evaluation.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent / "wordings"
LANGUAGES = ("en", "ar")
_CHOICE = re.compile(r"\(([^()]*)\)")
_ARABIC_SLIPS = str.maketrans({"أ": "ا", "إ": "ا", "آ": "ا", "ى": "ي", "ة": "ه"})
_EGYPTIAN_ENDS = re.compile(r"ي(?=[\s؟?.،]|$)")  # written without dots in Egypt: هى، فى
_SWAPPED_ENDS = re.compile(r"ه(?=[\s؟?.،]|$)")  # هذة
_VOWELS = "\u064e\u064f\u0650\u0652"
_ARABIC_LETTER = re.compile("[\u0621-\u064a]")
LONGEST = 1500  # characters to which a question that repeats itself is drawn out
STRANGE = 0.2  # share of otherwise plain questions that come after a few words without meaning
_MARKS = re.compile("[\u064b-\u0652]")


@cache
def wordings(name: str) -> Any:
    """The content of one wordings file, e.g. "answers" or "questions_en"."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def expand(rng: np.random.Generator, pattern: str) -> str:
    """One random sentence of the pattern; fillers stay."""
    while match := _CHOICE.search(pattern):
        options = match.group(1).split("|")
        pattern = pattern[: match.start()] + options[int(rng.integers(len(options)))] + pattern[match.end() :]
    return pattern


def every(pattern: str) -> list[str]:
    """All sentences of the pattern, for tests; fillers stay."""
    match = _CHOICE.search(pattern)
    if not match:
        return [pattern]
    head, tail = pattern[: match.start()], pattern[match.end() :]
    return [s for option in match.group(1).split("|") for s in every(head + option + tail)]


def choose(rng: np.random.Generator, options: list[str]) -> str:
    return options[int(rng.integers(len(options)))]


def random_words(rng: np.random.Generator, words: list[str]) -> str:
    return " ".join(choose(rng, words) for _ in range(int(rng.integers(2, 9))))


def gibberish(rng: np.random.Generator, language: str) -> str:
    letters = "abcdefghijklmnopqrstuvwxyz" if language == "en" else "ابتثجحخدذرزسشصضطظعغفقكلمنهوي"
    lengths = rng.integers(1, 9, int(rng.integers(1, 5)))
    return " ".join("".join(choose(rng, list(letters)) for _ in range(n)) for n in lengths)


def fill(rng: np.random.Generator, text: str, language: str) -> str:
    """Put words into the fillers of out-of-scope patterns."""
    data = wordings(f"questions_{language}")
    for name, options in data["fillers"].items():
        while "{" + name + "}" in text:
            text = text.replace("{" + name + "}", choose(rng, options), 1)
    while "{number}" in text:
        text = text.replace("{number}", str(int(rng.integers(2, 1000))), 1)
    if "{words}" in text:
        text = text.replace("{words}", random_words(rng, data["common"].split()) + choose(rng, ["?", "؟", ".", ""]))
    return text.replace("{gibberish}", gibberish(rng, language))


def vocalised(rng: np.random.Generator, text: str) -> str:
    """With a vowel sign on nearly every Arabic letter: of some letter or other, since only ignoring them is learnt."""
    return _ARABIC_LETTER.sub(
        lambda m: m.group() + (_VOWELS[int(rng.integers(4))] if rng.random() < 0.75 else ""), _MARKS.sub("", text)
    )


def repeated(rng: np.random.Generator, text: str) -> str:
    """The same question over and over, as a key held down or a text pasted too often."""
    most = max(2, LONGEST // (len(text) + 1))
    return " ".join([text] * int(np.exp(rng.uniform(np.log(2), np.log(most + 1)))))


def in_script(text: str, language: str) -> bool:
    """Whether a text has a letter of the language's own script."""
    return bool(_ARABIC_LETTER.search(text)) if language == "ar" else bool(re.search("[A-Za-z]", text))


def slip(rng: np.random.Generator, text: str, language: str) -> str:
    """What hurried people write: no capitals, no marks, missing hamzas, a wrong letter."""
    if language == "ar":
        if rng.random() < 0.3:
            text = _MARKS.sub("", text)
        if rng.random() < 0.12:
            text = text.translate(_ARABIC_SLIPS)
        if rng.random() < 0.08:
            text = _EGYPTIAN_ENDS.sub("ى", text)
        if rng.random() < 0.05:
            text = _SWAPPED_ENDS.sub("ة", text)
        if rng.random() < 0.1:
            text = text.replace("؟", "?")
        if rng.random() < 0.05:
            text = vocalised(rng, text)
    else:
        dice = rng.random()
        if dice < 0.2:
            text = text.lower()
        elif dice < 0.28:
            text = text.upper()
        elif dice < 0.5:
            text = text[:1].upper() + text[1:]
    if rng.random() < 0.18:
        text = text.rstrip("?؟. ")
    if rng.random() < 0.08 and len(text) > 8:
        k = int(rng.integers(1, len(text) - 2))
        text = text[:k] + (text[k + 1 :] if rng.random() < 0.5 else text[k + 1] + text[k] + text[k + 2 :])
    return text


def preamble(rng: np.random.Generator, language: str) -> str:
    """A few words that say nothing to the point, so that the point is found after words never heard."""
    said = random_words(rng, wordings(f"questions_{language}")["common"].split())
    return said[:1].upper() + said[1:] + choose(rng, [": ", ". ", " - ", ", " if language == "en" else "، "])


def dress(rng: np.random.Generator, text: str, language: str, *, plain: float = 0.55) -> str:
    """An opener before and a closer after, or words of no meaning before, now and then, and slips of the pen."""
    data = wordings(f"questions_{language}")
    if rng.random() > plain:
        opener = choose(rng, data["openers"])
        joined = opener.rstrip().endswith((",", "،"))
        text = opener + (text[:1].lower() + text[1:] if joined and language == "en" else text)
        closer = choose(rng, data["closers"])
        if closer:
            mark = text[-1:] if text[-1:] in "?؟." else ""
            text = text + closer if closer.endswith(".") else text.rstrip("?؟.") + closer + mark
    elif rng.random() < STRANGE:
        text = preamble(rng, language) + text
    text = slip(rng, text, language)
    return repeated(rng, text) if rng.random() < 0.025 else text
