"""The sign-in of served pages: USER:PASSWORD from a file or the settings, compared with a request's header.

The server is in report_server.py. Whether it needs a password is decided in resegment/local_servers.py.
"""

import hashlib
import hmac
from base64 import b64decode
from binascii import Error as Base64Error
from pathlib import Path

from pydantic import SecretStr

from segmentation.errors import Refused

CHALLENGE = 'Basic realm="resegment", charset="UTF-8"'
_SHORTEST_PASSWORD = 12


def read_sign_in(file: Path) -> SecretStr:
    """USER:PASSWORD from the first line of a file. Refused if it cannot be read."""
    try:
        with file.open(encoding="utf-8") as lines:
            return check_sign_in(SecretStr(lines.readline().strip()), f"the file {file}")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused("password", f"{file} cannot be read: {type(error).__name__}") from None


def check_sign_in(sign_in: SecretStr, place: str) -> SecretStr:
    """Refuse a text that is not USER:PASSWORD, or whose password is short."""
    user, _, password = sign_in.get_secret_value().partition(":")
    if not user or len(password) < _SHORTEST_PASSWORD:
        raise Refused(
            "password",
            f"{place} must hold USER:PASSWORD on one line, the password of {_SHORTEST_PASSWORD} or more "
            "characters, such as the output of `openssl rand -hex 24`",
        )
    return sign_in


def is_signed_in(header: str | None, sign_in: SecretStr) -> bool:
    """Does the Authorization header of a request have this user and password?

    >>> is_signed_in("Basic cmVhZGVyOnBhc3N3b3Jk", SecretStr("reader:password"))
    True
    """
    scheme, _, encoded = (header or "").partition(" ")
    try:
        credentials = b64decode(encoded.strip(), validate=True)
    except (Base64Error, ValueError):
        return False
    expected = sign_in.get_secret_value().encode()
    # Digests have one length, so that the time of the comparison tells nothing about the password.
    digests = (hashlib.sha256(text).digest() for text in (credentials, expected))
    return scheme.lower() == "basic" and hmac.compare_digest(*digests)
