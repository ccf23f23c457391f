"""Stored turns as the page shows them: safe HTML, sentences in every language. Knows no event and no widget."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from app.answer_html import answer_html, growing_html, question_html
from app.bidi import Direction, direction_of, language_of
from app.captions import caption, short_title, view_words
from app.locale import Locale, languages
from app.notices import notice_named
from app.runs import isolate_pieces, isolate_plain
from app.turn import REPEATING
from app.underway import Progress
from app.view import MalformedView, View, view_from
from dicom import Facts
from storage import Conversation, Excerpt, PictureRecord, RatingEvent, SeriesRecord, Store, Turn

Shown = dict[str, Any]
NOTHING: Shown = {"conversation": "", "series": [], "turns": [], "answering": False, "began": "", "opened": False}


def conversation_shown(
    store: Store, owner: str, conversation: str, *, answering: bool, began: str = "", grown: str = ""
) -> Shown:
    """Everything the page needs to show one conversation. Raises `storage.NotFound`.

    `began`: the turn that has just been stored, so that the page can empty the question box. The page ignores
    what belongs to another conversation than the open one unless `opened` says that the reader asked for it, and
    `requested` that this is still what was asked for last. `grown`: the turn whose answer the page saw grow.
    """
    store.conversation(owner, conversation)
    series = store.series_of(owner, conversation)
    opened = {record.id: record for record in series}
    turns = store.turns(owner, conversation)
    rated = store.current_ratings(owner, conversation)
    return {
        "conversation": conversation,
        "series": [_series(record) for record in series],
        "turns": [
            turn_shown(turn, rated.get(turn.id), opened, turns[:before], grown=turn.id == grown)
            for before, turn in enumerate(turns)
        ],
        "answering": answering,
        "began": began,
        "opened": False,
    }


def _series(record: SeriesRecord) -> Shown:
    shown: Shown = {"id": record.id, **record.descriptor, "caption": _caption(record)}
    missing = record.frames - record.stored_frames
    if record.complete and missing:
        shown["warnings"] = [*shown.get("warnings", []), Locale("en").both("frames-missing", count=missing)]
    return shown


def _caption(record: SeriesRecord) -> dict[str, str]:
    """What is known of a whole series, in words; of the facts where an older record's words could not be kept."""
    kept: dict[str, str] | None = record.descriptor.get("caption")
    return kept or caption(Facts.from_dict(record.facts))


def turn_shown(
    turn: Turn,
    rating: RatingEvent | None,
    series: dict[str, SeriesRecord],
    before: Sequence[Turn],
    *,
    grown: bool = False,
) -> Shown:
    """One turn: question, pictures, answer, how it ended, and its rating unless that was taken back."""
    return {
        "id": turn.id,
        "question": {
            "text": turn.question,
            "html": question_html(turn.question, _way(turn)),
            "language": turn.language,
        },
        "pictures": [_picture(picture, series) for picture in turn.pictures],
        "told": question_html(_told(turn), _way(turn)),
        "answer": _answer(turn.answer, answer_html(turn.answer, _way(turn), grown=grown), turn.language),
        "status": turn.status,
        "sentence": _how_it_ended(turn.status, turn.error),
        "left_out": _left_out(turn, before),
        "model": model_words(turn.model),
        "rating": {"thumb": rating.thumb, "reasons": list(rating.reasons), "comment": rating.comment}
        if rating and rating.thumb
        else None,
    }


def _way(turn: Turn) -> Direction:
    """How a paragraph of the turn reads whose words do not tell: as its language does."""
    return Locale(turn.language).direction


def _told(turn: Turn) -> str:
    """What the model read before the question: words about its pictures, or ""."""
    return turn.told.removesuffix(turn.question).strip()


def model_words(model: dict[str, Any]) -> dict[str, str]:
    """The model's name as it stands under an answer, by language."""
    return _model_line(bool(model.get("demonstration")), str(model.get("name", "")), str(model.get("quantization", "")))


@functools.lru_cache(32)  # the same one under every answer
def _model_line(demonstration: bool, name: str, quantization: str) -> dict[str, str]:
    key = "model-demonstration-line" if demonstration else "model-line"
    held = f"quantization-{quantization}"
    return {
        locale.code: locale.sentence(
            key, name=name, quantization=locale.sentence(held) if locale.has(held) else quantization
        )
        for locale in map(Locale, languages())
    }


def _picture(picture: PictureRecord, series: dict[str, SeriesRecord]) -> Shown:
    try:
        seen = view_from(picture.view)
        words = _view_words(seen, picture, series.get(seen.series))
    except MalformedView:
        words = {}
    return {"src": f"/api/pictures/{picture.id}", "words": words, "view": picture.view}


def _view_words(seen: View, picture: PictureRecord, of: SeriesRecord | None) -> dict[str, str]:
    if of is None:
        return view_words(seen, 1)
    own = Facts.from_dict(picture.facts).beyond(Facts.from_dict(of.facts))
    return view_words(seen, of.frames, of.descriptor.get("counted", "slice"), own)


def _how_it_ended(status: str, error: str | None) -> dict[str, str] | None:
    if status == "failed":
        return notice_named(error or "")
    if status == "truncated" and error == REPEATING:
        return Locale("en").both("ended-repeating")
    if status in ("stopped", "truncated", "interrupted"):
        return Locale("en").both(f"ended-{status}")
    return None


def _left_out(turn: Turn, before: Sequence[Turn]) -> dict[str, str] | None:
    """What the model did not read of the conversation: its oldest turns, or pictures that it cannot see."""
    turns = turn.timings.get("left_out_turns") or 0
    sentences = [Locale("en").both("turns-left-out", count=turns)] if turns else []
    if not turn.model.get("accepts_images", True) and any(earlier.pictures for earlier in before):
        sentences.append(Locale("en").both("pictures-left-out"))
    return {code: " ".join(said[code] for said in sentences) for code in languages()} if sentences else None


def growing(shown: Shown, progress: Progress) -> Shown:
    """`shown` with its last turn as far as `progress` says; the given value is not changed."""
    last = {**shown["turns"][-1], "wait": waiting_words(progress)}
    language = last["question"]["language"]
    last["answer"] = _answer(progress.answer, growing_html(progress.answer, Locale(language).direction), language)
    last["thinking"] = bool(progress.thought) and not progress.answer
    return {**shown, "began": "", "turns": [*shown["turns"][:-1], last]}


def _answer(text: str, html: str, asked_in: str) -> Shown:
    return {"html": html, "text": text, "language": language_of(text, asked_in)}


def waiting_words(progress: Progress) -> dict[str, str] | None:
    """Why there is no text yet: the model loads, or others are before this one."""
    if progress.loading is not None:
        return Locale("en").both("wait-loading", percent=str(round(progress.loading * 100)))
    if progress.waiting is not None and progress.waiting.position > 0:
        return Locale("en").both("wait-queue", position=progress.waiting.position)
    return None


def shelf_shown(store: Store, owner: str, *, search: str = "", limit: int) -> Shown:
    """The list of conversations, newest first: each by its first question and what that is about, one without
    a question by its first series; one that holds nothing at all is left out."""
    found = store.conversations(owner, search=search.strip() or None, limit=limit)
    series = store.first_series(owner, [item.id for item in found])
    excerpts = store.excerpts(owner, [item.id for item in found], search) if search.strip() else {}
    items = [_shelf_item(item, series.get(item.id), excerpts.get(item.id)) for item in found]
    named = [item for item in items if item["title"] or item["caption"]]
    return {"search": search, "items": named}


def _thumbnail(series: SeriesRecord) -> str:
    first = series.descriptor.get("first") or {}
    return f"/api/series/{series.id}/thumbnail/{first.get('frame') or 0}"


def _found(excerpt: Excerpt) -> Shown:
    """The sentence in which a search found its words, in its own direction, the words told from the rest."""
    return {
        "pieces": isolate_pieces(excerpt.text, excerpt.found),
        "direction": direction_of(excerpt.text),
        "language": language_of(excerpt.text),
    }


def _shelf_item(item: Conversation, series: SeriesRecord | None, excerpt: Excerpt | None = None) -> Shown:
    """One line of the list, read as a paragraph of its own: measurements in it keep their order, and it is cut at its
    own end, whichever way the page around it reads."""
    said = _caption(series) if series else {}
    return {
        "id": item.id,
        "title": isolate_plain(item.title),
        "written": item.title,
        "direction": direction_of(item.title),
        "language": language_of(item.title) if item.title else "",
        "about": short_title(Facts.from_dict(series.facts)) if series else None,
        "picture": _thumbnail(series) if series and series.stored_frames else None,
        "caption": {code: isolate_plain(words) for code, words in said.items()},
        "caption_direction": {code: direction_of(words) for code, words in said.items()},
        "updated": item.updated_at.isoformat(),
        "found": _found(excerpt) if excerpt else None,
    }
