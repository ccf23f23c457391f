"""What a killed process leaves behind, what erasing leaves behind, and how old databases are brought up."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from storage import SCHEMA, NewerSchema, Store, sqlite_has_wal_reset_bug
from storage.database import MIGRATIONS, Database
from storage.tables import Base
from tests.record_builder import answered, begin, picture

ANSWERING = """
import sys
from pathlib import Path
from storage import NewPicture, Store
store = Store(Path(sys.argv[1]))
conversation = store.start_conversation("me", language="en").id
turn = store.begin_turn("me", conversation, question="q", language="en", model={}, settings={},
                        model_input={}, pictures=[NewPicture(b"png", "f" * 64, {}, {})])
store.append_answer("me", turn.id, "shown so far")
store._blobs.draft([b"half written"])
print(turn.id, flush=True)
sys.stdin.read()
store.finish_turn("me", turn.id, answer="whole", status="complete", timings={})
store.close()
"""


@contextmanager
def answering(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process in the middle of a turn, and the turn's id."""
    process = subprocess.Popen(
        [sys.executable, "-c", ANSWERING, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    with process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def test_a_killed_process_leaves_an_interrupted_turn_with_what_was_shown(tmp_path: Path) -> None:
    with answering(tmp_path) as (process, turn):
        process.send_signal(signal.SIGKILL)
        process.wait()
    with Store(tmp_path) as store:
        kept = store.turn("me", turn)
        assert (kept.status, kept.answer) == ("interrupted", "shown so far")
        assert store.picture("me", kept.pictures[0].id)[1] == b"png"
        assert list((tmp_path / "blobs" / "drafts").iterdir()) == []
        assert [c.id for c in store.conversations("me", search="shown")] == [kept.conversation_id]


def test_a_turn_of_a_process_that_lives_is_left_alone(tmp_path: Path) -> None:
    with answering(tmp_path) as (process, turn), Store(tmp_path) as store:
        assert store.turn("me", turn).status == "running"
        process.communicate("")
        assert store.turn("me", turn).status == "complete"


def test_processes_that_write_at_once_wait_for_each_other(tmp_path: Path) -> None:
    Store(tmp_path).close()
    code = (
        "import sys; from pathlib import Path; from storage import Store\n"
        "store = Store(Path(sys.argv[1]))\n"
        "for _ in range(25): store.start_conversation(sys.argv[2], language='en')\n"
        "store.close()"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), f"writer {n}"], cwd=os.getcwd()) for n in range(3)
    ]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    with Store(tmp_path) as store:
        assert [len(store.conversations(f"writer {n}")) for n in range(3)] == [25, 25, 25]


def traces(folder: Path, *secrets: str) -> set[str]:
    """Which of `secrets` can still be read in any file below `folder`."""
    content = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    return {secret for secret in secrets if secret.encode() in content}


def test_an_erased_conversation_leaves_nothing_in_any_file(store: Store) -> None:
    kept = store.start_conversation("me", language="en").id
    answered(store, "me", kept, "remaining question", "fine", pictures=[picture(b"shared pixels")])
    gone = store.start_conversation("me", language="en").id
    series = store.add_series("me", gone, facts={"modality": "confidential-fact"}, descriptor={}, frames=1)
    store.add_frame("me", series.id, 0, meta={"m": "confidential-meta"}, samples=b"confidential-samples")
    pictures = [picture(b"confidential-picture", series_id=series.id), picture(b"shared pixels")]
    turn = answered(store, "me", gone, "confidential-question", "confidential-answer " * 500, pictures=pictures)
    store.rate("me", turn.id, thumb="up", comment="confidential-comment")
    words = ("fact", "meta", "samples", "picture", "question", "answer", "comment")
    secrets = [f"confidential-{word}" for word in words]
    assert traces(store.folder, *secrets) == set(secrets)

    assert store.delete_conversation("me", gone) is True

    assert traces(store.folder, *secrets, "confid", "denti") == set()
    assert traces(store.folder, "remaining question", "shared pixels") == {
        "remaining question",
        "shared pixels",
    }
    assert [c.id for c in store.conversations("me")] == [kept]
    assert store.conversations("me", search="confidential") == ()
    assert store.verify().sound


def test_an_erasure_that_was_interrupted_is_finished_at_the_next_start(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        conversation = store.start_conversation("me", language="en").id
        answered(store, "me", conversation, "secretive", "a", pictures=[picture(b"secretive pixels")])
        with closing(sqlite3.connect(tmp_path / "basira.sqlite3")) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM turns").fetchone()
            assert store.delete_conversation("me", conversation) is False  # its snapshot needs the old pages
            assert store.conversations("me") == ()
            assert store.health().unfinished_erasures == 1
    with Store(tmp_path):
        assert traces(tmp_path, "secretive") == set()


def test_a_new_database_has_exactly_the_tables_the_program_uses(tmp_path: Path) -> None:
    Store(tmp_path).close()
    engine = create_engine(f"sqlite:///{tmp_path / 'basira.sqlite3'}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"render_as_batch": True})
        differences = [
            found
            for found in compare_metadata(context, Base.metadata)
            if not (found[0] == "remove_table" and found[1].name.startswith("search_index"))
        ]
    engine.dispose()
    assert differences == []


def revisions() -> list[str]:
    script = ScriptDirectory(str(MIGRATIONS))
    return [revision.revision for revision in script.walk_revisions()]


@pytest.mark.parametrize("revision", revisions())
def test_a_database_of_every_earlier_schema_is_brought_up_with_its_content(tmp_path: Path, revision: str) -> None:
    path = tmp_path / "basira.sqlite3"
    engine = create_engine(f"sqlite:///{path}")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        for statement in FIRST_CONTENT:
            connection.exec_driver_sql(statement)
    engine.dispose()
    with Store(tmp_path) as store:
        assert store.health().schema == SCHEMA
        turn = store.turns("me", "c1")[0]
        assert (turn.question, turn.answer, turn.status) == ("سؤال", "جواب", "complete")
        assert store.conversations("me", search="سؤال")[0].title == "عنوان"


FIRST_CONTENT = (
    "INSERT INTO conversations (id, owner, language, title, created_at, updated_at) "
    "VALUES ('c1', 'me', 'ar', 'عنوان', '2026-11-22 08:00:00.000000', "
    "'2026-11-22 08:00:00.000000')",
    "INSERT INTO turns VALUES ('t1', 'me', 'c1', 0, 'سؤال', 'جواب', 'ar', 'complete', NULL, '{}', '{}', "
    "'{}', '{}', NULL, 'r', '2026-11-22 08:00:00.000000', NULL)",
    "INSERT INTO search_texts (owner, conversation_id, source_id, text) VALUES ('me', 'c1', 't1', 'سوال جواب')",
)


def test_a_database_of_a_newer_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    Store(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "basira.sqlite3")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(NewerSchema):
        Store(tmp_path)
    with closing(sqlite3.connect(tmp_path / "basira.sqlite3")) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("9999",)


def test_every_connection_has_the_pragmas_that_keep_the_promises(tmp_path: Path) -> None:
    database = Database(tmp_path / "x.sqlite3")
    wanted = {
        "journal_mode": "wal",
        "synchronous": 2,
        "busy_timeout": 5000,
        "foreign_keys": 1,
        "recursive_triggers": 1,
        "secure_delete": 1,
    }
    for engine, readonly in ((database._writer, 0), (database._reader, 1)):
        with engine.connect() as connection:
            found = {
                name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in (*wanted, "query_only")
            }
        assert found == {**wanted, "query_only": readonly}
    database.close()


@pytest.mark.parametrize(
    ("version", "flawed"),
    [
        ((3, 6, 23), False),
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
    ],
)
def test_versions_of_sqlite_with_the_wal_reset_bug_are_known(version: tuple[int, int, int], flawed: bool) -> None:
    assert sqlite_has_wal_reset_bug(version) is flawed


def test_closing_while_a_turn_runs_makes_it_interrupted_at_the_next_start(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        turn = begin(store, "me", store.start_conversation("me", language="en").id)
    with Store(tmp_path) as store:
        assert store.turn("me", turn.id).status == "interrupted"
