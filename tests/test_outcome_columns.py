"""The clause `outcome`: what it refuses, and columns that are known later, in the source or another file."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from bench.nights import run_night
from config.definition import Definition
from config.definition_files import describe_faults
from flows.validate import validate_newest
from schemas.night import Night
from schemas.validation import Validation
from segmentation.errors import Refused
from segmentation.outcomes.outcome_night import get_outcome
from tasks.validate import list_complete_editions
from tests.event_inputs import define
from tests.nights import PLAN, draw_customers

AS_OF = date(2026, 1, 31)
SIZES = {"a": 60, "d": 60}


def make_definition(**changes: Any) -> Definition:
    """The planted customers with these changes."""
    return Definition.model_validate({**PLAN, **changes})


def get_faults(outcome: dict[str, Any], **changes: Any) -> str:
    """What is wrong with an outcome of planted customers."""
    with pytest.raises(ValidationError) as error:
        make_definition(outcome=outcome, **changes)
    return describe_faults(error.value)


@pytest.mark.parametrize(
    ("outcome", "message"),
    [
        ({"column": "spend"}, "spend is a feature: the model would see what it is judged by"),
        ({"column": "id"}, "id is the customer id"),
        ({"days": 30}, "rows of customers need column"),
        ({}, "give column, for rows of customers, or days, for events"),
        ({"column": "churn", "measures": ["spend"]}, "column and measures exclude each other"),
        ({"column": "churn", "id": "key"}, "date_in_name and id need path"),
        ({"days": 30, "positive": "Yes"}, "positive need column"),
        ({"column": "churn", "days": 0}, "outcome.days"),
    ],
)
def test_outcomes_that_mean_nothing_are_refused(outcome: dict[str, Any], message: str) -> None:
    """Above all a feature as its own judge, whatever the file says."""
    assert message in get_faults(outcome)


def test_an_earlier_name_of_a_feature_is_refused_too() -> None:
    """The column is the feature, under the name that it has in older files."""
    columns = {"spend": {"type": "float", "was": ["outlay"]}, "visits": {"type": "float"}}
    assert "outlay is a feature" in get_faults({"column": "outlay"}, rows={"id": "id", "columns": columns})


@pytest.mark.parametrize(
    ("outcome", "message"),
    [
        ({"column": "revenue"}, "events need days, not column"),
        ({"days": 30, "measures": ["profit"]}, "profit, which is not in summary.features"),
        ({"days": 30, "measures": ["recency_days"]}, "recency_days is not 0 "),
        ({"days": 30, "measures": ["bought_again"]}, "bought_again, which is always computed"),
    ],
)
def test_measures_of_events_are_sums_and_counts(outcome: dict[str, Any], message: str) -> None:
    """A mean would leave out the customers who did not come back."""
    with pytest.raises(ValidationError) as error:
        define(outcome=outcome)
    assert message in describe_faults(error.value)


def test_a_definition_without_an_outcome_is_refused() -> None:
    """The message shows how to write one."""
    with pytest.raises(Refused, match="has no outcome; add one"):
        get_outcome(make_definition())


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a night of two groups; churn.csv and a later file with other ids and a gap."""
    folder = tmp_path_factory.mktemp("town")
    customers = draw_customers(SIZES)
    rng = np.random.default_rng(1)
    is_churned = rng.random(120) < np.where(customers["id"].str.startswith("a"), 0.7, 0.2)
    customers = customers.assign(churn=np.where(is_churned, "Yes", "No"))
    customers.to_csv(folder / "customers.csv", index=False)
    later = customers.iloc[5:].rename(columns={"id": "key"}).assign(spent=rng.random(115).round(3))
    later[["key", "churn", "spent"]].to_csv(folder / "later-2026-03-02.csv", index=False)
    run_night(make_night(folder, make_definition(rows=PLAN["rows"] | {"ignore": ["churn"]})))
    return folder


def make_night(folder: Path, definition: Definition) -> Night:
    """A night of the town."""
    definition = definition.model_copy(
        update={"source": definition.source.model_copy(update={"path": str(folder / "customers.csv")})}
    )
    store = folder / "store"
    return Night(run_id="night", definition=definition, as_of=AS_OF, source=None, store=store, force=False)


def validate(folder: Path, outcome: dict[str, Any]) -> Validation:
    """Validate the town's edition by an outcome."""
    night = make_night(folder, make_definition(outcome=outcome))
    return validate_newest(night, list_complete_editions(night, "2026-12-31")).validation


def test_a_column_of_the_source_is_an_outcome(town: Path) -> None:
    """Rates by segment are those of pandas, and the segments are better than random groups."""
    validation = validate(town, {"column": "churn", "positive": "Yes"})
    table = pd.read_parquet(town / "store" / "planted" / "published" / f"as_of={AS_OF}" / "segments.parquet")
    churn = pd.read_csv(town / "customers.csv", index_col="id")["churn"]
    rates = (churn[table["customer_id"]].to_numpy() == "Yes").astype(float)
    (measure,) = validation.measures
    expected = pd.Series(rates).groupby(table["segment_id"]).mean()
    assert {segment.segment_id: segment.mean for segment in measure.segments} == pytest.approx(dict(expected))
    assert measure.is_rate and measure.says_something and validation.unknown == 0


@pytest.mark.parametrize("column", ["churn", "spent"])
def test_a_later_file_has_its_own_ids_and_gaps(town: Path, column: str) -> None:
    """Customers who are not in it have no outcome, and are counted."""
    outcome = {"column": column, "path": str(town / "later-*.csv"), "date_in_name": "%Y-%m-%d", "days": 30}
    outcome |= {"id": "key"} | ({"positive": "Yes"} if column == "churn" else {})
    validation = validate(town, outcome)
    (measure,) = validation.measures
    assert (validation.unknown, measure.customers, validation.drawn) == (5, 115, 120)
    assert measure.is_rate == measure.says_something == (column == "churn")


def test_a_file_from_before_the_horizon_is_refused(town: Path) -> None:
    """The newest file is older than the date at which the outcome is to be read."""
    outcome = {"column": "spent", "path": str(town / "later-*.csv"), "date_in_name": "%Y-%m-%d", "id": "key"}
    with pytest.raises(Refused, match=r"needs rows up to 2026-05-01, and the newest row is of 2026-03-02"):
        validate(town, {**outcome, "days": 91})


def test_other_ids_are_refused(town: Path, tmp_path: Path) -> None:
    """A later file whose ids match nobody gives no figures."""
    path = tmp_path / "later.csv"
    path.write_text("id,spent\n" + "".join(f"x{i},1\n" for i in range(50)))
    with pytest.raises(Refused, match="0 customers of the edition of 2026-01-31 have an outcome"):
        validate(town, {"column": "spent", "path": str(path)})
