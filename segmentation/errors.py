"""The exception tree: every failure that Resegment raises on purpose, with its exit status.

Messages are for people: what was found, where, what was expected, what to do. They never contain
a customer's value, since they end up in logs and in Prefect states.
"""


class ResegmentError(Exception):
    """Anything that Resegment raises on purpose. `exit_status` is the command's exit status."""

    exit_status = 1


class Refused(ResegmentError):
    """The input or a parameter is not acceptable. Trying again without a change is pointless.

    `code` is a short stable word for machines (`missing-column`), the message is for people.
    """

    exit_status = 2

    def __init__(self, code: str, message: str) -> None:
        if not message.isprintable():
            # Names in it may hold line breaks or a terminal's commands; a message is one line of text.
            message = "".join(mark if mark.isprintable() else ascii(mark)[1:-1] for mark in message)
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class DamagedFile(Refused):
    """A file of the store cannot be read, or is not what was written. The message names file and advice."""


class NoData(Refused):
    """The date has no file, or its files have no row. The definition says if that is allowed."""


class Conflict(ResegmentError):
    """Another publisher changed this date's edition during the run."""

    exit_status = 3


class StorageFailed(ResegmentError):
    """A disk is full, read-only, unmounted or broken. `code` is a short stable word, such as disk-full."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class StageFileGone(ResegmentError):
    """A stage file named by an earlier stage's record is missing or has a different size."""


class OutOfMemory(ResegmentError):
    """A query needs more memory than the settings allow, even when it spills to disk."""


class SourceChanged(ResegmentError):
    """A source file changed while it was being read. A retry reads it again."""


class UnaccountedRows(ResegmentError):
    """Rows in differ from rows used + merged + quarantined: a defect, so nothing is published."""


class ContractMismatch(ResegmentError):
    """A table's computed columns differ from its contract: a defect, so nothing is published."""


class DatabaseGone(ResegmentError):
    """The database of a connection is unreachable or dropped the connection. A retry asks again."""


class StoreGone(ResegmentError):
    """An object store is unreachable. A retry asks again."""


class ClusterGone(ResegmentError):
    """The Dask cluster is unreachable. A retry asks again."""
