"""Serves the page, the assets and the frames of given series the way the program's own routes do."""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from fluent.syntax import FluentParser
from fluent.syntax import ast as fluent

from app.frames import pack
from app.locale import Locale
from dicom import Facts, Frame, render

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TYPES = {".js": "text/javascript", ".css": "text/css", ".woff2": "font/woff2", ".svg": "image/svg+xml"}


def words(language: str) -> dict[str, str]:
    """The viewer's labels of one language; fails on one with a variable, which no page fills.

    With them the names of presets, which stand on the image too.
    """
    source = (ROOT / "locales" / language / "viewer.ftl").read_text(encoding="utf-8")
    said = Locale(language)
    labels = {key: text for key, text in said.catalogue().items() if key.startswith(("preset-", "spacing-at-"))}
    labels |= {key: said.plain(key, number="{number}") for key in ("preset-file", "preset-table")}
    for entry in FluentParser().parse(source).body:
        if isinstance(entry, fluent.Message):
            assert entry.value is not None
            (text,) = entry.value.elements
            assert isinstance(text, fluent.TextElement)
            labels[entry.id.name] = text.value
    return labels


@dataclass
class Shown:
    """One series as the page gets it."""

    id: str
    frames: Sequence[Frame]
    caption: str = ""
    presets: Sequence[dict[str, Any]] = ()
    first: dict[str, Any] | None = None
    more: dict[str, Any] = field(default_factory=dict)
    """Further entries of the descriptor."""
    facts: Sequence[dict[str, Any]] = ()
    """What is known of each frame; () for nothing."""

    def descriptor(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "frames": len(self.frames),
            "caption": {"en": self.caption, "ar": self.caption},
            "presets": list(self.presets),
            "color": self.frames[0].color,
            "unit": self.frames[0].unit,
            "first": self.first,
            **self.more,
        }


@dataclass
class Site:
    """The running server. `broken` frames answer 500; `gate` holds frames back until it is set."""

    url: str
    series: dict[str, Shown]
    broken: set[tuple[str, int]] = field(default_factory=set)
    gate: threading.Event = field(default_factory=threading.Event)
    asked: list[str] = field(default_factory=list)


def _answer(site: Site, path: str) -> tuple[bytes, str, dict[str, str]]:
    if path == "/":
        return (HERE / "index.html").read_bytes(), "text/html; charset=utf-8", {}
    if path == "/words":
        return json.dumps({code: words(code) for code in ("en", "ar")}).encode(), "application/json", {}
    if path == "/series":
        body = json.dumps([one.descriptor() for one in site.series.values()])
        return body.encode(), "application/json", {}
    if path.startswith("/assets/"):
        file = ROOT / path.lstrip("/")
        return file.read_bytes(), TYPES[file.suffix], {}
    return _pixels(site, path)


def _pixels(site: Site, path: str) -> tuple[bytes, str, dict[str, str]]:
    found = re.fullmatch(r"/api/series/([^/]+)/(frames|thumbnail)/(\d+)", path)
    if found is None:
        raise FileNotFoundError(path)
    series, what, index = found[1], found[2], int(found[3])
    frame = site.series[series].frames[index]
    if what == "thumbnail":
        small = render(frame)
        small.thumbnail((128, 128))
        file = io.BytesIO()
        small.save(file, "PNG")
        return file.getvalue(), "image/png", {}
    site.gate.wait(30)
    if (series, index) in site.broken:
        raise InterruptedError(path)
    own = site.series[series].facts
    meta, samples = pack(frame, Facts.from_dict(own[index]) if own else None)
    return samples, "application/octet-stream", {"X-Basira-Frame": json.dumps(meta)}


def _handler(site: Callable[[], Site]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            site().asked.append(path)
            try:
                body, kind, headers = _answer(site(), path)
            except (FileNotFoundError, KeyError):
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            except InterruptedError:
                self.send_error(HTTPStatus.INTERNAL_SERVER_ERROR)
                return
            try:
                self.send_response(HTTPStatus.OK)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the page cancelled what it scrolled past

        def log_message(self, *_: object) -> None:
            pass

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A browser closing its connections is no news."""


@contextmanager
def serve(series: Sequence[Shown]) -> Iterator[Site]:
    """A site with these series on a free port of the loopback, for as long as the block runs."""
    server = _Server(("127.0.0.1", 0), _handler(lambda: site))
    site = Site(f"http://127.0.0.1:{server.server_port}", {one.id: one for one in series})
    site.gate.set()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield site
    finally:
        site.gate.set()
        server.shutdown()
        server.server_close()
        thread.join()
