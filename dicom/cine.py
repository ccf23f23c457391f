"""How long each frame of a loop is shown when it plays (PS3.3 C.7.6.5). Knows tags; plays nothing."""

from __future__ import annotations

from pydicom.dataset import Dataset

from dicom import elements


def frame_times_ms(ds: Dataset, frames: int) -> tuple[float | None, ...]:
    """For each frame the time until the next one, ms; None where the file does not say.

    (0008,2144) RecommendedDisplayFrameRate is how the file asks to be shown. Then come (0018,1065) FrameTimeVector,
    whose value n is the time between frames n - 1 and n, and (0018,1063) FrameTime, the vector only where no
    (0028,0009) FrameIncrementPointer points elsewhere; (0018,0040) CineRate comes last. The last frame of a vector
    stays for as long as the one before it.
    """
    if frames < 2:
        return (None,) * frames
    if rate := _per_second(ds, "RecommendedDisplayFrameRate"):
        return (rate,) * frames
    steady = _positive(elements.decimal(ds, "FrameTime"))
    varying = _vector(ds, frames)
    if varying is not None and (steady is None or _points_at_vector(ds)):
        return varying
    return (steady or _per_second(ds, "CineRate"),) * frames


def _vector(ds: Dataset, frames: int) -> tuple[float | None, ...] | None:
    steps = elements.numbers(ds, "FrameTimeVector")
    if len(steps) != frames:
        return None
    between = tuple(_positive(step) for step in steps[1:])
    return (*between, between[-1])


def _points_at_vector(ds: Dataset) -> bool:
    return 0x00181065 in elements.values(ds, "FrameIncrementPointer")


def _per_second(ds: Dataset, keyword: str) -> float | None:
    rate = _positive(elements.decimal(ds, keyword))
    return 1000.0 / rate if rate else None


def _positive(number: float | None) -> float | None:
    return number if number is not None and number > 0 else None
