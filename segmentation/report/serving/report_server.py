"""The server of `resegment serve-reports`: the store's pages and published files, read-only, over HTTP.

An address is matched against an allow-list of patterns before it becomes a path, so no address can reach
another file. The command is in resegment/local_servers.py, the password in sign_in.py.
"""

import os
import re
import shutil
import socket
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from pydantic import SecretStr

from segmentation.report.page import render_page
from segmentation.report.serving.sign_in import CHALLENGE, is_signed_in
from segmentation.store.places import look_up_place

LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "::1")

_NAME, _DATE, _EDITION = "[a-z][a-z0-9-]{0,39}", r"\d{4}-\d\d-\d\d", "[0-9a-f]{4,64}"
_EDITION_FILE = r"[a-z][a-z0-9_-]{0,60}\.(html|parquet|json|png|svg)|SHA256SUMS"
_FILES = re.compile(
    rf"(index\.html|{_NAME}/(index\.html|live\.json|names\.json)"
    rf"|{_NAME}/published/as_of={_DATE}/segments\.parquet|{_NAME}/editions/{_DATE}/{_EDITION}/({_EDITION_FILE}))\Z"
)
_FOLDERS = re.compile(rf"({_NAME}(/published(/as_of={_DATE})?|/editions(/{_DATE}(/{_EDITION})?)?)?)?\Z")
_CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    "": "text/plain; charset=utf-8",
}
_HEAD_BYTES = 4096  # enough for the policy of a page, which is in its first lines
_SCRIPT_SOURCES = re.compile(rb"script-src ([^;\"<>]*)")
_SCRIPT_HASH = re.compile(rb"'sha(?:256|384|512)-[A-Za-z0-9+/=]{43,90}'")


def resolve_address(store: Path, address: str) -> Path | None:
    """The file or folder that an address names; None if readers may not have it or it does not exist."""
    # Unquoted before it is matched: %2e%2e must be seen as "..".
    relative = unquote(urlsplit(address).path, errors="replace").removeprefix("/").removesuffix("/")
    if not (_FILES.match(relative) or _FOLDERS.match(relative)):
        return None
    place = look_up_place(relative)
    if place is not None and not place.is_served:  # such as quarantine.parquet, which has raw rows
        return None
    # resolve() follows symbolic links. The check below sees where the file really is.
    path = (store / relative).resolve()
    if not path.is_relative_to(store.resolve()):  # a symbolic link out of the store
        return None
    if path.is_dir() and (path / "index.html").is_file() and not (path / "index.html").is_symlink():
        return path / "index.html"
    is_match = path.is_dir() if _FOLDERS.match(relative) else path.is_file()
    return path if is_match else None


def get_folder_redirect(address: str) -> str | None:
    """Where to redirect an address that names a folder without a final slash; None for any other address.

    Relative links of the folder's page would be wrong without the slash.
    """
    path = unquote(urlsplit(address).path, errors="replace").removeprefix("/")
    return f"/{quote(path)}/" if path and _FOLDERS.match(path) else None


def build_response_policy(page_head: bytes) -> str:
    """The content security policy of a response: it allows the scripts that the page's own policy allows.

    page_head: the first bytes of the page. The browser enforces both policies.
    """
    sources = b" ".join(_SCRIPT_SOURCES.findall(page_head)[:1])
    hashes = sorted({script_hash.decode() for script_hash in _SCRIPT_HASH.findall(sources)})
    scripts = " ".join(hashes) or "'none'"
    return (
        # Styles may be inline here, since the page's own policy in its head has their hashes
        # and applies as well.
        f"default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; "
        "img-src 'self' data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def render_folder(store: Path, folder: Path) -> bytes:
    """A page with links to what readers may open in a folder, newest date first."""
    is_root = folder == store.resolve()
    prefix = "" if is_root else f"{folder.relative_to(store.resolve())}/"
    names = [path.name + "/" * path.is_dir() for path in folder.iterdir()]
    readable = [name for name in names if resolve_address(store, quote(f"{prefix}{name}"))]
    return render_page(
        "folder.html.j2", f"/{prefix}", names=sorted(readable, reverse=True), has_parent=not is_root
    )


class ResponseHead(NamedTuple):
    """What the headers of a response depend on."""

    status: int
    length: int
    content_type: str
    page_head: bytes = b""  # the first bytes of an HTML page, with the page's policy
    location: str = ""


class ReportHandler(BaseHTTPRequestHandler):
    """Answers GET and HEAD.

    Refuses requests with an unknown Host header, because a page elsewhere may have sent them (DNS rebinding).
    """

    server_version, sys_version = "resegment", ""
    protocol_version = "HTTP/1.1"
    timeout: ClassVar[float | None] = 30

    server: "ReportServer"

    def do_GET(self) -> None:
        """A page, a file or the listing of a folder."""
        self._respond(with_body=True)

    def do_HEAD(self) -> None:
        """The headers of a GET."""
        self._respond(with_body=False)

    def _respond(self, with_body: bool) -> None:
        try:
            host = urlsplit(f"//{self.headers.get('Host', '')}").hostname
            path = resolve_address(self.server.store, self.path)
        except ValueError:
            self._refuse(400, "malformed address")
            return
        if host not in self.server.hosts:
            # Before 404, so that a page of another site cannot learn which files exist.
            self._refuse(421, "unknown host name")
        elif not self._is_welcome():
            self._refuse(401, "a user name and a password are needed")
        elif path is None:
            self._refuse(404, "not found")
        elif location := get_folder_redirect(self.path):
            self._send_head(ResponseHead(301, 0, _CONTENT_TYPES[""], location=location))
        elif path.is_dir():
            self._send_listing(path, with_body)
        else:
            self._send_file(path, with_body)

    def _is_welcome(self) -> bool:
        sign_in = self.server.sign_in
        return sign_in is None or is_signed_in(self.headers.get("Authorization"), sign_in)

    def _send_file(self, path: Path, with_body: bool) -> None:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
            # Size of the opened file: its name may already belong to a newer one, which os.replace put there.
            length, content_type = os.fstat(file.fileno()).st_size, _CONTENT_TYPES[path.suffix]
            page_head = head if path.suffix == ".html" else b""
            self._send_head(ResponseHead(200, length, content_type, page_head))
            if with_body:
                self.wfile.write(head)
                shutil.copyfileobj(file, self.wfile)

    def _send_listing(self, folder: Path, with_body: bool) -> None:
        page = render_folder(self.server.store, folder)
        self._send_head(ResponseHead(200, len(page), _CONTENT_TYPES[".html"]))
        if with_body:
            self.wfile.write(page)

    def _refuse(self, status: int, message: str) -> None:
        self.close_connection = True  # the body of the request, if any, stays unread
        body = f"{message}\n".encode()
        self._send_head(ResponseHead(status, len(body), _CONTENT_TYPES[""]))
        if self.command != "HEAD":
            self.wfile.write(body)

    def _send_head(self, head: ResponseHead) -> None:
        self.send_response(head.status)
        headers = {
            "Content-Type": head.content_type,
            "Content-Length": str(head.length),
            "Content-Security-Policy": build_response_policy(head.page_head),
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",  # keeps customer data out of the browser's cache
            **({"Location": head.location} if head.location else {}),
            **({"Allow": "GET, HEAD"} if head.status == 405 else {}),
            **({"WWW-Authenticate": CHALLENGE} if head.status == 401 else {}),
            **({"Connection": "close"} if self.close_connection else {}),
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse other methods and malformed requests in the same plain text."""
        self.command = self.command or "GET"
        # http.server answers 501 for a method without a do_ function. 405 is what it means here.
        self._refuse(405 if code == 501 else code, message or explain or "refused")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Log nothing: who reads which report is private."""


class ReportServer(ThreadingHTTPServer):
    """The server of a store. It accepts its address, this machine and `names` as Host.

    sign_in: USER:PASSWORD that every request must have.
    """

    # An idle keep-alive connection must not keep the server from stopping.
    daemon_threads = True

    def __init__(
        self,
        store: Path,
        address: tuple[str, int],
        names: Iterable[str] = (),
        sign_in: SecretStr | None = None,
    ) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        self.store = store
        self.sign_in = sign_in
        self.hosts = frozenset({address[0], *LOOPBACK, *names})
        super().__init__(address, ReportHandler)
