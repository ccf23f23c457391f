"""Sees where text stands in an 8-bit picture: a detector, which reads nothing. Knows no frame and no file format.

The network is the small detector of PP-OCRv6 (differentiable binarisation: Liao et al., AAAI 2020, arXiv 1911.08947),
Apache-2.0, one ONNX file of the package `rapidocr`, of which nothing is imported. It gives for every pixel how likely
it lies in the core of a line of text; around each core stands the smallest turned rectangle, grown back to the size
of the letters. What passes for text here is a line at least `LONG` times as long as it is high: single letters and
short marks (L, R, the figures of a scale) are how pictures are labelled and are left alone, as are areas higher than
lines of text are. `benchmarks.burned_in` measures all of it. Runs in the workers.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dicom.errors import DetectorMissing

PACKAGE = "rapidocr"
MEMBER = "rapidocr/models/PP-OCRv6_det_small.onnx"
SHA256 = "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f"
"""Of the weights that were measured; what is not these is not parsed."""

LOOKED_AT = 576 * 576
"""Pixels the network sees of a picture. Its time grows with them: 0.19 s of processor time for these."""
ENLARGED = 2.0
"""Small pictures are enlarged this much at most: letters of ten pixels are found at twice the size."""
MULTIPLE = 32  # both sides of what the network is given
LONGEST_SIDE = 2592  # the same: a film a hundred times as long as it is wide is squeezed
CORE = 0.3  # likelihood from which a pixel belongs to the core of a line
SCORE = 0.5  # mean likelihood of a core that counts
THINNEST = 3.0  # pixels of the network's picture; a thinner core is noise
GROWTH = 1.6  # how far a core is grown: by this times its area over its circumference, as PP-OCR does
LONG = 3.5  # length over height of a core: shorter ones are single letters and marks
HIGHEST = 0.15  # height over the longer side of the picture: what is higher is no line of text
MOST = 1000  # cores of one picture

Corners = tuple[float, float, float, float]
"""(left, top, right, bottom) as shares of the picture's width and height, 0 to 1."""


def weights() -> Path:
    """The file of the network. Raises `DetectorMissing`."""
    try:
        return Path(str(importlib.metadata.distribution(PACKAGE).locate_file(MEMBER)))
    except importlib.metadata.PackageNotFoundError as error:
        raise DetectorMissing(f"the package {PACKAGE} is not installed") from error


def is_there() -> bool:
    """Whether the measured weights are installed."""
    try:
        _checked(weights())
    except DetectorMissing:
        return False
    return True


def detect(picture: NDArray[np.uint8]) -> tuple[Corners, ...]:
    """The lines of text in a picture as `shrunk` gives it. Raises `DetectorMissing`.

    The network is loaded for the call and let go after it: 45 ms, against 200 MB held by a worker that does
    something else for hours.
    """
    with _one_thread():
        network = cv2.dnn.readNetFromONNX(_checked(weights()))
        return tuple(_lines(_likelihood(network, picture)))


def _checked(path: Path) -> NDArray[np.uint8]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DetectorMissing(f"{MEMBER} cannot be read") from error
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise DetectorMissing(f"{MEMBER} is another file than the one measured")
    return np.frombuffer(content, np.uint8)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Looking is done beside other work: it takes one core, whatever the machine has."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def shrunk(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`picture`, (height, width) or (height, width, 3) uint8, at the size the network sees."""
    height, width = picture.shape[:2]
    scale = min(ENLARGED, (LOOKED_AT / (height * width)) ** 0.5)
    size = [max(MULTIPLE, min(LONGEST_SIDE, round(side * scale / MULTIPLE) * MULTIPLE)) for side in (width, height)]
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, size, interpolation=way), np.uint8)


def _likelihood(network: cv2.dnn.Net, seen: NDArray[np.uint8]) -> NDArray[np.float32]:
    colour = seen if seen.ndim == 3 else cv2.cvtColor(seen, cv2.COLOR_GRAY2RGB)
    network.setInput(cv2.dnn.blobFromImage(colour, 1 / 127.5, mean=(127.5, 127.5, 127.5)))
    found: NDArray[np.float32] = np.asarray(network.forward())[0, 0]
    return found


def _lines(likelihood: NDArray[np.float32]) -> Iterator[Corners]:
    height, width = likelihood.shape
    cores = cv2.dilate((likelihood > CORE).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(cores, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    for contour in contours[:MOST]:
        centre, (across, down), angle = cv2.minAreaRect(contour)
        thin, long = sorted((across, down))
        if thin < THINNEST or long / thin < LONG:
            continue
        reach = 2 * GROWTH * across * down / (2 * (across + down))
        if thin + reach > HIGHEST * max(height, width):
            continue
        if _score(likelihood, cv2.boxPoints((centre, (across, down), angle))) < SCORE:
            continue
        grown = cv2.boxPoints((centre, (across + reach, down + reach), angle)) / (width, height)
        (left, top), (right, bottom) = np.clip(grown.min(axis=0), 0, 1), np.clip(grown.max(axis=0), 0, 1)
        yield float(left), float(top), float(right), float(bottom)


def _score(likelihood: NDArray[np.float32], points: NDArray[Any]) -> float:
    """Mean likelihood within a turned rectangle."""
    limit = np.array(likelihood.shape[::-1]) - 1
    left, top = np.clip(np.floor(points.min(axis=0)).astype(int), 0, limit)
    right, bottom = np.clip(np.ceil(points.max(axis=0)).astype(int), 0, limit)
    inside = np.zeros((bottom - top + 1, right - left + 1), np.uint8)
    cv2.fillPoly(inside, [(points - (left, top)).astype(np.int32)], 1)
    return float(cv2.mean(likelihood[top : bottom + 1, left : right + 1], inside)[0])
