"""The clause of attributes: what is refused before any data is read, and what an edition's name has of it."""

from typing import Any

import pytest
from pydantic import ValidationError

from config.definition import Definition
from segmentation.attributes.side_tables import refuse_past_date
from segmentation.errors import Refused
from segmentation.outcomes.outcome_night import derive_definition
from tests.conftest import DEFINITION
from tests.joined_tables import AGE, AS_OF, TIME

CLAUSE: dict[str, Any] = {"source": {"path": "a.csv"}, "id": "no", "columns": {"age": AGE}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"columns": {"spend": AGE}}, "attributes.columns names spend, which is a column of the rows"),
        ({"columns": {"Spend": AGE}}, "attributes.columns names Spend"),
        ({"columns": {"segment_id": AGE}}, "column name segment_id is used by the outputs"),
        ({"columns": {"age": AGE, "Age": AGE}}, "must differ in more than case"),
        (
            {"columns": {"age": {"type": "int"}}},
            "feature age is in attributes, where a customer may be missing",
        ),
        ({"valid_from": "age"}, "valid_from names age: expected a column of type timestamp"),
        ({"valid_to": "age"}, "valid_to needs valid_from"),
        ({"columns": {"no": AGE}}, "names only the id and the validity"),
        ({"source": {"sample": "shop"}}, "a second table needs path or sql"),
        ({"source": {"sql": "SELECT :window_start", "connection": "a"}}, "may bind :as_of only"),
    ],
)
def test_each_rule_of_the_clause(changes: dict[str, Any], message: str) -> None:
    """A clause that cannot be joined is refused before any data is read."""
    content = {**DEFINITION, "features": ["spend", "age"], "attributes": {**CLAUSE, **changes}}
    with pytest.raises(ValidationError, match=message):
        Definition.model_validate(content)


def test_attributes_need_an_id_of_rows() -> None:
    """Rows without an id cannot be joined."""
    content = {**DEFINITION, "rows": {**DEFINITION["rows"], "id": None}, "attributes": CLAUSE}
    with pytest.raises(ValidationError, match=r"attributes need rows\.id"):
        Definition.model_validate(content)


def test_names_of_editions_without_attributes_stay() -> None:
    """The clause is in the decisive content only if it is set, without its place and the accepted date."""
    assert "attributes" not in Definition.model_validate(DEFINITION).decisive_content()
    content = {**DEFINITION, "attributes": {**CLAUSE, "as_of": "latest"}}
    clause = Definition.model_validate(content).decisive_content()["attributes"]
    assert "as_of" not in clause
    assert "path" not in clause["source"]


@pytest.mark.parametrize(
    ("changes", "is_refused"),
    [
        ({}, True),
        ({"as_of": "latest"}, False),
        ({"source": {"path": "a", "date_in_name": "%Y-%m-%d"}}, False),
        ({"columns": {"age": AGE, "since": TIME}, "valid_from": "since"}, False),
        ({"source": {"sql": "SELECT * FROM a WHERE day < :as_of", "connection": "crm"}}, False),
        ({"source": {"sql": "SELECT * FROM a", "connection": "crm"}}, True),
    ],
)
def test_past_dates_need_dated_attributes(changes: dict[str, Any], is_refused: bool) -> None:
    """A table that says only what is true today is refused for a past date, unless that is accepted."""
    definition = Definition.model_validate({**DEFINITION, "attributes": {**CLAUSE, **changes}})
    refuse_past_date(definition, AS_OF, str(AS_OF))
    if not is_refused:
        refuse_past_date(definition, AS_OF, "2026-02-01")
        return
    with pytest.raises(Refused, match=r"undated-attributes: .*2026-01-31 is past.*as_of: latest"):
        refuse_past_date(definition, AS_OF, "2026-02-01")


def test_an_outcome_may_be_in_attributes() -> None:
    """Its column is read from the second table, as of the end of the horizon, with the ids of the rows."""
    columns = {"age": AGE, "churn": {"type": "category"}}
    source = {"path": "crm", "date_in_name": "%Y-%m-%d"}
    content: dict[str, Any] = {
        **DEFINITION,
        "rows": {**DEFINITION["rows"], "id_suffix": ".0"},
        "attributes": {**CLAUSE, "source": source, "columns": columns},
        "outcome": {"column": "churn", "positive": "Yes", "days": 30},
    }
    outcome = derive_definition(Definition.model_validate(content))
    assert (outcome.source.path, outcome.source.date_in_name) == ("crm", "%Y-%m-%d")
    assert (outcome.rows.id, outcome.rows.id_suffix, [*outcome.rows.columns]) == ("no", ".0", ["churn"])
    content["attributes"] |= {"columns": {**columns, "since": TIME}, "valid_from": "since"}
    with pytest.raises(Refused, match=r"give its table by outcome\.path"):
        derive_definition(Definition.model_validate(content))
