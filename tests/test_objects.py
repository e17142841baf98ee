"""Objects as paths, and the object store's errors in our words."""

import threading
import traceback
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import PurePosixPath

import pytest

from segmentation.errors import Refused, StoreGone
from segmentation.parts import hash_file
from segmentation.store.files.buckets import ObjectChanged, open_bucket
from segmentation.store.files.objects import ObjectPath, parse_path


def test_objects_are_listed_and_read_like_files(bucket: ObjectPath) -> None:
    """A key prefix is a folder; patterns match part by part, in the order of keys."""
    home = bucket / "pre"
    for key in ("x", "d/y.txt", "d/z.txt", "d/e/z.txt", "dd/z.csv"):
        (home / key).put(key.encode())
    assert [path.name for path in home.iterdir()] == ["d", "dd", "x"]
    assert [str(path.relative_to(home)) for path in home.glob("*/*.txt")] == ["d/y.txt", "d/z.txt"]
    assert [path.key for path in home.glob("d?/z*")] == ["pre/dd/z.csv"]
    assert [path.name for path in (home / "d").glob("z*")] == ["z.txt"]
    assert ((home / "d").is_dir(), (home / "d").is_file(), (home / "x").is_dir()) == (True, False, False)
    assert ((home / "x").exists(), (home / "d").exists(), (home / "no").exists()) == (True, True, False)
    assert (home / "d/y.txt").parent == home / "d"
    assert (home / "d/y.txt").relative_to(home) == PurePosixPath("d/y.txt")
    with pytest.raises(FileNotFoundError, match="pre/no"):
        (home / "no").read_bytes()


def test_an_object_is_read_by_ranges(bucket: ObjectPath) -> None:
    """Seeking and reading give the object's bytes, also across buffer boundaries."""
    content = bytes(range(256)) * 12_000
    (bucket / "big").put(content)
    with (bucket / "big").open() as file:
        assert file.seek(-5, 2) == len(content) - 5
        assert file.read() == content[-5:]
        file.seek((1 << 20) - 3)
        assert file.read(6) == content[(1 << 20) - 3 : (1 << 20) + 3]
    with (bucket / "big").open() as file:
        assert file.read() == content
    assert (bucket / "big").measure() == len(content)
    assert len(hash_file(bucket / "big")) == 64
    with pytest.raises(ValueError, match="put"):
        (bucket / "big").open("wb")


def test_a_put_keeps_its_condition(bucket: ObjectPath) -> None:
    """Create only if the object is missing, replace only the expected version; otherwise nothing changes."""
    target = bucket / "one"
    target.put(b"1", create=True)
    version = target.version()
    for condition in ({"create": True}, {"replaces": '"another"'}):
        with pytest.raises(ObjectChanged):
            target.put(b"2", **condition)
    assert target.read_bytes() == b"1"
    target.put(b"3", replaces=version)
    assert target.read_bytes() == b"3"
    assert target.version() != version


class FixedResponse(BaseHTTPRequestHandler):
    """Responds to every request with the same status."""

    status = 500

    def do_GET(self) -> None:
        """Send the status, and a body such as S3 sends."""
        body = b"<Error><Code>Any</Code><Message>canary-42</Message></Error>"
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_PUT = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Print nothing."""


@pytest.mark.parametrize(
    ("status", "failure", "words"),
    [
        (403, Refused, "s3://bucket: access denied; check AWS_ACCESS_KEY_ID"),
        (401, Refused, "s3://bucket: access denied; check AWS_ACCESS_KEY_ID"),
        (500, StoreGone, "s3://bucket cannot be reached"),
        (None, StoreGone, "s3://bucket cannot be reached"),
    ],
)
@pytest.mark.usefixtures("bucket")
def test_errors_of_a_store_are_translated(
    monkeypatch: pytest.MonkeyPatch, status: int | None, failure: type[Exception], words: str
) -> None:
    """Access denied is refused; a failing server can be retried. The response is never shown."""
    with HTTPServer(("127.0.0.1", 0), FixedResponse) as server:
        monkeypatch.setattr(FixedResponse, "status", status)
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        if status is None:
            server.server_close()
        else:
            thread.start()
        path = ObjectPath("bucket", "key")
        puts = (lambda: path.put(b"x"), lambda: path.put(b"x", create=True))
        for request in (path.read_bytes, path.version, path.is_dir, *puts):
            open_bucket.cache_clear()
            with pytest.raises(failure, match=words) as caught:
                request()
            assert "canary-42" not in "".join(traceback.format_exception(caught.value))
        if status is not None:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("url", ["s3://", "s3:///x", "s3://b/../x", "s3://b/a//x", "s3://b/./x"])
def test_a_malformed_object_url_is_refused(url: str) -> None:
    """Anything but a bucket and a plain key is refused without a request."""
    with pytest.raises(Refused, match="not of the form s3://bucket/folder"):
        parse_path(url)
