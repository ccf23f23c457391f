"""The routes that look for text in a series and paint over it, each behind its owner. Knows HTTP; knows no pixel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from app.burned_in import BurnedIn
from app.intake import Intake
from app.notices import notice
from storage import NotFound


class StillReading(Exception):
    """Frames of the series are still on their way: what is painted over now would not cover them."""


class Masking(BaseModel):
    """What to paint over besides what was seen."""

    corners: bool


def burned_in_routes(burned_in: BurnedIn, intake: Intake, *, owner: Callable[[Request], str]) -> APIRouter:
    """Look (again), and mask. Both answer with `text` of the series' descriptor; 409 while it is being read."""
    router = APIRouter(prefix="/api/series")

    @router.post("/{series}/text")
    def look(series: str, request: Request) -> Response:
        return _answer(intake, series, lambda: burned_in.look(owner(request), series))

    @router.post("/{series}/mask")
    def mask(series: str, masking: Masking, request: Request) -> Response:
        return _answer(intake, series, lambda: burned_in.mask(owner(request), series, corners=masking.corners))

    return router


def _answer(intake: Intake, series: str, act: Callable[[], dict[str, Any]]) -> Response:
    if intake.reading(series):
        return JSONResponse({"sentence": notice(StillReading())}, 409)
    try:
        return JSONResponse(act())
    except NotFound as error:
        raise HTTPException(404) from error
