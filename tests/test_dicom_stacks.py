"""Series of several stacks come apart whatever their positions do: jitter, missing members, any order, any scale."""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicom import Facts, open_study
from dicom.grouping import Group, group
from dicom.headers import SPLITS, Header, Slot
from tests.dicom_files import SHARED, make_stack, sandbox

ORIENTATIONS = {
    "axial": (1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
    "sagittal": (0.0, 1.0, 0.0, 0.0, 0.0, -1.0),
    "oblique": (0.8, 0.6, 0.0, 0.6 * 0.28, -0.8 * 0.28, -0.96),
    "tilted": (1.0, 0.0, 0.0, 0.0, 0.920505, -0.390731),
}
FIRST_TIME = 36000.0


@dataclass
class Scan:
    """A series of `times` stacks of `sites` slices, as headers, and what each of them is."""

    sites: int
    times: int
    spacing: float = 5.0
    orientation: tuple[float, ...] = ORIENTATIONS["axial"]
    jitter: float = 0.0
    """Most that a position is off, of the shorter of thickness and pixel spacing."""
    told_by: str = "number"
    pixel: float = 0.5
    """Of the spacing."""
    seed: int = 0
    missing: tuple[tuple[int, int], ...] = ()
    order: str = "as taken"
    interleaved: bool = False
    truth: list[tuple[int, int]] = field(default_factory=list)

    def headers(self) -> list[Header]:
        chance = random.Random(self.seed)
        taken = list(range(self.sites))
        if self.interleaved:
            taken = taken[::2] + taken[1::2]
        turns = [(time, site) for time in range(self.times) for site in taken]
        if self.told_by == "number, slice by slice":
            turns = [(time, site) for site in taken for time in range(self.times)]
        made = []
        for number, (time, site) in enumerate(turns, 1):
            if (time, site) not in self.missing:
                made.append(((time, site), self._header(number, time, site, chance)))
        if self.order == "reversed":
            made.reverse()
        elif self.order == "shuffled":
            chance.shuffle(made)
        self.truth = [which for which, _ in made]
        return [header for _, header in made]

    def _header(self, number: int, time: int, site: int, chance: random.Random) -> Header:
        thickness = self.spacing * 1.2
        off = chance.uniform(-1, 1) * self.jitter * min(thickness, self.spacing * self.pixel)
        o = self.orientation
        normal = (o[1] * o[5] - o[2] * o[4], o[2] * o[3] - o[0] * o[5], o[0] * o[4] - o[1] * o[3])
        position = tuple(
            float(f"{c + n * (site * self.spacing + off):.10g}")
            for c, n in zip((-20.0, 31.0, 7.0), normal, strict=True)
        )
        taken = site // 2 + site % 2 * ((self.sites + 1) // 2) if self.interleaved else site
        values: dict[str, float | str | None] = {
            "temporal": {"temporal": float(time)},
            "echo": {"echo": 10.0 * (time + 1)},
            "b-value": {"b-value": 500.0 * time},
            "acquisition": {"acquisition": float(time + 1)},
            "time of a volume": {"time": FIRST_TIME + 2.0 * time},
            "time of a slice": {"time": FIRST_TIME + time * (self.sites + 20) + taken},
            "time without pauses": {"time": FIRST_TIME + time * self.sites + taken},
            "trigger": {"phase": 50.0 * time + 1.7 * taken},
        }.get(self.told_by, {})  # type: ignore[assignment]  # a dictionary of dictionaries
        splits = tuple(values.get(name) for name in SPLITS)
        pixel = self.spacing * self.pixel
        facts = Facts(rows=8, columns=8, pixel_spacing_mm=(pixel, pixel), slice_thickness_mm=thickness)
        slot = Slot(0, self.orientation, position, splits)
        return Header("dicom", facts, "1", "2", f"3.{time}.{site}", number, False, "", (slot,))

    def check(self) -> list[Group]:
        """Group, and compare with what is true: one group a time, its slices in order."""
        groups = group(self.headers())
        found = [[self.truth[place.file] for place in g.places] for g in groups]
        for members in found:
            assert len({time for time, _ in members}) == 1, found
            assert [site for _, site in members] == sorted(site for _, site in members), found
        assert sorted(members[0][0] for members in found) == list(range(self.times)), found
        return groups


TOLD_BY = [
    "number", "number, slice by slice", "temporal", "echo", "b-value", "acquisition",
    "time of a volume", "time of a slice", "time without pauses", "trigger",
]  # fmt: skip
KINDS = st.builds(
    Scan,
    sites=st.integers(3, 12),
    times=st.integers(2, 4),
    spacing=st.floats(math.log(0.0005), math.log(20)).map(math.exp),  # half a micrometre to two centimetres
    orientation=st.sampled_from(list(ORIENTATIONS.values())),
    jitter=st.sampled_from([0.0, 1e-5, 0.001, 0.02, 0.04]),
    told_by=st.sampled_from(TOLD_BY),
    pixel=st.floats(0.1, 2),
    seed=st.integers(0, 1000),
    order=st.sampled_from(["as taken", "reversed", "shuffled"]),
    interleaved=st.booleans(),
)


@settings(max_examples=200, deadline=None)
@given(KINDS)
def test_stacks_of_any_scale_order_and_jitter_come_apart(scan: Scan) -> None:
    for part in scan.check():
        assert set(part.warnings) - {"variable-spacing"} == {"split"}
        assert part.spacing == pytest.approx(scan.spacing, rel=0.2)


@settings(max_examples=200, deadline=None)
@given(KINDS, st.data())
def test_stacks_with_missing_members_come_apart(scan: Scan, data: st.DataObject) -> None:
    scan.sites, scan.times = scan.sites + 3, scan.times + 1
    every = [(time, site) for time in range(1, scan.times) for site in range(scan.sites)]
    if scan.told_by in ("trigger", "time without pauses"):
        scan.interleaved = False
        every = every[-3:]  # an acquisition that was broken off: nothing says which of the others is missing
        scan.told_by = "time without pauses"
    scan.missing = tuple(data.draw(st.lists(st.sampled_from(every), min_size=1, max_size=3, unique=True)))
    scan.check()


@settings(max_examples=60, deadline=None)
@given(KINDS)
def test_one_stack_stays_one_whatever_its_attributes_do(scan: Scan) -> None:
    scan.times = 1
    (only,) = scan.check()
    if scan.jitter <= 0.02:  # four times as much, of the thickness, stays below the 10 percent that are told
        assert only.warnings == ()
    assert set(only.warnings) <= {"variable-spacing"}


@settings(max_examples=60, deadline=None)
@given(
    spacing=st.floats(math.log(0.001), math.log(20)).map(math.exp),
    slabs=st.integers(2, 5),
    each=st.integers(3, 6),
    gap=st.floats(5, 40),
    pixel=st.floats(0.05, 2),
)
def test_slabs_far_apart_are_no_repeats_of_one_site(
    spacing: float, slabs: int, each: int, gap: float, pixel: float
) -> None:
    scan = Scan(sites=1, times=1, spacing=spacing, pixel=pixel)
    headers = []
    for number, (slab, i) in enumerate(itertools.product(range(slabs), range(each)), 1):
        header = scan._header(number, 0, 0, random.Random(0))
        position = (0.0, 0.0, spacing * (i + slab * (each + gap)))
        slot = Slot(0, ORIENTATIONS["axial"], position, ())
        headers.append(Header("dicom", header.facts, "1", "2", str(number), number, False, "", (slot,)))
    (only,) = group(headers)
    assert len(only.places) == slabs * each
    assert "duplicate-positions" not in only.warnings


def test_every_second_slice_of_another_acquisition_is_still_one_stack() -> None:
    scan = Scan(sites=12, times=1)
    headers = scan.headers()
    for concatenations in (2, 3, 4):
        mixed = []
        for header, (_, site) in zip(headers, scan.truth, strict=True):
            splits = tuple(float(site % concatenations) if name in ("acquisition", "time") else None for name in SPLITS)
            slot = Slot(0, header.slots[0].orientation, header.slots[0].position, splits)
            mixed.append(Header("dicom", header.facts, "1", "2", header.instance, header.number, False, "", (slot,)))
        assert [len(g.places) for g in group(mixed)] == [12], concatenations


def test_echoes_whose_slices_lie_between_each_others_are_set_apart() -> None:
    headers = []
    for echo, shift in ((10.0, 0.0), (80.0, 2.5)):
        scan = Scan(sites=6, times=1)
        for header in scan.headers():
            position = header.slots[0].position
            assert position is not None
            splits = tuple(echo if name == "echo" else None for name in SPLITS)
            slot = Slot(0, ORIENTATIONS["axial"], (position[0], position[1], position[2] + shift), splits)
            headers.append(
                Header("dicom", header.facts, "1", "2", f"{echo}{header.instance}", header.number, False, "", (slot,))
            )
    assert [len(g.places) for g in group(headers)] == [6, 6]


def test_the_number_within_the_stack_tells_sites_apart_however_far_positions_are_off() -> None:
    scan = Scan(sites=6, times=3, told_by="temporal", seed=4)
    headers = []
    chance = random.Random(1)
    for header, (time, site) in zip(scan.headers(), scan.truth, strict=True):
        position = (0.0, 0.0, 5.0 * site + chance.uniform(-0.6, 0.6))
        slot = Slot(0, ORIENTATIONS["axial"], position, header.slots[0].splits, in_stack=site + 1)
        headers.append(Header("dicom", header.facts, "1", "2", f"{time}.{site}", None, False, "", (slot,)))
    assert [[scan.truth[p.file] for p in g.places] for g in group(headers)] == [
        [(time, site) for site in range(6)] for time in range(3)
    ]


@pytest.mark.parametrize(
    "other", [(1, 0, 0, 0, -1, 0), (-1, 0, 0, 0, 1, 0), (-1, 0, 0, 0, -1, 0), (0, 1, 0, -1, 0, 0)],
    ids=["upside down", "mirrored", "turned by 180", "turned by 90"],
)  # fmt: skip
def test_pictures_mirrored_or_turned_to_each_other_are_no_stack(tmp_path: Path, other: tuple[float, ...]) -> None:
    paths = make_stack(tmp_path / "a", [0, 2, 4, 6], series="1.2.9")
    paths += make_stack(tmp_path / "b", [1, 3, 5, 7], series="1.2.9", orientation=other)
    study = open_study(paths, sandbox=sandbox())
    assert [len(series) for series in study.series] == [4, 4]
    for series in study.series:
        assert series.warnings == ("mixed-orientations",)
        heights = [place.slot.position[2] for place in series.geometry.places if place.slot.position]
        assert heights in (sorted(heights), sorted(heights, reverse=True))
        assert series.volume().values[:, 0, 0].tolist() == [0, 1, 2, 3]


def test_slightly_different_normals_are_measured_along_one() -> None:
    headers = []
    for i in range(8):
        angle = math.radians(0.15 * (i % 3))
        orientation = (1.0, 0.0, 0.0, 0.0, math.cos(angle), math.sin(angle))
        slot = Slot(0, orientation, (0.0, 900.0, 2.0 * i), ())
        facts = Facts(rows=8, columns=8, pixel_spacing_mm=(0.5, 0.5), slice_thickness_mm=2.0)
        headers.append(Header("dicom", facts, "1", "2", str(i), i, False, "", (slot,)))
    (only,) = group(headers)
    assert [place.file for place in only.places] == list(range(8))
    assert only.spacing == pytest.approx(2.0)
    assert only.warnings == ()


@pytest.mark.parametrize("spacing", [0.002, 0.0005])
def test_slices_of_a_few_micrometres_make_a_volume(tmp_path: Path, spacing: float) -> None:
    paths = make_stack(
        tmp_path, [spacing * i for i in range(6)], PixelSpacing=[spacing, spacing], SliceThickness=spacing
    )
    (series,) = open_study(paths, sandbox=sandbox()).series
    assert series.warnings == ()
    assert series.facts.slice_spacing_mm == pytest.approx(spacing)
    volume = series.volume()
    assert volume.values[:, 0, 0].tolist() == [0, 1, 2, 3, 4, 5]
    assert volume.spacing_mm[0] == pytest.approx(spacing)


@pytest.mark.skipif(not (SHARED / "cases").exists(), reason="the shared cases are not on this machine")
def test_a_perfusion_series_whose_table_moves_is_split_into_its_times() -> None:
    paths = sorted((SHARED / "cases/ctp-jitter").glob("*.dcm"))
    study = open_study(paths, sandbox=sandbox())
    assert [len(series) for series in study.series] == [8, 8, 8]
    for gone in ((9, 13), (8, 15, 23), (0, 1, 2), (3, 12, 22)):
        study = open_study([path for i, path in enumerate(paths) if i not in gone], sandbox=sandbox())
        assert [len(series) for series in study.series] == [8 - sum(i // 8 == t for i in gone) for t in range(3)]
