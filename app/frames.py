"""A frame to bytes and back, with what is said of it, for the record and for the page. Knows no owner, no route."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from app.captions import caption
from dicom import Facts, Frame, Plane, VoiLut, Window

_DTYPES = {"int16": "<i2", "uint16": "<u2", "float32": "<f4", "rgb8": "u1"}


def window_to_dict(window: Window) -> dict[str, Any]:
    """`window` as the page reads it."""
    return {"center": window.center, "width": window.width, "function": window.function}


def pack(frame: Frame, facts: Facts | None = None) -> tuple[dict[str, Any], bytes]:
    """`frame` as (what the page needs to show it, little-endian samples in row order).

    `facts`: what is known of this very frame. The record keeps them beside it, never those of its series for it.
    """
    kind = "rgb8" if frame.color else frame.samples.dtype.name
    samples = np.ascontiguousarray(frame.samples, dtype=_DTYPES[kind])
    meta = {
        "rows": frame.rows,
        "columns": frame.columns,
        "dtype": kind,
        "slope": frame.slope,
        "intercept": frame.intercept,
        "unit": frame.unit,
        "invert": frame.invert,
        "padding": list(frame.padding) if frame.padding else None,
        "window": window_to_dict(frame.default_window),
        "windows": [{**window_to_dict(window), "explanation": window.explanation} for window in frame.windows],
        "voi_luts": [_pack_lut(lut) for lut in frame.voi_luts],
        "aspect": frame.pixel_aspect,
        "edges": list(frame.edges),
        "spacing_mm": list(frame.pixel_spacing_mm) if frame.pixel_spacing_mm else None,
        "spacing_at": frame.spacing_at,
        "plane": dataclasses.asdict(frame.plane) if frame.plane else None,
        "overlay": _pack_bits(frame.overlays),
    }
    if facts is not None:
        meta["facts"] = facts.to_dict()
    return meta, samples.tobytes()


def facts_of(meta: Mapping[str, Any], series: Mapping[str, Any]) -> Facts:
    """What may be said of a stored frame: its own facts, or, of one recorded before frames had any, what `series` (the
    facts of its series) says of them all."""
    return Facts.from_dict(meta.get("facts") or series)


def unpack(meta: Mapping[str, Any], samples: bytes) -> Frame:
    """The frame `pack` was given."""
    rows, columns, kind = meta["rows"], meta["columns"], meta["dtype"]
    shape = (rows, columns, 3) if kind == "rgb8" else (rows, columns)
    spacing = meta["spacing_mm"]
    padding = meta["padding"]
    left, right, top, bottom = meta["edges"]
    return Frame(
        samples=np.frombuffer(samples, dtype=_DTYPES[kind]).reshape(shape),
        slope=meta["slope"],
        intercept=meta["intercept"],
        unit=meta["unit"],
        invert=meta["invert"],
        padding=(padding[0], padding[1]) if padding else None,
        windows=tuple(Window(**window) for window in meta["windows"]),
        voi_luts=tuple(_unpack_lut(packed) for packed in packed_luts(meta)),
        default_window=Window(**meta["window"]),
        pixel_aspect=meta["aspect"],
        edges=(left, right, top, bottom),
        pixel_spacing_mm=(spacing[0], spacing[1]) if spacing else None,
        spacing_at=meta.get("spacing_at", ""),
        plane=_plane(meta.get("plane")),
        overlays=_unpack_bits(meta["overlay"], rows, columns),
    )


def _plane(packed: Mapping[str, Any] | None) -> Plane | None:
    return None if packed is None else Plane(**{name: (v[0], v[1], v[2]) for name, v in packed.items()})


def packed_luts(meta: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The VOI LUTs in what `pack` gave. Records written while only the first was kept have it as `voi_lut`."""
    if "voi_luts" in meta:
        return list(meta["voi_luts"])
    return [{"explanation": "", **meta["voi_lut"]}] if meta["voi_lut"] else []


def light(meta: Mapping[str, Any], samples: bytes) -> tuple[dict[str, Any], bytes]:
    """`meta` without its tables, and `samples` with those behind them: browsers refuse large headers. With what is
    said of the frame in words."""
    luts = packed_luts(meta)
    tables = [base64.b64decode(lut["table"]) for lut in luts]
    head = {key: value for key, value in meta.items() if key != "voi_lut"}
    if "facts" in head:
        head["caption"] = caption(Facts.from_dict(head["facts"]))
    head["voi_luts"] = [
        {"first": lut["first"], "length": len(table), "explanation": lut["explanation"]}
        for lut, table in zip(luts, tables, strict=True)
    ]
    tail = b"".join(tables)
    if head["overlay"]:
        tail += base64.b64decode(head["overlay"])
        head["overlay"] = True
    return head, samples + tail


def _pack_lut(lut: VoiLut) -> dict[str, Any]:
    table = base64.b64encode(lut.table.tobytes()).decode()
    return {"first": lut.first_mapped, "table": table, "explanation": lut.explanation}


def _unpack_lut(packed: Mapping[str, Any]) -> VoiLut:
    table = np.frombuffer(base64.b64decode(packed["table"]), np.uint8)
    return VoiLut(packed["first"], table, packed["explanation"])


def _pack_bits(mask: np.ndarray[Any, Any] | None) -> str | None:
    return None if mask is None else base64.b64encode(np.packbits(mask > 0).tobytes()).decode()


def _unpack_bits(packed: str | None, rows: int, columns: int) -> np.ndarray[Any, Any] | None:
    if packed is None:
        return None
    bits = np.unpackbits(np.frombuffer(base64.b64decode(packed), np.uint8))
    return bits[: rows * columns].reshape(rows, columns)
