"""One reader's request on its way through the engine, and the fair queue it waits in; runs nothing."""

from __future__ import annotations

import queue
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from model.answer import Answer
from model.engine import Cause, Event, Finish, Reason, Sampling, Waiting
from model.errors import ModelError
from model.family import Features, Positions
from model.keyvalues import KeyValues
from model.prompt import Prompt
from model.sampler import Sampler


@dataclass
class Request:
    """Everything about one answer. `read`: tokens of ids whose keys and values are in the cache."""

    prompt: Prompt
    sampling: Sampling
    answer: Answer
    sampler: Sampler
    conversation: str | None = None
    reader: str = ""
    cancel: threading.Event | None = None
    started: float = field(default_factory=time.monotonic)
    """When the call came, before its pictures were prepared."""
    events: queue.SimpleQueue[Event] = field(default_factory=queue.SimpleQueue)
    abandoned: threading.Event = field(default_factory=threading.Event)

    ids: list[int] = field(default_factory=list)
    read: int = 0
    reused: int = 0
    positions: Positions | None = None
    features: dict[int, Features] = field(default_factory=dict)
    cache: KeyValues | None = None
    admitted: float | None = None
    first_token: float | None = None
    position: int = 0
    passed_over: int = 0
    """Tokens of other prompts that could have been its own."""
    finish: Finish | None = None

    @property
    def new_tokens(self) -> int:
        return len(self.answer.ids)

    @property
    def delta(self) -> int:
        return self.positions.delta if self.positions is not None else 0

    @property
    def left(self) -> int:
        """Tokens of the prompt still to be read."""
        return len(self.prompt.ids) - self.read

    @property
    def most_tokens(self) -> int:
        """Tokens its cache may come to hold."""
        return len(self.prompt.ids) + self.sampling.max_new_tokens

    def wants_stop(self) -> bool:
        return self.abandoned.is_set() or (self.cancel is not None and self.cancel.is_set())

    def expired(self, now: float) -> bool:
        limit = self.sampling.deadline_seconds
        return limit is not None and now - self.started > limit

    def show_held_back(self) -> None:
        """Send what was held back as the possible beginning of a tag; afterwards the answer's text is whole."""
        for event in self.answer.finish():
            self.events.put(event)

    def end(self, reason: Reason, error: ModelError | None = None, cause: Cause = "") -> None:
        """Send what was held back and the one Finish; a second call changes nothing."""
        if self.finish is not None:
            return
        if reason != "failed":
            self.show_held_back()
        now = time.monotonic()
        self.finish = Finish(
            reason,
            prompt_tokens=len(self.prompt.ids),
            new_tokens=self.new_tokens,
            seconds_to_first_token=None if self.first_token is None else self.first_token - self.started,
            seconds=now - self.started,
            error=error,
            reused_tokens=self.reused,
            left_out_turns=self.prompt.left_out_turns,
            waited_seconds=(self.admitted or now) - self.started,
            seed=self.sampler.seed,
            cause=cause,
        )
        self.events.put(self.finish)


class FairQueue:
    """Bounded; readers take turns, however many requests one of them has. The lock is the caller's."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._readers: OrderedDict[str, deque[Request]] = OrderedDict()

    def __len__(self) -> int:
        return sum(len(line) for line in self._readers.values())

    @property
    def full(self) -> bool:
        return len(self) >= self.most

    def put(self, request: Request) -> None:
        self._readers.setdefault(request.reader, deque()).append(request)

    def take(self) -> Request | None:
        """The next request; its reader goes to the end of the line."""
        for reader in list(self._readers):
            line = self._readers.pop(reader)
            request = line.popleft()
            if line:
                self._readers[reader] = line
            return request
        return None

    def remove(self, request: Request) -> None:
        line = self._readers.get(request.reader)
        if line is not None and request in line:
            line.remove(request)
            if not line:
                del self._readers[request.reader]

    def __iter__(self) -> Iterator[Request]:
        """In the order they will be served."""
        lines = [list(line) for line in self._readers.values()]
        longest = max((len(line) for line in lines), default=0)
        for turn in range(longest):
            for line in lines:
                if turn < len(line):
                    yield line[turn]

    def announce(self, seconds_each: float | None) -> None:
        """Tell those whose position changed where they stand."""
        for position, request in enumerate(self, start=1):
            if request.position != position:
                request.position = position
                estimate = None if seconds_each is None else seconds_each * position
                request.events.put(Waiting(position, estimate))
