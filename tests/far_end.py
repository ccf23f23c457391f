"""What every imitation of another server shares. Knows HTTP; knows no model."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler
from typing import Any


class FarEnd(BaseHTTPRequestHandler):
    """A real HTTP server's handler that says nothing on the console."""

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def send(self, status: int, body: bytes) -> None:
        """A whole answer."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
