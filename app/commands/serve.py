"""`serve`: the page, until somebody stops it. Knows the address, not what is served."""

from __future__ import annotations

import errno
import secrets
import socket

from app.address import is_loopback, url
from app.commands.call import DONE, REFUSED, Call
from app.notices import sentence
from app.settings import Settings


def run_serve(call: Call) -> int:
    settings = call.settings
    problem = address_problem(settings)
    if problem is not None:
        following = f"BASIRA_PORT={settings.port + 1 if settings.port < 65535 else 7860}"
        call.complain(problem, host=settings.host, port=str(settings.port), following=following)
        return REFUSED
    if settings.page_key is None and not is_loopback(settings.host):
        call.complain("serve-needs-key", host=settings.host, example=secrets.token_urlsafe(24))
        return REFUSED
    from app.server import serve  # takes seconds, and is not needed to say that the port is taken
    from storage import StorageError

    call.say("serve-starting", url=url(settings.host, settings.port))
    if settings.page_key is not None:
        call.say("serve-key", url=url(settings.host, settings.port))
    try:
        return serve(settings, call.locale)
    except StorageError as error:
        call.terminal.complain(sentence(error, call.locale))
        return REFUSED
    except KeyboardInterrupt:
        return DONE  # Ctrl+C is how it is meant to end


def address_problem(settings: Settings) -> str | None:
    """The sentence's key when the address cannot be listened on, found out by trying."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (socket.gaierror, UnicodeError):  # "a..b" is no name at all
        return "serve-no-such-address"
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return "serve-port-taken"
        return "serve-port-forbidden" if error.errno == errno.EACCES else "serve-no-such-address"
    return None
