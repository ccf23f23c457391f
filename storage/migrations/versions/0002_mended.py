"""The second schema: what the mended faults of the first release needed.

Older rows say nothing rather than something false.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Each step is a small function of its own, called here."""
    _search()


def _search() -> None:
    """Texts say what they are of, and by which spelling they were indexed: the next start indexes them anew."""
    op.execute("DELETE FROM search_texts")
    op.add_column("search_texts", sa.Column("source", sa.String(64), nullable=False, server_default="turn"))
    op.create_table(
        "search_spelling",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_search_spelling"),
    )
