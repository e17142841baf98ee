"""The exception tree: every failure that Resegment raises on purpose, with its exit status.

Messages are for people: what was found, where, what was expected, what to do. They never hold
a customer's value, since they end up in logs and in Prefect states.
"""


class ResegmentError(Exception):
    """Anything that Resegment raises on purpose. `exit_status` is the command's exit status."""

    exit_status = 1


class Refused(ResegmentError):
    """The input or a parameter is not acceptable; trying again without a change is pointless.

    `code` is a short stable word for machines (`missing-column`), the message is for people.
    """

    exit_status = 2

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class NoData(Refused):
    """There is no file for the date, or no row in it. The definition says whether that is a fault."""


class Conflict(ResegmentError):
    """Another publisher changed this date's edition while the run was under way."""

    exit_status = 3


class StageFileGone(ResegmentError):
    """A stage file named by an earlier stage's record is missing or has changed its size."""


class OutOfMemory(ResegmentError):
    """A query needs more memory than the settings give, even with what it wrote to disk."""


class SourceChanged(ResegmentError):
    """A source file changed while it was being read; a retry reads it afresh."""


class UnaccountedRows(ResegmentError):
    """Rows in differ from rows used + merged + quarantined: a defect, never to be published."""


class DatabaseGone(ResegmentError):
    """The database of a connection cannot be reached, or broke off; a retry asks again."""


class StoreGone(ResegmentError):
    """An object store cannot be reached; a retry asks again."""


class ClusterGone(ResegmentError):
    """The Dask cluster cannot be reached; a retry asks again."""
