"""What is kept between steps and turns: parked caches per conversation, image embeddings by hash; decides by bytes.

A parked cache is only ever handed back to the conversation that left it. How much of it can be reused is the
longest common prefix of ids *and* images: placeholders of two images are equal, so their hashes are compared, and
the cut never falls inside an image.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from model.answer import common_prefix
from model.family import Features, Span
from model.keyvalues import KeyValues

log = logging.getLogger(__name__)


@dataclass
class Parked:
    """A sequence's keys and values: `ids` are the leading tokens they hold, `spans` the images among them."""

    ids: tuple[int, ...]
    spans: tuple[Span, ...]
    cache: KeyValues
    on_device: bool = True


def whole(ids: Sequence[int], spans: Sequence[Span], cache: KeyValues) -> Parked:
    """What may be kept of a sequence that was read so far. Nothing of an image that was read in part: without its
    span, its tokens could be taken for those of another."""
    end = min((span.start for span in spans if span.start < len(ids) < span.end), default=len(ids))
    return Parked(tuple(ids[:end]), tuple(span for span in spans if span.end <= end), cache)


def reusable(parked: Parked, ids: Sequence[int], spans: Sequence[Span]) -> int:
    """How many leading tokens of a new prompt the parked cache already holds; at least one token is left to read,
    because the answer needs its logits."""
    common = min(common_prefix(parked.ids, ids), len(ids) - 1)
    for old, new in zip_longest(parked.spans, spans):
        if old != new:  # an image that only one of the two has is as different as another image
            common = min(common, *(span.start for span in (old, new) if span is not None))
            break
    for span in (*parked.spans, *spans):
        if span.start < common < span.end:
            common = span.start
    return common


class Parking:
    """Least recently used first out: first to CPU memory (when the device is another), then away."""

    def __init__(self, *, device: str, device_bytes: int, host_bytes: int) -> None:
        self.device = device
        self.device_bytes = device_bytes
        self.host_bytes = 0 if device == "cpu" else host_bytes
        self._parked: OrderedDict[str, Parked] = OrderedDict()

    def __len__(self) -> int:
        return len(self._parked)

    def park(self, conversation: str, parked: Parked) -> None:
        self._parked.pop(conversation, None)
        self._parked[conversation] = parked
        self._fit()

    def take(self, conversation: str) -> Parked | None:
        """The conversation's cache, back on the device; it is no longer parked."""
        parked = self._parked.pop(conversation, None)
        if parked is not None and not parked.on_device:
            parked.cache.move(self.device)
            parked.on_device = True
        return parked

    def forget(self, conversation: str) -> None:
        self._parked.pop(conversation, None)

    def clear_device(self) -> bool:
        """Give all device memory back; whether there was any."""
        held = [key for key, parked in self._parked.items() if parked.on_device]
        for key in held:
            del self._parked[key]
        return bool(held)

    @property
    def held_bytes(self) -> tuple[int, int]:
        """(on the device, in CPU memory)."""
        on = sum(parked.cache.size for parked in self._parked.values() if parked.on_device)
        return on, sum(parked.cache.size for parked in self._parked.values()) - on

    def _fit(self) -> None:
        for key in list(self._parked):
            if self.held_bytes[0] <= self.device_bytes:
                break
            parked = self._parked[key]
            if not parked.on_device:
                continue
            if self.host_bytes <= 0:
                del self._parked[key]
            else:
                self._evict(key, parked)
        for key in list(self._parked):
            if self.held_bytes[1] <= self.host_bytes:
                break
            if not self._parked[key].on_device:
                del self._parked[key]

    def _evict(self, key: str, parked: Parked) -> None:
        try:
            parked.cache.move("cpu")
            parked.on_device = False
        except (MemoryError, RuntimeError) as error:
            log.warning("a parked cache is given up: %s", type(error).__name__)
            del self._parked[key]


class Embeddings:
    """Encoded images by hash, the latest used kept up to a size in bytes. The tower reads an image once."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._found: OrderedDict[str, Features] = OrderedDict()
        self._held = 0

    def get(self, sha256: str) -> Features | None:
        found = self._found.get(sha256)
        if found is not None:
            self._found.move_to_end(sha256)
        return found

    def put(self, sha256: str, features: Features) -> None:
        if sha256 in self._found:
            return
        self._found[sha256] = features
        self._held += features.size
        while self._held > self.limit and len(self._found) > 1:
            _, gone = self._found.popitem(last=False)
            self._held -= gone.size

    def clear(self) -> None:
        self._found.clear()
        self._held = 0
