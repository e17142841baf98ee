"""The password of `resegment serve-reports`: when it is needed, and what is answered without it."""

from base64 import b64encode
from pathlib import Path

import pytest

from tests.conftest import Command
from tests.test_report_server import EDITION, request, serving, store

__all__ = ["store"]  # the fixture


def encode(sign_in: str, scheme: str = "Basic") -> str:
    """The Authorization header of a user and a password."""
    return f"{scheme} {b64encode(sign_in.encode()).decode()}"


def test_a_password_guards_every_answer(store: Path) -> None:
    """Without it every address answers 401, existing or not; with it, as without a password."""
    sign_in = "reader:pässword-of-readers"
    wrong = [
        "reader:password",
        "reader:",
        ":pässword-of-readers",
        "Reader:pässword-of-readers",
        f"{sign_in} ",
    ]
    headers = [None, "", "Basic", "Basic ?", encode(sign_in, "Bearer"), *map(encode, wrong)]
    with serving(store, sign_in) as port:
        for address in ("/demo/live.json", "/nothing", "/", f"/{EDITION}/report.html"):
            for header in headers:
                response, body = request(port, address, sign_in=header)
                assert (response.status, response.headers["WWW-Authenticate"][:5]) == (401, "Basic")
                assert body == b"a user name and a password are needed\n"
        assert request(port, "/demo/live.json", "HEAD")[0].status == 401
        assert request(port, "/demo/live.json", host="evil.example", sign_in=encode(sign_in))[0].status == 421
        assert request(port, "/demo/live.json", sign_in=encode(sign_in))[0].status == 200
        assert request(port, "/nothing", sign_in=encode(sign_in, "basic"))[0].status == 404


@pytest.mark.parametrize(
    ("arguments", "sign_in", "message"),
    [
        (["--host", "0.0.0.0"], None, "other machines can reach 0.0.0.0, so a password is needed"),  # noqa: S104
        (["--host", ""], None, "so a password is needed"),
        (["--auth-file", "FILE"], "canary-42", "must hold USER:PASSWORD on one line"),
        (["--auth-file", "FILE"], "reader:canary-42", "12 or more characters"),
        (["--auth-file", "FILE"], None, "cannot be read: FileNotFoundError"),
    ],
)
def test_beyond_this_machine_a_password_is_needed(
    arguments: list[str], sign_in: str | None, message: str, tmp_path: Path, command: Command
) -> None:
    """Without one, or with a poor one, the command refuses to start, and names no value."""
    file = tmp_path / "reports.auth"
    if sign_in is not None:
        file.write_text(sign_in)
    arguments = [str(file) if argument == "FILE" else argument for argument in arguments]
    process = command("serve-reports", "--store", str(tmp_path), "--port", "0", *arguments)
    assert process.returncode == 2
    assert message in process.stderr and "canary" not in process.stderr
