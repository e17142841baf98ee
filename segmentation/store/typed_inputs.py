"""Which typed files an edition was made from, kept next to the editions: `inputs/AS_OF/EDITION.json`.

An edition is identified by the rows of its Parquet files, whatever their layout, so the files cannot be named
in it (decision 26). They are needed to tell which files were late. Text files are in the manifest.
"""

import json
import re
from collections.abc import Iterable, Mapping

from config.side_tables import SIDE_TABLES
from schemas.manifest import EditionRef
from schemas.rows import Input
from segmentation.store.files.durable import write_durably
from segmentation.store.files.objects import AnyPath
from segmentation.store.files.small_files import advise_repair, parse_json, read_small_file
from segmentation.store.layout import Home, join_path
from segmentation.store.ledger import read_rows

_SIDE_FILE = re.compile(f"({'|'.join(SIDE_TABLES)}): ")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def typed_inputs_path(home: Home, ref: EditionRef) -> Home:
    """The list of an edition's typed files."""
    return join_path(home, "inputs", str(ref.as_of), f"{ref.edition}.json")


def write_typed_inputs(home: AnyPath, ref: EditionRef, inputs: Iterable[Input]) -> None:
    """Record the typed files among the inputs, sha256 by name. A later run of the same rows replaces them."""
    digests = {source.name: source.sha256 for source in inputs if source.numbered}
    if digests:
        write_durably(typed_inputs_path(home, ref), format_typed_inputs(digests))


def format_typed_inputs(digests: Mapping[str, str]) -> bytes:
    """The content of the file."""
    return json.dumps(digests, indent=0, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def read_typed_inputs(home: AnyPath, ref: EditionRef, table: str | None = None) -> Mapping[str, str]:
    """sha256 by name of an edition's typed files; empty if none are recorded. Refused if they are damaged.

    table: a second table; None: the rows.
    """
    path, expected = typed_inputs_path(home, ref), "sha256 by name of an edition's files"
    digests = read_small_file(path, _parse, expected, advise_repair(home)) or {}
    prefix = name_side_file(table, "") if table else ""
    names = [name for name in digests if name.startswith(prefix) and (table or not _SIDE_FILE.match(name))]
    return {name.removeprefix(prefix): digests[name] for name in names}


def name_side_file(table: str, name: str) -> str:
    """The name under which a file of a second table is recorded."""
    return f"{table}: {name}"


def list_recorded_inputs(home: AnyPath, ref: EditionRef) -> dict[str, str]:
    """sha256 by name of an edition's typed files according to the ledger; empty if it does not tell."""
    rows = [row for row in read_rows(home) if row.get("edition") == ref.edition and row.get("inputs")]
    inputs = rows[-1]["inputs"] if rows else []
    return {source["name"]: source["sha256"] for source in inputs if source.get("numbered")}


def _parse(content: bytes) -> dict[str, str]:
    digests = parse_json(content)
    if not all(isinstance(digest, str) and _SHA256.fullmatch(digest) for digest in digests.values()):
        raise ValueError("not a sha256")
    return digests


def copy_typed_inputs(home: AnyPath, ref: EditionRef, other_home: AnyPath) -> None:
    """Copy the list of an edition's typed files, if there is one, to another store."""
    path = typed_inputs_path(home, ref)
    if path.is_file():
        write_durably(typed_inputs_path(other_home, ref), path.read_bytes())
