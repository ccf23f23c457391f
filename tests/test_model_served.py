"""Whole servers in processes of their own: transformers serve behind our client, our command before OpenAI's."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from model import Message, open_engine, remote_protocol
from tests import checkpoints
from tests.test_model_remote import GREEDY, ask, finish_of, free_port, said

DEMO = Path(__file__).resolve().parents[1] / "assets" / "demo-model"
needs_demo = pytest.mark.skipif(
    not (DEMO / "config.json").exists(), reason="the demonstration model has not been trained yet"
)


class Process:
    """A server in a process of its own; `said` is what it wrote on stderr so far."""

    def __init__(self, command: Sequence[str], **environment: str) -> None:
        self.said: list[str] = []
        self._seen = threading.Condition()
        self._process = subprocess.Popen(
            command,
            env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
            cwd=DEMO.parents[1],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read)  # a full pipe would stop the server
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            with self._seen:
                self.said.append(line)
                self._seen.notify()
        with self._seen:
            self.said.append("")  # it ended
            self._seen.notify()

    def wait_for(self, words: str, seconds: float = 120) -> None:
        with self._seen:
            self._seen.wait_for(lambda: any(words in line or not line for line in self.said), seconds)
            assert any(words in line for line in self.said), "".join(self.said)

    def wait_until_it_answers(self, address: str, seconds: float = 240) -> None:
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(address).status_code == 200:
                    return
            assert self._process.poll() is None, "".join(self.said)
            assert time.monotonic() < deadline, "".join(self.said)
            time.sleep(0.2)

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(timeout=30)
        self._reader.join(timeout=30)
        assert self._process.stderr is not None
        self._process.stderr.close()


SERVE = Path(sys.executable).with_name("transformers")


@needs_demo
@pytest.mark.skipif(not SERVE.exists(), reason="the command of transformers is not installed")
def test_transformers_serve_with_the_demonstration_model_answers_as_the_engine_does(tmp_path: Path) -> None:
    port = free_port()
    command = [str(SERVE), "serve", str(DEMO), "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    server = Process(command, HF_HUB_CACHE=str(tmp_path), HF_HUB_OFFLINE="1")
    try:
        server.wait_for("Uvicorn running")
        there = open_engine(f"openai:http://127.0.0.1:{port}/v1#{DEMO}")
        here = open_engine("demo", quantization="bf16", device="cpu", check=False)
        assert there.identity.name == "demo-model"
        first = [*ask("What imaging modality is this?")]
        answer = said(list(here.stream(first, GREEDY)))
        talk = [*first, Message("assistant", answer), Message("user", "Is it normal?")]
        for messages in (first, talk, [Message("user", "ما هذا؟")]):
            remote_events = list(there.stream(messages, GREEDY, conversation="mine"))
            assert finish_of(remote_events).error is None
            assert said(remote_events) == said(list(here.stream(messages, GREEDY))) != ""
            assert finish_of(remote_events).prompt_tokens > 0
            assert finish_of(remote_events).new_tokens > 0
        cancel = threading.Event()
        cancel.set()
        assert finish_of(list(there.stream(first, GREEDY, cancel=cancel))).reason == "stopped"
        there.close()
        here.close()
    finally:
        server.close()


@needs_demo
@pytest.mark.timeout(600)  # on a busy machine loading alone has taken 200 s
def test_the_command_serve_model_answers_the_openai_client(tmp_path: Path) -> None:
    import openai

    port = free_port()
    server = Process(
        [sys.executable, "-m", "app", "serve-model", "--port", str(port)],
        BASIRA_DATA=str(tmp_path),
        BASIRA_MODEL=str(DEMO),
        BASIRA_API_KEY="sesame",
        BASIRA_MAX_NEW_TOKENS="24",
    )
    address = f"http://127.0.0.1:{port}/v1"
    client = openai.OpenAI(base_url=address, api_key="sesame", max_retries=0)
    try:
        server.wait_until_it_answers(f"http://127.0.0.1:{port}/healthz")
        (listed,) = client.models.list()
        content: Any = [
            {"type": "image_url", "image_url": {"url": remote_protocol.data_url(checkpoints.picture(1))}},
            {"type": "text", "text": "What imaging modality is this?"},
        ]
        asked: Any = {"model": listed.id, "messages": [{"role": "user", "content": content}], "temperature": 0}
        whole = client.chat.completions.create(**asked)
        parts = client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True})
        pieces = list(parts)
        text = "".join(part.choices[0].delta.content or "" for part in pieces if part.choices)
        assert text == whole.choices[0].message.content != ""
        assert pieces[-1].usage is not None
        assert pieces[-1].usage.completion_tokens > 0
        with pytest.raises(openai.AuthenticationError):
            client.with_options(api_key="wrong").models.list()
    except openai.APIConnectionError as error:
        raise AssertionError("".join(server.said)) from error
    finally:
        client.close()
        server.close()
