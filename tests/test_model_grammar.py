"""Answers that keep to a grammar: whole, in any company, over HTTP, and refused where they cannot be."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from model import Event, Grammar, Sampling, errors, open_engine
from model.local import LocalEngine
from tests import checkpoints
from tests.asking import ask, only_finish, run, text_of

pytestmark = pytest.mark.skipif(importlib.util.find_spec("llguidance") is None, reason="llguidance is not installed")

SCHEMA = {
    "type": "object",
    "properties": {
        "finding": {"type": "string", "maxLength": 12},
        "present": {"type": "boolean"},
        "side": {"enum": ["left", "right", "يسار"]},
    },
    "required": ["finding", "present", "side"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module", params=["llava", "qwen3-vl", "gemma3_text"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    folder = tmp_path_factory.mktemp("grammar") / request.param
    if request.param == "llava":
        checkpoints.make_llava(folder)
    elif request.param == "qwen3-vl":
        checkpoints.make_qwen(folder, kind="qwen3-vl")
    else:
        checkpoints.make_text(folder, kind="gemma3_text")
    opened = open_engine(str(folder), quantization="fp32", device="cpu")
    assert isinstance(opened, LocalEngine)
    yield opened
    opened.close()


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_an_answer_by_a_schema_is_json_of_that_schema(engine: LocalEngine, temperature: float) -> None:
    sampling = Sampling(temperature=temperature, seed=3, max_new_tokens=120, grammar=Grammar.json(SCHEMA), entropy=True)
    events = run(engine, ask(picture=None), sampling)
    found = json.loads(text_of(events))
    assert only_finish(events).reason == "complete"
    assert list(found) == ["finding", "present", "side"]
    assert isinstance(found["present"], bool)
    assert found["side"] in ("left", "right", "يسار")
    assert len(found["finding"]) <= 12
    assert not re.search(r"[\x00-\x1f]", found["finding"])


def test_choices_and_expressions_bind_the_whole_answer_in_any_company(engine: LocalEngine) -> None:
    free = Sampling(temperature=0.0, max_new_tokens=30)
    bound = {
        "choice": dataclasses.replace(free, grammar=Grammar.choice("yes", "no (or not)", "لا")),
        "regex": dataclasses.replace(free, grammar=Grammar("regex", "[1-9][0-9]{2} mm")),
        "free": free,
    }
    alone = text_of(run(engine, ask(picture=None), free))
    results: dict[str, list[Event]] = {}
    threads = [
        threading.Thread(
            target=lambda name=name: results.__setitem__(name, run(engine, ask(picture=None), bound[name]))
        )
        for name in bound
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert text_of(results["choice"]) in ("yes", "no (or not)", "لا")
    assert re.fullmatch("[1-9][0-9]{2} mm", text_of(results["regex"]))
    assert text_of(results["free"]) == alone


@pytest.mark.parametrize("grammar", [Grammar("regex", "("), Grammar("json", "["), Grammar("json", '{"type": "odd"}')])
def test_a_grammar_that_cannot_be_followed_is_refused(engine: LocalEngine, grammar: Grammar) -> None:
    finish = only_finish(run(engine, ask(picture=None), Sampling(grammar=grammar)))
    assert isinstance(finish.error, errors.GrammarRefused)


def test_a_schema_reaches_the_model_over_http(engine: LocalEngine) -> None:
    import openai

    from app.model_server import create_model_app
    from tests.own_endpoint import Served

    served = Served(create_model_app(engine))
    address = f"http://127.0.0.1:{served.port}/v1"
    try:
        sampling = Sampling(temperature=0.0, max_new_tokens=120, grammar=Grammar.json(SCHEMA))
        ours = open_engine(f"openai:{address}")
        expected = text_of(run(engine, ask(picture=None), sampling))
        assert text_of(list(ours.stream(ask(picture=None), sampling))) == expected
        refused = only_finish(list(ours.stream(ask(picture=None), Sampling(grammar=Grammar.choice("a", "b")))))
        assert isinstance(refused.error, errors.GrammarRefused)
        ours.close()
        client = openai.OpenAI(base_url=address, api_key="-", max_retries=0)
        wanted: Any = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}
        asked: Any = {"messages": [{"role": "user", "content": "Is it normal?"}], "temperature": 0, "max_tokens": 120}
        answer = client.chat.completions.create(model=engine.identity.name, response_format=wanted, **asked)
        assert answer.choices[0].message.content == expected
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(model="x", response_format=wanted | {"json_schema": {}}, **asked)
        client.close()
    finally:
        served.close()
