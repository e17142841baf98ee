"""Names, owners and notes that people give to segments, in names.json of the segmentation's folder.

They are keyed by the stable id and belong to no edition: naming changes no published byte. What a segment
is called until then is segmentation/report/factual_names.py's.
"""

import json
from datetime import date
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from segmentation.errors import Refused
from segmentation.store.layout import edition_folder
from segmentation.store.locking import LOCK, lock
from segmentation.store.manifests import read_manifest
from segmentation.store.objects import AnyPath
from segmentation.store.pointer import read_live
from segmentation.store.published import published_dates, published_edition
from segmentation.store.rewriting import rewrite

NAMES_FILE = "names.json"
LONGEST = {"name": 80, "owner": 80, "note": 500}


class GivenName(NamedTuple):
    """What a person says of a segment. as_of: the live date when the name was given."""

    name: str = ""
    owner: str = ""
    note: str = ""
    by: str = ""
    as_of: str = ""


class SplitOrMerge(NamedTuple):
    """A named segment was split or merged after it was named."""

    as_of: date
    event: str
    from_segment_id: str
    segment_id: str


def read_given_names(home: AnyPath) -> dict[str, GivenName]:
    """The names by segment id; none where there is no file. Refused if it cannot be read."""
    try:
        found = json.loads((home / NAMES_FILE).read_bytes())
        return {
            str(key): GivenName(*(str(one.get(field) or "") for field in GivenName._fields))
            for key, one in found.items()
        }
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError):
        raise Refused(
            "names", f"{home / NAMES_FILE} is not what `resegment name` writes; mend or remove it"
        ) from None


def name_segment(home: AnyPath, segment_id: str, said: dict[str, str | None], by: str) -> GivenName:
    """Write what a person says of a segment; what is None stays as it was, an empty text takes it away.

    Refused if no such segment is live or has a name already, or a text is no single line.
    """
    check_texts({**said, "by": by})
    live = read_live(home)
    known = {} if live is None else read_segment_sizes(edition_folder(home, *live))
    since = str(live[0]) if live else ""
    given = {field: text for field, text in said.items() if text is not None}
    naming = GivenName()

    def change() -> bytes:
        nonlocal naming
        names = read_given_names(home)
        if segment_id not in {**known, **names}:
            there = ", ".join(known) or "none yet"
            raise Refused(
                "segment", f"there is no segment {segment_id[:20]!r} in the live edition; there are {there}"
            )
        naming = names.pop(segment_id, GivenName())._replace(**given, by=by, as_of=since)
        if any((naming.name, naming.owner, naming.note)):
            names[segment_id] = naming
        content = {key: one._asdict() for key, one in names.items()}
        return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"

    with lock(home / LOCK):
        rewrite(home / NAMES_FILE, change)
    return naming


def check_texts(said: dict[str, str | None]) -> None:
    """Refuse what is not one line of text."""
    for field, text in said.items():
        longest = LONGEST.get(field, 80)
        if text is not None and (len(text) > longest or not text.isprintable()):
            raise Refused(field, f"{field} must be one line of text of at most {longest} characters")


def read_segment_sizes(folder: AnyPath) -> dict[str, int]:
    """Customers by segment id of an edition. Refused if its manifest cannot be read."""
    return read_manifest(folder).sizes


def list_splits(home: AnyPath, names: dict[str, GivenName]) -> dict[str, SplitOrMerge]:
    """The last split or merger of each named segment since it was named: the name may fit no more."""
    dates = {key: one.as_of for key, one in names.items() if one.name}
    found: dict[str, SplitOrMerge] = {}
    for day in published_dates(home):
        named = {key for key, since in dates.items() if since < str(day)}
        edition = published_edition(home, day) if named else None
        if edition is None:
            continue
        for event in _read_events(edition_folder(home, day, edition)):
            if event["event"] in ("split", "merged"):
                for key in named & {event["from_segment_id"], event["segment_id"]}:
                    found[key] = SplitOrMerge(day, event["event"], event["from_segment_id"], event["segment_id"])
    return found


def _read_events(folder: AnyPath) -> list[dict[str, Any]]:
    try:
        with (folder / "lineage.parquet").open("rb") as file:
            rows: list[dict[str, Any]] = pq.ParquetFile(file).read(use_threads=False).to_pylist()
            return rows
    except (OSError, ValueError):
        return []  # a damaged edition is audit's to tell
