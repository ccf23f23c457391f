"""What happens when a reader does something. Knows the parts, the turns and the record; knows no SQL, no model."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from app.locale import Locale, languages
from app.notices import notice
from app.turn import EmptyQuestion, Question, QuestionTooLong, StillAnswering, Turns
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
        """The page as this reader left it: language from the cookie, conversation from the address."""
        owner = reader(request)
        shown, told = self._shown(owner, conversation)
        return shown["conversation"], shown, self._shelf(owner, shown["conversation"]), told

    def open_conversation(self, event: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        """Reopen one from the shelf, or an empty room for the id ""."""
        owner = reader(request)
        shown, told = self._shown(owner, _text(event, "id"))
        return shown["conversation"], shown, self._shelf(owner, shown["conversation"]), told

    def new_conversation(self, request: gr.Request) -> tuple[Any, ...]:
        """An empty room; the conversation is stored when something is put into it."""
        return "", NOTHING, self._shelf(reader(request), ""), None

    def search(self, conversation: str, event: gr.EventData, request: gr.Request) -> Shown:
        """The shelf, narrowed to what was typed."""
        return self._shelf(reader(request), conversation, _text(event, "text"))

    def erase(self, conversation: str, event: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        """Erase one conversation with its pictures for good."""
        owner, erased = reader(request), _text(event, "id")
        self.turns.stop(owner, erased)
        told = None
        try:
            self.store.delete_conversation(owner, erased)
        except NotFound as error:
            told = _told(error)
        if erased == conversation:
            return "", NOTHING, self._shelf(owner, ""), told
        return conversation, gr.skip(), self._shelf(owner, conversation), told

    def uploaded(self, event: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        """A series arrived through the upload route: show its conversation."""
        owner = reader(request)
        shown, _ = self._shown(owner, _text(event, "conversation"))
        return shown["conversation"], shown, self._shelf(owner, shown["conversation"])

    def ask(
        self, question: str, conversation: str, asked: dict[str, Any] | None, request: gr.Request
    ) -> Iterator[tuple[Any, ...]]:
        """Ask; yields (question box, conversation, chat, shelf, notice). What was typed is lost on no error."""
        owner = reader(request)
        sent = asked or {}
        try:
            view = view_from(sent["view"]) if sent.get("view") else None
            replaces = sent.get("replaces") or None
            if not question.strip():
                raise EmptyQuestion
            if not conversation:
                conversation = self.store.start_conversation(owner, language=_language(sent)).id
            yield from self._answer(owner, Question(conversation, question, view, replaces), question)
        except Exception as error:  # whatever happens, what was typed stays and a sentence says so
            shown, _ = self._shown(owner, conversation)
            yield question, conversation, shown, gr.skip(), _told(error)

    def regenerate(
        self, conversation: str, asked: dict[str, Any] | None, request: gr.Request
    ) -> Iterator[tuple[Any, ...]]:
        """Answer the last question again, about the picture it was asked about."""
        owner = reader(request)
        try:
            turns = self.store.turns(owner, conversation)
            if not turns:
                raise NothingToRegenerate
            last = turns[-1]
            view = view_from(last.pictures[-1].view) if last.pictures else None
            question = Question(conversation, last.question, view, last.id)
            yield from self._answer(owner, question, gr.skip())
        except Exception as error:  # as above
            shown, _ = self._shown(owner, conversation)
            yield gr.skip(), conversation, shown, gr.skip(), _told(error)

    def stop(self, conversation: str, request: gr.Request) -> None:
        """Stop the answer on its way; what was shown stays."""
        self.turns.stop(reader(request), conversation)

    def rate(self, event: gr.EventData, request: gr.Request) -> dict[str, Any] | None:
        """Keep a rating; answers with a notice only when it could not be kept."""
        sent = event._data or {}
        try:
            self.store.rate(
                reader(request),
                str(sent.get("turn", "")),
                thumb=sent.get("thumb") if sent.get("thumb") in ("up", "down") else None,
                reasons=[str(reason)[:40] for reason in sent.get("reasons", [])][:10],
                comment=str(sent.get("comment", ""))[:5000],
            )
        except NotFound as error:
            return _told(error)
        return None

    def _answer(self, owner: str, question: Question, typed: Any) -> Iterator[tuple[Any, ...]]:
        """Stream one answer to the page. `typed`: what the question box holds until the turn is stored."""
        conversation = question.conversation
        shown: Shown | None = None
        beat = 0.0
        stream = self.turns.ask(owner, question)
        try:
            for progress in stream:
                if not progress.turn:
                    told = {"kind": "wait", "sentence": waiting_words(progress)}
                    yield typed, conversation, gr.skip(), gr.skip(), told
                elif shown is None:
                    shown, _ = self._shown(owner, conversation, answering=True)
                    yield "", conversation, shown, self._shelf(owner, conversation), None
                elif progress.finish is None and time.monotonic() - beat >= _BEAT:
                    beat = time.monotonic()
                    yield gr.skip(), gr.skip(), growing(shown, progress), gr.skip(), gr.skip()
        finally:
            stream.close()  # type: ignore[attr-defined]  # a generator; closing it stops the model
        final, _ = self._shown(owner, conversation)
        yield gr.skip(), conversation, final, self._shelf(owner, conversation), gr.skip()

    def _shown(
        self, owner: str, conversation: str, *, answering: bool = False
    ) -> tuple[Shown, dict[str, Any] | None]:
        if not conversation:
            return NOTHING, None
        try:
            return conversation_shown(self.store, owner, conversation, answering=answering), None
        except NotFound as error:
            return NOTHING, _told(error)

    def _shelf(self, owner: str, current: str, search: str = "") -> Shown:
        return shelf_shown(self.store, owner, current, search=search, limit=_SHELF)


def reader(request: gr.Request) -> str:
    """Who is asking: the name the server's own login established."""
    if not request.username:
        raise PermissionError("no reader")
    return str(request.username)


def _told(error: Exception) -> dict[str, Any]:
    if not isinstance(error, EXPECTED):
        # the trace without the message, which may hold what a person wrote
        trace = "".join(traceback.format_tb(error.__traceback__))
        log.error("an unexpected %s\n%s", type(error).__name__, trace)
    return {"kind": "error", "sentence": notice(error)}


def _text(event: gr.EventData, name: str) -> str:
    value = (event._data or {}).get(name, "")
    return value if isinstance(value, str) else ""


def _language(sent: dict[str, Any]) -> str:
    language = sent.get("language")
    return language if isinstance(language, str) and language in languages() else "en"


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
    whole = [p.conversation, p.chat, p.shelf, p.notice]
    asking = [p.question, p.conversation, p.chat, p.shelf, p.notice]
    quick: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    slow: dict[str, Any] = {
        "concurrency_id": "answer",
        "concurrency_limit": None,
        "show_progress": "hidden",
        "api_visibility": "private",
    }

    page.load(
        room.open_page,
        [p.conversation],
        whole,
        js="async () => [(await window.basiraReady).address()]",
        **quick,
    )
    page.load(None, None, p.language, js="async () => (await window.basiraReady).language()", queue=False)
    p.language.change(
        labels, p.language, labelled, js="async (code) => [(await window.basiraReady).speak(code)]", **quick
    )
    p.new.click(room.new_conversation, None, whole, js="() => window.basira.leave()", **quick)
    p.shelf.open(room.open_conversation, None, whole, **quick)
    p.shelf.search(room.search, [p.conversation], p.shelf, **quick)
    p.shelf.erase(room.erase, [p.conversation], whole, **quick)
    p.upload.taken(room.uploaded, None, [p.conversation, p.chat, p.shelf], **quick)
    p.chat.rate(room.rate, None, p.notice, **quick)
    p.stop.click(room.stop, [p.conversation], None, js="() => [window.basira.conversation()]", **quick)
    asks = gr.on(
        [p.send.click, p.question.submit],
        room.ask,
        [p.question, p.conversation, p.asked],
        asking,
        js="(question) => window.basira.asked(question)",
        **slow,
    )
    again = p.regenerate.click(
        room.regenerate,
        [p.conversation, p.asked],
        asking,
        js="() => window.basira.askedAgain()",
        **slow,
    )
    for event in (asks, again):  # also after a failure of Gradio's own: the page must not wait for ever
        event.then(None, None, None, js="() => window.basira.settled()", queue=False)
