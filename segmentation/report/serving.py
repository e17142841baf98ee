"""The store's pages over http, for readers on this machine: read-only, and only files made for readers.

What may be asked for is an allow-list over the address, so that no address leads to anything else.
The command is resegment/servers.py's, what a page looks like the report's.
"""

import os
import re
import shutil
import socket
from collections.abc import Iterable
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar, NamedTuple
from urllib.parse import quote, unquote, urlsplit

_NAME, _DATE, _EDITION = "[a-z][a-z0-9-]{0,39}", r"\d{4}-\d\d-\d\d", "[0-9a-f]{4,64}"
_FILE = r"[a-z][a-z0-9_-]{0,60}\.(html|parquet|json|png|svg)|SHA256SUMS"
_FILES = re.compile(
    rf"(index\.html|{_NAME}/(index\.html|live\.json|names\.json)"
    rf"|{_NAME}/published/as_of={_DATE}/segments\.parquet|{_NAME}/editions/{_DATE}/{_EDITION}/({_FILE}))\Z"
)
_FOLDERS = re.compile(rf"({_NAME}(/published(/as_of={_DATE})?|/editions(/{_DATE}(/{_EDITION})?)?)?)?\Z")
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    "": "text/plain; charset=utf-8",
}
_HEAD_BYTES = 4096  # a page's own policy stands in its first lines
_SCRIPTS = re.compile(rb"script-src ([^;\"<>]*)")
_HASH = re.compile(rb"'sha(?:256|384|512)-[A-Za-z0-9+/=]{43,90}'")
_STYLE = (
    "body{font:16px/1.6 system-ui,sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem;"
    "color-scheme:light dark;background:Canvas;color:CanvasText}a{color:LinkText}"
)
LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "::1")


def find_place(store: Path, address: str) -> Path | None:
    """The file or folder below the store that an address names; None where readers have no business."""
    path = unquote(urlsplit(address).path, errors="replace").removeprefix("/").removesuffix("/")
    if not (_FILES.match(path) or _FOLDERS.match(path)):
        return None
    place = (store / path).resolve()
    if not place.is_relative_to(store.resolve()):  # a link that leads out
        return None
    if place.is_dir() and (place / "index.html").is_file() and not (place / "index.html").is_symlink():
        return place / "index.html"
    wanted = place.is_dir() if _FOLDERS.match(path) else place.is_file()
    return place if wanted else None


def name_folder(address: str) -> str | None:
    """The folder that an address names without a slash at its end, which the links of its page would need."""
    path = unquote(urlsplit(address).path, errors="replace").removeprefix("/")
    return quote(path) if path and _FOLDERS.match(path) else None


def make_policy(head: bytes) -> str:
    """The content security policy for a page: only those scripts whose hashes it names itself, no fetching.

    The browser applies it together with the page's own: what either forbids is forbidden.
    """
    named = b" ".join(_SCRIPTS.findall(head)[:1])
    hashes = " ".join(sorted({one.decode() for one in _HASH.findall(named)})) or "'none'"
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src 'self' data: blob:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def list_folder(store: Path, folder: Path) -> bytes:
    """A page with links to what readers may open in a folder, newest date first."""
    inside = "" if folder == store.resolve() else f"{folder.relative_to(store.resolve())}/"
    names = [one.name + "/" * one.is_dir() for one in folder.iterdir()]
    shown = [name for name in sorted(names, reverse=True) if find_place(store, quote(f"{inside}{name}"))]
    title = escape(f"/{inside}")
    parents = ['<li><a href="../">../</a></li>'] if inside else []
    items = [f'<li><a href="{quote(name)}">{escape(name)}</a></li>' for name in shown]
    body = "\n".join([*parents, *items]) if parents or items else "<li>nothing is published here yet</li>"
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head>\n<body><h1>{title}</h1><ul>\n{body}\n</ul></body></html>\n"
    ).encode()


class Answer(NamedTuple):
    """How an answer begins."""

    code: int
    length: int
    kind: str
    head: bytes = b""  # the first bytes of a page, with its own policy
    location: str = ""


class Reports(BaseHTTPRequestHandler):
    """Answers GET and HEAD. A request that names another host is refused: a page elsewhere sent it."""

    server_version, sys_version = "resegment", ""
    protocol_version = "HTTP/1.1"
    timeout: ClassVar[float | None] = 30

    server: "ReportServer"

    def do_GET(self) -> None:
        """A page, a file or a listing."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """The same without the body."""
        self._answer(with_body=False)

    def _answer(self, with_body: bool) -> None:
        try:
            host = urlsplit(f"//{self.headers.get('Host', '')}").hostname
            place = find_place(self.server.store, self.path)
        except ValueError:
            self._refuse(400, "this is no address")
            return
        if host not in self.server.hosts:
            self._refuse(421, "this server is asked for under another name")
        elif place is None:
            self._refuse(404, "there is nothing of this name for readers")
        elif folder := name_folder(self.path):
            self._begin(Answer(301, 0, _TYPES[""], location=f"/{folder}/"))
        elif place.is_dir():
            self._list(place, with_body)
        else:
            with place.open("rb") as file:
                head = file.read(_HEAD_BYTES)
                length, kind = os.fstat(file.fileno()).st_size, _TYPES[place.suffix]
                self._begin(Answer(200, length, kind, head if place.suffix == ".html" else b""))
                if with_body:
                    self.wfile.write(head)
                    shutil.copyfileobj(file, self.wfile)

    def _list(self, folder: Path, with_body: bool) -> None:
        page = list_folder(self.server.store, folder)
        self._begin(Answer(200, len(page), _TYPES[".html"]))
        if with_body:
            self.wfile.write(page)

    def _refuse(self, code: int, said: str) -> None:
        self.close_connection = True  # a body that came along is not read
        body = f"{said}\n".encode()
        self._begin(Answer(code, len(body), _TYPES[""]))
        if self.command != "HEAD":
            self.wfile.write(body)

    def _begin(self, answer: Answer) -> None:
        self.send_response(answer.code)
        headers = {
            "Content-Type": answer.kind,
            "Content-Length": str(answer.length),
            "Content-Security-Policy": make_policy(answer.head),
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",  # customers' data: not in a browser's cache
            **({"Location": answer.location} if answer.location else {}),
            **({"Allow": "GET, HEAD"} if answer.code == 405 else {}),
            **({"Connection": "close"} if self.close_connection else {}),
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Any other method, or a request that is none: refused in the same plain way."""
        self.command = self.command or "GET"
        self._refuse(405 if code == 501 else code, message or explain or "refused")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it has above
        """Say nothing of each request: who looks at what is nobody's business."""


class ReportServer(ThreadingHTTPServer):
    """The server of a store's pages; it answers to the address it listens on and to these names."""

    daemon_threads = True

    def __init__(self, store: Path, address: tuple[str, int], names: Iterable[str] = ()) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        self.store = store
        self.hosts = frozenset({address[0], *LOOPBACK, *names})
        super().__init__(address, Reports)
