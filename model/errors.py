"""What can go wrong between a checkpoint and an answer: one class per remedy; knows no sentence a person reads.

    ModelError
    ├── CheckpointError            the files cannot be served as they are
    │   ├── CheckpointNotFound     no folder of that name, and no download was asked for
    │   ├── CheckpointIncomplete   a file that config or index names is missing or cut short
    │   ├── UnknownArchitecture    a model type this engine has no adapter for
    │   ├── RemoteCodeRefused      the checkpoint wants to run Python of its own
    │   ├── PickleRefused          weights only as pickle, which can run code when read
    │   ├── QuantizationUnavailable  its library is missing, or it did not reach exactly the right layers
    │   ├── TowerNotFound          an original LLaVA checkpoint names a vision tower that is not at hand
    │   └── SelfTestFailed         loaded, but it answers nonsense: nothing is served
    ├── NotEnoughMemory            computed before loading
    ├── RequestError               this request, not the checkpoint
    │   ├── ImagesNotAccepted      a text-only model was given an image
    │   ├── WrongImageCount        image tokens and images disagree: the answer would be about nothing
    │   ├── UnreadableImage        the picture could not be prepared
    │   ├── GrammarRefused         an answer's grammar that cannot be followed here
    │   ├── ContextTooLong         the last question alone does not fit
    │   ├── QueueFull              too many are waiting
    │   ├── DeadlineExceeded       the request's time is over
    │   ├── OutOfMemory            even after eviction and a retry
    │   ├── NumbersBroke           logits that are not finite
    │   └── GenerationFailed       anything else inside the model; the log has the trace
    ├── EngineClosed               asked after close()
    └── RemoteError                another server
        ├── RemoteUnreachable      no connection, or it broke
        ├── RemoteRefused          401, 403, 404, 400: the address, the key or the name is wrong
        └── RemoteBusy             429 or 5xx after all retries

The message of an instance is English, for logs and developers; it never holds conversation text or a file name
that a person chose. The application maps classes to sentences.
"""

from __future__ import annotations


class ModelError(Exception):
    """Anything this island reports."""


class CheckpointError(ModelError):
    """The files cannot be served as they are."""


class CheckpointNotFound(CheckpointError):
    """No folder of that name, and no download was asked for."""


class CheckpointIncomplete(CheckpointError):
    """A file that the configuration or the index names is missing or cut short."""


class UnknownArchitecture(CheckpointError):
    """A model type this engine has no adapter for."""


class RemoteCodeRefused(CheckpointError):
    """The checkpoint wants to run Python of its own (`auto_map`); this is never done."""


class PickleRefused(CheckpointError):
    """Weights only as pickle (`.bin`, `.pt`), which can run code when read."""


class QuantizationUnavailable(CheckpointError):
    """The library of a quantisation is missing, or it was not applied exactly where it must be."""


class TowerNotFound(CheckpointError):
    """An original LLaVA checkpoint names a vision tower that lies neither inside nor beside it."""


class SelfTestFailed(CheckpointError):
    """Loaded, but logits are not finite, or the image changes nothing, or there is no text."""


class NotEnoughMemory(ModelError):
    """Computed before loading: `needed` and `available` are bytes."""

    def __init__(self, message: str, *, needed: int = 0, available: int = 0) -> None:
        super().__init__(message)
        self.needed = needed
        self.available = available


class RequestError(ModelError):
    """This request failed; the engine goes on."""


class ImagesNotAccepted(RequestError):
    """A text-only model was given an image."""


class WrongImageCount(RequestError):
    """The number of image tokens in the prompt is not what the images need."""


class UnreadableImage(RequestError):
    """The picture could not be decoded or prepared."""


class GrammarRefused(RequestError):
    """The answer's grammar cannot be read or followed, or what follows grammars is not installed or not offered."""


class ContextTooLong(RequestError):
    """The last question with its images does not fit the context, even without any history."""


class QueueFull(RequestError):
    """Too many requests are waiting."""


class DeadlineExceeded(RequestError):
    """The time given to this request is over."""


class OutOfMemory(RequestError):
    """Memory ran out, also after parked caches were evicted and the step was tried again."""


class NumbersBroke(RequestError):
    """The model produced logits that are not finite for this request."""


class GenerationFailed(RequestError):
    """An unexpected exception inside the model; the cause is chained and logged."""


class EngineClosed(ModelError):
    """The engine was closed."""


class RemoteError(ModelError):
    """Another server that answers for us."""


class RemoteUnreachable(RemoteError):
    """No connection, or the connection broke in the middle."""


class RemoteRefused(RemoteError):
    """The server understood and said no: address, key or model name are wrong."""


class RemoteBusy(RemoteError):
    """The server stayed overloaded through all retries."""


def _leaves(root: type[ModelError]) -> tuple[type[ModelError], ...]:
    found: list[type[ModelError]] = [root]
    for child in root.__subclasses__():
        found.extend(_leaves(child))
    return tuple(found)


ALL: tuple[type[ModelError], ...] = _leaves(ModelError)
"""Every class of the tree, parents before children: what the application must have sentences for."""
