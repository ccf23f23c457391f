"""`inspect` and `render`: what files are, and pictures of them. Knows no model and no record."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app.captions import SEPARATOR, caption, coded, label, spacing_words
from app.commands.call import DONE, REFUSED, Call, Misuse
from app.commands.parser import whole
from app.locale import Locale
from app.notices import sentence
from app.told import acquisition

if TYPE_CHECKING:
    from dicom import Facts, Inspection
    from dicom.inspection import SeriesReport

_PICTURES = 20


def run_inspect(call: Call) -> int:
    """Exit code: 0 when every path is readable."""
    import dicom

    paths = _paths(call)
    readable = True
    limits = call.settings.limits()
    for path in paths:
        found = dicom.inspect(path, limits=limits)
        readable &= found.readable
        if call.arguments.json:
            call.terminal.data({"file": str(path), **_machine(call, found)})
        else:
            call.terminal.say(str(path))
            _show(call, found)
    return DONE if readable else REFUSED


def _machine(call: Call, found: Inspection) -> dict[str, object]:
    error = found.error
    return {**found.to_dict(), "sentence": sentence(error, call.locale) if error else None}


def _show(call: Call, found: Inspection) -> None:
    code = call.locale.code
    for series in found.series:
        words = [caption(series.facts)[code], series.encoding]
        call.terminal.say("  " + SEPARATOR.join(word for word in words if word))
        if details := _details(series.facts, call.locale):
            call.terminal.say("    " + details)
        _show_pictures(call, series.pictures)
        for warning in series.warnings:
            if warning != "burned-in":  # what was seen tells more than what is declared
                call.terminal.say("    " + call.locale.sentence(f"warning-{warning}"))
        if said := _text(series, call.locale):
            call.terminal.say("    " + said)
        if series.error is not None:
            call.terminal.say("    " + sentence(series.error, call.locale))
    for skipped in found.skipped[:20]:
        number = f"{skipped.member + 1}: " if skipped.member is not None else ""
        call.terminal.say("  " + number + sentence(skipped.error, call.locale))
    if len(found.skipped) > 20:
        call.terminal.say("  " + call.locale.sentence("inspect-more-skipped", count=len(found.skipped) - 20))


def _text(series: SeriesReport, locale: Locale) -> str:
    """What is to be said of text in the picture itself; "" for nothing."""
    if series.lines_of_text:
        return locale.sentence("warning-burned-in")
    if series.lines_of_text is None and series.error is None:
        from dicom.text_detector import is_there

        return locale.sentence("burned-not-looked" if is_there() else "burned-no-detector")
    return locale.sentence("burned-usual") if series.facts.burned_in or "burned-in" in series.warnings else ""


def _details(facts: Facts, locale: Locale) -> str:
    """How it was taken: what a caption leaves out."""
    words = [coded(locale, "contrast", facts.contrast)] if facts.contrast else []
    return SEPARATOR.join([*words, *acquisition(facts, locale), *spacing_words(facts, "inspect-spacing", locale)])


def _show_pictures(call: Call, pictures: Sequence[Facts]) -> None:
    """What pictures say that their series does not, up to `_PICTURES` lines."""
    code = call.locale.code
    for number, own in enumerate(pictures[:_PICTURES], 1):
        words = [label(own)[code], *acquisition(own, call.locale), *spacing_words(own, "inspect-spacing", call.locale)]
        if said := SEPARATOR.join(word for word in words if word):
            call.terminal.say(f"    {call.locale.sentence('view-image', number=str(number))}: {said}")
    if len(pictures) > _PICTURES:
        call.terminal.say("    " + call.locale.sentence("inspect-more-pictures", count=len(pictures) - _PICTURES))


def run_render(call: Call) -> int:
    """Exit code: 0 when every path gave its picture."""
    import dicom

    paths = _paths(call)
    if not call.arguments.out:
        raise Misuse("usage-missing", "--out")
    try:
        results = dicom.render_files(
            paths,
            Path(call.arguments.out),
            window=call.arguments.window or "first",
            frame=whole(call.arguments.frame, "--frame", 0),
            limits=call.settings.limits(),
        )
    except OSError as error:
        call.complain("cannot-write", path=call.arguments.out, reason=error.strerror or "")
        return REFUSED
    except dicom.DicomError as error:  # the window that was typed
        raise Misuse("usage-value", "--window") from error
    for path, result in zip(paths, results, strict=True):
        if isinstance(result, dicom.DicomError):
            call.terminal.complain(f"{path}: {sentence(result, call.locale)}")
        else:
            call.terminal.say(str(result))
    return REFUSED if any(isinstance(result, dicom.DicomError) for result in results) else DONE


def _paths(call: Call) -> list[Path]:
    if not call.arguments.words:
        raise Misuse("usage-missing", "FILE")
    paths = [Path(word) for word in call.arguments.words]
    for path in paths:
        if not os.path.exists(path):  # false also for a name that is too long to be one
            raise Misuse("usage-no-file", str(path))
    return paths
