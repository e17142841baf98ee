"""How the command reports unexpected failures: one line, an exit status, no traceback."""

import errno
import os
from io import StringIO

import pytest
from rich.console import Console

from resegment.terminal import plain_failures
from segmentation.errors import Refused


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (KeyboardInterrupt(), 130, "interrupted; nothing was published, and running again is safe"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "store/x"), 1, "No space left on device: store/x"),
        (type("UnsupportedProtocol", (Exception,), {})("x"), 1, "no Prefect server answers at nonsense"),
        (ValueError("anna@example.org"), 1, "failed: ValueError. Nothing was published"),
    ],
)
def test_each_failure_is_one_line(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int, message: str
) -> None:
    """What happened and what to do, but never an exception's own text, which may quote a customer."""
    monkeypatch.setenv("PREFECT_API_URL", "nonsense")
    output = StringIO()
    with pytest.raises(SystemExit) as exit_info, plain_failures(Console(file=output, width=500)):
        raise error
    assert exit_info.value.code == status
    assert message in output.getvalue()
    assert "anna" not in output.getvalue()
    assert output.getvalue().count("\n") == 1


def test_refusals_pass_through() -> None:
    """A refusal keeps its own message and exit status."""
    with pytest.raises(Refused), plain_failures(Console(file=StringIO())):
        raise Refused("no-file", "file x does not exist")
