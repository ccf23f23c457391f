"""The second schema: what the mended faults of the first release needed.

Older rows say nothing rather than something false.
"""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Each step is a small function of its own, called here."""
    _facts_of_frames()
    _search()
    _discarded()


def _discarded() -> None:
    """A deletion can be taken back for a while: when a conversation was deleted, and the run that is to erase it."""
    op.add_column("conversations", sa.Column("deleted_at", sa.DateTime(), nullable=True))
    op.add_column("conversations", sa.Column("deleted_by", sa.String(64), nullable=True))


_ALIKE = ("kind", "modality", "frames", "slice_spacing_mm", "sex", "age_band", "sequence", "localizer")
"""Facts that all pictures of a series of the first release share: of the patient, or what gathered the series."""
_ALIKE_IN_A_STACK = ("orientation", "rows", "columns")
_SECTIONS = ("CT", "MR", "NM", "PT")
_PROJECTIONS = ("CR", "DX", "IO", "MG", "PX", "RF", "RG", "XA")


def _facts_of_frames() -> None:
    """The first release said the facts of a series' first image of all of them: what may be another's is unsaid.

    Spacings of projections may be those at the detector, which it did not note. The pictures of turns had the facts of
    their series; what a model was told about them (`model_input`) stays as it was.
    """
    bind = op.get_bind()
    rows = bind.execute(sa.text("SELECT id, frames, facts, descriptor FROM series")).all()
    put = sa.text("UPDATE series SET facts = :facts, descriptor = :descriptor WHERE id = :id")
    for key, frames, facts, descriptor in rows:
        said, page = json.loads(facts), json.loads(descriptor)
        kept = _kept(said, frames)
        caption = {code: _caption(words, said, kept) for code, words in page.get("caption", {}).items()}
        page |= {"facts": kept} if "facts" in page else {}
        page.pop("caption", None)  # without words that are known to hold, the page makes them of the facts
        page |= {"caption": caption} if caption and all(caption.values()) else {}
        bind.execute(put, {"id": key, "facts": _json(kept), "descriptor": _json(page)})
    pictures = bind.execute(
        sa.text("SELECT p.id, p.facts, s.frames FROM pictures p JOIN series s ON s.id = p.series_id")
    ).all()
    for key, facts, frames in pictures:
        kept = _kept(json.loads(facts), frames)
        bind.execute(sa.text("UPDATE pictures SET facts = :facts WHERE id = :id"), {"id": key, "facts": _json(kept)})
    names = ", ".join(f"'{modality}'" for modality in _PROJECTIONS)
    bind.execute(
        sa.text(
            "UPDATE frames SET meta = json_set(meta, '$.spacing_at', 'uncalibrated') WHERE json_extract(meta, "
            "'$.spacing_mm') IS NOT NULL AND series_id IN "
            f"(SELECT id FROM series WHERE json_extract(facts, '$.modality') IN ({names}))"
        )
    )


def _kept(facts: dict[str, Any], frames: int) -> dict[str, Any]:
    """Of the facts that the first release kept of a series, those that cannot be false of any of its pictures."""
    alike = {*_ALIKE}
    if facts.get("modality") in _SECTIONS:  # of one body part by PS3.3 C.7.3.1; radiographs of several come as one
        alike.add("body_part")
    if facts.get("slice_spacing_mm") is not None:
        alike.update(_ALIKE_IN_A_STACK)
    kept = {name: value for name, value in facts.items() if frames == 1 or name in alike}
    if facts.get("modality") in _PROJECTIONS and "pixel_spacing_mm" in kept:
        kept["spacing_at"] = "uncalibrated"
    return kept


def _caption(words: str, said: dict[str, Any], kept: dict[str, Any]) -> str:
    """The words of a caption for the facts that are `kept`; "" where its words are not those of `said`.

    The first release wrote them in this order, one for each fact that it had.
    """
    coded = ("body_part", "laterality", "view", "orientation", "sequence", "stain")
    names = ["modality", *(name for name in coded if said.get(name))]
    names += ["frames"] if said.get("frames", 1) > 1 else []
    names += ["slice_thickness_mm"] if (said.get("slice_thickness_mm") or 0) >= 0.05 else []
    names += ["magnification"] if said.get("magnification") else []
    names += ["rows"] if said.get("frames", 1) == 1 and said.get("rows") else []
    parts = words.split(" · ")
    if len(parts) != len(names):
        return ""
    return " · ".join(part for name, part in zip(names, parts, strict=True) if name in kept or name == "modality")


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


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
