"""`ask`: one question about images, answered in the terminal. Keeps nothing; knows no screen."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.bidi import language_of
from app.commands.call import ENDINGS, REFUSED, Call, Misuse
from app.commands.parser import whole
from app.notices import sentence

if TYPE_CHECKING:
    from dicom import Picture
    from model import Engine, Finish


def run_ask(call: Call) -> int:
    """Exit code: how the answer ended, or 1 when an image or the model was refused."""
    from dicom import DicomError
    from model import ModelError

    paths, question = _typed(call)
    try:
        pictures = _pictures(call, paths)
        engine = load(call)
        try:
            with _stoppable() as cancel:
                return _answer(call, engine, question, pictures, cancel)
        finally:
            engine.close()
    except (DicomError, ModelError) as error:
        _refuse(call, error)
        return REFUSED


def _typed(call: Call) -> tuple[list[Path], str]:
    """The images and the question. `--image A B "question"`: the last word is the question."""
    images, words = list(call.arguments.image), list(call.arguments.words)
    if not words and len(images) > 1 and not os.path.exists(images[-1]):  # two files are no file and a question
        words = [images.pop()]
    if len(words) != 1 or not words[0].strip():
        raise Misuse("usage-one-question")
    for image in images:
        if not os.path.exists(image):  # also where a name is too long to be one
            raise Misuse("usage-no-file", image)
    return [Path(image) for image in images], words[0].strip()


def _pictures(call: Call, paths: list[Path]) -> list[Picture]:
    """One picture per series: the slice and window a reader would be shown first. Raises DicomError."""
    if not paths:
        return []
    from dicom import open_study

    asked = call.arguments.frame
    with open_study(paths, limits=call.settings.limits()) as study:
        for skipped in study.skipped:
            if skipped.member is None or not study.series:  # in a folder, what is no image is passed over
                raise skipped.error
        return [series.picture(whole(asked, "--frame", series.middle)) for series in study.series]


def load(call: Call) -> Engine:
    """The model of the settings, its loading shown to whoever watches. Raises ModelError."""
    from app.engines import open_model

    def show(progress: float) -> None:
        call.terminal.progress(call.locale.sentence("ask-loading", percent=round(progress * 100)))

    show(0.0)
    engine = open_model(call.settings, show)
    call.terminal.progress("")
    return engine


def _answer(call: Call, engine: Engine, question: str, pictures: list[Picture], cancel: threading.Event) -> int:
    from app.engines import sampling, told
    from app.told import prompt
    from model import Finish, Message, Piece
    from model.errors import ImagesNotAccepted

    if pictures and not engine.identity.accepts_images:
        raise ImagesNotAccepted("the model reads text only")
    words, language = question, language_of(question, call.locale.code)
    if told(call.settings, engine.identity):
        words = prompt(question, [(picture.facts, None) for picture in pictures], language)
    message = Message("user", words, tuple(picture.image for picture in pictures))
    show: Callable[[str], None] = (lambda text: None) if call.arguments.json else call.terminal.stream
    answer, finish = "", Finish("stopped")
    for event in engine.stream((message,), sampling(call.settings, engine.identity), cancel=cancel):
        if isinstance(event, Piece):
            answer += event.text
            show(event.text)
        elif isinstance(event, Finish):
            finish = event
    if call.arguments.json:
        call.terminal.data(_machine(engine, question, language, answer, pictures, finish))
    else:
        call.terminal.end_stream()
        _say_how_it_ended(call, engine, finish)
    return ENDINGS[finish.reason]


def _say_how_it_ended(call: Call, engine: Engine, finish: Finish) -> None:
    if engine.identity.demonstration:
        call.complain("ask-demonstration")
    if finish.error is not None:
        call.terminal.complain(sentence(finish.error, call.locale))
    elif finish.reason != "complete":
        call.complain(f"ask-{finish.cause or finish.reason}")


def _machine(
    engine: Engine, question: str, language: str, answer: str, pictures: list[Picture], finish: Finish
) -> dict[str, Any]:
    timings = {name: value for name, value in asdict(finish).items() if name not in ("reason", "error", "cause")}
    return {
        "question": question,
        "answer": answer,
        "status": finish.reason,
        "language": language,
        "error": type(finish.error).__name__ if finish.error else finish.cause or None,
        "model": asdict(engine.identity),
        "pictures": [{"sha256": p.sha256, "facts": p.facts.to_dict()} for p in pictures],
        "timings": timings,
    }


def _refuse(call: Call, error: Exception) -> None:
    said = sentence(error, call.locale)
    if call.arguments.json:
        call.terminal.data({"status": "refused", "error": type(error).__name__, "sentence": said})
    else:
        call.terminal.complain(said)


@contextmanager
def _stoppable() -> Iterator[threading.Event]:
    """Ctrl+C stops the answer and lets it be told so; a second one ends the program."""
    cancel = threading.Event()
    previous = signal.getsignal(signal.SIGINT)

    def stop(number: int, frame: object) -> None:
        if cancel.is_set():
            raise KeyboardInterrupt
        cancel.set()

    signal.signal(signal.SIGINT, stop)
    try:
        yield cancel
    finally:
        signal.signal(signal.SIGINT, previous)
