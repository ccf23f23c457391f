"""The second schema: what the mended faults of the first release needed.

Older rows say nothing rather than something false.
"""

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Each step is a small function of its own, called here."""
