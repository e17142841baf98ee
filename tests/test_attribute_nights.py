"""Whole nights with attributes: what is published, rebuilt, erased and found late."""

import json
import stat
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from resegment.outcome import format_published
from schemas.night import Published
from segmentation.errors import Refused
from segmentation.rebuilding import compare_rebuilt, plan_rebuild, prepare_scratch
from segmentation.sources.changed_dates import list_changed_dates
from segmentation.store.catalogue.editions import resolve_edition
from segmentation.store.edition.manifests import read_manifest
from segmentation.store.repair.audit import audit_store
from tests.erasing import erase, search
from tests.nights import FOUR, Town, create_town, day, draw_customers, read, run_definition

VICTIM = "a00007-9f3ac1e7b2"  # an id that no other text holds
AGE = {"type": "int", "nullable": True, "fill": {"by": "median"}}


def draw() -> pd.DataFrame:
    """The customers of every night."""
    customers = draw_customers(FOUR)
    return customers.assign(id=customers["id"].replace("a00007", VICTIM))


def write_attributes(folder: Path, number: int, *, extra: int = 0, is_typed: bool = False) -> None:
    """The file of attributes of a night: an age and a country, without the last 40, and refused rows."""
    ids = draw()["id"].tolist()
    rows = [
        (name, 20 + position % 50 + extra, "DE" if position % 3 else "FR")
        for position, name in enumerate(ids)
    ]
    lines = [f"{name},{age},{country}" for name, age, country in rows[:-40]]
    lines += ["zz,1,DE", f"{VICTIM},old,DE", f"{ids[3]},99,DE"]
    folder.mkdir(exist_ok=True)
    path = folder / f"{day(number)}.csv"
    path.write_text("\n".join(["no,age,country", *lines]) + "\n")
    if is_typed:
        pd.read_csv(path, dtype=str).to_parquet(path.with_suffix(".parquet"))
        path.unlink()


def create(folder: Path, **changes: Any) -> Town:
    """A town with dated attributes: age is a feature, country is in the profile."""
    clause = {
        "source": {"path": str(folder / "attributes"), "date_in_name": "%Y-%m-%d"},
        "id": "no",
        "columns": {"age": AGE, "country": {"type": "category"}},
    }
    town = create_town(
        folder, attributes=clause, features=["spend", "visits", "age"], profile=["country"], **changes
    )
    (folder / "definitions").mkdir(exist_ok=True)
    return town


@pytest.fixture(scope="module")
def two_nights_joined(tmp_path_factory: pytest.TempPathFactory) -> tuple[Town, list[Published]]:
    """Two nights whose attributes are dated: the second one reads a file of its own."""
    town = create(tmp_path_factory.mktemp("joined"))
    nights = []
    for number in (1, 2):
        write_attributes(town.folder / "attributes", number)
        nights.append(town.night(number, draw()))
    return town, nights


def test_a_night_publishes_what_it_joined(two_nights_joined: tuple[Town, list[Published]]) -> None:
    """Segments have the columns, the manifest the balance, and the run and the page say how many match."""
    _, (first, _) = two_nights_joined
    assert first.outcome == "published"
    segments = read(first).set_index("customer_id")
    assert int(segments["age"].isna().sum()) == int(segments["country"].isna().sum()) == 41
    assert (segments.loc["a00001", "age"], segments.loc["a00001", "country"]) == (21, "DE")
    folder = Path(first.report_path).parent
    manifest = read_manifest(folder)
    balance = manifest.attributes
    assert balance is not None
    assert (balance.customers, balance.matched, balance.ids_elsewhere, balance.day) == (480, 439, 1, day(1))
    assert balance.rows.adds_up
    assert balance.rows.quarantined == 3
    assert [digest.table for digest in manifest.inputs] == [None, "attributes"]
    sentence = (
        "439 of 480 customers (91.5%) are in attributes of 2026-01-01; 1 of its ids belongs to no customer; "
        "3 rows refused"
    )
    assert f"Joined:   {sentence}" in format_published(first)
    assert sentence in (folder / "report.html").read_text().replace("<wbr>", "")
    assert {check.name: check.passed for check in manifest.checks}["attributes-match"]


def test_refused_rows_are_for_the_owner_only(two_nights_joined: tuple[Town, list[Published]]) -> None:
    """Attributes have a quarantine file of their own, which nobody else may read, and which audit knows."""
    town, (first, _) = two_nights_joined
    path = Path(first.report_path).parent / "quarantine-attributes.parquet"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    refused = pd.read_parquet(path)
    assert sorted(refused["reason"]) == ["age: unreadable", *["conflicting rows of one customer"] * 2]
    assert audit_store(town.home).damage == []


def test_the_name_of_an_edition_is_of_both_tables(
    two_nights_joined: tuple[Town, list[Published]], tmp_path: Path
) -> None:
    """The same tables are published already; another file of attributes makes another edition."""
    original, (_, second) = two_nights_joined
    town = original.copy_to(tmp_path)
    town = town._replace(definition=create(tmp_path).definition)
    source = town.folder / "night-2.csv"
    repeated = town.run(2, source)
    assert (repeated.outcome, repeated.attributes) == ("already-published", second.attributes)
    write_attributes(town.folder / "attributes", 2, extra=1)
    changed = town.run(2, source)
    assert changed.outcome == "published"
    assert changed.edition != second.edition


def rebuild(town: Town, number: int, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The differences between a night's edition and one that is made from its manifest."""
    content = town.definition.model_dump(mode="json", by_alias=True)
    (town.folder / "definitions" / "planted.yaml").write_text(json.dumps(content))
    monkeypatch.setenv("RESEGMENT_DEFINITIONS", str(town.folder / "definitions"))
    edition = resolve_edition(town.home, day(number), None)
    plan = plan_rebuild(town.home, edition, str(town.folder / f"night-{number}.csv"))
    store, definitions = prepare_scratch(town.home, edition, plan, scratch)
    rebuilt = run_definition(definitions / "planted.yaml", day(number), store)
    return compare_rebuilt(town.home, edition, store / "planted", rebuilt.edition).differences


def test_an_edition_with_attributes_is_rebuilt(
    two_nights_joined: tuple[Town, list[Published]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From its manifest, and attributes from where the definition says they are, come the same bytes."""
    town, _ = two_nights_joined
    assert rebuild(town, 2, tmp_path / "scratch", monkeypatch) == []


def test_a_rebuild_says_which_table_it_cannot_locate(
    two_nights_joined: tuple[Town, list[Published]],
) -> None:
    """A manifest does not say where tables are: without the definition, the refusal names the table."""
    town, _ = two_nights_joined
    edition = resolve_edition(town.home, day(2), None)
    lost = "cannot-rebuild: the location of its attributes is unknown: definition planted does not exist"
    with pytest.raises(Refused, match=lost):
        plan_rebuild(town.home, edition, str(town.folder / "night-2.csv"))


@pytest.mark.slow
def test_erased_customers_leave_attributes(
    two_nights_joined: tuple[Town, list[Published]], tmp_path: Path
) -> None:
    """The rows of an erased customer go from the quarantine of attributes, and are left out from then on."""
    original, _ = two_nights_joined
    town = original.copy_to(tmp_path)
    town = town._replace(definition=create(tmp_path).definition)
    assert {Path(path).name for path in search(town.home / "editions", VICTIM)} == {
        "segments.parquet",
        "quarantine-attributes.parquet",
    }
    erase(town, VICTIM)
    assert search(town.home, VICTIM) == set()
    write_attributes(town.folder / "attributes", 3)
    third = town.night(3, draw())
    assert third.attributes is not None
    assert third.attributes.rows.erased == 2
    assert third.attributes.rows.adds_up
    assert search(town.home, VICTIM) == set()
    path = Path(third.report_path).parent / "quarantine-attributes.parquet"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.slow
@pytest.mark.parametrize("is_typed", [False, True])
def test_late_attributes_are_noticed_and_redone(tmp_path: Path, is_typed: bool) -> None:
    """A file that a published night should have read is named, and mode changed redoes that night."""
    town = create(tmp_path)
    write_attributes(town.folder / "attributes", 1, is_typed=is_typed)
    assert [town.night(number, draw()).outcome for number in (1, 2)] == ["published"] * 2
    write_attributes(town.folder / "attributes", 2, extra=1, is_typed=is_typed)
    new = f"1 file is new (attributes: 2026-01-02{'.parquet' if is_typed else '.csv'})"
    late = [warning for warning in town.night(3, draw()).warnings if warning.startswith("late-files")]
    assert late[0] == f"late-files: {new} since the edition of 2026-01-02"
    planned = list_changed_dates(town.home, town.definition, None, (day(1), day(3)))
    assert [(date.as_of, date.reason) for date in planned] == [
        (day(2), new),
        (day(3), "builds on the edition of 2026-01-02"),
    ]
