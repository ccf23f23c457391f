"""Where a server listens: what a host means on this machine, and how a browser writes it. Serves nothing."""

from __future__ import annotations

import ipaddress
import socket

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def resolved(host: str) -> tuple[Address, ...]:
    """All addresses `host` means here, none if it is no name. Not only 0.0.0.0 is every address: "0" is as well."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):  # unknown, or no name at all ("a..b")
        return ()
    return tuple(ipaddress.ip_address(entry[4][0]) for entry in found)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on `host`, which it does on every address of it."""
    addresses = resolved(host)
    return bool(addresses) and all(address.is_loopback for address in addresses)


def url(host: str, port: int) -> str:
    """Where a browser on this machine finds a server that listens on `host`."""
    for address in resolved(host)[:1]:
        if address.is_unspecified:
            host = "127.0.0.1" if address.version == 4 else "::1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
