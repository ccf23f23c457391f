"""Windows offered by name, per modality and body part. Knows no file."""

from __future__ import annotations

from collections.abc import Mapping

from dicom.facts import Facts
from dicom.values import Frame, Preset, Window

CT: Mapping[str, Window] = {
    "brain": Window(40, 80),
    "subdural": Window(75, 215),
    "stroke": Window(40, 40),
    "lung": Window(-600, 1500),
    "mediastinum": Window(40, 400),
    "abdomen": Window(40, 400),
    "liver": Window(60, 150),
    "bone": Window(400, 1800),
}
"""Centre and width in HU (FACTS section 6, after Radiopaedia)."""

_FIRST: Mapping[str, tuple[str, ...]] = {
    "BRAIN": ("brain", "subdural", "stroke", "bone"),
    "HEAD": ("brain", "subdural", "stroke", "bone"),
    "SKULL": ("bone", "brain", "subdural"),
    "FACE": ("bone", "mediastinum"),
    "SINUS": ("bone", "mediastinum"),
    "ORBIT": ("bone", "mediastinum"),
    "EAR": ("bone", "brain"),
    "CHEST": ("lung", "mediastinum", "bone"),
    "LUNG": ("lung", "mediastinum", "bone"),
    "HEART": ("mediastinum", "lung"),
    "ABDOMEN": ("abdomen", "liver", "bone", "lung"),
    "LIVER": ("liver", "abdomen", "bone"),
    "PELVIS": ("abdomen", "bone"),
    **dict.fromkeys(("KIDNEY", "PANCREAS", "SPLEEN", "GALLBLADDER", "STOMACH", "COLON"), ("abdomen", "liver", "bone")),
    **dict.fromkeys(("BLADDER", "PROSTATE", "UTERUS", "OVARY", "TESTIS", "FETUS"), ("abdomen", "bone")),
    **dict.fromkeys(("NECK", "THYROID", "AORTA", "BREAST", "SKIN"), ("mediastinum", "bone", "lung")),
    "EYE": ("mediastinum", "bone"),
}
_BONES = frozenset(
    [
        "SPINE",
        "CSPINE",
        "TSPINE",
        "LSPINE",
        "SHOULDER",
        "HUMERUS",
        "ARM",
        "ELBOW",
        "FOREARM",
        "WRIST",
        "HAND",
        "HIP",
        "FEMUR",
        "LEG",
        "KNEE",
        "TIBIA",
        "ANKLE",
        "FOOT",
        "EXTREMITY",
        "RIB",
        "STERNUM",
        "CLAVICLE",
        "JAW",
        "TEETH",
    ]
)


def named(facts: Facts, unit: str) -> tuple[Preset, ...]:
    """The presets that make sense for these facts, the most useful first; () unless values are HU."""
    return tuple(Preset(key, CT[key]) for key in _keys(facts, unit))


def _keys(facts: Facts, unit: str) -> tuple[str, ...]:
    if unit != "HU":
        return ()
    if facts.body_part in _BONES:
        first: tuple[str, ...] = ("bone", "mediastinum")
    else:
        first = _FIRST.get(facts.body_part, ())
    return first or tuple(CT)


def usual(facts: Facts, unit: str) -> Window | None:
    """The window for a CT whose file gives none but whose body part is known."""
    known = facts.body_part in _FIRST or facts.body_part in _BONES
    return CT[_keys(facts, unit)[0]] if unit == "HU" and known else None


def offered(facts: Facts, unit: str, frame: Frame, automatic: Window) -> tuple[Preset, ...]:
    """The frame's own windows as "file-1", …, its VOI LUTs as "table-1", …, then the named ones, then "automatic"."""
    windows = (Preset(f"file-{i}", window) for i, window in enumerate(frame.windows, 1))
    tables = (Preset(f"table-{i}", table) for i, table in enumerate(frame.voi_luts, 1))
    return (*windows, *tables, *named(facts, unit), Preset("automatic", automatic))
