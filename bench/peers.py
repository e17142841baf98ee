"""What others would use instead of a night, each in a process of its own: scikit-learn, faiss, DuckDB.

    python -m bench.peers SIDE JOB.json ANSWER.json

Customers: read a Parquet file, standardise, fit every k up to K_MAX and the final k, keep the labels.
Orders: aggregate the files of the window by customer, with or without judging every line. The article's own
script is bench/article_script.py.
"""

import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from bench.inputs import K_MAX, WINDOW_DAYS, K, list_window
from bench.sides import Clock, Side, answer

SEED = 42
# The columns of a CSV file of orders. The quantity is text, because it can be unreadable.
_TYPES = {
    "order_id": "VARCHAR",
    "customer_id": "VARCHAR",
    "ordered_at": "TIMESTAMP",
    "product_group": "VARCHAR",
    "quantity": "VARCHAR",
    "unit_price": "DOUBLE",
    "channel": "VARCHAR",
}


def run_sklearn(job: dict[str, Any]) -> dict[str, Any]:
    """A loop of scikit-learn KMeans, with the article's settings."""
    from sklearn.cluster import KMeans

    return _loop(job, lambda x, k: _get_inertia(KMeans(k, max_iter=400, random_state=SEED).fit(x)))


def run_minibatch(job: dict[str, Any]) -> dict[str, Any]:
    """The same loop with scikit-learn's MiniBatchKMeans."""
    from sklearn.cluster import MiniBatchKMeans

    return _loop(job, lambda x, k: _get_inertia(MiniBatchKMeans(k, random_state=SEED).fit(x)))


def run_faiss(job: dict[str, Any]) -> dict[str, Any]:
    """The same loop with faiss, which fits to a sample: 256 rows for each cluster."""
    import faiss
    import numpy as np

    def fit(x: np.ndarray, k: int) -> float:
        model = faiss.Kmeans(x.shape[1], k, seed=SEED)
        rows = np.ascontiguousarray(x, np.float32)
        model.train(rows)
        distances, _ = model.assign(rows)
        return float(distances.sum(dtype=np.float64))

    return _loop(job, fit)


def fit_best_of_three(job: dict[str, Any]) -> dict[str, Any]:
    """The best inertia of three full scikit-learn fits at the final k."""
    from sklearn.cluster import KMeans

    x = _read_scaled(job)
    return {"inertia": min(_get_inertia(KMeans(K, random_state=seed).fit(x)) for seed in (1, 2, 3))}


def _loop(job: dict[str, Any], fit: Callable[[Any, int], float]) -> dict[str, Any]:
    """Read, scale, fit k = 1 to K_MAX for the elbow, and the final k."""
    import pandas  # noqa: F401 - imports do not count
    import pyarrow.parquet  # noqa: F401
    import sklearn.preprocessing  # noqa: F401

    clock = Clock()
    x = _read_scaled(job)
    for k in range(1, K_MAX + 1):
        fit(x, k)
    inertia = fit(x, K)
    return {**clock.read(), "inertia": inertia}


def _read_scaled(job: dict[str, Any]) -> Any:  # noqa: ANN401 - an array, but numpy is loaded by the sides
    import pandas as pd
    from sklearn.preprocessing import StandardScaler

    return StandardScaler().fit_transform(pd.read_parquet(job["source"])[job["features"]])


def _get_inertia(model: Any) -> float:  # noqa: ANN401 - scikit-learn has no types
    return float(model.inertia_)


def run_aggregate(job: dict[str, Any]) -> dict[str, Any]:
    """DuckDB: one query over the files of the window, which leaves out the lines that ours refuses."""
    good = "customer_id IS NOT NULL AND quantity > 0 AND unit_price > 0 AND NOT starts_with(order_id, 'R')"
    return _query_orders(job, lambda rows, aggregate: [f"{aggregate} FROM ({rows}) WHERE {good}"], ())


def run_rules(job: dict[str, Any]) -> dict[str, Any]:
    """DuckDB: every line judged, those refused copied to a file with their reasons, the rest aggregated."""
    cases = ", ".join(f"CASE WHEN {rule} THEN '{reason}' END" for reason, rule in _RULES.items())
    out = Path(job["store"]) / "quarantine.parquet"

    def list_queries(rows: str, aggregate: str) -> list[str]:
        return [
            f"CREATE TEMP TABLE judged AS SELECT *, concat_ws('; ', {cases}) AS reasons FROM ({rows})",
            f"COPY (FROM judged WHERE reasons <> '') TO '{out}' (FORMAT parquet)",
            f"{aggregate} FROM judged WHERE reasons = ''",
        ]

    return _query_orders(job, list_queries, ("filename = true",))


_RULES = {
    "customer_id: missing": "customer_id IS NULL",
    "customer_id: blank": "trim(customer_id) = ''",
    "customer_id: longer than 256": "length(customer_id) > 256",
    "customer_id: a total": "lower(customer_id) IN ('total', 'sum')",
    "order_id: missing": "order_id IS NULL",
    "sent back": "starts_with(order_id, 'R')",
    "ordered_at: missing": "ordered_at IS NULL",
    "quantity: missing": "quantity IS NULL",
    "quantity: not above 0": "quantity <= 0",
    "unit_price: missing": "unit_price IS NULL",
    "unit_price: not finite": "NOT isfinite(unit_price)",
    "unit_price: not above 0": "unit_price <= 0",
}


def _query_orders(
    job: dict[str, Any], list_queries: Callable[[str, str], list[str]], options: tuple[str, ...]
) -> dict[str, Any]:
    """Run the queries, the last of which aggregates. Returns its customers, orders and revenue."""
    import duckdb

    clock = Clock()
    night = date.fromisoformat(job["as_of"])
    files = list_window(job["source"], night)
    number, reader = "quantity", "read_parquet"
    if files[0].endswith(".csv"):
        number, reader = "TRY_CAST(quantity AS BIGINT)", "read_csv"
        options = (*options, "header = true", f"columns = {_TYPES}")
    rows = (
        f"SELECT * REPLACE ({number} AS quantity) FROM {reader}({', '.join((str(files), *options))})"
        f" WHERE (ordered_at >= DATE '{night - timedelta(WINDOW_DAYS)}' AND ordered_at < DATE '{night}')"
        " OR ordered_at IS NULL"
    )
    aggregate = (
        f"SELECT customer_id, date_diff('day', max(ordered_at), DATE '{night}') AS recency_days,"
        " count(DISTINCT order_id) AS orders, sum(quantity * unit_price) AS revenue"
    )
    out = Path(job["store"]) / "customers.parquet"
    with duckdb.connect() as connection:
        *steps, last = list_queries(rows, aggregate)
        for query in (*steps, f"COPY ({last} GROUP BY customer_id) TO '{out}' (FORMAT parquet)"):
            connection.execute(query)
        seconds = clock.read()
        totals = connection.sql(f"SELECT count(*), sum(orders), sum(revenue) FROM '{out}'").fetchall()[0]
    return {**seconds, **dict(zip(("customers", "orders", "revenue"), totals, strict=True))}


SIDES: dict[str, Side] = {
    "sklearn": run_sklearn,
    "minibatch": run_minibatch,
    "faiss": run_faiss,
    "best_of_three": fit_best_of_three,
    "aggregate": run_aggregate,
    "rules": run_rules,
}

if __name__ == "__main__":
    answer(SIDES, sys.argv[1:])
