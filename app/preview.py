"""The first picture of files that are still on their way: read, sent back, forgotten. Knows HTTP, no record.

Sending and reading all slices of a CT takes seconds; the page sends one of them ahead. What comes back can be looked
at, not asked about: the model is only ever given what is in the record.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from app.frames import light, pack
from app.intake import Glance, Intake
from dicom import Originals

_NAME = "file"
MOST_BYTES = 64 << 20
"""A file larger than this is not sent ahead: it would take as long as the whole."""


def preview_route(intake: Intake, *, owner: Callable[[Request], str]) -> APIRouter:
    """POST /api/preview with one file as its body: a frame as /api/series/…/frames/… gives it, with the series'
    descriptor in a second header, or 204 where the file shows nothing by itself."""
    router = APIRouter(prefix="/api")

    @router.post("/preview")
    async def preview(request: Request) -> Response:
        owner(request)
        with closing(Originals()) as originals:
            small = await _received(request, originals)
            glance = await run_in_threadpool(intake.glance, originals.folder / _NAME) if small else None
        return Response(status_code=204) if glance is None else await run_in_threadpool(_answer, glance)

    return router


async def _received(request: Request, originals: Originals) -> bool:
    """False when there is more than `MOST_BYTES`."""
    size = 0
    with originals.growing(_NAME) as target:
        async for part in request.stream():
            size += len(part)
            if size > MOST_BYTES:
                return False
            target.write(part)
    return True


def _answer(glance: Glance) -> Response:
    head, body = light(*pack(glance.frame))
    if glance.whole is not None:
        ratio = head["rows"] / glance.whole[0]
        spacing = head["spacing_mm"] and [side * ratio for side in head["spacing_mm"]]
        head |= {"whole": glance.whole, "spacing_mm": spacing}
    headers = {
        "x-basira-frame": json.dumps(head),
        "x-basira-series": json.dumps(glance.descriptor),
        "cache-control": "private, no-store",
    }
    return Response(body, media_type="application/octet-stream", headers=headers)
