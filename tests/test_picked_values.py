"""last, first and mode of a column of any type: against pandas, with ties, and in any order of rows."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from config.definition import Definition
from config.settings import read_settings
from tests.conftest import DEFINITION
from tests.event_inputs import (
    EVENTS,
    aggregate,
    define,
    ingest_and_summarise,
    make_events,
    make_night,
    read_customers,
    read_refused,
    with_rows,
    write_events,
)

COLUMNS: dict[str, Any] = {
    **EVENTS["rows"]["columns"],
    "country": {"type": "category", "nullable": True},
    "size": {"type": "category", "order": ["S", "M", "L"]},
    "gift": {"type": "bool"},
    "price": {"type": "float", "nullable": True},
}
OPS = ("last", "first", "mode")
PICKED = {
    f"{op} {name}": {"op": op, "column": name} for op in OPS for name in ("country", "gift", "price", "day")
}
SUMMARY = {"window_days": 31, "features": {**EVENTS["summary"]["features"], **PICKED}}


def define_picked(**changes: Any) -> Definition:
    """The definition EVENTS with every picked value in its profile."""
    changes = {"rows": with_rows(columns=COLUMNS), "summary": SUMMARY, "profile": list(PICKED), **changes}
    return define(**changes)


def draw_events(rows: int = 6_000) -> pd.DataFrame:
    """Events at whole hours of one day, so that many share a time, with gaps and minus zeros."""
    events, rng = make_events(rows, 300), np.random.default_rng(1)
    countries = np.array(["UK", "É", "Zaïre", "a", None], object)
    hours = rng.integers(0, 24, rows).astype("timedelta64[h]")
    return events.assign(
        day=np.datetime64("2026-01-05", "us") + hours,
        country=countries[rng.integers(0, 5, rows)],
        size="M",
        gift=rng.random(rows) < 0.5,
        price=np.array([0.0, -0.0, 2.5, np.nan])[rng.integers(0, 4, rows)],
    )


def pick(group: pd.DataFrame, op: str, column: str) -> object:
    """One customer's value, by the rules in docs/definition.md."""
    rows = pd.DataFrame({"time": group["day"], "value": group[column]}).dropna()
    if rows.empty:
        return None
    if op == "mode":
        counts = rows.groupby("value")["time"].agg(["size", "max"])
        counts = counts[counts["size"] == counts["size"].max()]
        values = counts.index[counts["max"] == counts["max"].max()]
    else:
        end = rows["time"].max() if op == "last" else rows["time"].min()
        values = rows.loc[rows["time"] == end, "value"]
    return min(values, key=lambda value: value.encode() if isinstance(value, str) else value)


def test_picked_values_agree_with_pandas(tmp_path: Path) -> None:
    """Ties in time and in frequency are decided by the stated rules; texts are compared by their bytes."""
    events = draw_events()
    table = aggregate(tmp_path, [events[:2500], events[2500:]], define_picked()).to_pandas()
    table = table.set_index("customer_id")
    groups = dict(list(events.groupby("customer_id")))
    assert len(groups) == len(table) == 300
    for name, feature in PICKED.items():
        expected = [pick(groups[customer], feature["op"], feature["column"]) for customer in table.index]
        values = table[name].astype(object).where(table[name].notna(), None).tolist()
        assert values == expected, name
    assert not np.signbit(table["mode price"].dropna()).any()


@pytest.mark.parametrize(("threads", "memory_limit", "seed"), [("1", "1GB", 3), ("3", "128MB", 4)])
def test_bytes_do_not_depend_on_order_threads_or_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: str, memory_limit: str, seed: int
) -> None:
    """A shuffled table in more files gives the same values, with another number of threads too."""
    events = draw_events(20_000)
    first = aggregate(tmp_path / "a", [events], define_picked())
    monkeypatch.setenv("RESEGMENT_THREADS", threads)
    monkeypatch.setenv("RESEGMENT_MEMORY_LIMIT", memory_limit)
    read_settings.cache_clear()
    shuffled = events.sample(frac=1, random_state=seed)
    second = aggregate(tmp_path / "b", [shuffled[::2], shuffled[1::2]], define_picked())
    assert first.combine_chunks().equals(second.combine_chunks())


def test_a_picked_category_is_a_feature(tmp_path: Path) -> None:
    """A nullable one without any value is a level; other types without a value refuse the customer."""
    features = {
        "country": {"op": "mode", "column": "country"},
        "size": {"op": "last", "column": "size"},
        "price": {"op": "first", "column": "price"},
    }
    definition = define(
        rows=with_rows(columns=COLUMNS),
        summary={"window_days": 31, "features": features},
        features=["country", "size"],
    )
    lines = ["a,i1,2026-01-05,1,2,UK,S,true", "a,i2,2026-01-06,1,2,,L,true", "b,i3,2026-01-05,1,,,M,true"]
    source = write_events(tmp_path / "events.csv", lines, "id,invoice,day,pieces,price,country,size,gift")
    customers = read_customers(ingest_and_summarise(make_night(source, definition))[1])
    assert customers["size"].tolist() == ["L", "M"]
    assert customers["country"].fillna("none").tolist() == ["UK", "none"]
    contracts = definition.customer_columns
    assert contracts["size"].order == ("S", "M", "L")
    assert contracts["country"].fill is not None and contracts["country"].fill.by == "level"
    with_price = definition.model_copy(update={"features": ("price",)})
    refused = read_refused(ingest_and_summarise(make_night(source, with_price, "second"))[1])
    assert refused[["customer_id", "reason"]].to_numpy().tolist() == [["b", "price: no value in the window"]]


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        ({"op": "last"}, "op last needs column, and nothing else"),
        ({"op": "mode", "expression": "price * 2"}, "op mode needs column, and nothing else"),
        ({"op": "first", "column": "nope"}, "nope is not in rows.columns"),
        ({"op": "mode", "column": "country", "once_per": "invoice"}, "once_per needs op sum or mean"),
        ({"formula": "country * 2"}, "country has type category; expected int or float"),
    ],
)
def test_a_misused_operation_is_refused(feature: dict[str, Any], message: str) -> None:
    """Each message names the operation or the column, and what is expected."""
    features = {"country": {"op": "mode", "column": "country"}, "x": feature}
    summary = {"window_days": 31, "features": {**EVENTS["summary"]["features"], **features}}
    with pytest.raises(ValueError, match=message):
        define(rows=with_rows(columns=COLUMNS), summary=summary)


def with_profile(*names: str, **columns: Any) -> dict[str, Any]:
    """A definition of customers with these further columns and this profile."""
    rows = {**DEFINITION["rows"], "columns": {**DEFINITION["rows"]["columns"], **columns}}
    return {**DEFINITION, "rows": rows, "profile": list(names)}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (with_profile("nope"), "profile names nope, which is not in rows.columns"),
        (with_profile("orders"), "profile names orders, which is a feature"),
        (with_profile("city", "city", city={"type": "text"}), "profile names a column twice"),
        (with_profile("id"), "profile names id"),
    ],
)
def test_a_profile_that_cannot_be_is_refused(content: dict[str, Any], message: str) -> None:
    """The message names the column and the key."""
    with pytest.raises(ValueError, match=message):
        Definition.model_validate(content)


def test_without_a_profile_the_definition_is_as_before() -> None:
    """An empty profile is not part of the content from which editions have their names."""
    assert "profile" not in Definition.model_validate(DEFINITION).decisive_content()
    content = Definition.model_validate(with_profile("city", city={"type": "text"})).decisive_content()
    assert content["profile"] == ["city"]
