"""The sample orders: their weekly and yearly rhythm, customers who join, change and leave, and the truth."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from segmentation.samples.draws import draw_bits, take_share, take_spread
from segmentation.samples.lifecycles import KINDS, compute_lifecycles, compute_orders, draw_places
from segmentation.samples.order_calendar import shop_time, to_day_number
from segmentation.samples.order_lines import day_table
from segmentation.samples.orders import Shop, write_order_files, write_truth

YEAR = (date(2025, 1, 1), date(2026, 1, 1))
CUSTOMERS, SEED = 2000, 7


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a year's order files, and the truth at its end."""
    folder = tmp_path_factory.mktemp("orders")
    write_order_files(folder, YEAR, CUSTOMERS, SEED)
    write_truth(folder, date(2025, 12, 31), Shop(CUSTOMERS, SEED))
    return folder


@pytest.fixture(scope="module")
def lines(year: Path) -> pd.DataFrame:
    """The year's clean lines, read by pandas, with the date from the file's name."""
    texts = {"order_id": str, "customer_id": str, "quantity": str}
    frames = [
        pd.read_csv(path, dtype=texts, parse_dates=["ordered_at"], keep_default_na=False).assign(
            file=pd.Timestamp(path.stem.removeprefix("orders-"))
        )
        for path in sorted(year.glob("orders-*.csv"))
    ]
    frame = pd.concat(frames, ignore_index=True).drop_duplicates()
    is_clean = (frame["customer_id"] != "") & (frame["quantity"] != "n/a") & (frame["unit_price"] > 0)
    frame = frame[is_clean & (frame["ordered_at"].dt.normalize() == frame["file"])]
    clean: pd.DataFrame = frame.assign(quantity=frame["quantity"].astype(int))
    return clean


@pytest.fixture(scope="module")
def truth(year: Path) -> pd.DataFrame:
    """The truth at the end of the year, by customer."""
    return pd.read_parquet(year / "truth-2025-12-31.parquet").set_index("customer_id")


def test_orders_follow_the_formula() -> None:
    """Generated day by day, the orders equal those computed customer by customer from the intervals."""
    places, days = np.arange(40), range(to_day_number(YEAR[0]), to_day_number(YEAR[1]))
    bits = draw_places(places, SEED)
    daily = []
    for day in days:
        orders = compute_orders(compute_lifecycles(places, bits, day), day)
        daily += list(
            zip(orders.customers.place.tolist(), orders.day.tolist(), orders.number.tolist(), strict=True)
        )
    expected = []
    trade = shop_time(np.arange(days.stop + 1))
    for place in places:
        customer = compute_lifecycles(places[place : place + 1], bits[place : place + 1], days.start)
        if int(customer.left[0]) < days.stop or days.start < int(customer.changed[0]) < days.stop:
            daily = [order for order in daily if order[0] != place]
            continue
        traits = draw_bits(customer.bits, 1)
        kind = KINDS[int(customer.segment(days.start)[0])]
        rate = kind.orders_a_year / 365.25 * take_spread(traits, 0, 0.3)[0]
        phase = take_share(traits, 2)[0]
        for number in range(int(trade[days.start] * rate) - 2, int(trade[-1] * rate) + 3):
            moment = (number + 0.7 * take_share(draw_bits(customer.bits, number), 0)[0] - phase) / rate
            day = int(np.searchsorted(trade, moment, "right")) - 1
            if day in days:
                expected.append((int(place), day, number))
    assert len({place for place, _, _ in expected}) > 20
    assert sorted(daily) == sorted(expected)


def test_a_week_and_a_year_have_their_rhythm(lines: pd.DataFrame) -> None:
    """Saturdays are the busiest days, Tuesdays the quietest; December the busiest month."""
    ordered = lines[lines["quantity"] > 0]
    per_day = ordered.groupby("file").size()
    by_weekday = per_day.groupby(pd.DatetimeIndex(per_day.index).day_of_week).mean()
    assert (by_weekday.idxmax(), by_weekday.idxmin()) == (5, 1)
    assert by_weekday[[5, 6]].mean() / by_weekday[:5].mean() == pytest.approx(1.43, abs=0.12)
    by_month = per_day.groupby(pd.DatetimeIndex(per_day.index).month).mean()
    assert by_month.idxmax() == 12
    assert by_month[12] / by_month.mean() == pytest.approx(1.55, abs=0.15)
    assert lines["ordered_at"].dt.hour.between(7, 21).all()


def test_prices_rise_slowly() -> None:
    """The same customers pay about three per cent more each year."""
    places = np.arange(20_000)
    bits = draw_places(places, SEED)
    levels = []
    for day in (date(2025, 5, 6), date(2035, 5, 8)):
        table = day_table(to_day_number(day), places, bits, SEED)
        levels.append(np.exp(np.log(np.maximum(table["unit_price"].to_numpy(), 0.01)).mean()))
    assert levels[1] / levels[0] == pytest.approx(1.03**10, rel=0.1)


def test_returns_match_orders(lines: pd.DataFrame) -> None:
    """A return has the id, customer and price of an order 3 to 20 days earlier, and a negative quantity."""
    ordered, returned = lines[lines["quantity"] > 0], lines[lines["quantity"] < 0]
    assert ordered["order_id"].str.startswith("O").all() and returned["order_id"].str.startswith("R").all()
    assert not returned["order_id"].duplicated().any()
    assert len(returned) / ordered["order_id"].nunique() == pytest.approx(0.05, abs=0.01)
    ids = "O" + returned["order_id"].str[1:]
    pairs = returned.assign(order_id=ids, quantity=-returned["quantity"]).merge(
        ordered, on=["order_id", "customer_id", "product_group", "quantity", "unit_price", "channel"]
    )
    assert (pairs["file_x"] - pairs["file_y"]).dt.days.between(3, 20).all()
    # The other returns belong to an order in a missing file, in a dirty line, or in the year before.
    assert pairs["order_id"].nunique() > 0.85 * len(returned)


def test_k_means_recovers_the_latent_segments(lines: pd.DataFrame, truth: pd.DataFrame) -> None:
    """With the true k it agrees with the truth, almost fully for customers who did not change segment."""
    bought = lines[lines["quantity"] > 0].assign(revenue=lines["quantity"] * lines["unit_price"])
    customers = bought.groupby("customer_id").agg(
        last=("ordered_at", "max"), orders=("order_id", "nunique"), revenue=("revenue", "sum")
    )
    recency = (pd.Timestamp(YEAR[1]) - customers.pop("last")).dt.days
    features = np.log1p(np.column_stack([recency, customers]))
    # As in config/segmentations/orders.yaml: recency is mostly chance, so its weight is lower.
    scaled = (features - features.mean(axis=0)) / features.std(axis=0) * [0.5, 1, 1]
    labels = KMeans(len(KINDS), n_init=10, random_state=0).fit_predict(scaled)
    customers_truth = truth.loc[customers.index]
    assert adjusted_rand_score(customers_truth["segment"], labels) > 0.8
    start = YEAR[0]
    is_unchanged = (
        (customers_truth["joined_on"] < start)
        & ~(customers_truth["changed_on"] >= start)
        & ~customers_truth["has_left"]
    )
    assert is_unchanged.mean() > 0.8
    assert adjusted_rand_score(customers_truth["segment"][is_unchanged], labels[is_unchanged]) > 0.95


def test_customers_join_change_and_leave(lines: pd.DataFrame, truth: pd.DataFrame) -> None:
    """Nobody orders before joining or after leaving; customers who changed order like their new segment."""
    assert not truth.index.has_duplicates
    bought = lines[lines["quantity"] > 0].join(truth, on="customer_id")
    day = bought["file"].dt.date
    assert bought["segment"].notna().all()
    assert (day >= bought["joined_on"]).all()
    assert (bought["left_on"].isna() | (day < bought["left_on"].fillna(YEAR[1]))).all()
    for column in ("joined_on", "left_on"):
        assert (truth[column] >= YEAR[0]).mean() == pytest.approx(0.07, abs=0.03)
    assert (truth["has_left"] == truth["left_on"].notna()).all()
    changed = truth[truth["changed_on"].notna()]
    assert (changed["segment"] != changed["previous_segment"]).all()
    assert 0.1 < len(changed) / len(truth) < 0.3
    yearly = bought.groupby("customer_id")["order_id"].nunique()
    changed_before = changed[(changed["changed_on"] < YEAR[0]) & ~changed["has_left"]]
    for kind in KINDS[:4]:
        counts = yearly.reindex(changed_before.index[changed_before["segment"] == kind.name], fill_value=0)
        assert counts.mean() == pytest.approx(kind.orders_a_year, rel=0.25)


def test_segments_have_their_shares_on_any_date(tmp_path: Path) -> None:
    """On any date nine places in ten are taken, and segments have their shares."""
    for day in (date(2003, 7, 1), date(2050, 7, 1)):
        customers = pd.read_parquet(write_truth(tmp_path, day, Shop(20_000, SEED)))
        present = customers[~customers["has_left"]]
        assert len(present) / 20_000 == pytest.approx(0.93, abs=0.02)
        shares = present["segment"].value_counts(normalize=True)
        assert all(shares[kind.name] == pytest.approx(kind.share, abs=0.05) for kind in KINDS)
