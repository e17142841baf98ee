"""Names, owners and notes that people give to segments, in names.json of the segmentation's folder.

They are keyed by the stable id. A name holds from the date after the live one, so naming changes no published
byte: the next night's edition has it. Factual names are in segmentation/report/words/factual_names.py.
"""

from datetime import date
from typing import Any, NamedTuple

from schemas.night import Night
from segmentation.errors import Refused
from segmentation.parts import read_table
from segmentation.store.catalogue.published import readable_edition
from segmentation.store.dates import published_dates
from segmentation.store.edition.manifests import read_manifest, try_read_manifest
from segmentation.store.files.locking import LOCK, lock
from segmentation.store.files.objects import AnyPath
from segmentation.store.files.rewriting import rewrite
from segmentation.store.layout import edition_folder, get_home
from segmentation.store.names_file import (
    NAMES_FILE,
    GivenName,
    add_version,
    check_texts,
    get_next_day,
    read_name_versions,
    select_names,
    serialise_names,
)
from segmentation.store.pointer import read_live, read_pointer
from segmentation.store.runs.sweeping import sweep_store


class SplitOrMerge(NamedTuple):
    """A named segment was split or merged after it was named."""

    as_of: date
    event: str
    from_segment_id: str
    segment_id: str


def name_segment(home: AnyPath, segment_id: str, texts: dict[str, str | None], user: str) -> GivenName:
    """Write name, owner and note of a segment. None leaves a text unchanged, an empty one removes it.

    The new version holds for editions after the live one. Of two on one live date, the last one holds.
    Refused if no such segment is live or named already, or if a text is not a single line.
    """
    check_texts({**texts, "by": user})
    sweep_store(home.parent)
    live = read_live(home)
    live_ids = [] if live is None else list(read_manifest(edition_folder(home, *live)).sizes)
    changes = {field: text for field, text in texts.items() if text is not None}
    given_name = GivenName()

    def change() -> bytes:
        nonlocal given_name
        versions = read_name_versions(home)
        if segment_id not in {*live_ids, *versions}:
            raise Refused(
                "segment",
                f"the live edition has no segment {segment_id[:20]!r}; "
                f"there are {', '.join(live_ids) or 'none yet'}",
            )
        as_of = str(live[0]) if live else ""
        newest = versions.get(segment_id, (GivenName(),))[-1]
        given_name = newest._replace(**changes, by=user, as_of=as_of, holds_from=get_next_day(as_of))
        return serialise_names(add_version(versions, segment_id, given_name))

    with lock(home / LOCK):
        rewrite(home / NAMES_FILE, change)
    return given_name


def resolve_names(night: Night) -> dict[str, str]:
    """The names that tonight's edition has, by segment id. Read once, when its name is derived.

    A date that is published keeps the names it has, so running it again gives the same edition even if a
    segment was named while its night ran. Refused if names.json is damaged.
    """
    home = get_home(night)
    names = select_names(read_name_versions(home), night.as_of)
    edition = readable_edition(home, night.as_of)
    if edition is None or edition in read_pointer(home).superseded:
        return names
    manifest = try_read_manifest(edition_folder(home, night.as_of, edition))
    return names if manifest is None else dict(manifest.given_names)


def list_splits(home: AnyPath, names: dict[str, GivenName]) -> dict[str, SplitOrMerge]:
    """The last split or merge of each named segment since it was named: the name may no longer fit."""
    naming_dates = {segment_id: name.as_of for segment_id, name in names.items() if name.name}
    splits: dict[str, SplitOrMerge] = {}
    for day in published_dates(home):
        # ISO dates as text compare like dates.
        named_before = {segment_id for segment_id, date_ in naming_dates.items() if date_ < str(day)}
        edition = readable_edition(home, day) if named_before else None
        if edition is None:
            continue
        for event in _read_splits(edition_folder(home, day, edition)):
            source, target = event["from_segment_id"], event["segment_id"]
            for segment_id in named_before & {source, target}:
                splits[segment_id] = SplitOrMerge(day, event["event"], source, target)
    return splits


def _read_splits(folder: AnyPath) -> list[dict[str, Any]]:
    """The split and merged events of an edition. A damaged edition has none: reporting it is audit's job."""
    try:
        events = read_table(folder / "lineage.parquet").to_pylist()
    except (OSError, ValueError):
        return []
    return [event for event in events if event["event"] in ("split", "merged")]
