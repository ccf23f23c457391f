"""`evaluate`: answers a file of questions; a second run goes on where the first was stopped."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.commands.ask import load
from app.commands.call import DONE, FAILED, REFUSED, STOPPED, Call, Misuse
from app.notices import sentence

if TYPE_CHECKING:
    from app.evaluate import Count, Row, Run

_AT_ONCE = 16  # rows under way: an engine that answers fewer lets the others wait


def run_evaluate(call: Call) -> int:
    """Exit code: 0 when every row has its answer, 4 when some could not be answered, 130 stopped."""
    from app.engines import sampling
    from app.evaluate import MalformedQuestions, Run, read_questions
    from model import ModelError

    questions, images, out = _typed(call)
    try:
        rows = read_questions(questions)
    except MalformedQuestions as error:
        call.complain("evaluate-malformed", path=str(questions), line=str(error.line))
        return REFUSED
    except (OSError, UnicodeDecodeError):
        raise Misuse("usage-no-file", str(questions)) from None
    try:
        engine = load(call)
    except ModelError as error:
        call.terminal.complain(sentence(error, call.locale))
        return REFUSED
    settings = call.settings
    # Waiting in the queue is part of a batch, not a reason to give a question up.
    drawn = replace(sampling(settings, engine.identity), deadline_seconds=None)
    run = Run(engine, images, drawn, settings.limits(), settings.batch or _AT_ONCE)
    try:
        with _cancelled_by_ctrl_c() as cancel:
            return _answer(call, run, rows, out, cancel)
    except OSError as error:
        call.complain("cannot-write", path=str(out), reason=error.strerror or "")
        return REFUSED
    finally:
        engine.close()


def _answer(call: Call, run: Run, rows: Sequence[Row], out: Path, cancel: threading.Event) -> int:
    def note(count: Count) -> None:
        call.terminal.progress(call.locale.sentence("evaluate-progress", done=str(count.done), total=str(count.total)))

    count = run.answer(rows, out, note, cancel)
    call.terminal.progress("")
    call.say(
        "evaluate-done",
        answered=str(count.answered),
        kept=str(count.kept),
        failed=str(count.failed),
        total=str(count.total),
        path=str(out),
    )
    if cancel.is_set():
        call.say("evaluate-stopped")
        return STOPPED
    return FAILED if count.failed else DONE


def _typed(call: Call) -> tuple[Path, Path, Path]:
    arguments = call.arguments
    if not arguments.questions:
        raise Misuse("usage-missing", "--questions")
    questions = Path(arguments.questions)
    images = Path(arguments.images) if arguments.images else questions.parent
    if not images.is_dir():
        raise Misuse("usage-no-file", str(images))
    out = Path(arguments.out) if arguments.out else questions.with_suffix(".answers.jsonl")
    return questions, images, out


@contextmanager
def _cancelled_by_ctrl_c() -> Iterator[threading.Event]:
    cancel = threading.Event()
    previous = signal.signal(signal.SIGINT, lambda number, frame: cancel.set())
    try:
        yield cancel
    finally:
        signal.signal(signal.SIGINT, previous)
