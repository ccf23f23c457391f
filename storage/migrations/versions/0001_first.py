"""The first schema: conversations, series, turns, pictures, ratings, search."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_KEY = sa.String(64)
_OWNER = sa.String(128)

# The index follows the table by triggers, so that no code path can forget it.
_INDEX = (
    "CREATE VIRTUAL TABLE search_index USING fts5("
    "text, content='search_texts', content_rowid='id', tokenize='trigram')",
    "CREATE TRIGGER search_texts_insert AFTER INSERT ON search_texts BEGIN "
    "INSERT INTO search_index(rowid, text) VALUES (new.id, new.text); END",
    "CREATE TRIGGER search_texts_delete AFTER DELETE ON search_texts BEGIN "
    "INSERT INTO search_index(search_index, rowid, text) VALUES ('delete', old.id, old.text); END",
    "CREATE TRIGGER search_texts_update AFTER UPDATE ON search_texts BEGIN "
    "INSERT INTO search_index(search_index, rowid, text) VALUES ('delete', old.id, old.text); "
    "INSERT INTO search_index(rowid, text) VALUES (new.id, new.text); END",
)
_APPEND_ONLY = (
    "CREATE TRIGGER rating_events_no_update BEFORE UPDATE ON rating_events BEGIN "
    "SELECT RAISE(ABORT, 'ratings are append-only'); END",
    "CREATE TRIGGER rating_events_no_delete BEFORE DELETE ON rating_events "
    "WHEN NOT EXISTS (SELECT 1 FROM erasures WHERE conversation_id = old.conversation_id) BEGIN "
    "SELECT RAISE(ABORT, 'ratings are append-only'); END",
)


def upgrade() -> None:
    _conversations()
    _series()
    _turns()
    _ratings()
    _search()
    _erasures()
    for statement in (*_INDEX, *_APPEND_ONLY):
        op.execute(statement)


def _conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("owner", _OWNER, nullable=False),
        sa.Column("language", _KEY, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_conversations"),
    )
    op.create_index("ix_conversations_owner", "conversations", ["owner"])
    op.create_index("ix_conversations_updated_at", "conversations", ["updated_at"])


def _series() -> None:
    op.create_table(
        "series",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("owner", _OWNER, nullable=False),
        sa.Column("conversation_id", _KEY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("descriptor", sa.JSON(), nullable=False),
        sa.Column("frames", sa.Integer(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name="fk_series_conversation_id"),
        sa.PrimaryKeyConstraint("id", name="pk_series"),
    )
    op.create_index("ix_series_owner", "series", ["owner"])
    op.create_index("ix_series_conversation_id", "series", ["conversation_id"])
    op.create_table(
        "frames",
        sa.Column("series_id", _KEY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("owner", _OWNER, nullable=False),
        sa.Column("meta", sa.JSON(), nullable=False),
        sa.Column("blob", _KEY, nullable=False),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"], name="fk_frames_series_id"),
        sa.PrimaryKeyConstraint("series_id", "number", name="pk_frames"),
    )
    op.create_index("ix_frames_owner", "frames", ["owner"])
    op.create_index("ix_frames_blob", "frames", ["blob"])


def _turns() -> None:
    op.create_table(
        "turns",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("owner", _OWNER, nullable=False),
        sa.Column("conversation_id", _KEY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("language", _KEY, nullable=False),
        sa.Column("status", _KEY, nullable=False),
        sa.Column("error", sa.String(128)),
        sa.Column("model", sa.JSON(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("model_input", sa.JSON(), nullable=False),
        sa.Column("timings", sa.JSON(), nullable=False),
        sa.Column("superseded_by", _KEY),
        sa.Column("run", _KEY, nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("finished_at", sa.DateTime()),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name="fk_turns_conversation_id"),
        sa.PrimaryKeyConstraint("id", name="pk_turns"),
        sa.UniqueConstraint("conversation_id", "number", name="uq_turns_conversation_id_number"),
    )
    op.create_index("ix_turns_owner", "turns", ["owner"])
    op.create_index("ix_turns_status", "turns", ["status"])
    op.create_table(
        "pictures",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("owner", _OWNER, nullable=False),
        sa.Column("turn_id", _KEY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sha256", _KEY, nullable=False),
        sa.Column("blob", _KEY, nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("view", sa.JSON(), nullable=False),
        sa.Column("series_id", _KEY),
        sa.ForeignKeyConstraint(["turn_id"], ["turns.id"], name="fk_pictures_turn_id"),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"], name="fk_pictures_series_id"),
        sa.PrimaryKeyConstraint("id", name="pk_pictures"),
        sa.UniqueConstraint("turn_id", "number", name="uq_pictures_turn_id_number"),
    )
    op.create_index("ix_pictures_owner", "pictures", ["owner"])
    op.create_index("ix_pictures_blob", "pictures", ["blob"])
    op.create_index("ix_pictures_series_id", "pictures", ["series_id"])


def _ratings() -> None:
    op.create_table(
        "rating_events",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("owner", _OWNER, nullable=False),
        sa.Column("conversation_id", _KEY, nullable=False),
        sa.Column("turn_id", _KEY, nullable=False),
        sa.Column("rater", _OWNER, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("thumb", _KEY),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("snapshot", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name="fk_rating_events_conversation_id"),
        sa.ForeignKeyConstraint(["turn_id"], ["turns.id"], name="fk_rating_events_turn_id"),
        sa.PrimaryKeyConstraint("id", name="pk_rating_events"),
        sa.UniqueConstraint("turn_id", "rater", "number", name="uq_rating_events_turn_id_rater_number"),
    )
    op.create_index("ix_rating_events_owner", "rating_events", ["owner"])
    op.create_index("ix_rating_events_conversation_id", "rating_events", ["conversation_id"])


def _search() -> None:
    op.create_table(
        "search_texts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("owner", _OWNER, nullable=False),
        sa.Column("conversation_id", _KEY, nullable=False),
        sa.Column("source_id", _KEY, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name="fk_search_texts_conversation_id"),
        sa.PrimaryKeyConstraint("id", name="pk_search_texts"),
        sa.UniqueConstraint("source_id", name="uq_search_texts_source_id"),
    )
    op.create_index("ix_search_texts_owner", "search_texts", ["owner"])
    op.create_index("ix_search_texts_conversation_id", "search_texts", ["conversation_id"])


def _erasures() -> None:
    op.create_table(
        "erasures",
        sa.Column("conversation_id", _KEY, nullable=False),
        sa.Column("owner", _OWNER, nullable=False),
        sa.Column("blobs", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", name="pk_erasures"),
    )
    op.create_index("ix_erasures_owner", "erasures", ["owner"])
