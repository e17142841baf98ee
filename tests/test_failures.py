"""What the command says of failures that are not its own: one line, an exit status, no traceback."""

import errno
import os
from collections.abc import Callable
from io import StringIO

import pytest
from rich.console import Console

from resegment.arguments import plain_failures
from segmentation.errors import Refused


def fail(error: BaseException) -> Callable[[], None]:
    """A function that raises it."""

    def raise_it() -> None:
        raise error

    return raise_it


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (KeyboardInterrupt(), 130, "interrupted; nothing was published, and running again is safe"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "store/x"), 1, "No space left on device: store/x"),
        (type("UnsupportedProtocol", (Exception,), {})("x"), 1, "no Prefect server answers at nonsense"),
        (ValueError("anna@example.org"), 1, "failed: ValueError. Nothing was published"),
    ],
)
def test_each_failure_is_one_line(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int, says: str
) -> None:
    """What happened and what to do; never an exception's own text, which may quote a customer."""
    monkeypatch.setenv("PREFECT_API_URL", "nonsense")
    written = StringIO()
    with (
        pytest.raises(SystemExit) as ended,
        plain_failures(Console(file=written, width=500)),
    ):
        fail(error)()
    assert ended.value.code == status
    assert says in written.getvalue()
    assert "anna" not in written.getvalue()
    assert written.getvalue().count("\n") == 1


def test_refusals_pass_on() -> None:
    """They have words and an exit status of their own."""
    with pytest.raises(Refused), plain_failures(Console(file=StringIO())):
        raise Refused("no-file", "there is no file x")
