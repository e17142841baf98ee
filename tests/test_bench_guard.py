"""`make bench-guard`: two ratios of CPU seconds, and a failure when one exceeds its limit."""

import pytest

from bench.guard import Ratio, main, report_ratios


@pytest.mark.parametrize(("seconds", "code"), [(1.9, 0), (2.0, 0), (2.1, 1)])
def test_a_ratio_above_its_limit_fails(seconds: float, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is 1, and the error stream has a sentence for each limit that is exceeded."""
    ratios = [Ratio("ten customers", "a peer", (seconds, 4.0), 0.5), Ratio("two lines", "a peer", (1, 1), 1)]
    assert report_ratios(ratios) == code
    output = capsys.readouterr()
    assert output.err.count("more than the limit of 0.5.\n") == output.err.count("\n") == code
    assert output.out.count("within the limit") == 2 - code


@pytest.mark.slow
def test_the_guard_measures_both_ratios(capsys: pytest.CaptureFixture[str]) -> None:
    """With a limit of nothing for DuckDB only its ratio fails, on any machine."""
    assert main(["--rows", "2000", "--lines", "3000", "--limits", "1e9", "0"]) == 1
    output = capsys.readouterr()
    assert "customers takes" in output.out
    assert "order lines takes" in output.err
