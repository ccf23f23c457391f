"""The drawn pictures: the same for one seed, their labels true to their pixels, real files never among them."""

from pathlib import Path

import numpy as np
import pytest

from model.demo import heldout, phantoms
from model.demo.answers import answer, places_to_ask
from model.demo.augment import jitter
from model.demo.pictures import GRID, SIDE, Facts, drawn, facts_of, patches, square
from model.demo.scene import FINDINGS, MODALITIES, PARTS, Scene

ASSESSED = ("chest", "head_ct", "abdomen_ct", "brain_mr", "histology")


def draw_many(source: str, kind: str, count: int = 14, size: int = 128) -> list[Scene]:
    module = phantoms if source == "training" else heldout
    return [module.draw(np.random.default_rng([5, k]), size, kind) for k in range(count)]


@pytest.mark.parametrize("kind", list(phantoms.KINDS))
def test_training_pictures_are_the_same_for_the_same_seed(kind: str) -> None:
    first, second = (phantoms.draw(np.random.default_rng(31), 120, kind) for _ in range(2))
    assert np.array_equal(first.image, second.image)
    assert np.array_equal(first.mask, second.mask)
    assert facts_of(first) == facts_of(second)


@pytest.mark.parametrize("kind", list(heldout.KINDS))
def test_held_out_pictures_are_the_same_for_the_same_seed(kind: str) -> None:
    first, second = (heldout.draw(np.random.default_rng(31), 120, kind) for _ in range(2))
    assert np.array_equal(first.image, second.image)
    assert facts_of(first) == facts_of(second)


def test_a_numbered_training_picture_never_changes_its_number() -> None:
    assert np.array_equal(drawn(7, 12).image, drawn(7, 12).image)
    assert not np.array_equal(square(drawn(7, 12).image), square(drawn(7, 13).image))


@pytest.mark.parametrize("source", ["training", "held-out"])
@pytest.mark.parametrize("kind", ASSESSED)
def test_every_scene_is_eight_bit_with_a_mask_of_its_size_and_known_names(source: str, kind: str) -> None:
    for scene in draw_many(source, kind):
        assert scene.image.dtype == np.uint8
        assert scene.image.shape[:2] == scene.mask.shape
        assert scene.modality in MODALITIES
        assert scene.part in PARTS
        assert scene.finding in FINDINGS
        assert scene.mask.any() == (scene.finding != "none")


@pytest.mark.parametrize("source", ["training", "held-out"])
@pytest.mark.parametrize("kind", ["chest", "head_ct", "abdomen_ct", "brain_mr"])
def test_the_patients_right_is_at_the_pictures_left(source: str, kind: str) -> None:
    seen = set()
    for scene in draw_many(source, kind, count=24):
        if scene.finding == "none":
            assert scene.side == "none"
            continue
        middle = np.nonzero(scene.mask)[1].mean() / scene.mask.shape[1]
        assert (scene.side == "right") == (middle < 0.5), (scene.finding, middle)
        seen.add(scene.side)
    assert seen == {"right", "left"}


@pytest.mark.parametrize("source", ["training", "held-out"])
def test_a_liver_lesion_is_always_on_the_patients_right(source: str) -> None:
    lesions = [s for s in draw_many(source, "abdomen_ct", 20) if s.finding == "liver_lesion"]
    assert lesions
    assert all(s.side == "right" for s in lesions)


@pytest.mark.parametrize("source", ["training", "held-out"])
@pytest.mark.parametrize(("kind", "finding"), [("head_ct", "bleed"), ("abdomen_ct", "stone"), ("chest", "effusion")])
def test_a_bright_finding_is_brighter_than_what_surrounds_it(source: str, kind: str, finding: str) -> None:
    scenes = [s for s in draw_many(source, kind, 24) if s.finding == finding]
    assert scenes
    gains = []
    for scene in scenes:
        rows, columns = np.nonzero(scene.mask)
        mirrored = scene.mask.shape[1] - 1 - columns
        gains.append(scene.image[rows, columns].mean() - scene.image[rows, mirrored].mean())
    assert np.median(gains) > 10


def test_the_quadrant_named_holds_the_findings_centre() -> None:
    checked = 0
    for kind in ASSESSED:
        for scene in draw_many("training", kind):
            if name := scene.quadrant():
                rows, columns = np.nonzero(scene.mask)
                upper, left = rows.mean() < scene.mask.shape[0] / 2, columns.mean() < scene.mask.shape[1] / 2
                assert name == ("upper_" if upper else "lower_") + ("left" if left else "right")
                checked += 1
    assert checked > 10


def test_a_side_answer_never_contradicts_the_half_answer() -> None:
    facts = Facts("xray", "chest", True, "opacity", "left", "upper_right", "", "")
    assert "left" in answer("side", facts, "en")
    assert answer("half", facts, "en", "left").startswith("There is an opacity")
    assert answer("half", facts, "en", "right").startswith("I see no finding")
    assert "upper_right" in places_to_ask(facts)


def test_pictures_are_padded_not_cropped_and_patches_follow_the_padding() -> None:
    image = np.full((40, 100), 200, np.uint8)
    mask = np.zeros((40, 100), bool)
    mask[:, :10] = True
    scene = Scene(image, mask, "xray", "chest", True, "opacity", "right")
    seen = square(image)
    assert seen.shape == (SIDE, SIDE, 3)
    assert tuple(seen[2, 50]) == (122, 116, 104)
    assert tuple(seen[SIDE // 2, 50]) == (200, 200, 200)
    cover = patches(scene)
    assert cover.shape == (GRID, GRID)
    assert cover[:, 3:].max() == 0
    assert cover[3:5, 0].min() > 0.5


def test_the_two_generators_share_no_drawing_code() -> None:
    folder = Path(heldout.__file__).parent
    for file in folder.glob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert "model.demo.phantoms import" not in text
        assert "model.demo.canvas" not in text
        assert "model.demo.capture" not in text


@pytest.mark.parametrize(
    "kind", ["bones", "body_ct", "body_mr", "any_ct", "any_mr", "any_radiograph", "close_up", "turned", "foreign"]
)
def test_views_without_drawn_findings_are_marked_as_not_assessed(kind: str) -> None:
    for scene in draw_many("training", kind):
        assert not scene.assessed
        assert scene.finding == "none"


@pytest.mark.parametrize(("kind", "modality"), [("any_ct", "ct"), ("any_mr", "mr"), ("any_radiograph", "xray")])
def test_bodies_of_no_particular_anatomy_have_a_kind_but_no_part(kind: str, modality: str) -> None:
    for scene in draw_many("training", kind, count=8):
        assert scene.modality == modality
        assert scene.part == ""
        assert scene.image.std() > 4, "there is something to see"


def test_bone_is_bright_on_ct_and_dark_on_mr_whatever_the_picture_shows() -> None:
    from model.demo.phantoms import bodies

    for seed in range(20):
        rng = np.random.default_rng(seed)
        hu, signal = bodies.hounsfield(rng), bodies.signals(rng)
        assert hu["cortex"] > max(hu[tissue] for tissue in bodies.SOFT)
        assert signal["cortex"] < 0.1


def test_a_picture_changes_at_every_step_but_a_finding_stays_where_it_is() -> None:
    scenes = [s for s in draw_many("training", "head_ct", 30) if s.finding == "bleed"][:12]
    images = np.stack([square(s.image) for s in scenes])
    kept = np.zeros(len(scenes), bool)
    one, two = (jitter(np.random.default_rng(seed), images, kept) for seed in (1, 2))
    assert one.shape == images.shape
    assert one.dtype == np.uint8
    assert not np.array_equal(one, two)
    assert np.array_equal(one, jitter(np.random.default_rng(1), images, kept))
    for before, after in zip(images, one, strict=True):
        coarse = [p.reshape(GRID, SIDE // GRID, GRID, SIDE // GRID, 3).mean((1, 3, 4)).ravel() for p in (before, after)]
        assert np.corrcoef(*coarse)[0, 1] > 0.85


def test_pictures_without_findings_may_change_more() -> None:
    images = np.stack([square(s.image) for s in draw_many("training", "any_ct", 10)])
    mild, strong = (jitter(np.random.default_rng(4), images, np.full(10, loose)) for loose in (False, True))
    change = [np.abs(images.astype(int) - made.astype(int)).mean() for made in (mild, strong)]
    assert change[1] > change[0]
