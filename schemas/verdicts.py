"""Checks as values, and the one object that decides whether a night may go live.

The checks themselves are in tasks/check.py.
"""

from pydantic import Field

from schemas.record import Record


class Check(Record):
    """One check as a value."""

    name: str
    required: bool
    passed: bool
    finding: str = Field(alias="found")  # the key in manifest.json


class Verdict(Record):
    """All checks; decides whether the edition may go live."""

    checks: tuple[Check, ...]

    @property
    def may_publish(self) -> bool:
        """Did every required check pass?"""
        return all(check.passed for check in self.checks if check.required)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Required checks that failed, for people."""
        return tuple(
            f"{check.name}: {check.finding}" for check in self.checks if check.required and not check.passed
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """Advisory checks that failed, for people."""
        return tuple(
            f"{check.name}: {check.finding}"
            for check in self.checks
            if not check.required and not check.passed
        )

    @property
    def log_line(self) -> str:
        """`14 checks, 1 failed, 0 of them required`."""
        failed = [check for check in self.checks if not check.passed]
        required = sum(check.required for check in failed)
        return f"{len(self.checks)} checks, {len(failed)} failed, {required} of them required"
