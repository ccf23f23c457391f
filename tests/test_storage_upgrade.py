"""A record that the first release wrote is taken over by this one: nothing is lost, nothing untrue is added."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine

from storage import SCHEMA, Store
from storage.database import _script_config
from storage.store import FILE_NAME

WHEN = "2026-11-20 10:00:00.000000"
ROWS: dict[str, list[dict[str, object]]] = {
    "conversations": [
        {"id": "c1", "owner": "me", "language": "ar", "title": "هل يوجد نزف؟", "created_at": WHEN, "updated_at": WHEN}
    ],
    "series": [
        {
            "id": "s1",
            "owner": "me",
            "conversation_id": "c1",
            "number": 0,
            "facts": {"kind": "dicom", "modality": "CT", "body_part": "HEAD", "frames": 2},
            "descriptor": {"caption": {"en": "CT · Head · 2 slices", "ar": "تصوير مقطعي محوسب · الرأس · مقطعان"}},
            "frames": 2,
            "complete": 1,
            "created_at": WHEN,
        }
    ],
    "turns": [
        {
            "id": "t1",
            "owner": "me",
            "conversation_id": "c1",
            "number": 0,
            "question": "هل يوجد نزف؟",
            "answer": "نعم، يوجد نزف داخل الرأس.",
            "language": "ar",
            "status": "complete",
            "error": None,
            "model": {},
            "settings": {},
            "model_input": {},
            "timings": {},
            "superseded_by": None,
            "run": "gone",
            "created_at": WHEN,
            "finished_at": WHEN,
        }
    ],
    "search_texts": [{"id": 1, "owner": "me", "conversation_id": "c1", "source_id": "t1", "text": "as it was"}],
}


def write_first_release(folder: Path, written: Mapping[str, Sequence[Mapping[str, object]]] = ROWS) -> None:
    """The file as schema 0001 left it, with these rows."""
    folder.mkdir(mode=0o700, exist_ok=True)
    engine = create_engine(f"sqlite:///{folder / FILE_NAME}")
    with engine.begin() as connection:
        config = _script_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    with sqlite3.connect(folder / FILE_NAME) as file:
        for table, rows in written.items():
            for row in rows:
                kept = [json.dumps(v, ensure_ascii=False) if isinstance(v, dict | list) else v for v in row.values()]
                file.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", kept)
    file.close()


@pytest.fixture
def upgraded(tmp_path: Path) -> Iterator[Store]:
    write_first_release(tmp_path / "data")
    with Store(tmp_path / "data") as store:
        yield store


def test_a_record_of_the_first_release_is_opened_at_the_newest_schema(upgraded: Store) -> None:
    assert upgraded.health().schema == SCHEMA
    assert [turn.answer for turn in upgraded.turns("me", "c1")] == ["نعم، يوجد نزف داخل الرأس."]
    assert upgraded.series("me", "s1").facts["modality"] == "CT"


@pytest.mark.parametrize("typed", ["النزف", "للرأس", "CT", "تصوير مقطعي", "head"])
def test_what_the_first_release_kept_is_found_by_the_new_rules(upgraded: Store, typed: str) -> None:
    assert [c.id for c in upgraded.conversations("me", search=typed)] == ["c1"]
