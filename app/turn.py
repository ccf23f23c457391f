"""One chat turn: compose the messages, stream the answer, record what was shown. Knows no screen."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import logging
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from PIL import Image

from app.at_once import AtOnce
from app.bidi import language_of
from app.failures import trace
from app.frames import facts_of, unpack
from app.insisting import insist
from app.loading import LoadingEngine
from app.told import prompt
from app.underway import Progress, Underway
from app.view import MalformedView, View, look_of, picture_of, view_from
from dicom import Facts, fingerprint, seen_window
from model import Engine, Finish, Identity, Message, Piece, Sampling, Thought, Waiting
from storage import (
    Busy,
    Ending,
    NewPicture,
    NotFound,
    PictureRecord,
    SeriesRecord,
    Store,
    Turn,
)

log = logging.getLogger(__name__)
ANSWERED = ("complete", "truncated", "stopped", "interrupted")
REPEATING = "repeating"
"""`Turn.error` of a truncated answer that ran in a circle: the engine's `Finish.cause`."""
_SAVE_EVERY = 1.0  # seconds between copies of a growing answer in the record: what a killed process may lose
_LOADING_STEP = 0.5  # seconds between signs of life while the model loads


class EmptyQuestion(Exception):
    """Nothing was asked; type a question."""


class QuestionTooLong(Exception):
    """More characters than `QUESTION_CHARACTERS`; shorten it."""


class MovedOn(Exception):
    """The turn to be replaced is no longer the conversation's last one: who asked has not seen what came after."""


class StillAnswering(Exception):
    """This conversation already has an answer on its way; stop it or wait."""


QUESTION_CHARACTERS = 20_000


@dataclass(frozen=True)
class Question:
    """What one person asks: the text, what is on the screen, the turn it replaces (edit, regenerate), and the last
    turn on that person's screen (None: not said, as by programs)."""

    conversation: str
    text: str
    view: View | None = None
    replaces: str | None = None
    spoken: str = "en"
    """The language of the page: that of a question whose words do not tell."""
    last: str | None = None


@dataclass
class _Answer:
    text: str = ""
    thought: str = ""
    finish: Finish | None = None
    saved: float = field(default_factory=time.monotonic)


class Turns:
    """Asks, stops and erases, for everyone who uses this process. Thread-safe."""

    def __init__(
        self,
        store: Store,
        engine: LoadingEngine,
        sampling: Callable[[Identity], Sampling],
        *,
        told: Callable[[Identity], bool] = lambda identity: False,
        at_once: AtOnce | None = None,
    ) -> None:
        """`sampling`, `told`: how answers are drawn and whether pictures are described in words, by model. `at_once`:
        shared with whatever else unfolds pictures in this process."""
        self._store = store
        self._engine = engine
        self._sampling = sampling
        self._told = told
        self._at_once = at_once or AtOnce()
        self._running: dict[tuple[str, str], Underway] = {}
        self._threads: set[threading.Thread] = set()
        self._closed = False
        self._lock = threading.Lock()

    def stop(self, owner: str, conversation: str) -> bool:
        """Stop the answer of `conversation` within one step; False when none is on its way."""
        with self._lock:
            underway = self._running.get((owner, conversation))
        if underway is not None:
            underway.cancel.set()
        return underway is not None

    def progress(self, owner: str, conversation: str) -> Progress | None:
        """How far the answer on its way in `conversation` is, whoever asked and from where; None without one."""
        with self._lock:
            underway = self._running.get((owner, conversation))
        return None if underway is None else underway.latest()

    def discard(self, owner: str, conversation: str) -> None:
        """Delete a conversation so that it can be taken back, and from the model's memory for good; an answer on its
        way stops. Raises `storage.StorageError`."""
        self.stop(owner, conversation)
        self._store.discard_conversation(owner, conversation)
        self.stop(owner, conversation)  # one that began meanwhile; no other can
        engine = self._engine.ready() if self._engine.state().state == "ready" else None
        if engine is not None:
            engine.forget(_kept_as(owner, conversation))

    def ask(self, owner: str, question: Question) -> Generator[Progress, None, None]:
        """Answer `question`: any number of `Progress`, the last one with `finish`.

        The turn is stored before the first token and completed whatever happens. A thread of its own answers, so
        that it goes on when the caller closes this iterator: a page that is reloaded or closed stops nothing.
        Raises `EmptyQuestion`, `QuestionTooLong`, `StillAnswering`, `MovedOn`, `storage.NotFound`, `dicom.DicomError`
        (the view cannot be rendered) before anything is stored, and what loading raised.
        """
        text = question.text.strip()
        if not text:
            raise EmptyQuestion
        if len(text) > QUESTION_CHARACTERS:
            raise QuestionTooLong
        yield from self._begun(owner, question, text).watch()

    def close(self, seconds: float = 5.0) -> None:
        """End what is on its way as interrupted by the program's end, waiting up to `seconds` for its record."""
        with self._lock:
            self._closed = True
            running, threads = list(self._running.values()), list(self._threads)
        for underway in running:
            underway.interrupt()
        deadline = time.monotonic() + seconds
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _begun(self, owner: str, question: Question, text: str) -> Underway:
        key = (owner, question.conversation)
        underway = Underway()
        # A daemon: a model that is stuck must not keep the program from ending; its turn is interrupted at next start.
        thread = threading.Thread(target=self._answer, args=(key, question, text, underway), name="answer", daemon=True)
        with self._lock:
            if key in self._running:
                raise StillAnswering
            if self._closed:
                underway.interrupt()
            thread.start()
            self._running[key] = underway
            self._threads.add(thread)
        return underway

    def _answer(self, key: tuple[str, str], question: Question, text: str, underway: Underway) -> None:
        """The thread of one answer: nothing may escape it, and nothing of it may be left behind."""
        ended_by: Exception | None = None
        try:
            for progress in self._answered(key[0], question, text, underway):
                underway.tell(progress)
        except Exception as error:  # raised again where the question was asked
            ended_by = error
        finally:
            with self._lock:
                self._running.pop(key, None)
                self._threads.discard(threading.current_thread())
            watched = underway.end(ended_by)
        if ended_by is not None and not watched and not isinstance(ended_by, NotFound):  # which is: erased meanwhile
            log.error("an answer nobody was waiting for was ended by %s", trace(ended_by))

    def _answered(self, owner: str, question: Question, text: str, underway: Underway) -> Iterator[Progress]:
        while (engine := self._engine.ready(_LOADING_STEP)) is None:
            yield Progress("", loading=self._engine.state().progress)
            if underway.cancel.is_set():
                return
        earlier = self._earlier(owner, question)
        sees = engine.identity.accepts_images
        pictures = self._pictures(owner, question, earlier) if sees else []
        told = self._told(engine.identity)
        history = compose(self._store, owner, earlier, told=told, sees=sees)
        images = tuple(image for image, _ in pictures)
        language = language_of(text, question.spoken)
        words = _words(text, [picture for _, picture in pictures], language) if told else text
        messages = (*history, Message("user", words, images))
        turn = self._store.begin_turn(
            owner,
            question.conversation,
            question=text,
            language=language,
            model=asdict(engine.identity),
            settings=_settings(self._sampling(engine.identity)),
            pictures=[picture for _, picture in pictures],
            model_input=described(messages),
            replaces=question.replaces,
        )
        yield from self._streamed(owner, turn, engine, messages, underway)

    def _streamed(
        self, owner: str, turn: Turn, engine: Engine, messages: Sequence[Message], underway: Underway
    ) -> Iterator[Progress]:
        answer = _Answer()
        conversation = _kept_as(owner, turn.conversation_id)
        sampling = self._sampling(engine.identity)
        stream = engine.stream(messages, sampling, conversation=conversation, cancel=underway.cancel, reader=owner)
        broken: str | None = None
        try:
            yield Progress(turn.id)
            for event in stream:
                if isinstance(event, Finish):
                    answer.finish = event
                    break
                yield self._noted(owner, turn, answer, event)
        except Exception as error:  # the record must say that it failed, whatever it was
            broken = type(error).__name__
            raise
        finally:
            underway.cancel.set()  # an answer that the record refused must not keep the model busy
            self._record(owner, turn, answer, broken, interrupted=underway.interrupted)
        yield Progress(turn.id, answer.text, answer.thought, finish=answer.finish)

    def _noted(self, owner: str, turn: Turn, answer: _Answer, event: Piece | Thought | Waiting) -> Progress:
        if isinstance(event, Waiting):
            return Progress(turn.id, answer.text, answer.thought, waiting=event)
        if isinstance(event, Thought):
            answer.thought += event.text
        else:
            answer.text += event.text
        if time.monotonic() - answer.saved >= _SAVE_EVERY:
            with contextlib.suppress(Busy):  # the next copy, or the end, will hold it
                self._store.append_answer(owner, turn.id, answer.text)
            answer.saved = time.monotonic()
        return Progress(turn.id, answer.text, answer.thought)

    def _record(self, owner: str, turn: Turn, answer: _Answer, broken: str | None, *, interrupted: bool) -> None:
        """End the turn as it ended: finished by the engine, interrupted by the program's end, or `broken`."""
        finish = answer.finish or Finish("failed" if broken else "stopped")
        status: Ending = "interrupted" if interrupted and finish.reason == "stopped" else finish.reason
        error = type(finish.error).__name__ if finish.error is not None else broken or finish.cause or None
        timings = {name: value for name, value in asdict(finish).items() if name not in ("reason", "error", "cause")}
        ending = functools.partial(
            self._store.finish_turn, owner, turn.id, answer=answer.text, status=status, error=error,
            timings=timings,
        )  # fmt: skip
        with contextlib.suppress(NotFound):  # the conversation was erased meanwhile: nothing is to be kept
            insist(ending)

    def _earlier(self, owner: str, question: Question) -> list[Turn]:
        """The turns before this one: all, or those before the one it replaces. Raises `MovedOn`."""
        turns = list(self._store.turns(owner, question.conversation))
        if question.replaces is None:
            return turns
        if question.last is not None and turns and turns[-1].id != question.last:
            raise MovedOn
        numbers = [turn.number for turn in turns if turn.id == question.replaces]
        return [turn for turn in turns if not numbers or turn.number < numbers[0]]

    def _pictures(
        self, owner: str, question: Question, earlier: Sequence[Turn]
    ) -> list[tuple[Image.Image, NewPicture]]:
        """The picture on the screen, unless the model already has exactly these pixels as its newest image."""
        view = question.view
        if view is None:
            return []
        record = self._store.series(owner, view.series)
        if record.conversation_id != question.conversation:
            raise NotFound("a series of another conversation")
        meta, samples = self._store.frame(owner, view.series, view.frame)
        with self._at_once.hold(meta["rows"] * meta["columns"]):
            return self._picture_of(view, record, meta, samples, earlier)

    def _picture_of(
        self, view: View, record: SeriesRecord, meta: dict[str, Any], samples: bytes, earlier: Sequence[Turn]
    ) -> list[tuple[Image.Image, NewPicture]]:
        frame = unpack(meta, samples)
        image = picture_of(frame, view)
        sha256 = fingerprint(image)
        known = [picture.sha256 for turn in earlier if usable(turn) for picture in turn.pictures]
        if known and known[-1] == sha256:
            return []
        facts = replace(facts_of(meta, record.facts), window=seen_window(frame, look_of(frame, view)))
        picture = NewPicture(
            png=png_of(image), sha256=sha256, facts=facts.to_dict(), view=view.to_dict(), series_id=view.series
        )
        return [(image, picture)]


def _kept_as(owner: str, conversation: str) -> str:
    """The name under which the engine keeps what it read of a conversation."""
    return hashlib.sha256(f"{owner}\n{conversation}".encode()).hexdigest()


def usable(turn: Turn) -> bool:
    """Whether a turn is part of what the model is told: it has an answer, whole or not, that is no circle, which it
    would only go on running in."""
    return turn.status in ANSWERED and turn.error != REPEATING and bool(turn.answer.strip())


def compose(
    store: Store, owner: str, earlier: Sequence[Turn], *, told: bool = False, sees: bool = True
) -> tuple[Message, ...]:
    """The conversation so far as the model reads it: questions with the very pixels it saw, and its answers.

    `told`: each picture is described in words before its question. `sees`: False leaves all pictures out, which another
    model may have answered about before.
    """
    messages: list[Message] = []
    for turn in earlier:
        if not usable(turn):
            continue
        pictures = turn.pictures if sees else ()
        images = tuple(_image(store.picture(owner, picture.id)[1]) for picture in pictures)
        asked = _words(turn.question, pictures, turn.language) if told else turn.question
        messages += [Message("user", asked, images), Message("assistant", turn.answer)]
    return tuple(messages)


def _words(question: str, pictures: Sequence[NewPicture | PictureRecord], language: str) -> str:
    return prompt(question, [(Facts.from_dict(p.facts), _view(p.view)) for p in pictures], language)


def _view(view: Mapping[str, Any]) -> View | None:
    try:
        return view_from(view)
    except MalformedView:  # a picture that came from no screen
        return None


def described(messages: Sequence[Message]) -> dict[str, Any]:
    """The exact model input for the record: texts, and images by their fingerprints."""
    return {
        "messages": [
            {"role": m.role, "text": m.text, "images": [fingerprint(image) for image in m.images]} for m in messages
        ]
    }


def png_of(image: Image.Image) -> bytes:
    """`image` as PNG without metadata; compression 1, which costs a third of Pillow's default."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _image(png: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(png), formats=("PNG",))
    image.load()
    return image


def _settings(sampling: Sampling) -> dict[str, Any]:
    return {name: value for name, value in asdict(sampling).items() if name != "allowed_tokens"}
