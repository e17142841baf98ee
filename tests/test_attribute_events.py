"""Attributes and merged ids of customers whose rows are events."""

from pathlib import Path

import pandas as pd
import pytest

from schemas.night import Night
from segmentation.parts import read_part
from tasks.ingest import ingest
from tasks.summarise import summarise
from tests.event_inputs import AS_OF, EVENTS, HEADER, define
from tests.joined_tables import AGE, write_csv

LINES = f"""{HEADER}
c1,i1,2026-01-20,1,10
c2,i2,2026-01-21,2,10
c3,i3,2026-01-22,3,10
c1,i4,2026-01-23,4,10
"""


def summarise_lines(folder: Path, **changes: object) -> pd.DataFrame:
    """The customers of LINES, by id, with these changes of the definition."""
    path = folder / "events.csv"
    path.write_text(LINES)
    night = Night(
        run_id="run",
        definition=define(**changes),
        as_of=AS_OF,
        source=str(path),
        store=folder / "store",
        force=False,
    )
    customers = summarise(night, ingest(night))
    tables: list[pd.DataFrame] = [read_part(part).to_pandas() for part in customers.parts]
    return pd.concat(tables).set_index("customer_id")


def test_attributes_are_features_and_profiles_of_events(tmp_path: Path) -> None:
    """Summed features and joined ones stand in one row of a customer; a customer without a row has none."""
    path = write_csv(tmp_path / "a.csv", "no,age,country c1,30,DE c3,50,FR c9,60,FR")
    clause = {
        "source": {"path": str(path)},
        "id": "no",
        "columns": {"age": AGE, "country": {"type": "category"}},
    }
    customers = summarise_lines(
        tmp_path, attributes=clause, features=["revenue", "age", "orders"], profile=["country"]
    )
    assert customers["revenue"].to_dict() == {"c1": 50.0, "c2": 20.0, "c3": 30.0}
    assert customers["age"].dropna().to_dict() == {"c1": 30, "c3": 50}
    assert customers["country"].dropna().to_dict() == {"c1": "DE", "c3": "FR"}


def test_names_of_the_summary_are_taken() -> None:
    """A column of attributes cannot have the name of a feature that is summed."""
    clause = {"source": {"path": "a"}, "id": "no", "columns": {"Revenue": AGE}}
    with pytest.raises(
        ValueError, match=r"attributes.columns names Revenue, which is a column of the rows or"
    ):
        define(attributes=clause)


def test_events_of_merged_ids_are_summed_together(tmp_path: Path) -> None:
    """Old ids are replaced before events are summed, also those in a chain."""
    path = write_csv(tmp_path / "m.csv", "old,new c1,c2 c2,c8")
    clause = {"source": {"path": str(path)}, "old_id": "old", "new_id": "new"}
    customers = summarise_lines(tmp_path, aliases=clause)
    assert customers["revenue"].to_dict() == {"c3": 30.0, "c8": 70.0}
    assert customers["orders"].to_dict() == {"c3": 1, "c8": 3}


def test_definitions_without_second_tables_are_as_before() -> None:
    """Their decisive content has neither clause, so names of editions stay."""
    assert not {"attributes", "aliases"} & define(**EVENTS).decisive_content().keys()
