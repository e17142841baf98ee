"""A damaged file of a store as audit reports it, what to do about it, and which repair that is.

Finding damage is in audit.py, repairing it in repairing.py.
"""

from datetime import date
from enum import StrEnum
from typing import NamedTuple

from segmentation.store.files.objects import AnyPath


class Repair(StrEnum):
    """What `resegment repair` can do, in the order in which it does it."""

    LIVE = "write live.json again, from editions and ledger"
    IDS = "write ids.json again, from editions and ledger"
    SUMS = "write SHA256SUMS again, as manifest and table vouch for the files"
    TABLE = "restore the table from its other copy"
    INPUTS = "write the list of input files again, from the ledger"


class Damage(NamedTuple):
    """A file that is not as it was written. `path` is relative to the store.

    repair: what `resegment repair` does about it; None if a person must act. as_of and edition: whose it is.
    is_misplaced: it is a whole edition, in a folder of another name.
    """

    path: str
    problem: str
    advice: str = ""
    repair: Repair | None = None
    as_of: date | None = None
    edition: str | None = None
    is_misplaced: bool = False

    def to_dict(self) -> dict[str, str]:
        """For `--json`, whose keys scripts rely on."""
        return {"path": self.path, "problem": self.problem, "advice": self.advice}


class FileProblem(NamedTuple):
    """A file of one edition that is not as it was sealed."""

    name: str
    problem: str


def relative_path(home: AnyPath, path: AnyPath) -> str:
    """The path relative to the store."""
    return str(path).removeprefix(f"{home.parent}/")


def advise_rerun(home: AnyPath, as_of: date) -> str:
    """How to make the edition of a date again."""
    command = f"resegment run {home.name} --as-of {as_of} --force"
    again = f"run '{command}', with the --source of its run if it had one"
    return f"restore it from a backup, or {again}; if that makes another edition, remove this one's"
