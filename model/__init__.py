"""Messages and pictures → a stream of text; knows no language of people, no screen, no patient, no record.

Importing this package is light: torch and transformers are imported when an engine is opened.
"""

from model.engine import (
    QUANTIZATIONS,
    Engine,
    Event,
    Finish,
    Grammar,
    Identity,
    Message,
    Piece,
    Quantization,
    Sampling,
    Thought,
    Waiting,
)
from model.errors import ALL as ALL_ERRORS
from model.errors import ModelError
from model.opening import names_the_hub, open_engine
from model.registry import Known, known_checkpoints

__all__ = [
    "ALL_ERRORS",
    "QUANTIZATIONS",
    "Engine",
    "Event",
    "Finish",
    "Grammar",
    "Identity",
    "Known",
    "Message",
    "ModelError",
    "Piece",
    "Quantization",
    "Sampling",
    "Thought",
    "Waiting",
    "known_checkpoints",
    "names_the_hub",
    "open_engine",
]
