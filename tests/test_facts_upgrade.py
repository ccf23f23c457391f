"""What the first release kept of a series' first image is no longer said of its other images."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.frames import facts_of
from app.told import prompt
from app.view import view_from
from app.web.transcript import conversation_shown, shelf_shown
from dicom import Facts
from storage import Store
from storage.store import FILE_NAME
from tests.test_storage_upgrade import ROWS, write_first_release

BREAST = {
    "kind": "dicom", "modality": "MG", "body_part": "BREAST", "view": "CC", "laterality": "L", "rows": 128,
    "columns": 96, "frames": 4, "pixel_spacing_mm": [0.1, 0.1], "window": [2048.0, 4096.0], "kvp": 28.0, "sex": "F",
}  # fmt: skip
HEAD = {
    "kind": "dicom", "modality": "CT", "body_part": "HEAD", "orientation": "axial", "rows": 512, "columns": 512,
    "frames": 28, "slice_thickness_mm": 5.0, "slice_spacing_mm": 5.0, "contrast": "YES", "window": [40.0, 80.0],
}  # fmt: skip
CHEST = BREAST | {"modality": "DX", "body_part": "CHEST", "view": "PA", "laterality": "", "frames": 1}


def _series(key: str, number: int, facts: dict[str, Any], words: tuple[str, str]) -> dict[str, object]:
    caption = dict(zip(("en", "ar"), words, strict=True))
    return {
        **ROWS["series"][0], "id": key, "number": number, "facts": facts, "frames": facts["frames"],
        "descriptor": {"facts": facts, "caption": caption, "frames": facts["frames"], "counted": "image"},
    }  # fmt: skip


VIEW = {"series": "a" * 32, "frame": 1, "center": 2048, "width": 4096}
WRITTEN = {
    **ROWS,
    "series": [
        _series("a" * 32, 0, BREAST, (
            "Mammography · Breast · Left · Craniocaudal · 4 images", "تصوير الثدي · الثدي · أيسر · رأسي ذيلي · 4 صور",
        )),
        _series("b" * 32, 1, HEAD, (
            "CT · Head · axial · 28 slices · 5.0 mm", "تصوير مقطعي محوسب · الرأس · محوري · 28 مقطعًا · 5.0 mm",
        )),
        _series("c" * 32, 2, CHEST, (
            "Radiograph · Chest · PA · 96 × 128", "صورة شعاعية · الصدر · خلفي أمامي · 96 × 128",
        )),
    ],
    "frames": [
        {"series_id": key, "number": number, "owner": "me", "meta": {"spacing_mm": [0.1, 0.1]}, "blob": "0" * 64}
        for key in ("a" * 32, "b" * 32) for number in (0, 1)
    ],
    "pictures": [
        {
            "id": "p1", "owner": "me", "turn_id": "t1", "number": 0, "sha256": "0" * 64, "blob": "0" * 64,
            "facts": BREAST, "view": VIEW, "series_id": "a" * 32,
        },
    ],
}  # fmt: skip


@pytest.fixture
def upgraded(tmp_path: Path) -> Iterator[Store]:
    write_first_release(tmp_path / "data", WRITTEN)
    with Store(tmp_path / "data") as store:
        yield store


def test_of_several_images_only_what_cannot_be_false_of_any_is_still_said(upgraded: Store) -> None:
    breasts, head, chest = upgraded.series_of("me", "c1")
    assert breasts.facts == {"kind": "dicom", "modality": "MG", "frames": 4, "sex": "F"}
    assert set(HEAD) - set(head.facts) == {"slice_thickness_mm", "contrast", "window"}
    assert chest.facts == CHEST | {"spacing_at": "uncalibrated"}, "one image: its facts are its own"
    for series in (breasts, head, chest):
        assert series.descriptor["facts"] == series.facts
        Facts.from_dict(series.facts)


def test_captions_lose_the_words_for_what_is_no_longer_said(upgraded: Store) -> None:
    shown = conversation_shown(upgraded, "me", "c1", answering=False)
    assert [series["caption"]["en"] for series in shown["series"]] == [
        "Mammography · 4 images", "CT · Head · axial · 28 slices", "Radiograph · Chest · PA · 96 × 128",
    ]  # fmt: skip
    assert shown["series"][0]["caption"]["ar"] == "تصوير الثدي · 4 صور"
    (item,) = shelf_shown(upgraded, "me", limit=10)["items"]
    assert "Left" not in json.dumps(item["caption"])


def test_an_earlier_picture_and_what_a_model_is_told_of_it_say_no_side(upgraded: Store) -> None:
    (turn,) = upgraded.turns("me", "c1")
    (picture,) = turn.pictures
    told = prompt("?", [(Facts.from_dict(picture.facts), view_from(picture.view))], "en")
    assert told.startswith("About this image: Mammography, female, slice 2 of 4, window width 4096")
    (words,) = [
        p["words"]["en"] for p in conversation_shown(upgraded, "me", "c1", answering=False)["turns"][0]["pictures"]
    ]
    assert words == "this view · W 4096 L 2048 · image 2"


def test_a_stored_frame_says_what_its_series_says_and_does_not_call_its_spacing_the_patients(
    upgraded: Store, tmp_path: Path
) -> None:
    with sqlite3.connect(tmp_path / "data" / FILE_NAME) as file:
        metas = [json.loads(meta) for (meta,) in file.execute("SELECT meta FROM frames ORDER BY series_id, number")]
    file.close()
    assert [meta.get("spacing_at") for meta in metas] == ["uncalibrated", "uncalibrated", None, None]
    series = upgraded.series("me", "a" * 32)
    assert facts_of(metas[1], series.facts) == Facts.from_dict(series.facts)
    assert facts_of(metas[1], series.facts).laterality == ""


def test_an_old_caption_that_is_not_understood_is_made_anew_of_the_facts(tmp_path: Path) -> None:
    odd = _series("a" * 32, 0, BREAST, ("Left breast", "الثدي الأيسر"))
    write_first_release(tmp_path / "data", {**ROWS, "series": [odd]})
    with Store(tmp_path / "data") as store:
        (shown,) = conversation_shown(store, "me", "c1", answering=False)["series"]
    assert shown["caption"]["en"] == "Mammography · 4 images"
    assert "أيسر" not in shown["caption"]["ar"]
