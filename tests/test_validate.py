"""Past editions are judged by what customers did after them, and the next edition's page shows it."""

import json
import re
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from flows.validate import validate_newest
from schemas.validation import MeasureValidation, Validated
from segmentation.errors import Refused
from segmentation.features.transforms import to_scaled
from segmentation.keys import hash_texts, to_uniform
from segmentation.model import read_model
from segmentation.outcomes.held_out import assign_folds
from segmentation.report.index.index_entries import collect_editions
from segmentation.report.index.index_pages import render_index
from segmentation.report.sections.alternatives import describe_outcomes
from segmentation.store.ledger import read_rows
from segmentation.store.places import list_unknown
from segmentation.store.repair.audit import audit_store
from segmentation.store.validations import FOLDER, look_up_newest, read_validation, validation_folder
from tasks.validate import INCOMPLETE, list_complete_editions
from tests.event_inputs import AS_OF, HEADER, define, write_events
from tests.outcome_shop import CHECKS, UNTIL, K, Shop, compute_outcomes, draw_orders, open_shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop whose segments differ in what they do next."""
    return open_shop(tmp_path_factory.mktemp("shop"), draw_orders(shuffles=False))


@pytest.fixture(scope="module")
def validated(shop: Shop) -> Validated:
    """Its validation."""
    return shop.validate()


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


def test_every_k_that_was_tried_is_judged(shop: Shop, validated: Validated) -> None:
    """Each division's R squared is that of its nearest centres, with each tenth predicted by the others."""
    folder = shop.home / "editions" / str(AS_OF) / validated.validation.edition
    customers = pd.read_parquet(folder / "segments.parquet")
    model = read_model(folder / "model.json")
    numbers = customers[[column.feature for column in model.columns]].to_numpy().T
    scaled = to_scaled(numbers, model.columns)[[not column.excluded for column in model.columns]].T
    keys = to_uniform(hash_texts(pa.array(customers["customer_id"], pa.string())), 2)
    revenue = compute_outcomes(shop)["revenue"].loc[customers["customer_id"]].to_numpy()
    skills = {s.groups: s for s in get_measure(validated, "revenue").groupings if s.kind == "division"}
    assert sorted(skills) == [3, 4]
    table = pd.read_parquet(folder / "alternatives.parquet")
    for k, skill in skills.items():
        centres = np.array([json.loads(text) for text in table.loc[table["k"] == k, "centre"]])
        frame = pd.DataFrame({"y": revenue, "fold": assign_folds(keys)})
        frame["segment"] = ((scaled[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
        errors = np.zeros(2)
        for fold, rows in frame.groupby("fold"):
            seen = frame[frame["fold"] != fold]
            means = rows["segment"].map(seen.groupby("segment")["y"].mean()).fillna(seen["y"].mean())
            errors += ((rows["y"] - means) ** 2).sum(), ((rows["y"] - seen["y"].mean()) ** 2).sum()
        assert skill.r2 == pytest.approx(1 - errors[0] / errors[1], abs=1e-9)
        assert skill.error is not None and 0 < skill.error < 0.5
    outcomes = describe_outcomes(validated.validation)
    assert sorted(outcomes) == [2, 3, 4] and outcomes[3] == f"revenue: R² {skills[3].r2:.3f}"


def test_a_shuffled_outcome_tells_nothing(tmp_path: Path) -> None:
    """Customers who all behave alike afterwards: every verdict is that segments tell nothing."""
    shop = open_shop(tmp_path, draw_orders(shuffles=True))
    for measure in shop.validate().validation.measures:
        assert not measure.says_something
        assert "says nothing" in measure.sentence


def test_results_are_next_to_the_editions(shop: Shop, validated: Validated) -> None:
    """Table, record and ledger have them; audit knows the files, and the index shows the verdict."""
    folder = validation_folder(shop.home, AS_OF)
    table = pd.read_parquet(str(folder / "validation.parquet"))
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
    path = Path(str(validation_folder(shop.home, AS_OF))) / "validation.json"
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
