"""Past editions are judged by what customers did after them, and the next edition's page shows it."""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from bench.nights import run_night
from config.definition import Definition
from flows.validate import validate_newest
from schemas.night import Night, Published
from schemas.validation import MeasureValidation, Validated
from segmentation.errors import Refused
from segmentation.report.index_entries import collect_editions
from segmentation.report.index_pages import render_index
from segmentation.store.ledger import read_rows
from segmentation.store.places import list_unknown
from segmentation.store.repair.audit import audit_store
from segmentation.store.validations import FOLDER, look_up_newest, read_validation, validation_folder
from tasks.validate import INCOMPLETE, list_complete_editions
from tests.event_inputs import AS_OF, HEADER, define, write_events

DAYS = 28
UNTIL = AS_OF + timedelta(DAYS)
OUTCOME = {"days": DAYS, "measures": ["revenue", "orders"]}
K = {"min": 1, "max": 2, "rule": "fixed", "fixed": 2}
CHECKS = {"max_churn": 1, "max_row_change": 1, "max_drift": 1000}  # customers do change in February
GROUPS = {"heavy": 60, "light": 90}


class Shop(NamedTuple):
    """A file of orders, a store with a night as of AS_OF, and its definition."""

    folder: Path
    definition: Definition

    def make_night(self, as_of: date = AS_OF, run_id: str = "night") -> Night:
        """A night of the shop."""
        return Night(
            run_id=run_id,
            definition=self.definition,
            as_of=as_of,
            source=str(self.folder / "orders.csv"),
            store=self.folder / "store",
            force=False,
        )

    def run(self, as_of: date = AS_OF) -> Published:
        """Run the night of a date."""
        return run_night(self.make_night(as_of, f"night-{as_of}"))

    def validate(self, today: str = "2026-12-31") -> Validated:
        """Validate the newest edition whose horizon is over."""
        night = self.make_night(run_id="validate").model_copy(update={"force": True})
        return validate_newest(night, list_complete_editions(night, today))

    @property
    def home(self) -> Path:
        """The segmentation's folder in the store."""
        return self.folder / "store" / self.definition.name


def draw_orders(shuffles: bool) -> Iterator[str]:
    """January: heavy customers order eight times, light ones once. February: heavy ones order again.

    shuffles: in February all customers behave alike.
    """
    rng = np.random.default_rng(3)
    for name, size in GROUPS.items():
        for i in range(size):
            customer, orders = f"{name}{i:03d}", 8 if name == "heavy" else 1
            for order in range(orders):
                day = date(2026, 1, 2) + timedelta(int(rng.integers(0, 29)))
                price = 80 + rng.random() * 20 if name == "heavy" else 5 + rng.random()
                yield f"{customer},i{name}{i}-{order},{day} 10:00:00,1,{price:.2f}"
            is_buyer = rng.random() < (0.4 if shuffles else {"heavy": 0.8, "light": 0.2}[name])
            for order in range(2 if is_buyer else 0):
                day = AS_OF + timedelta(int(rng.integers(0, DAYS)))
                yield f"{customer},f{name}{i}-{order},{day} 10:00:00,1,{20 + rng.random() * 10:.2f}"
    # Day by day up to the horizon's end, new customers order, and a cancellation counts for nobody.
    for offset in range(DAYS + 3):
        yield f"new{offset:03d},n{offset},{AS_OF + timedelta(offset)} 12:00:00,1,50"
    yield f"light000,Cancelled,{AS_OF} 12:00:00,1,99999"
    # The day after the horizon is not part of it.
    yield f"light001,late,{UNTIL} 00:00:00,1,77777"


def open_shop(folder: Path, lines: Iterable[str], **changes: Any) -> Shop:
    """A shop with these orders, and its night."""
    folder.mkdir(exist_ok=True)
    write_events(folder / "orders.csv", lines, HEADER)
    shop = Shop(folder, define(**{"k": K, "outcome": OUTCOME, "checks": CHECKS, **changes}))
    shop.run()
    return shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop whose segments differ in what they do next."""
    return open_shop(tmp_path_factory.mktemp("shop"), draw_orders(shuffles=False))


@pytest.fixture(scope="module")
def validated(shop: Shop) -> Validated:
    """Its validation."""
    return shop.validate()


def compute_outcomes(shop: Shop) -> pd.DataFrame:
    """Revenue, orders and whether there were any over the horizon, by segment and customer, with pandas."""
    orders = pd.read_csv(shop.folder / "orders.csv", parse_dates=["day"])
    orders = orders[~orders["invoice"].str.startswith("C")]
    inside = orders[(orders["day"] >= str(AS_OF)) & (orders["day"] < str(UNTIL))]
    sums = inside.assign(revenue=inside["pieces"] * inside["price"]).groupby("id")
    outcomes = pd.DataFrame({"revenue": sums["revenue"].sum(), "orders": sums["invoice"].nunique()})
    table = pd.read_parquet(shop.home / "published" / f"as_of={AS_OF}" / "segments.parquet")
    table = table.set_index("customer_id")[["segment_id"]].join(outcomes).fillna(0)
    return table.assign(bought_again=(table["orders"] > 0).astype(float))


def get_measure(validated: Validated, name: str) -> MeasureValidation:
    """One measure of a validation."""
    return next(measure for measure in validated.validation.measures if measure.measure == name)


@pytest.mark.parametrize("name", ["revenue", "orders", "bought_again"])
def test_outcomes_are_those_of_the_horizon(shop: Shop, validated: Validated, name: str) -> None:
    """Sizes and means by segment agree with pandas: cancellations, later orders and new customers are out."""
    outcomes = compute_outcomes(shop)
    measure = get_measure(validated, name)
    expected = outcomes.groupby("segment_id")[name].agg(["size", "mean"])
    segments = {segment.segment_id: segment for segment in measure.segments}
    assert {key: segment.customers for key, segment in segments.items()} == expected["size"].to_dict()
    for segment_id, segment in segments.items():
        mean = expected["mean"][segment_id]
        assert segment.mean == pytest.approx(mean, rel=1e-12)
        assert segment.lift == pytest.approx(mean / outcomes[name].mean(), rel=1e-12)
        assert segment.interval is not None and segment.interval.low <= mean <= segment.interval.high
    assert measure.is_rate == (name == "bought_again")
    assert validated.validation.unknown == 0


def test_segments_that_differ_say_so(validated: Validated) -> None:
    """They beat random groups, which explain nothing; a rate has an AUC."""
    measure = get_measure(validated, "bought_again")
    skills = {skill.kind: skill for skill in measure.groupings}
    segments, random = skills["segments"], skills["random"]
    assert measure.says_something and measure.p_value == 0.001
    assert segments.r2 is not None and segments.r2 > 0.25 and (segments.auc or 0) > 0.7
    assert random.r2 is not None and random.r2 < 0.05 and abs((random.auc or 0) - 0.5) < 0.15
    assert skills["cells"].label == "RFM quintile cells"
    assert measure.sentence.startswith("Segments explain ")


def test_a_shuffled_outcome_tells_nothing(tmp_path: Path) -> None:
    """Customers who all behave alike afterwards: every verdict is that segments tell nothing."""
    shop = open_shop(tmp_path, draw_orders(shuffles=True))
    for measure in shop.validate().validation.measures:
        assert not measure.says_something
        assert "tells nothing" in measure.sentence


def test_results_are_next_to_the_editions(shop: Shop, validated: Validated) -> None:
    """Table, record and ledger have them; audit knows the files, and the index shows the verdict."""
    folder = validation_folder(shop.home, AS_OF)
    table = pd.read_parquet(folder / "validation.parquet")
    assert set(table["measure"]) == {"revenue", "orders", "bought_again"} and len(table) == 6
    assert read_validation(shop.home, AS_OF) == validated.validation
    assert validated.validation.verdict in re.sub(
        r"&#39;", "'", render_index(collect_editions(shop.home)).decode().replace("<wbr>", "")
    )
    assert list_unknown(shop.home.parent, shop.home.name) == []
    assert audit_store(shop.home).damage == []
    assert [row["outcome"] for row in read_rows(shop.home)][-1] == "validated"


def test_a_validation_again_gives_the_same(shop: Shop, validated: Validated) -> None:
    """Nothing in it depends on the run."""
    content = (validation_folder(shop.home, AS_OF) / "validation.json").read_bytes()
    assert shop.validate().validation == validated.validation
    assert (validation_folder(shop.home, AS_OF) / "validation.json").read_bytes() == content


def test_a_page_shows_only_what_was_known(shop: Shop, validated: Validated) -> None:
    """From the end of the horizon on, and never on the edition's own page."""
    assert look_up_newest(shop.home, UNTIL) == validated.validation
    assert look_up_newest(shop.home, UNTIL - timedelta(1)) is None
    assert look_up_newest(shop.home, AS_OF) is None


def test_the_next_edition_shows_the_verdict_and_keeps_it(shop: Shop, validated: Validated) -> None:
    """Its manifest has the validation, so a run again finds the same edition, without the file too."""
    published = shop.run(UNTIL)
    assert published.outcome == "published", published.reasons
    folder = Path(published.report_path).parent
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["validation"] == json.loads(validated.validation.model_dump_json())
    page = (folder / "report.html").read_text(encoding="utf-8").replace("<wbr>", "")
    assert 'id="outcome"' in page
    path = validation_folder(shop.home, AS_OF) / "validation.json"
    content = path.read_bytes()
    path.unlink()
    assert shop.run(UNTIL).outcome == "already-published"
    path.write_bytes(content)
    # Published before its validation existed: the date stays as it is.
    assert shop.run(AS_OF).outcome == "already-published"


def test_a_horizon_that_is_not_over_is_refused(shop: Shop) -> None:
    """By the calendar, or because the source ends before the horizon does."""
    assert list_complete_editions(shop.make_night(), "2026-02-28") == []
    lines = [
        line
        for line in draw_orders(shuffles=False)
        if f",{AS_OF + timedelta(9)}" > line[line.find(",2026") :]
    ]
    write_events(shop.folder / "short.csv", lines, HEADER)
    night = shop.make_night().model_copy(update={"source": str(shop.folder / "short.csv"), "force": True})
    with pytest.raises(Refused, match="the newest row is of 2026-02-09") as error:
        validate_newest(night, list_complete_editions(night, "2026-12-31")[-1:])
    assert error.value.code == INCOMPLETE


def test_an_edition_does_not_depend_on_its_outcome(shop: Shop) -> None:
    """The clause is not part of an edition's name: a definition without it makes the same one."""
    plain = define(k=K, checks=CHECKS)
    assert plain.decisive_content() == shop.definition.decisive_content()
    assert FOLDER not in str(plain.decisive_content())
