"""`models` and `convert`: which checkpoints are known, and one written in Hugging Face form. Starts none."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from app.captions import SEPARATOR
from app.commands.call import DONE, REFUSED, Call, Misuse
from app.locale import Locale
from app.notices import sentence
from app.numbers import written
from app.settings import QUANTIZATIONS
from model import Known

log = logging.getLogger(__name__)


def run_models(call: Call) -> int:
    from model import known_checkpoints

    for known in known_checkpoints():
        if call.arguments.json:
            call.terminal.data(asdict(known))
            continue
        say = call.locale.sentence
        words = [
            known.family,
            ", ".join(known.languages),
            say("models-memory", gigabytes=written(known.memory_gb)),
            say("models-context", tokens=known.context),
            say("models-images", count=known.images) if known.images else say("models-text-only"),
            say("models-together" if known.batched else "models-in-turn"),
            known.licence,
        ]
        call.terminal.say(known.id if known.loads else f"{known.id} ({say('models-refused')})")
        call.terminal.say("  " + SEPARATOR.join(word for word in words if word))
        for line in _advice(known, call.locale):
            call.terminal.say("  " + line)
    return DONE


def _advice(known: Known, locale: Locale) -> Iterator[str]:
    """What to know before choosing it, a sentence each. Names of settings are said as they are typed."""
    if known.boxes:
        yield locale.sentence("models-boxes", convention=known.boxes)
    if known.sampling:
        settings = ", ".join(f"{name} {written(value)}" for name, value in known.sampling)
        yield locale.sentence("models-recommended", settings=settings)
    if known.gated:
        yield locale.sentence("models-gated")
    for note in known.notes:
        yield locale.sentence(f"models-note-{note}")


def run_convert(call: Call) -> int:
    from model import ModelError, names_the_hub
    from model.checkpoint import inspect
    from model.convert import convert
    from model.opening import fetched_tower, locate

    if len(call.arguments.words) != 2:
        raise Misuse("usage-missing", "SOURCE FOLDER")
    source, target = call.arguments.words[0], Path(call.arguments.words[1])
    quantization = call.arguments.quantization or "bf16"
    if quantization not in QUANTIZATIONS:
        raise Misuse("usage-value", "--quantization")
    if target.exists():
        raise Misuse("usage-exists", str(target))

    def show(progress: float) -> None:
        call.terminal.progress(call.locale.sentence("ask-loading", percent=round(progress * 100)))

    tower = Path(call.arguments.tower) if call.arguments.tower else None
    try:
        folder = locate(source, download=True)
        if tower is None and names_the_hub(source):  # as when it is opened: its tower is another name on the hub
            tower = fetched_tower(inspect(folder))
        convert(folder, target, quantization=quantization, tower=tower, progress=show)
    except ModelError as error:
        call.terminal.progress("")
        log.error("%s: %s", type(error).__name__, error)  # which file, which library: for the operator
        call.terminal.complain(sentence(error, call.locale))
        return REFUSED
    except OSError as error:
        call.terminal.progress("")
        call.complain("cannot-write", path=str(target), reason=error.strerror or "")
        return REFUSED
    call.terminal.progress("")
    call.say("convert-done", path=str(target))
    return DONE
