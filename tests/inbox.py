"""A webhook of the tests' own: keeps what is posted to it, and answers with the status it was given."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Notice(NamedTuple):
    """What was posted, and when (time.monotonic)."""

    path: str
    content: dict[str, Any]
    arrived: float


class Inbox(ThreadingHTTPServer):
    """The webhook's server. status: of its answers."""

    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.notices: list[Notice] = []

    @property
    def url(self) -> str:
        """Its address, without a path."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """Keep one notice."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert isinstance(self.server, Inbox)
        assert self.headers["Content-Type"] == "application/json"
        self.server.notices.append(Notice(self.path, json.loads(body), time.monotonic()))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


@contextmanager
def running_inbox() -> Iterator[Inbox]:
    """An inbox on a free port of this machine."""
    inbox = Inbox()
    threading.Thread(target=inbox.serve_forever, daemon=True).start()
    try:
        yield inbox
    finally:
        inbox.shutdown()
        inbox.server_close()
