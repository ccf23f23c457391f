"""What happens when a reader does something. Knows the parts, the turns and the record; knows no SQL, no model."""

from __future__ import annotations

import contextlib
import logging
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from app.locale import Locale, languages
from app.notices import notice
from app.turn import EmptyQuestion, MovedOn, Question, QuestionTooLong, StillAnswering, Turns
from app.view import MalformedView, view_from
from app.web.layout import Parts
from app.web.transcript import NOTHING, Shown, conversation_shown, growing, shelf_shown, waiting_words
from dicom import DicomError
from model import ModelError
from storage import NotFound, StorageError, Store

log = logging.getLogger(__name__)
_BEAT = 0.08  # seconds between updates of a growing answer: about 12 a second
_SHELF = 200  # conversations listed at once; older ones are found by searching


class NothingToRegenerate(Exception):
    """There is no question in this conversation yet."""


EXPECTED = (
    EmptyQuestion,
    QuestionTooLong,
    StillAnswering,
    MovedOn,
    NothingToRegenerate,
    MalformedView,
    StorageError,
    DicomError,
    ModelError,
)


@dataclass(frozen=True)
class ReadingRoom:
    """The handlers behind the page. Each one takes the reader from the request, never from the page."""

    store: Store
    turns: Turns

    def open_page(self, conversation: str, request: gr.Request) -> tuple[Any, ...]:
        """The conversation of the page's address, or an empty room: (opened, shelf, notice)."""
        return self._opened(reader(request), conversation)

    def open_conversation(self, event: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        """Reopen one from the shelf, or an empty room for the id ""; `following` while its answer grows."""
        owner, conversation = reader(request), _text(event, "id")
        following = bool((event._data or {}).get("following"))
        return self._opened(owner, conversation, following=following)

    def search(self, event: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        """The shelf, narrowed to what was typed: (shelf, notice)."""
        try:
            return self._shelf(reader(request), _text(event, "text")), gr.skip()
        except StorageError as error:
            return gr.skip(), _told(error)

    def uploaded(self, event: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        """A series arrived through the upload route: (chat, shelf)."""
        owner, conversation = reader(request), _text(event, "conversation")
        try:
            return self._shown(owner, conversation), self._shelf(owner)
        except StorageError:
            return gr.skip(), gr.skip()

    def ask(
        self, question: str, conversation: str, asked: dict[str, Any] | None, request: gr.Request
    ) -> Iterator[tuple[Any, ...]]:
        """Ask; yields (chat, shelf, notice). The page empties the question box once the turn is stored."""
        owner, sent = reader(request), asked or {}
        if sent.get("held"):  # the page has already said why nothing is asked
            yield gr.skip(), gr.skip(), gr.skip()
            return
        try:
            view = view_from(sent["view"]) if sent.get("view") else None
            replaces, last = sent.get("replaces") or None, sent.get("last") or None
            asks = Question(conversation, question, view, replaces, _spoken(sent), last)
            yield from self._answer(owner, asks)
        except Exception as error:  # whatever happens, what was typed stays and a sentence says so
            yield gr.skip(), gr.skip(), _told(error, conversation)

    def regenerate(
        self, conversation: str, asked: dict[str, Any] | None, request: gr.Request
    ) -> Iterator[tuple[Any, ...]]:
        """Answer the last question again, about the picture it was asked about: (chat, shelf, notice)."""
        owner = reader(request)
        try:
            turns = self.store.turns(owner, conversation) if conversation else ()
            if not turns:
                raise NothingToRegenerate
            last = turns[-1]
            view = view_from(last.pictures[-1].view) if last.pictures else None
            seen = (asked or {}).get("last") or last.id
            again = Question(conversation, last.question, view, last.id, last.language, seen)
            yield from self._answer(owner, again)
        except Exception as error:  # as above
            yield gr.skip(), gr.skip(), _told(error, conversation)

    def _answer(self, owner: str, question: Question) -> Iterator[tuple[Any, ...]]:
        begun = False
        try:
            for part in self._parts(owner, question):
                begun = True
                yield part
        except NotFound:
            if not begun:
                raise
            yield gr.skip(), gr.skip(), None  # erased by its reader while it was being answered

    def _parts(self, owner: str, question: Question) -> Iterator[tuple[Any, ...]]:
        conversation = question.conversation
        shown: Shown | None = None
        beat = 0.0
        with contextlib.closing(self.turns.ask(owner, question)) as stream:
            for progress in stream:
                if not progress.turn:
                    waiting = {"kind": "wait", "sentence": waiting_words(progress), "conversation": conversation}
                    yield gr.skip(), gr.skip(), waiting
                elif shown is None:
                    shown = self._shown(owner, conversation, began=progress.turn)
                    yield shown, self._shelf(owner), None
                elif progress.finish is None and time.monotonic() - beat >= _BEAT:
                    beat = time.monotonic()
                    yield growing(shown, progress), gr.skip(), gr.skip()
        yield self._shown(owner, conversation, grown=shown["began"] if shown else ""), self._shelf(owner), None

    def _opened(self, owner: str, conversation: str, *, following: bool = False) -> tuple[Any, ...]:
        """(opened, shelf, notice); the shelf of who is `following` an answer is left alone until it has ended."""
        told = None
        shown = NOTHING
        try:
            if conversation:
                progress = self.turns.progress(owner, conversation)
                shown = self._shown(owner, conversation, began=progress.turn if progress else "")
                if progress and not progress.turn and (words := waiting_words(progress)):
                    told = {"kind": "wait", "sentence": words, "conversation": conversation}
        except NotFound as error:
            told = _told(error)
        except StorageError as error:  # it is there, and asked for again by itself
            return gr.skip(), gr.skip(), _told(error, conversation)
        opened = {**shown, "opened": True, "requested": conversation, "at": time.time()}
        shelf = gr.skip() if following and shown["answering"] else self._shelf(owner)
        return opened, shelf, told

    def _shown(self, owner: str, conversation: str, *, began: str = "", grown: str = "") -> Shown:
        """The conversation, its answer on its way as far as it is now: the record is up to a second behind."""
        progress = self.turns.progress(owner, conversation)
        answering = progress is not None
        shown = conversation_shown(self.store, owner, conversation, answering=answering, began=began, grown=grown)
        if progress is None or not shown["turns"] or shown["turns"][-1]["id"] != progress.turn:
            return shown
        return {**growing(shown, progress), "began": began}

    def _shelf(self, owner: str, search: str = "") -> Shown:
        return shelf_shown(self.store, owner, search=search, limit=_SHELF)


def reader(request: gr.Request) -> str:
    """Who is asking: the name the server's own login established."""
    if not request.username:
        raise PermissionError("no reader")
    return str(request.username)


def _told(error: Exception, conversation: str = "") -> dict[str, Any]:
    """A sentence about `error`, told in its own `conversation` only; in whichever is open when it is of none."""
    if not isinstance(error, EXPECTED):
        # the trace without the message, which may hold what a person wrote
        trace = "".join(traceback.format_tb(error.__traceback__))
        log.error("an unexpected %s\n%s", type(error).__name__, trace)
    where = {"conversation": conversation} if conversation else {}
    return {"kind": "error", "sentence": notice(error), "at": time.time(), **where}  # the same one shows again


def _spoken(sent: dict[str, Any]) -> str:
    """The language of the page a question was asked on."""
    code = sent.get("language")
    return code if code in languages() else "en"


def _text(event: gr.EventData, name: str) -> str:
    value = (event._data or {}).get(name, "")
    return value if isinstance(value, str) else ""


def labels(language: str) -> tuple[Any, ...]:
    """Updates for every label that Gradio draws, in `language`."""
    say = Locale(language if language in languages() else "en").sentence
    return (
        gr.update(value=say("new-conversation")),
        gr.update(placeholder=say("question-placeholder"), label=say("question-label")),
        gr.update(value=say("send")),
        gr.update(value=say("stop")),
        gr.update(value=say("regenerate")),
        gr.update(label=say("language-label")),
    )


def connect(room: ReadingRoom, page: gr.Blocks, parts: Parts) -> None:
    """Tie the handlers to the parts. The page's script fills in the view, the address and the language."""
    p = parts
    labelled = [p.new, p.question, p.send, p.stop, p.regenerate, p.language]
    opening = [p.opened, p.shelf, p.notice]
    answering = [p.chat, p.shelf, p.notice]
    quick: dict[str, Any] = {
        "queue": False,
        "show_progress": "hidden",
        "api_visibility": "private",
        "trigger_mode": "multiple",  # "once" would drop the second of two quick clicks
    }
    slow: dict[str, Any] = {
        "concurrency_id": "answer",
        "concurrency_limit": None,
        "show_progress": "hidden",
        "api_visibility": "private",
        "trigger_mode": "multiple",
    }

    ready = "(await window.basiraReady)"
    page.load(room.open_page, [p.conversation], opening, js=f"async () => [{ready}.address()]", **quick)
    page.load(None, None, p.language, js=f"async () => {ready}.language()", queue=False)
    latest = {**quick, "trigger_mode": "always_last"}  # of two quick clicks the second one's words stay
    p.language.change(labels, p.language, labelled, js=f"async (code) => [{ready}.spoken(code)]", **latest)
    p.shelf.open(room.open_conversation, None, opening, **quick)
    p.shelf.search(room.search, None, [p.shelf, p.notice], **quick)
    p.upload.taken(room.uploaded, None, [p.chat, p.shelf], **quick)
    asks = gr.on(
        [p.send.click, p.question.submit],
        room.ask,
        [p.question, p.conversation, p.asked],
        answering,
        js=f"async (question) => {ready}.asked(question)",
        **slow,
    )
    again = p.regenerate.click(
        room.regenerate, [p.conversation, p.asked], answering, js=f"async () => {ready}.askedAgain()", **slow
    )
    for event in (asks, again):  # also after a failure of Gradio's own: the page must not wait for ever
        event.then(None, None, None, js="() => window.basira.settled()", queue=False)
