"""Facts and views in words, in every language at once. Knows no file and no screen."""

from __future__ import annotations

from collections.abc import Iterator

from app.locale import Locale, languages
from app.numbers import written
from app.view import View
from dicom import Facts

SEPARATOR = " · "
_SLICED = ("CT", "MR", "PT")
_FILMED = ("US", "XA", "RF", "IVUS", "ES")


def caption(facts: Facts) -> dict[str, str]:
    """One line about a series by language code, e.g. "CT · Head · axial · 28 slices · 1.25 mm"."""
    return {code: SEPARATOR.join(_words(facts, Locale(code))) for code in languages()}


def title(facts: Facts) -> dict[str, str]:
    """The beginning of a caption, to tell conversations apart by, e.g. "CT · Head"."""
    return {code: SEPARATOR.join(_title_words(facts, Locale(code))) for code in languages()}


def counted(facts: Facts) -> str:
    """What one picture of a series is called: "slice" of a body, "frame" of a film, else "image"."""
    if facts.modality in _SLICED or facts.kind == "volume":
        return "slice"
    return "frame" if facts.modality in _FILMED else "image"


def _title_words(facts: Facts, locale: Locale) -> Iterator[str]:
    if facts.modality:
        yield coded(locale, "modality", facts.modality)
    elif facts.kind != "dicom":
        yield locale.sentence(f"kind-{facts.kind}")
    if facts.body_part:
        yield coded(locale, "body-part", facts.body_part)


def _words(facts: Facts, locale: Locale) -> Iterator[str]:
    yield from _title_words(facts, locale)
    for prefix, code in (
        ("laterality", facts.laterality),
        ("view", facts.view),
        ("orientation", facts.orientation),
        ("sequence", facts.sequence),
        ("stain", facts.stain),
    ):
        if code:
            yield coded(locale, prefix, code)
    if facts.frames > 1:
        yield locale.sentence(f"facts-{counted(facts)}s", count=facts.frames)
    if facts.slice_thickness_mm is not None and facts.modality != "SM":  # a slide says it of its focal plane
        yield locale.sentence("facts-millimetres", number=written(facts.slice_thickness_mm))
    if facts.magnification is not None:
        yield locale.sentence("facts-magnification", number=written(facts.magnification))
    if facts.frames == 1 and facts.rows:
        yield locale.sentence("facts-size", columns=str(facts.columns), rows=str(facts.rows))


def coded(locale: Locale, prefix: str, code: str) -> str:
    """The word for a fact's code, e.g. ("modality", "CT"); the code itself where there is none."""
    key = f"{prefix}-{code}"
    return locale.sentence(key) if locale.has(key) else code


def view_words(view: View, frames: int, each: str = "slice") -> dict[str, str]:
    """What of a series the model was shown, by language code, e.g. "this view · W 80 L 40 · slice 14".

    `each`: what `counted` calls one picture of the series.
    """
    return {code: SEPARATOR.join(_view_words(view, frames, each, Locale(code))) for code in languages()}


def _view_words(view: View, frames: int, each: str, locale: Locale) -> Iterator[str]:
    yield locale.sentence("view-part" if view.region else "view-whole")
    if view.window is not None and view.lut is None:
        yield locale.sentence("view-window", width=written(view.window.width), level=written(view.window.center))
    if view.lut is not None:
        yield locale.sentence("preset-table", number=str(view.lut + 1))
    if frames > 1:
        yield locale.sentence(f"view-{each}", number=str(view.frame + 1))
