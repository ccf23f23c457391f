"""Does the loaded model make sense: fixed prompts and images through the real path, before anyone is served.

Checks: logits are finite; two different images give different logits; both languages give text. What it cannot
know is whether an answer is right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from model.engine import Finish, Message, Piece, Sampling, Thought
from model.errors import ModelError, SelfTestFailed
from model.family import Span
from model.keyvalues import KeyValues

if TYPE_CHECKING:
    import torch
    from PIL import Image

    from model.local import LocalEngine

# Technical probes, never shown to anybody: any words would do.
_PROBES = ("What is shown?", "ماذا يظهر؟")
_LEAST_CHANGE = 1e-5  # logits of two different images differ by more than this, or the image is not read


def require_sense(engine: LocalEngine) -> None:
    """Raises SelfTestFailed, naming the check; the engine is closed then."""
    try:
        _check_images(engine)
        _check_languages(engine)
    except ModelError as error:
        engine.close()
        if isinstance(error, SelfTestFailed):
            raise
        raise SelfTestFailed(f"the first answer failed: {type(error).__name__}: {error}") from error
    except Exception as error:  # anything a broken checkpoint raises means the same: do not serve it
        engine.close()
        raise SelfTestFailed(f"the first step failed: {type(error).__name__}: {error}") from error


def probe_images() -> tuple[Image.Image, Image.Image]:
    """Two small pictures without meaning: a ramp and its mirror image with a square."""
    from PIL import Image as Pillow
    from PIL import ImageDraw, ImageOps

    ramp = Pillow.linear_gradient("L").convert("RGB")
    other = ImageOps.mirror(ramp.rotate(90))
    ImageDraw.Draw(other).rectangle((40, 40, 120, 150), fill=(255, 255, 255))
    return ramp, other


def _check_images(engine: LocalEngine) -> None:
    import torch

    with torch.inference_mode():
        if not engine.identity.accepts_images:
            found = [first_logits(engine, [Message("user", _PROBES[0])])]
        else:
            found = [first_logits(engine, [Message("user", _PROBES[0], (image,))]) for image in probe_images()]
    for logits in found:
        if not bool(torch.isfinite(logits).all()):
            raise SelfTestFailed("logits are not finite")
    if len(found) == 2 and float((found[0] - found[1]).abs().max()) < _LEAST_CHANGE:
        raise SelfTestFailed("the image changes nothing")


def first_logits(engine: LocalEngine, messages: list[Message]) -> torch.Tensor:
    """Logits after the prompt, (vocabulary,), float32; only while nobody is served (it runs in this thread)."""
    composer, decoder = engine.composer, engine.decoder
    prompt = composer.compose(messages, reserve=1, raw_answer=lambda _: None)
    adapter = composer.adapter
    features = [adapter.encode(decoder.model, pixels) for pixels in prompt.pixels]
    spans: tuple[Span, ...] = prompt.spans
    return decoder.read(
        prompt.ids,
        0,
        len(prompt.ids),
        positions=adapter.positions(decoder.model, prompt.ids, prompt.spans, prompt.pixels),
        spans=spans,
        features=features,
        cache=KeyValues(1, len(prompt.ids)),
    )[0]


def _check_languages(engine: LocalEngine) -> None:
    images = probe_images()[:1] if engine.identity.accepts_images else ()
    for text in _PROBES:
        events = list(
            engine.stream([Message("user", text, tuple(images))], Sampling(temperature=0.0, max_new_tokens=8))
        )
        finish = events[-1]
        if isinstance(finish, Finish) and finish.error is not None:
            raise finish.error
        if isinstance(finish, Finish) and finish.new_tokens == 0:
            raise SelfTestFailed("a question gave no text")
        if not any(isinstance(event, (Piece, Thought)) for event in events) and finish_is_short(finish):
            raise SelfTestFailed("a question gave no text")


def finish_is_short(event: object) -> bool:
    """Complete without any text; eight tokens that only make control characters are no text either."""
    return isinstance(event, Finish) and event.reason == "complete"
