"""The sample orders: any day alone, a rhythm, customers who join, change and leave, dirt, and the truth."""

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
from segmentation.samples.orders import Shop, write_orders, write_truth

YEAR = (date(2025, 1, 1), date(2026, 1, 1))
CUSTOMERS, SEED = 2000, 7


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a year's order files, and the truth at its end."""
    folder = tmp_path_factory.mktemp("orders")
    write_orders(folder, YEAR, CUSTOMERS, SEED)
    write_truth(folder, date(2025, 12, 31), Shop(CUSTOMERS, SEED))
    return folder


@pytest.fixture(scope="module")
def lines(year: Path) -> pd.DataFrame:
    """The year's clean lines as pandas reads them, with the date in the file's name."""
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


def test_orders_are_those_of_the_formula() -> None:
    """Day by day the same orders as the intervals give, worked out customer by customer."""
    places, days = np.arange(40), range(to_day_number(YEAR[0]), to_day_number(YEAR[1]))
    drawn = draw_places(places, SEED)
    found = []
    for day in days:
        made = compute_orders(compute_lifecycles(places, drawn, day), day)
        found += list(zip(made.lives.place.tolist(), made.day.tolist(), made.number.tolist(), strict=True))
    wanted = []
    begins = shop_time(np.arange(days.stop + 1))
    for place in places:
        one = compute_lifecycles(places[place : place + 1], drawn[place : place + 1], days.start)
        if int(one.left[0]) < days.stop or days.start < int(one.changed[0]) < days.stop:
            found = [order for order in found if order[0] != place]
            continue
        traits = draw_bits(one.bits, 1)
        kind = KINDS[int(one.segment(days.start)[0])]
        rate = kind.orders_a_year / 365.25 * take_spread(traits, 0, 0.3)[0]
        phase = take_share(traits, 2)[0]
        for number in range(int(begins[days.start] * rate) - 2, int(begins[-1] * rate) + 3):
            at = (number + 0.7 * take_share(draw_bits(one.bits, number), 0)[0] - phase) / rate
            day = int(np.searchsorted(begins, at, "right")) - 1
            if day in days:
                wanted.append((int(place), day, number))
    assert len({place for place, _, _ in wanted}) > 20
    assert sorted(found) == sorted(wanted)


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
    """The same customers pay about three per cent more from one year to the next."""
    places = np.arange(20_000)
    drawn = draw_places(places, SEED)
    levels = []
    for day in (date(2025, 5, 6), date(2035, 5, 8)):
        table = day_table(to_day_number(day), places, drawn, SEED)
        levels.append(np.exp(np.log(np.maximum(table["unit_price"].to_numpy(), 0.01)).mean()))
    assert levels[1] / levels[0] == pytest.approx(1.03**10, rel=0.1)


def test_what_is_sent_back_was_ordered(lines: pd.DataFrame) -> None:
    """A return names an order of 3 to 20 days before, its customer, group and price, with less than none."""
    ordered, returned = lines[lines["quantity"] > 0], lines[lines["quantity"] < 0]
    assert ordered["order_id"].str.startswith("O").all() and returned["order_id"].str.startswith("R").all()
    assert not returned["order_id"].duplicated().any()
    assert len(returned) / ordered["order_id"].nunique() == pytest.approx(0.05, abs=0.01)
    ids = "O" + returned["order_id"].str[1:]
    pairs = returned.assign(order_id=ids, quantity=-returned["quantity"]).merge(
        ordered, on=["order_id", "customer_id", "product_group", "quantity", "unit_price", "channel"]
    )
    assert (pairs["file_x"] - pairs["file_y"]).dt.days.between(3, 20).all()
    # The others' order was in a file that is missing, in a line that is dirty, or in the year before.
    assert pairs["order_id"].nunique() > 0.85 * len(returned)


def test_k_means_on_recency_frequency_and_value_finds_the_latent_segments(
    lines: pd.DataFrame, truth: pd.DataFrame
) -> None:
    """With the known k it agrees with the truth: nearly wholly on customers who stayed what they were."""
    bought = lines[lines["quantity"] > 0].assign(revenue=lines["quantity"] * lines["unit_price"])
    customers = bought.groupby("customer_id").agg(
        last=("ordered_at", "max"), orders=("order_id", "nunique"), revenue=("revenue", "sum")
    )
    recency = (pd.Timestamp(YEAR[1]) - customers.pop("last")).dt.days
    features = np.log1p(np.column_stack([recency, customers]))
    # As in config/segmentations/orders.yaml: the last order's day is mostly chance, so it weighs less.
    scaled = (features - features.mean(axis=0)) / features.std(axis=0) * [0.5, 1, 1]
    labels = KMeans(len(KINDS), n_init=10, random_state=0).fit_predict(scaled)
    known = truth.loc[customers.index]
    assert adjusted_rand_score(known["segment"], labels) > 0.8
    began = YEAR[0]
    settled = (known["joined_on"] < began) & ~(known["changed_on"] >= began) & ~known["has_left"]
    assert settled.mean() > 0.8
    assert adjusted_rand_score(known["segment"][settled], labels[settled]) > 0.95


def test_customers_join_change_and_leave(lines: pd.DataFrame, truth: pd.DataFrame) -> None:
    """Nobody orders before joining or after leaving; who has changed orders as the new segment does."""
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
    before = changed[(changed["changed_on"] < YEAR[0]) & ~changed["has_left"]]
    for kind in KINDS[:4]:
        counts = yearly.reindex(before.index[before["segment"] == kind.name], fill_value=0)
        assert counts.mean() == pytest.approx(kind.orders_a_year, rel=0.25)


def test_segments_have_their_shares_on_any_date(tmp_path: Path) -> None:
    """The shop neither fills nor empties: nine places in ten are taken, whenever one looks."""
    for day in (date(2003, 7, 1), date(2050, 7, 1)):
        found = pd.read_parquet(write_truth(tmp_path, day, Shop(20_000, SEED)))
        present = found[~found["has_left"]]
        assert len(present) / 20_000 == pytest.approx(0.93, abs=0.02)
        shares = present["segment"].value_counts(normalize=True)
        assert all(shares[kind.name] == pytest.approx(kind.share, abs=0.05) for kind in KINDS)
