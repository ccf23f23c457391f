"""What a model is told about a picture in words, beside its pixels. Knows facts and views; no screen, no file.

Everything comes from the allow-list of `dicom.Facts`: nothing that identifies a person can be said here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.bidi import without_controls
from app.captions import coded, spacing_words
from app.locale import Locale
from app.numbers import written
from app.view import View
from dicom import Facts


def prompt(question: str, pictures: Sequence[tuple[Facts, View | None]], language: str) -> str:
    """`question` with one line about each of its pictures before it, in `language`; pictures without facts add none.

    The lines carry no marks of direction: words shared with captions have them, a model must not read them.
    """
    locale = Locale(language)
    lines = []
    for number, (facts, view) in enumerate(pictures, 1):
        if words := locale.plain("told-separator").join(_words(facts, view, locale)):
            key = "told-picture" if len(pictures) == 1 else "told-one-of-many"
            lines.append(without_controls(locale.plain(key, number=str(number), facts=words)))
    return "\n".join([*lines, question])


def _words(facts: Facts, view: View | None, locale: Locale) -> Iterator[str]:
    for prefix, code in (
        ("modality", facts.modality),
        ("body-part", facts.body_part),
        ("laterality", facts.laterality),
        ("view", facts.view),
        ("orientation", facts.orientation),
        ("sequence", facts.sequence),
        ("contrast", facts.contrast),
        ("stain", facts.stain),
    ):
        if code:
            yield coded(locale, prefix, code)
    yield from acquisition(facts, locale)
    yield from spacing_words(facts, "told-spacing", locale)
    if view is not None:
        yield from _shown(facts, view, locale)


def acquisition(facts: Facts, locale: Locale) -> Iterator[str]:
    """How it was taken and of whom in general: what a caption leaves out."""
    for key, value in (
        ("told-thickness", facts.slice_thickness_mm),
        ("told-kvp", facts.kvp),
        ("told-repetition-time", facts.repetition_time_ms),
        ("told-echo-time", facts.echo_time_ms),
        ("told-b-value", facts.b_value),
        ("told-frame-time", facts.frame_time_ms),
        ("told-magnification", facts.magnification),
        ("told-microns", facts.microns_per_pixel),
    ):
        if value is not None:
            yield locale.plain(key, number=written(value))
    if facts.sex:
        yield coded(locale, "sex", facts.sex)
    if facts.age_band:
        yield coded(locale, "age-band", facts.age_band)


def _shown(facts: Facts, view: View, locale: Locale) -> Iterator[str]:
    if facts.frames > 1:
        yield locale.plain("told-slice", number=str(view.frame + 1), count=str(facts.frames))
    if view.window is not None and view.lut is None:
        yield locale.plain("told-window", width=written(view.window.width), level=written(view.window.center))
    if view.region is not None:
        yield locale.plain("told-part")
