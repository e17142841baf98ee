"""The registry of places knows every kind of file that a store has."""

from pathlib import Path

import pytest

from segmentation.store.places import PLACES, Erasing, list_edition_files, list_unknown, look_up_place
from tests.nights import create_town, draw_customers

EDITION = "demo/editions/2026-01-31/0123456789abcdef"


def test_a_file_of_no_known_kind_is_named(tmp_path: Path) -> None:
    """Every file of a night has an entry; a file that no code of ours writes is listed."""
    town = create_town(tmp_path)
    town.night(1, draw_customers({"a": 40, "b": 40}))
    name = town.definition.name
    assert list_unknown(town.store, name) == []
    (town.home / "editions" / "samples.parquet").touch()
    (town.home / "customers.csv").touch()
    assert list_unknown(town.store, name) == [f"{name}/customers.csv", f"{name}/editions/samples.parquet"]


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (f"{EDITION}/segments.parquet", "one row per customer"),
        ("demo/published/as_of=2026-01-31/segments.parquet", "the published table"),
        ("demo/.live.json.4711.tmp", "a file that is being written"),
        (".index.json.4711.tmp", "a file that is being written"),
        ("demo/.staging/run-1/fit/labels-00000.parquet", "stage files of a run"),
        ("demo/editions/2026-01-31/0123/segments.parquet", None),
        ("demo/live.json.bak", None),
    ],
)
def test_a_path_has_one_kind(path: str, content: str | None) -> None:
    """A path matches one entry of the list at most, and a name that is only like one of ours matches none."""
    matches = [place.content for place in PLACES if place.matches(path)]
    assert len(matches) == (content is not None)
    if content is not None:
        place = look_up_place(path)
        assert place is not None and place.content.startswith(content)


def test_whatever_holds_rows_is_erased() -> None:
    """The files of an edition with one row per customer are rewritten, and quarantine is not served."""
    rewritten = list_edition_files(Erasing.REWRITE)
    assert set(rewritten) == {
        "segments.parquet",
        "changes.parquet",
        "contested.parquet",
        "quarantine.parquet",
        "quarantine-attributes.parquet",
        "known.parquet",
    }
    for name in ("quarantine.parquet", "quarantine-attributes.parquet"):
        quarantine = look_up_place(f"{EDITION}/{name}")
        assert quarantine is not None and quarantine.has_rows and not quarantine.is_served
