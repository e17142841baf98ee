"""Checks as values, and the one object that decides whether a night may go live.

The checks themselves belong in tasks/check.py, other records in schemas/records.py.
"""

from schemas.record import Record


class Check(Record):
    """One check as a value."""

    name: str
    required: bool
    passed: bool
    found: str


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
        return tuple(f"{c.name}: {c.found}" for c in self.checks if c.required and not c.passed)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Advisory checks that failed, for people."""
        return tuple(f"{c.name}: {c.found}" for c in self.checks if not c.required and not c.passed)
