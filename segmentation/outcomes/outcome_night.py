"""The night whose customers are outcomes: the same source and engine, after the edition's date.

An outcome is read by the stages that read features, from a definition whose only features are the measures
and whose window is the horizon. So rules, keys, refunds and time zones mean the same in both.
"""

from datetime import date, timedelta
from typing import Any

from config.column_contract import Column
from config.definition import Definition
from config.event_summary import SummaryFeature
from config.outcome import BOUGHT_AGAIN, Outcome
from schemas.night import Night
from segmentation.errors import Refused
from segmentation.report.words.value_feature import infer_value_feature

_SHARED = {"name", "timezone", "source", "rows", "seed"}


def get_outcome(definition: Definition) -> Outcome:
    """The definition's outcome. Refused without one."""
    if definition.outcome is None:
        raise Refused(
            "outcome",
            f"{definition.name} has no outcome; add one to the definition, such as outcome: {{days: 90}} for "
            "events or outcome: {column: churn, positive: 'Yes'} for customers",
        )
    return definition.outcome


def compute_horizon_end(outcome: Outcome, as_of: date) -> date:
    """The first day after the horizon of an edition."""
    return as_of + timedelta(days=outcome.days or 0)


def list_measures(definition: Definition) -> list[str]:
    """The measures of the outcome, the one that verdicts are about first."""
    outcome = get_outcome(definition)
    if outcome.column is not None:
        return [outcome.column]
    value = infer_value_feature(definition)
    summary = definition.summary
    feature = summary.features.get(value) if summary is not None and value is not None else None
    is_additive = feature is not None and feature.op == "sum"
    measures = outcome.measures or ((value,) if value is not None and is_additive else ())
    return [*measures, BOUGHT_AGAIN]


def get_unit_of(definition: Definition, measure: str) -> str:
    """The unit of a measure; empty for a rate."""
    columns = definition.rows.columns if definition.summary is None else definition.customer_columns
    is_rate = definition.outcome is not None and definition.outcome.positive is not None
    return columns[measure].unit if measure in columns and not is_rate else ""


def make_outcome_night(night: Night) -> Night:
    """The night that reads what came after the edition of `night`."""
    outcome = get_outcome(night.definition)
    until = compute_horizon_end(outcome, night.as_of)
    definition = derive_definition(night.definition)
    # A source that a person names in place of the definition's holds rows, and not this other table.
    source = None if outcome.path is not None else night.source
    return night.model_copy(
        update={
            "definition": definition,
            "as_of": until,
            "source": source,
            "force": True,
            # Nothing of the edition before that date is used.
            "accept_new_ids": True,
            "schema_source": night.schema_source if definition.rows.python_schema else None,
        }
    )


def derive_definition(definition: Definition) -> Definition:
    """The definition of a table with one row per customer and the measures as its features."""
    content = definition.model_dump(mode="json", include=_SHARED)
    content["source"]["on_no_data"] = "refuse"
    outcome = get_outcome(definition)
    if outcome.column is None:
        return Definition.model_validate({**content, **_summarise_horizon(definition, outcome)})
    return Definition.model_validate({**content, **_read_column(definition, outcome, content)})


def _summarise_horizon(definition: Definition, outcome: Outcome) -> dict[str, Any]:
    """Events: the measures over the horizon. BOUGHT_AGAIN counts events here, and is 1 if there is any."""
    summary = definition.summary
    if summary is None:
        raise ValueError("a definition of grain customer has no events")
    features = {
        name: summary.features[name] for name in list_measures(definition) if name in summary.features
    }
    features[BOUGHT_AGAIN] = SummaryFeature(op="count")
    return {
        "summary": {
            "window_days": outcome.days,
            "features": {n: f.model_dump() for n, f in features.items()},
        },
        "features": list(features),
    }


def _read_column(definition: Definition, outcome: Outcome, content: dict[str, Any]) -> dict[str, Any]:
    """Customers: the id and the outcome's column, from the source or from the outcome's own files."""
    name = outcome.column or ""
    attributes = definition.attributes if outcome.path is None else None
    if attributes is not None and name in attributes.customer_columns:
        if attributes.valid_from is not None:
            raise Refused(
                "outcome", f"{name} is in attributes with valid_from: give its table by outcome.path"
            )
        table = definition.model_copy(update={"attributes": None})
        rows = attributes.rows.model_copy(update={"id_suffix": attributes.id_suffix or table.rows.id_suffix})
        table = table.model_copy(update={"rows": rows})
        return _read_column(table, outcome, {"source": attributes.source.model_dump(mode="json")})
    declared = definition.rows.columns.get(name)
    kind = "category" if outcome.positive is not None else "float"
    column = declared or Column(type=kind)
    if outcome.positive is not None and column.type != "category":
        column = Column(type="category")
    # Without a value a customer has no outcome, which is counted, so the row may as well be refused.
    column = column.model_copy(update={"nullable": False, "fill": None, "order": None, "was": ()})
    rows = definition.rows
    id_column = outcome.id or rows.id
    source = content["source"]
    if outcome.path is not None:
        source = {"path": outcome.path, "date_in_name": outcome.date_in_name, "csv": source["csv"]}
    return {
        "source": source,
        "rows": {
            "id": id_column,
            "id_suffix": rows.id_suffix,
            "columns": {name: column.model_dump(mode="json")},
            "ignore": ["*"],
            "on_duplicate": rows.on_duplicate if rows.on_duplicate in ("first", "last") else "quarantine",
        },
        "features": [name],
    }
