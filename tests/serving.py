"""The real program for tests: `python -m app` in a process of its own, and a browser beside it."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 120.0


def free_port() -> int:
    """A port of the loopback nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Program:
    """`python -m app` over the folder `data`; the same port at every start, so that an open page can return."""

    data: Path
    environment: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """Everything the program has written to its terminal."""
        return (self.data.parent / "program.log").read_text(encoding="utf-8")

    def start(self) -> None:
        """Start and return once /healthz answers 200."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("BASIRA_")}
        environment |= {
            "BASIRA_DATA": str(self.data),
            "BASIRA_PORT": str(self.port),
            "BASIRA_LANG": "en",
            "PYTHONUNBUFFERED": "1",
            **self.environment,
        }
        with (self.data.parent / "program.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app"], cwd=ROOT, env=environment, stdout=log, stderr=log
            )
        self._wait()

    def _wait(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the program ended at once:\n{self.log[-3000:]}")
            try:
                with urllib.request.urlopen(f"{self.url}/healthz", timeout=5) as answer:
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, OSError):
                select.select([], [], [], 0.2)
        raise RuntimeError(f"no /healthz within {START_SECONDS} s:\n{self.log[-3000:]}")

    def stop(self, *, hard: bool = False) -> None:
        """End it: politely, or `hard` with SIGKILL as a power cut would."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGKILL if hard else signal.SIGTERM)
        self.process.wait(timeout=30)
        self.process = None
