"""Facts and views in words, in every language at once. Knows no file and no screen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from app.locale import Locale, languages
from app.numbers import written
from app.view import View
from dicom import Facts

SEPARATOR = " · "
_SLICED = ("CT", "MR", "PT")
_FILMED = ("US", "XA", "RF", "IVUS", "ES")


def caption(facts: Facts) -> dict[str, str]:
    """One line about a series or a picture by language code, e.g. "CT · Head · axial · 28 slices · 1.25 mm"."""
    return {code: SEPARATOR.join(_words(facts, Locale(code))) for code in languages()}


def short_title(facts: Facts) -> dict[str, str]:
    """The beginning of a caption for narrow places, to tell conversations apart by, e.g. "X-ray · Chest"."""
    return {code: SEPARATOR.join(_title_words(facts, Locale(code), short=True)) for code in languages()}


def counted(facts: Facts) -> str:
    """What one picture of a series is called: "slice" of a body, "frame" of a film, else "image"."""
    if facts.modality in _SLICED or facts.kind == "volume":
        return "slice"
    return "frame" if facts.modality in _FILMED else "image"


def _title_words(facts: Facts, locale: Locale, *, short: bool = False) -> Iterator[str]:
    if facts.modality:
        short = short and locale.has(f"modality-short-{facts.modality}")
        yield coded(locale, "modality-short" if short else "modality", facts.modality)
    elif facts.kind != "dicom":
        yield locale.sentence(f"kind-{facts.kind}")
    if facts.body_part:
        yield coded(locale, "body-part", facts.body_part)


def label(own: Facts) -> dict[str, str]:
    """What tells a picture from others of its series, by language code, e.g. "Right · Craniocaudal"; "" for nothing.

    `own`: what it says `beyond` its series.
    """
    return {code: SEPARATOR.join(_label_words(own, Locale(code))) for code in languages()}


_KINDS = ("laterality", "view", "orientation", "sequence", "stain")
LABELLED = ("body_part", *_KINDS, "contrast")
"""The fields of `Facts` that a `label` tells pictures apart by."""


def _label_words(own: Facts, locale: Locale) -> Iterator[str]:
    yield from _coded_words(own, LABELLED, locale)


def _coded_words(facts: Facts, names: Iterable[str], locale: Locale) -> Iterator[str]:
    for name in names:
        if code := getattr(facts, name):
            yield coded(locale, name.replace("_", "-"), code)


def spacing_words(facts: Facts, key: str, locale: Locale) -> Iterator[str]:
    """The distance between pixels in the sentence `key`, with where it was measured if that is not the patient."""
    if facts.pixel_spacing_mm is None:
        return
    rows, columns = (written(mm) for mm in facts.pixel_spacing_mm)
    words = locale.sentence(key, number=rows if rows == columns else f"{rows} × {columns}")
    where = f"spacing-at-{facts.spacing_at}"
    yield f"{words} {locale.sentence(where)}" if locale.has(where) else words


def _words(facts: Facts, locale: Locale) -> Iterator[str]:
    yield from _title_words(facts, locale)
    yield from _coded_words(facts, _KINDS, locale)
    if facts.frames > 1:
        yield locale.sentence(f"facts-{counted(facts)}s", count=facts.frames)
    if facts.slice_thickness_mm is not None and facts.modality != "SM":  # a slide says it of its focal plane
        yield locale.sentence("facts-millimetres", number=written(facts.slice_thickness_mm))
    elif facts.microns_per_pixel is None:
        yield from spacing_words(facts, "facts-spacing", locale)
    if facts.magnification is not None:
        yield locale.sentence("facts-magnification", number=written(facts.magnification))
    if facts.frames == 1 and facts.rows:
        yield locale.sentence("facts-size", columns=str(facts.columns), rows=str(facts.rows))


def coded(locale: Locale, prefix: str, code: str) -> str:
    """The word for a fact's code, e.g. ("modality", "CT"); the code itself where there is none."""
    key = f"{prefix}-{code}"
    return locale.sentence(key) if locale.has(key) else code


def view_words(view: View, frames: int, each: str = "slice", own: Facts | None = None) -> dict[str, str]:
    """What of a series the model was shown, by language code, e.g. "this view · Right · W 80 L 40 · image 2".

    `each`: what `counted` calls one picture of the series; `own`: what the picture says `beyond` it.
    """
    return {code: SEPARATOR.join(_view_words(view, frames, each, own, Locale(code))) for code in languages()}


def _view_words(view: View, frames: int, each: str, own: Facts | None, locale: Locale) -> Iterator[str]:
    yield locale.sentence("view-part" if view.region else "view-whole")
    if own is not None:
        yield from _label_words(own, locale)
    if view.window is not None and view.lut is None:
        yield locale.sentence("view-window", width=written(view.window.width), level=written(view.window.center))
    if view.lut is not None:
        yield locale.sentence("preset-table", number=str(view.lut + 1))
    if frames > 1:
        yield locale.sentence(f"view-{each}", number=str(view.frame + 1))
