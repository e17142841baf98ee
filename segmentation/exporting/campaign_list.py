"""Writing a list: CSV or Parquet, complete or not at all, with those held out in a file of their own.

Who is on it is decided in selection.py, who is held out in hashing.py.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from segmentation.errors import Refused
from segmentation.exporting.hashing import Holdout, hash_ids
from segmentation.exporting.selection import ListTable, Selection, describe_members, select_members
from segmentation.store.files.durable import replace_file, sweep_temporaries
from segmentation.store.files.objects import AnyPath
from segmentation.store.files.permissions import PRIVATE_FILE

_FORMULA = r"^[=+\-@\t\r]"  # what a spreadsheet would run


class ListOptions(NamedTuple):
    """How a list is written.

    names: names of segments by id. holdout: who is left out. key: with it, ids are hashed.
    """

    names: Mapping[str, str]
    holdout: Holdout | None = None
    key: bytes | None = None


class ListSummary(NamedTuple):
    """What a list has: how many customers, and how many were left out for which reason.

    held_out: in the holdout. earlier: in the segment already on the date compared with. unclear: below the
    least margin. formulas: texts that a spreadsheet would take for formulas.
    """

    customers: int = 0
    held_out: int = 0
    earlier: int = 0
    unclear: int = 0
    formulas: int = 0

    def plus(self, counts: "ListSummary") -> "ListSummary":
        """The sum of both."""
        return ListSummary(*(a + b for a, b in zip(self, counts, strict=True)))


class ListFiles(NamedTuple):
    """Where a list goes: a file, or a stream that takes CSV. holdout: a file for those held out, if any."""

    output: Path | IO[bytes]
    holdout: Path | None


def locate_holdout_list(output: Path) -> Path:
    """`spring.holdout.csv` next to `spring.csv`."""
    return output.with_name(f"{output.stem}.holdout{output.suffix}")


def check_output(output: Path) -> None:
    """Refuse a list's path that is not .csv or .parquet, or is in no folder."""
    if output.suffix not in (".csv", ".parquet"):
        raise Refused("output", f"{output.name}: expected a name that ends in .csv or .parquet")
    if not output.parent.is_dir():
        raise Refused("output", f"{output.name}: folder {output.parent} does not exist")


def write_list(
    home: AnyPath, folder: AnyPath, selection: Selection, options: ListOptions, files: ListFiles
) -> ListSummary:
    """Write the list of an edition's selected customers. The files appear when they are complete."""
    members_schema = describe_members(folder, selection)
    source = selection.table
    schema = _finish(members_schema.empty_table(), source, options)[0].schema
    summary = ListSummary()
    with _open_files(files, schema) as writer:
        for members in select_members(home, folder, selection):
            table, is_held_out = _finish(members.table, source, options)
            contacts = table.filter(pc.invert(is_held_out))
            writer.write(contacts, table.filter(is_held_out))
            summary = summary.plus(
                ListSummary(
                    customers=contacts.num_rows,
                    held_out=table.num_rows - contacts.num_rows,
                    earlier=members.earlier,
                    unclear=members.unclear,
                    formulas=sum(map(count_formulas, contacts.columns)),
                )
            )
    return summary


class _ListWriter(NamedTuple):
    contacts: "pq.ParquetWriter | pa.csv.CSVWriter"
    holdout: "pq.ParquetWriter | pa.csv.CSVWriter | None"

    def write(self, contacts: pa.Table, holdout: pa.Table) -> None:
        self.contacts.write_table(contacts)
        if self.holdout is not None:
            self.holdout.write_table(holdout)


@contextmanager
def _open_files(files: ListFiles, schema: pa.Schema) -> Iterator[_ListWriter]:
    with ExitStack() as stack:
        # What is entered last ends first: the holdout's file has its name before the list does.
        writers = [
            stack.enter_context(open_list(output, schema))
            for output in (files.output, files.holdout)
            if output is not None
        ]
        yield _ListWriter(writers[0], writers[1] if len(writers) > 1 else None)


@contextmanager
def open_list(output: Path | IO[bytes], schema: pa.Schema) -> Iterator["pq.ParquetWriter | pa.csv.CSVWriter"]:
    """A writer of customers' rows. A file is its owner's alone, and takes its name when it is complete."""
    if not isinstance(output, Path):
        with pa.csv.CSVWriter(output, schema) as writer:
            yield writer
        return
    sweep_temporaries(output.parent)  # of a command that was killed: they hold customers' rows
    make = pa.csv.CSVWriter if output.suffix == ".csv" else pq.ParquetWriter
    try:
        with replace_file(output, PRIVATE_FILE) as partial, make(partial, schema) as writer:
            yield writer
    except OSError as error:
        raise Refused("output", f"{output.name} cannot be written: {error.strerror or error}") from None


def _finish(table: pa.Table, source: ListTable, options: ListOptions) -> tuple[pa.Table, pa.Array]:
    """The list's columns, and who is held out: bool (n,)."""
    ids = table["customer_id"].to_pylist()
    is_held_out = options.holdout.detect(ids) if options.holdout else [False] * len(ids)
    labels = table[source.label].cast(pa.string())
    # The holdout is chosen by the id itself, so hashing ids does not change it.
    list_ids = pa.array(hash_ids(ids, options.key) if options.key else ids, pa.string())
    columns: dict[str, pa.Array | pa.ChunkedArray] = {"customer_id": list_ids, source.label: labels}
    if source.label == "segment_id":
        names = [options.names.get(segment_id, "") for segment_id in labels.to_pylist()]
        columns["segment_name"] = pa.array(names, pa.string())
    columns |= {name: table[name] for name in table.column_names if name not in columns}
    return pa.table(columns), pa.array(is_held_out, pa.bool_())


def count_formulas(texts: pa.ChunkedArray) -> int:
    """How many texts a spreadsheet would take for formulas; 0 in a column of numbers."""
    if pa.types.is_dictionary(texts.type):
        texts = texts.cast(texts.type.value_type)
    if not (pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type)):
        return 0
    return pc.sum(pc.match_substring_regex(texts, _FORMULA)).as_py() or 0
