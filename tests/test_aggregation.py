"""Aggregating events: every operation against pandas, exact sums, and equal bytes in any order."""

import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from config.definition import Definition
from config.settings import read_settings
from segmentation.rows.summarising.aggregation import SUM_BITS, Aggregation, choose_scale
from segmentation.rows.summarising.sql_terms import quote_identifier
from tests.conftest import DEFINITION
from tests.event_inputs import AS_OF, aggregate, define, make_events, with_features, with_rows

OPS: dict[str, dict[str, Any]] = {
    "total": {"op": "sum", "expression": "(pieces + 1) * price / 3"},
    "pieces": {"op": "sum", "column": "pieces"},
    "spent": {"op": "mean", "column": "price"},
    "whole mean": {"op": "mean", "column": "pieces"},
    "middle": {"op": "median", "column": "price"},
    "least": {"op": "min", "column": "price"},
    "most": {"op": "max", "expression": "-price"},
    "rows": {"op": "count"},
    "priced": {"op": "count", "column": "price"},
    "orders": {"op": "count_distinct", "column": "invoice"},
    "recency": {"op": "days_since_last"},
    "tenure": {"op": "days_since_first"},
    "large": {"op": "share", "where": {"column": "pieces", "ge": 10}},
    "odd": {"op": "share", "where": {"column": "invoice", "isin": ["i1", "i'3", "i5"]}},
    "marked": {"op": "share", "where": {"column": "invoice", "not_starts_with": "i1"}},
}


def test_every_operation_agrees_with_pandas(tmp_path: Path) -> None:
    """Sums equal math.fsum to the last bit, and every other operation equals pandas."""
    events = make_events(20_000, 500)
    table = aggregate(tmp_path, [events[:7000], events[7000:]], define(**with_features(OPS))).to_pandas()
    assert table["customer_id"].tolist() == sorted(set(events["customer_id"]), key=str.encode)
    table = table.set_index("customer_id")
    events = events.assign(total=(events["pieces"] + 1) * events["price"] / 3, minus=-events["price"])
    groups = events.groupby("customer_id")
    days = pd.Timestamp(AS_OF) - groups["day"].agg(["min", "max"]).apply(lambda values: values.dt.normalize())
    sizes = groups.size()
    expected = {
        "events": sizes,
        "total": groups["total"].agg(math.fsum),
        "pieces": groups["pieces"].sum().astype(float),
        "spent": groups["price"].agg(math.fsum) / sizes,
        "whole mean": groups["pieces"].sum() / sizes,
        "middle": groups["price"].quantile(0.5, interpolation="lower"),
        "least": groups["price"].min(),
        "most": groups["minus"].max(),
        "rows": sizes,
        "priced": sizes,
        "orders": groups["invoice"].nunique(),
        "recency": days["max"].dt.days,
        "tenure": days["min"].dt.days,
        "large": groups["pieces"].agg(lambda values: (values >= 10).mean()),
        "odd": groups["invoice"].agg(lambda values: values.isin(["i1", "i'3", "i5"]).mean()),
        "marked": groups["invoice"].agg(lambda values: (~values.str.startswith("i1")).mean()),
    }
    for name, values in expected.items():
        assert table[name].equals(values.reindex(table.index).rename(name).astype(table[name].dtype)), name


@pytest.mark.parametrize(
    ("threads", "memory_limit", "files"),
    [("1", "1GB", 1), ("2", "1GB", 5), ("2", "64MB", 3), ("3", "2GB", 9)],
)
def test_bytes_do_not_depend_on_order_threads_or_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: str, memory_limit: str, files: int
) -> None:
    """Order of rows, number of files, threads and memory limit do not change the bytes."""
    events = make_events(30_000, 2000)
    definition = define(**with_features(OPS))
    first = aggregate(tmp_path / "a", [events], definition)
    monkeypatch.setenv("RESEGMENT_THREADS", threads)
    monkeypatch.setenv("RESEGMENT_MEMORY_LIMIT", memory_limit)
    read_settings.cache_clear()
    shuffled = events.sample(frac=1, random_state=files)
    cuts = sorted(random.Random(files).sample(range(1, len(events)), files - 1))  # noqa: S311 - not a secret
    frames = [shuffled[a:b] for a, b in zip([0, *cuts], [*cuts, len(events)], strict=True)]
    second = aggregate(tmp_path / "b", frames, definition)
    for name, column in zip(first.column_names, first.columns, strict=True):
        shuffled_column = second[name]
        is_equal = column.combine_chunks().equals(shuffled_column.combine_chunks())
        assert is_equal and column.null_count == 0, name
    bits = [table["total"].to_numpy().view(np.int64) for table in (first, second)]
    assert np.array_equal(*bits)


def test_nulls_are_skipped(tmp_path: Path) -> None:
    """Missing and non-finite values are skipped. Without values, sums and counts are 0, others null."""
    columns = {**with_rows()["columns"], "price": {"type": "float", "nullable": True}}
    features = {
        "ratio": {"op": "mean", "expression": "pieces / price"},
        "huge": {"op": "max", "expression": "price * 1e300 * 1e300"},
        **{op: {"op": op, "column": "price"} for op in ("sum", "mean", "median", "min", "max", "count")},
        "distinct": {"op": "count_distinct", "column": "price"},
        "cheap": {"op": "share", "where": {"column": "price", "lt": 3}},
        "dear": {"op": "share", "where": {"column": "price", "not_in": [2, 0]}},
    }
    events = pd.DataFrame(
        {
            "customer_id": ["a", "a", "a", "a", "b"],
            "invoice": "i",
            "day": np.datetime64("2026-01-05", "us"),
            "pieces": 8,
            "price": [2.0, 4.0, None, 0.0, None],
        }
    )
    definition = define(rows=with_rows(columns=columns), **with_features(features))
    first, second = aggregate(tmp_path, [events], definition).to_pylist()
    assert first == {
        **{"customer_id": "a", "events": 4, "ratio": 3.0, "huge": 0.0, "sum": 6.0, "mean": 2.0},
        **{"median": 2.0, "min": 0.0, "max": 4.0, "count": 3, "distinct": 3, "cheap": 2 / 3, "dear": 1 / 3},
    }
    nulls = dict.fromkeys(features)
    zeros = {"sum": 0.0, "count": 0, "distinct": 0}
    assert second == {"customer_id": "b", "events": 1, **nulls, **zeros}


def test_zero_is_never_minus_zero(tmp_path: Path) -> None:
    """Zeros lose their sign, so a minimum does not depend on the order of rows."""
    columns = {**with_rows()["columns"], "price": {"type": "float"}}
    features = with_features({op: {"op": op, "column": "price"} for op in ("min", "max", "median", "sum")})
    definition = define(rows=with_rows(columns=columns), **features)
    base = {"customer_id": "a", "invoice": "i", "day": np.datetime64("2026-01-05", "us"), "pieces": 1}
    for i, prices in enumerate(([0.0, -0.0], [-0.0, 0.0], [-0.0, -0.0])):
        (row,) = aggregate(
            tmp_path / str(i), [pd.DataFrame({**base, "price": prices})], definition
        ).to_pylist()
        assert [math.copysign(1, row[op]) for op in ("min", "max", "median", "sum")] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    "values", [[1e308, -1e308, 1.5], [1e-200, 3e-200, -1e-200], [0.1] * 10, [2.0**-40, 1e15]]
)
def test_sums_of_any_size_are_exact_or_within_the_last_bits(tmp_path: Path, values: list[float]) -> None:
    """Sums equal math.fsum up to 2^-100 of the largest value."""
    columns = {**with_rows()["columns"], "price": {"type": "float"}}
    definition = define(
        rows=with_rows(columns=columns), **with_features({"total": {"op": "sum", "column": "price"}})
    )
    base = {"customer_id": "a", "invoice": "i", "day": np.datetime64("2026-01-05", "us"), "pieces": 1}
    (row,) = aggregate(tmp_path, [pd.DataFrame({**base, "price": values})], definition).to_pylist()
    assert math.isclose(
        row["total"], math.fsum(values), rel_tol=1e-15, abs_tol=max(map(abs, values)) / 2**100
    )


def test_scales_leave_room_for_every_sum() -> None:
    """For any largest value and number of rows, scaled sums stay below 2^126."""
    for largest in (0.0, 5e-324, 1e-9, 1.0, 1e12, 1.7e308):
        for rows in (1, 1000, 10**10):
            scale = choose_scale(largest, rows)
            assert math.frexp(scale)[0] == 0.5
            assert largest * scale * rows <= 2.0**SUM_BITS


def test_a_definition_cannot_inject_sql(tmp_path: Path) -> None:
    """Hostile names and values are data: no text of a definition is part of the query."""
    hostile = "x (1), $files $value_2_ # &"
    value = "'); DROP TABLE events; --"
    columns = {**with_rows()["columns"], hostile: {"type": "text"}}
    features = with_features(
        {
            "select from": {"op": "count_distinct", "column": hostile},
            "Events": {"op": "share", "where": {"column": hostile, "isin": [value]}},
            "f0": {"op": "share", "where": {"column": hostile, "starts_with": value}},
        }
    )
    definition = define(rows=with_rows(columns=columns), **features)
    events = make_events(4, 1).assign(**{hostile: [value, "a", "b", "a"]})
    (row,) = aggregate(tmp_path, [events], definition).to_pylist()
    assert (row["select from"], row["Events"], row["f0"]) == (3, 0.25, 0.25)
    query = Aggregation(definition, AS_OF, []).customers_query([1.0, 1.0, 1.0])
    assert "DROP" not in query.sql and "Events" not in query.sql
    assert quote_identifier('a"b') == '"a""b"'


def test_customers_are_not_aggregated() -> None:
    """A definition of grain customer has no summary to compute."""
    definition = Definition.model_validate(DEFINITION)
    with pytest.raises(ValueError, match="nothing to aggregate"):
        Aggregation(definition, AS_OF, [])
