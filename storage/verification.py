"""Proof that what is stored is what was stored: every hash derived again. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select

from storage.blobs import Blobs
from storage.database import Database
from storage.errors import Damaged
from storage.records import Verification
from storage.tables import FrameRow, PictureRow

Fingerprint = Callable[[bytes], str]


def verify(database: Database, blobs: Blobs, fingerprint: Fingerprint | None) -> Verification:
    with database.reading() as session:
        referred = {*session.scalars(select(FrameRow.blob)), *session.scalars(select(PictureRow.blob))}
        pictures = [
            (key, blob, sha256)
            for key, blob, sha256 in session.execute(select(PictureRow.id, PictureRow.blob, PictureRow.sha256))
        ]
    stored = set(blobs.names())
    altered = {name for name in stored & referred if not blobs.sound(name)}
    return Verification(
        blobs=len(stored),
        missing=tuple(sorted(referred - stored)),
        altered=tuple(sorted(altered)),
        orphaned=tuple(sorted(stored - referred)),
        pictures_altered=tuple(
            key for key, blob, sha256 in pictures if fingerprint and not _is(blobs, blob, sha256, fingerprint)
        ),
    )


def _is(blobs: Blobs, blob: str, sha256: str, fingerprint: Fingerprint) -> bool:
    try:
        return fingerprint(blobs.read(blob)) == sha256
    except (Damaged, ValueError, OSError):  # gone, or no longer an image
        return False
