"""The sides of the comparison of events: pandas, DuckDB, pyarrow and ours, each in a process of its own.

    python -m bench.event_sides SIDE JOB.json ANSWER.json

All read the same dated Parquet files, skip the lines that ours puts in quarantine (without customer or
number, returned, outside the window), and compute days since the last order, number of orders and revenue
by customer. bench/events.py decides which sides run.
"""

import logging
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, time, timedelta
from os import cpu_count
from pathlib import Path
from typing import Any

from bench.sides import Clock, Side, StageLines, answer

SEED = 7
DAYS_AT_ONCE = 16
FEATURES = ("recency_days", "orders", "revenue")
COLUMNS = ["order_id", "customer_id", "ordered_at", "quantity", "unit_price"]


def write_events(job: dict[str, Any]) -> dict[str, Any]:
    """Write sample orders to job["data"], day by day backwards from job["as_of"], until there are enough.

    Returns how many events, days and bytes were written.
    """
    import pyarrow.parquet as pq

    from segmentation.samples.orders import Shop, write_day

    shop, folder = Shop(job["customers"], SEED), Path(job["data"])
    day, events, days, size = date.fromisoformat(job["as_of"]), 0, 0, 0
    with ThreadPoolExecutor(cpu_count()) as pool:
        while events < job["events"]:
            block = [day - timedelta(days=days + number + 1) for number in range(DAYS_AT_ONCE)]
            for path in pool.map(lambda date: write_day(folder, date, shop, "parquet"), block):
                days += 1
                if path is not None:
                    events += pq.read_metadata(path).num_rows
                    size += path.stat().st_size
    return {"events": events, "days": days, "bytes": size}


def compute_window(job: dict[str, Any]) -> tuple[datetime, datetime]:
    """Start of the window, which is inside, and its end, which is not."""
    end = datetime.combine(date.fromisoformat(job["as_of"]), time())
    return end - timedelta(days=job["days"]), end


def run_pandas(job: dict[str, Any]) -> dict[str, Any]:
    """pandas: read_parquet, then groupby with max, nunique and sum."""
    import pandas as pd

    clock = Clock()
    frame = pd.read_parquet(job["data"], columns=COLUMNS)
    clock.end("read")
    begin, end = compute_window(job)
    is_inside = (frame["ordered_at"] >= begin) & (frame["ordered_at"] < end)
    is_good = frame["customer_id"].notna() & (frame["quantity"] > 0) & (frame["unit_price"] > 0)
    frame = frame[is_inside & is_good & ~frame["order_id"].str.startswith("R")]
    frame = frame.assign(revenue=frame["quantity"] * frame["unit_price"])
    clock.end("filter")
    customers = frame.groupby("customer_id").agg(
        last=("ordered_at", "max"), orders=("order_id", "nunique"), revenue=("revenue", "sum")
    )
    customers.insert(0, "recency_days", (end - customers.pop("last").dt.normalize()).dt.days)
    clock.end("group")
    customers.to_parquet(Path(job["store"]) / "customers.parquet")
    clock.end("write")
    return {**clock.read(), **_sum_up({name: customers[name] for name in FEATURES})}


def run_pyarrow(job: dict[str, Any]) -> dict[str, Any]:
    """pyarrow: a dataset read with a filter, then group_by with max, count_distinct and sum."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq

    clock = Clock()
    begin, end = compute_window(job)
    time, order = ds.field("ordered_at"), ds.field("order_id")
    is_good = ds.field("customer_id").is_valid() & (ds.field("quantity") > 0) & (ds.field("unit_price") > 0)
    is_good = is_good & (time >= begin) & (time < end) & ~pc.starts_with(order, "R")
    columns = {
        "customer_id": ds.field("customer_id"),
        "ordered_at": time,
        "order_id": order,
        "revenue": ds.field("quantity").cast(pa.float64()) * ds.field("unit_price"),
    }
    table = ds.dataset(job["data"]).to_table(columns=columns, filter=is_good)
    clock.end("read")
    grouped = table.group_by("customer_id").aggregate(
        [("ordered_at", "max"), ("order_id", "count_distinct"), ("revenue", "sum")]
    )
    clock.end("group")
    last = grouped["ordered_at_max"]
    recency = pc.days_between(last, pa.scalar(end, last.type))
    orders, revenue = grouped["order_id_count_distinct"], grouped["revenue_sum"]
    features = {"recency_days": recency, "orders": orders, "revenue": revenue}
    table = pa.table({"customer_id": grouped["customer_id"], **features})
    pq.write_table(table, Path(job["store"]) / "customers.parquet")
    clock.end("write")
    return {**clock.read(), **_sum_up({name: column.to_numpy() for name, column in features.items()})}


def run_duckdb(job: dict[str, Any]) -> dict[str, Any]:
    """DuckDB: one query over the files, copied to Parquet, with a memory limit if the job sets one."""
    import duckdb

    clock = Clock()
    begin, end = compute_window(job)
    out = Path(job["store"]) / "customers.parquet"
    config = {"memory_limit": job["memory_limit"], "temp_directory": job["store"]}
    with duckdb.connect(config=config if job["memory_limit"] else {}) as connection:
        connection.execute(
            f"""COPY (
                SELECT customer_id, date_diff('day', max(ordered_at), TIMESTAMP '{end}') AS recency_days,
                    count(DISTINCT order_id) AS orders, sum(quantity * unit_price) AS revenue
                FROM read_parquet('{job["data"]}/*.parquet')
                WHERE customer_id IS NOT NULL AND quantity > 0 AND unit_price > 0
                    AND NOT starts_with(order_id, 'R')
                    AND ordered_at >= TIMESTAMP '{begin}' AND ordered_at < TIMESTAMP '{end}'
                GROUP BY customer_id
            ) TO '{out}' (FORMAT parquet)"""  # noqa: S608 - the benchmark's own folders and dates
        )
        clock.end("query")
        features = connection.sql(f"SELECT recency_days, orders, revenue FROM '{out}'").fetchnumpy()  # noqa: S608
    return {**clock.read(), **_sum_up(features)}


def run_events_night(job: dict[str, Any]) -> dict[str, Any]:
    """The whole night: every line checked, features, k = 1..12, segments, report."""
    from resegment.flow_runs import prepare_environment

    prepare_environment()
    import plotly.io
    import plotly.offline  # noqa: F401 - needed by every run, so counted as imports
    import pyarrow.parquet as pq
    import sklearn.cluster  # noqa: F401

    from flows.resegment import resegment
    from schemas.night import Published

    clock = Clock()
    for name in ("prefect.flow_runs", "prefect.task_runs"):
        logging.getLogger(name).addHandler(StageLines(clock))
    as_of = date.fromisoformat(job["as_of"])
    published = resegment(job["definition"], as_of=as_of, source=job["data"], store=job["store"])
    seconds = clock.read()
    if not isinstance(published, Published):
        raise SystemExit("the run was held by a check")
    table = pq.read_table(published.segments_path, columns=list(FEATURES))
    return {**seconds, **_sum_up({name: table[name].to_numpy() for name in FEATURES}), "k": published.k}


def _sum_up(columns: dict[str, Any]) -> dict[str, Any]:
    """What all sides must agree on: the number of customers and the features' totals."""
    return {"customers": len(columns["orders"]), **{name: float(columns[name].sum()) for name in FEATURES}}


SIDES: dict[str, Side] = {
    "write_events": write_events,
    "pandas": run_pandas,
    "pyarrow": run_pyarrow,
    "duckdb": run_duckdb,
    "ours": run_events_night,
}

if __name__ == "__main__":
    answer(SIDES, sys.argv[1:])
