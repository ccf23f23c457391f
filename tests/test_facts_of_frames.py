"""No fact of one frame is ever said of another: files, series, record, page, model, terminal."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.captions import caption
from app.frames import facts_of, unpack
from app.intake import Intake, Opened
from app.told import prompt
from dicom import Facts, Plane, inspect, open_study
from storage import Store
from tests.dicom_files import item, make_dicom, sandbox, sequence

LATERALITY = st.sampled_from(["L", "R", "B", ""])
VIEWS = st.sampled_from(["CC", "MLO", "PA", "LL", ""])
NUMBER = st.sampled_from([0.5, 1.0, 2.5, 80.0])
WINDOW = st.one_of(st.none(), st.tuples(st.sampled_from([40.0, 2000.0]), st.sampled_from([80.0, 4000.0])))
SPACING = st.one_of(st.none(), st.sampled_from([[0.1, 0.1], [0.2, 0.3]]))


def _elements(said: dict[str, Any]) -> dict[str, Any]:
    """DICOM elements that say `said`, a choice of the strategy below."""
    elements = {
        "ImageLaterality": said["laterality"], "ViewPosition": said["view"], "KVP": said["kvp"],
        "SliceThickness": said["thickness"], "ContrastBolusAgent": said["agent"], "EchoTime": said["echo"],
    }  # fmt: skip
    if said["window"]:
        elements["WindowCenter"], elements["WindowWidth"] = said["window"]
    if said["spacing"]:
        elements["PixelSpacing"] = said["spacing"]
    return {name: value for name, value in elements.items() if value not in ("", None)}


FILE = st.fixed_dictionaries(
    {
        "laterality": LATERALITY, "view": VIEWS, "kvp": st.one_of(st.none(), NUMBER), "window": WINDOW,
        "thickness": st.one_of(st.none(), NUMBER), "agent": st.sampled_from(["", "IOHEXOL", "NONE"]),
        "echo": st.one_of(st.none(), NUMBER), "spacing": SPACING,
    }
)  # fmt: skip


def _expected(said: dict[str, Any]) -> dict[str, Any]:
    agents = {"": "", "IOHEXOL": "YES", "NONE": "NONE"}
    return {
        "laterality": said["laterality"], "view": said["view"], "kvp": said["kvp"], "window": said["window"],
        "slice_thickness_mm": said["thickness"], "contrast": agents[said["agent"]], "echo_time_ms": said["echo"],
        "pixel_spacing_mm": said["spacing"] and tuple(said["spacing"]),
    }  # fmt: skip


def _shares(common: Facts, each: Sequence[Facts]) -> None:
    """What `common` says is said by every one of `each`, and what they all say it says."""
    for field in dataclasses.fields(Facts):
        values = {getattr(facts, field.name) for facts in each}
        assert getattr(common, field.name) == (values.pop() if len(values) == 1 else field.default)


def _of_all_series(paths: Sequence[Path]) -> list[tuple[Facts, tuple[Facts, ...]]]:
    with open_study(paths, sandbox=sandbox()) as study:
        return [(one.facts, tuple(one.facts_of(index) for index in range(len(one)))) for one in study.series]


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(FILE, min_size=1, max_size=4))
def test_whatever_the_files_of_a_series_say_each_picture_says_its_own_and_the_series_what_they_share(
    files: list[dict[str, Any]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = [
            make_dicom(
                Path(folder) / str(number), np.full((8, 8), number, np.uint16), SeriesInstanceUID="1.2.3",
                StudyInstanceUID="1.2", InstanceNumber=number, Modality="MR", **_elements(said),
            )
            for number, said in enumerate(files)
        ]  # fmt: skip
        ((common, each),) = _of_all_series(paths)
    _shares(common, each)
    for facts, said in zip(each, files, strict=True):
        expected = _expected(said)
        assert {name: getattr(facts, name) for name in expected} == expected


GROUP = st.fixed_dictionaries(
    {}, optional={"laterality": LATERALITY, "window": WINDOW, "thickness": NUMBER, "echo": NUMBER, "b": NUMBER}
)


def _group(said: dict[str, Any]) -> Any:
    """Functional groups of one frame, or those that all frames share."""
    macros: dict[str, Any] = {}
    if said.get("laterality"):
        macros["FrameAnatomySequence"] = sequence(item(FrameLaterality=said["laterality"]))
    if said.get("window"):
        center, width = said["window"]
        macros["FrameVOILUTSequence"] = sequence(item(WindowCenter=center, WindowWidth=width))
    if "thickness" in said:
        macros["PixelMeasuresSequence"] = sequence(item(SliceThickness=said["thickness"]))
    if "echo" in said:
        macros["MREchoSequence"] = sequence(item(EffectiveEchoTime=said["echo"]))
    if "b" in said:
        macros["MRDiffusionSequence"] = sequence(item(DiffusionBValue=said["b"]))
    return item(**macros)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(GROUP, st.lists(GROUP, min_size=2, max_size=5))
def test_frames_of_one_file_say_what_their_own_groups_say_and_else_what_all_share(
    common: dict[str, Any], own: list[dict[str, Any]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = make_dicom(
            Path(folder) / "enhanced", np.zeros((len(own), 8, 8), np.uint16), Modality="MR",
            SharedFunctionalGroupsSequence=sequence(_group(common)),
            PerFrameFunctionalGroupsSequence=sequence(*map(_group, own)),
        )  # fmt: skip
        ((series, each),) = _of_all_series([path])
    _shares(series, each)
    for facts, said in zip(each, own, strict=True):
        seen = {**{k: v for k, v in common.items() if v}, **{k: v for k, v in said.items() if v}}
        assert facts.laterality == seen.get("laterality", "")
        assert facts.window == seen.get("window")
        assert (facts.slice_thickness_mm, facts.echo_time_ms) == (seen.get("thickness"), seen.get("echo"))
        assert facts.b_value == seen.get("b")


def mammograms(folder: Path) -> list[Path]:
    """L CC, R CC, L MLO, R MLO as one series, as some machines send them."""
    folder.mkdir(parents=True, exist_ok=True)
    return [
        make_dicom(
            folder / str(number), np.full((32, 24), 500 * number, np.uint16), SeriesInstanceUID="1.2.3",
            StudyInstanceUID="1.2", InstanceNumber=number, Modality="MG", BodyPartExamined="BREAST",
            ImageLaterality=side, ViewPosition=view, ImagerPixelSpacing=[0.1, 0.1], window=(2048, 4096),
        )
        for number, (side, view) in enumerate((("L", "CC"), ("R", "CC"), ("L", "MLO"), ("R", "MLO")), 1)
    ]  # fmt: skip


def test_a_right_breast_is_never_called_left_in_record_caption_label_or_told_line(tmp_path: Path, store: Store) -> None:
    conversation = store.start_conversation("me", language="en").id
    events = list(Intake(store, sandbox()).take("me", conversation, mammograms(tmp_path / "in")))
    (opened,) = [event.descriptor for event in events if isinstance(event, Opened)]
    series = store.series("me", opened["id"])
    assert not {"laterality", "view"} & set(series.facts)
    assert opened["caption"]["en"] == "Mammography · Breast · 4 images · 0.1 mm/px at the detector"
    labels = [opened["labels"]["words"][which] for which in opened["labels"]["of"]]
    assert [label["en"] for label in labels] == [
        "Left · Craniocaudal", "Right · Craniocaudal", "Left · Mediolateral oblique", "Right · Mediolateral oblique",
    ]  # fmt: skip
    for number, side in enumerate(("Left", "Right", "Left", "Right")):
        meta, _ = store.frame("me", opened["id"], number)
        own = facts_of(meta, series.facts)
        other = {"Left": "Right", "Right": "Left"}[side]
        for said in (caption(own)["en"], prompt("?", [(own, None)], "en")):
            assert side in said
            assert other not in said


def test_inspect_tells_the_pictures_of_a_series_apart(tmp_path: Path) -> None:
    mammograms(tmp_path / "in")
    (series,) = inspect(tmp_path / "in").to_dict()["series"]
    assert "laterality" not in series["facts"]
    assert [own["laterality"] for own in series["pictures"]] == ["L", "R", "L", "R"]
    assert "modality" not in series["pictures"][0], "what all share is said once"


def test_a_frame_keeps_where_it_lies_in_the_patient_through_the_record(tmp_path: Path, store: Store) -> None:
    paths = [
        make_dicom(
            tmp_path / str(number), np.zeros((8, 8), np.int16), SeriesInstanceUID="1.2.3", InstanceNumber=number,
            StudyInstanceUID="1.2", ImageOrientationPatient=[1, 0, 0, 0, 0, -1], ImagePositionPatient=[-4, y, 12.5],
        )
        for number, y in ((1, 3.0), (2, 5.5))
    ]  # fmt: skip
    conversation = store.start_conversation("me", language="en").id
    events = list(Intake(store, sandbox()).take("me", conversation, paths))
    (opened,) = [event.descriptor for event in events if isinstance(event, Opened)]
    frames = [unpack(*store.frame("me", opened["id"], index)) for index in (0, 1)]
    assert [frame.plane for frame in frames] == [
        Plane((-4.0, y, 12.5), (1.0, 0.0, 0.0), (0.0, 0.0, -1.0)) for y in (3.0, 5.5)
    ]


def test_slices_without_windows_share_the_first_ones_and_single_images_do_not(tmp_path: Path, store: Store) -> None:
    """A stack stays comparable from slice to slice; radiographs that happen to share a series are no stack."""

    def windows(where: Path, **places: Any) -> set[str]:
        where.mkdir()
        paths = []
        for number in (1, 2, 3):
            if places:
                places["ImagePositionPatient"] = [0, 0, number]
            values = np.arange(64, dtype=np.uint16).reshape(8, 8) * number
            uids = {"SeriesInstanceUID": f"1.2.{len(places)}", "StudyInstanceUID": "1.2", "Modality": "MR"}
            paths.append(make_dicom(where / str(number), values, InstanceNumber=number, **uids, **places))
        conversation = store.start_conversation("me", language="en").id
        events = list(Intake(store, sandbox()).take("me", conversation, paths))
        (opened,) = [event.descriptor for event in events if isinstance(event, Opened)]
        return {json.dumps(store.frame("me", opened["id"], index)[0]["window"]) for index in range(3)}

    assert len(windows(tmp_path / "stack", ImageOrientationPatient=[1, 0, 0, 0, 1, 0])) == 1
    assert len(windows(tmp_path / "apart")) == 3


@pytest.mark.parametrize(
    ("nearest", "said"), [({"ImageLaterality": "U"}, ""), ({}, "L"), ({"ImageLaterality": "R"}, "R")]
)
def test_the_nearest_word_about_the_side_counts_also_when_it_is_that_there_is_none(
    tmp_path: Path, nearest: dict[str, str], said: str
) -> None:
    path = make_dicom(tmp_path / "a", Modality="DX", Laterality="L", **nearest)
    assert _of_all_series([path])[0][0].laterality == said
