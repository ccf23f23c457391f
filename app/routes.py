"""Our own routes: files in, frames and pictures out, each behind its owner. Knows HTTP; knows no SQL, no tag."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, ParamSpec, TypeVar

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi import Path as PathParameter
from fastapi.responses import JSONResponse, StreamingResponse
from PIL import Image
from pydantic import BaseModel, Field, StringConstraints
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool

from app.answer_html import answer_html, question_html
from app.at_once import AtOnce
from app.discarded import Discarded
from app.frames import light, unpack
from app.intake import Event, Intake, Opened, Reading
from app.loading import LoadingEngine
from app.locale import languages
from app.notices import notice
from app.temporary import of_disk
from app.turn import Turns, png_of
from app.uploads import MalformedUpload, NoFiles, UploadTooLarge, receive
from dicom import Limits, Originals, render
from dicom.errors import TooManyFiles
from storage import ContradictoryRating, NotFound, Store

NO_COPY = {"cache-control": "private, no-store"}  # an erased picture must not live on in a browser's cache
_FRAME_WAIT = 15.0  # seconds a request for a frame waits for a series that is still being read
_THUMBNAIL = 128  # pixels, longer side
_PLACE = re.compile("[0-9]{1,8}")

P = ParamSpec("P")
T = TypeVar("T")
Owner = Callable[[Request], str]
Ticket = Annotated[str, StringConstraints(pattern="^[0-9a-f-]{0,40}$")]
Index = Annotated[int, PathParameter(ge=0, le=10_000_000)]


class Name(BaseModel):
    """What a reader calls a conversation."""

    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]


class Rating(BaseModel):
    """A reader's judgement as the page sends it; `reasons` are stable codes."""

    thumb: Literal["up", "down"] | None
    reasons: list[Annotated[str, StringConstraints(pattern="^[a-z-]{1,40}$")]] = Field(max_length=10)
    comment: str = Field(max_length=5000)


def routes(
    store: Store,
    intake: Intake,
    engine: LoadingEngine,
    turns: Turns,
    discarded: Discarded,
    *,
    owner: Owner,
    samples: Path,
    limits: Limits,
    remote: bool,
) -> APIRouter:
    """The routes under /api. `samples`: folder of the sample images; `limits`: bounds of one upload; `remote`:
    whether pictures leave this machine to be answered about. Raises StorageError, which `Failures` answers."""
    router = APIRouter(prefix="/api")

    under_way: dict[tuple[str, str], threading.Event] = {}
    """Uploads that can be called off, by reader and by the ticket their page gave them."""

    @router.post("/upload")
    async def upload(request: Request, ticket: Ticket = "") -> Response:
        key, called_off = (owner(request), ticket), threading.Event()
        try:
            originals = Originals()
        except OSError as error:
            return _refusal(of_disk(error), 507)
        under_way[key] = called_off  # before the last byte is here: the page counts it as gone once it has left

        def end() -> None:
            under_way.pop(key, None)
            originals.close()

        try:
            received = await receive(request, originals, limits)
            conversation = await run_in_threadpool(_theirs, store, owner(request), received.field("conversation"))
        except BaseException as error:
            end()
            if (status := _upload_status(error)) is None:
                raise
            return _refusal(of_disk(error) if isinstance(error, OSError) else error, status)
        files = [originals.folder / name for name in received.names]
        glanced = _PLACE.fullmatch(received.field("glanced"))
        events = intake.take(
            owner(request), conversation, files, glanced=int(glanced[0]) if glanced else None, called_off=called_off
        )
        lines = _lines(events, conversation, end)
        clean = BackgroundTask(end)  # also if no line was ever asked for
        return StreamingResponse(lines, media_type="application/x-ndjson", background=clean)

    @router.post("/upload/{ticket}/cancel")
    def call_off(ticket: Ticket, request: Request) -> dict[str, bool]:
        """Whether that upload was still being read; it then ends soon, and what it stored is taken back."""
        called_off = under_way.get((owner(request), ticket))
        if called_off is not None:
            called_off.set()
        return {"cancelled": called_off is not None}

    @router.post("/conversations")
    def start(request: Request, language: str = "en") -> dict[str, str]:
        chosen = language if language in languages() else "en"
        return {"id": store.start_conversation(owner(request), language=chosen).id}

    @router.patch("/conversations/{conversation}")
    def rename(conversation: str, named: Name, request: Request) -> dict[str, bool]:
        store.rename(owner(request), conversation, named.title)
        return {"kept": True}

    @router.delete("/conversations/{conversation}")
    def delete(conversation: str, request: Request) -> dict[str, float]:
        return {"undo_seconds": discarded.delete(owner(request), conversation)}

    @router.post("/conversations/{conversation}/restore")
    def restore(conversation: str, request: Request) -> dict[str, bool]:
        discarded.restore(owner(request), conversation)
        return {"kept": True}

    @router.post("/conversations/{conversation}/stop")
    def stop(conversation: str, request: Request) -> dict[str, bool]:
        return {"stopped": turns.stop(owner(request), conversation)}

    @router.post("/turns/{turn}/rating")
    def rate(turn: str, rating: Rating, request: Request) -> Response:
        try:
            store.rate(owner(request), turn, thumb=rating.thumb, reasons=rating.reasons, comment=rating.comment)
        except NotFound as error:
            return _refusal(error, 404)
        except ContradictoryRating as error:
            return _refusal(error, 422)
        return JSONResponse({"kept": True})

    @router.get("/turns/{turn}/turned")
    def turned(turn: str, direction: Literal["ltr", "rtl"], request: Request) -> Response:
        """Question and answer as HTML in the direction that their reader chose."""
        found = _found(store.turn, owner(request), turn)
        said = {"question": question_html(found.question, turned=direction)}
        return JSONResponse({**said, "answer": answer_html(found.answer, turned=direction)}, headers=NO_COPY)

    @router.post("/samples/{name}")
    def take_sample(name: str, request: Request, conversation: str) -> Response:
        wanted = [path for path in sample_files(samples) if path.name == name]
        if not wanted:
            raise HTTPException(404)
        try:
            conversation = _theirs(store, owner(request), conversation)
        except NotFound as error:
            return _refusal(error, 400)
        lines = _lines(intake.take(owner(request), conversation, wanted), conversation)
        return StreamingResponse(lines, media_type="application/x-ndjson")

    @router.get("/series/{series}")
    def describe(series: str, request: Request) -> dict[str, Any]:
        record = _found(store.series, owner(request), series)
        return {"id": record.id, **record.descriptor}

    @router.delete("/series/{series}")
    def take_back(series: str, request: Request) -> dict[str, bool]:
        return {"erased": _found(store.erase_series, owner(request), series)}

    @router.get("/series/{series}/frames/{index}")
    async def frame(series: str, index: Index, request: Request) -> Response:
        meta, samples = await _frame(store, intake, owner(request), series, index)
        head, body = light(meta, samples)
        headers = {"x-basira-frame": json.dumps(head), **NO_COPY}
        return Response(body, media_type="application/octet-stream", headers=headers)

    @router.get("/series/{series}/thumbnail/{index}")
    async def thumbnail(series: str, index: Index, request: Request) -> Response:
        meta, samples = await _frame(store, intake, owner(request), series, index)
        png = await run_in_threadpool(_thumbnail, meta, samples, intake.at_once)
        return Response(png, media_type="image/png", headers=NO_COPY)

    @router.get("/pictures/{picture}")
    def picture(picture: str, request: Request) -> Response:
        _, png = _found(store.picture, owner(request), picture)
        return Response(png, media_type="image/png", headers=NO_COPY)

    @router.get("/model")
    def model() -> dict[str, Any]:
        return model_state(engine, remote=remote)

    return router


def sample_files(folder: Path) -> list[Path]:
    """The sample images that ship with the program, in the order they are offered."""
    return sorted(path for path in folder.glob("*") if path.suffix in (".png", ".dcm", ".jpg", ".tif"))


def model_state(engine: LoadingEngine, *, remote: bool) -> dict[str, Any]:
    """What the page says about the model: loading with progress, ready with a name, or failed with a sentence."""
    state = engine.state()
    answer: dict[str, Any] = {"state": state.state, "progress": round(state.progress, 3)}
    if state.identity is not None:
        identity = state.identity
        answer |= {
            "name": identity.name,
            "quantization": identity.quantization,
            "demonstration": identity.demonstration,
            "images": identity.accepts_images,
            "remote": remote,
        }
    if state.error is not None:
        answer["sentence"] = notice(state.error)
    return answer


def _found(read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return read(*args, **kwargs)
    except NotFound as error:
        raise HTTPException(404) from error


async def _frame(store: Store, intake: Intake, owner: str, series: str, index: int) -> tuple[dict[str, Any], bytes]:
    """A frame, waiting for it while its series is being read."""
    waited = 0.0
    while True:
        reading = intake.reading(series)
        try:
            return await run_in_threadpool(store.frame, owner, series, index)
        except NotFound as error:
            if not reading or waited >= _FRAME_WAIT:
                raise HTTPException(404) from error
        await asyncio.sleep(0.1)
        waited += 0.1


def _thumbnail(meta: dict[str, Any], samples: bytes, at_once: AtOnce) -> bytes:
    with at_once.hold(meta["rows"] * meta["columns"]):
        image = render(unpack(meta, samples))
        image.thumbnail((_THUMBNAIL, _THUMBNAIL), Image.Resampling.BILINEAR)
    return png_of(image)


def _theirs(store: Store, owner: str, conversation: str) -> str:
    """The conversation an upload goes to, if it is this reader's. Raises `NotFound`."""
    return store.conversation(owner, conversation).id


def _upload_status(error: BaseException) -> int | None:
    """What a failed upload is answered with: who sent it, how much, or no room here. None: nothing foreseen."""
    if isinstance(error, NoFiles | NotFound | MalformedUpload):
        return 400
    if isinstance(error, UploadTooLarge | TooManyFiles):
        return 413
    return 507 if isinstance(error, OSError) else None


def _refusal(error: BaseException, status: int) -> JSONResponse:
    return JSONResponse({"sentence": notice(error)}, status)


def _lines(events: Iterator[Event], conversation: str, end: Callable[[], None] | None = None) -> Iterator[str]:
    """Events as NDJSON; calls `end` at the end, also when the reader has left."""
    try:
        yield _line("started", conversation=conversation)
        for event in events:
            if isinstance(event, Reading):
                yield _line("progress", done=event.done, total=event.total)
            elif isinstance(event, Opened):
                yield _line("series", series=event.descriptor, glanced=event.glanced)
            else:
                yield _line("refused", name_index=event.index, sentence=event.sentence)
        yield _line("done", conversation=conversation)
    except Exception as error:  # the response has begun: a sentence is all that can still be said
        yield _line("refused", name_index=None, sentence=notice(error))
    finally:
        if end is not None:
            end()


def _line(event: str, **values: object) -> str:
    return json.dumps({"event": event, **values}, ensure_ascii=False) + "\n"
