"""`serve-model`: the model behind an OpenAI-compatible address. Knows the address and the key, not the protocol."""

from __future__ import annotations

from dataclasses import replace

from app.address import is_loopback, url
from app.commands.ask import load
from app.commands.call import DONE, REFUSED, Call, Misuse
from app.commands.parser import whole
from app.commands.serve import address_problem
from app.listening import listener
from app.notices import sentence
from app.settings import Settings

STANDARD_PORT = 8000


def run_serve_model(call: Call) -> int:
    from model import ModelError

    port = whole(call.arguments.port, "--port", STANDARD_PORT)
    if not 1 <= port <= 65535:
        raise Misuse("usage-value", "--port")
    settings = replace(call.settings, host=call.arguments.host or call.settings.host, port=port)
    if settings.api_key is None and not is_loopback(settings.host):
        call.complain("serve-model-needs-key", host=settings.host)
        return REFUSED
    problem = address_problem(settings)
    if problem is not None:
        following = f"--port {port + 1 if port < 65535 else STANDARD_PORT}"
        call.complain(problem, host=settings.host, port=str(port), following=following)
        return REFUSED
    try:
        return _serve(call, settings)
    except ModelError as error:
        call.terminal.complain(sentence(error, call.locale))
        return REFUSED


def _serve(call: Call, settings: Settings) -> int:
    from app.failures import Failures
    from app.guard import Guard
    from app.model_server import create_model_app

    engine = load(call)
    try:
        application = create_model_app(engine, api_key=settings.api_key, most_new_tokens=settings.max_new_tokens)
        application.add_middleware(Failures)
        if settings.api_key is None:  # whoever has the key may call it by any name
            application.add_middleware(Guard, host=settings.host, names=settings.hostnames)
        server = listener(application, settings)
        call.say("serve-model-starting", url=f"{url(settings.host, settings.port)}/v1", name=engine.identity.name)
        server.run()
        return DONE if server.started else REFUSED
    except KeyboardInterrupt:
        return DONE  # Ctrl+C is how it is meant to end
    finally:
        engine.close()
