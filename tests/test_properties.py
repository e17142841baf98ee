"""Properties of every input: the stages' pure parts, composed as in the flow, on generated customers."""

import tempfile
from datetime import date
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.definition import Definition
from flows.resegment import draft_edition
from schemas.clustering import Scaled
from schemas.identity import Aligned
from schemas.night import Night
from schemas.rows import Customers, Ingested
from segmentation.canonical import to_json
from segmentation.model import assign, read_model, scale_features
from segmentation.parts import read_part, to_matrix
from segmentation.store.publication.edition_files import get_segment_ids, join_segments, list_edition_parts
from tasks.ingest import ingest
from tasks.publish import make_model
from tasks.summarise import summarise

FEATURES = ["spend", "orders"]
DEFINITION = Definition.model_validate(
    {
        "name": "demo",
        "source": {"path": "customers.csv"},
        "rows": {
            "id": "id",
            "columns": {"spend": {"type": "float", "ge": 0}, "orders": {"type": "int", "ge": 0}},
        },
        "features": FEATURES,
        "k": {"min": 1, "max": 4, "rule": "elbow"},
        "fit": {"starts": 2},
    }
)
customers = st.lists(
    st.tuples(st.one_of(st.sampled_from([0.0, 0.1, 3.5]), st.floats(0, 1e6)), st.integers(0, 9)),
    min_size=3,
    max_size=40,
).filter(lambda rows: len({spend for spend, _ in rows}) > 2)
slow = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


class Result(NamedTuple):
    """What the stages return for one file."""

    rows: Ingested
    customers: Customers
    scaled: Scaled
    aligned: Aligned
    segments: pd.DataFrame


def run(frame: pd.DataFrame, folder: Path) -> Result:
    """The flow's stages from ingest to aligned segments, and the table that would be published."""
    path = folder / "customers.csv"
    frame.to_csv(path, index=False)
    night = Night(
        run_id="run",
        definition=DEFINITION,
        as_of=date(2026, 1, 31),
        source=str(path),
        store=folder / "store",
        force=False,
    )
    rows = ingest(night)
    summarised = summarise(night, rows)
    draft = draft_edition(night, summarised)
    segment_ids = get_segment_ids(draft.aligned, {})
    tables = list[pa.Table]()
    join_segments(tables.append, list_edition_parts(summarised, draft.aligned), DEFINITION, segment_ids)
    return Result(rows, summarised, draft.scaled, draft.aligned, pa.concat_tables(tables).to_pandas())


def as_frame(rows: list[tuple[float, int]]) -> pd.DataFrame:
    """A customer for each row."""
    frame = pd.DataFrame(rows, columns=FEATURES)
    return frame.assign(id=[f"{i:03d}" for i in range(len(rows))])


@pytest.mark.slow
@slow
@given(rows=customers, shuffle=st.randoms(use_true_random=False))
def test_segments_do_not_depend_on_the_order_of_rows(rows: list[tuple[float, int]], shuffle: Random) -> None:
    """Shuffled and repeated rows in reordered columns give the same table, bit by bit."""
    frame = as_frame(rows)
    order = list(range(len(frame)))
    shuffle.shuffle(order)
    shuffled = frame.iloc[order]
    variant = pd.concat([shuffled, shuffled.tail(5)])[["orders", "id", "spend"]]
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as place:
        table, other_table = run(frame, Path(folder)).segments, run(variant, Path(place)).segments
    pd.testing.assert_frame_equal(table, other_table, check_exact=True)


@slow
@given(rows=customers, bad=st.lists(st.sampled_from(["-1", "x", "inf", ""]), max_size=5))
def test_every_row_is_accounted_for_and_every_id_used_once(
    rows: list[tuple[float, int]], bad: list[str]
) -> None:
    """Every row is used, merged or quarantined; each good id has one segment, each bad row a reason."""
    good = as_frame(rows)
    worse = pd.DataFrame({"spend": bad, "orders": 1, "id": [f"bad{i}" for i in range(len(bad))]})
    with tempfile.TemporaryDirectory() as folder:
        result = run(
            pd.concat([good.astype({"spend": object}), worse, good.head(2).astype({"spend": object})]),
            Path(folder),
        )
        refused = [row for part in result.customers.quarantine for row in read_part(part).to_pylist()]
    assert sorted(result.segments["customer_id"]) == good["id"].tolist()
    assert {row["customer_id"] for row in refused} == set(worse["id"])
    assert all(row["reason"].startswith("spend: ") for row in refused)
    counts = result.customers.balance
    assert (counts.read, counts.used, counts.merged, counts.quarantined) == (
        len(good) + len(bad) + 2,
        len(good),
        2,
        len(bad),
    )


@slow
@given(rows=customers)
def test_each_customer_is_in_the_segment_of_the_nearest_centre(rows: list[tuple[float, int]]) -> None:
    """The model's file gives each customer the published segment, as brute force does.

    Segments are S01, S02, … from the largest to the smallest; none is empty, and shares add up to 1.
    """
    with tempfile.TemporaryDirectory() as folder:
        result = run(as_frame(rows), Path(folder))
        path = Path(folder) / "model.json"
        path.write_bytes(to_json(make_model(DEFINITION.name, result.scaled, result.aligned.fitted, None)))
        model = read_model(path)
        scaled = np.concatenate([to_matrix(read_part(part)) for part in result.scaled.parts], axis=1)
    rescaled = scale_features(model, result.segments[FEATURES].to_numpy(np.float64).T)
    assert np.array_equal(rescaled, scaled)
    plain = ((scaled.T[:, None] - model.centre_matrix()[None]) ** 2).sum(axis=2).argmin(axis=1)
    assert np.array_equal(assign(rescaled, model.centre_matrix()).label, plain)
    assert result.segments["segment_id"].tolist() == [model.segment_ids[label] for label in plain]
    sizes = [segment.size for segment in result.aligned.fitted.segments]
    assert sizes == sorted(sizes, reverse=True)
    assert min(sizes) > 0
    assert sum(sizes) == len(rows)
    assert abs(sum(segment.share for segment in result.aligned.fitted.segments) - 1) < 1e-12
    counted = result.segments["segment_id"].value_counts().to_dict()
    assert counted == {segment.segment_id: segment.size for segment in result.aligned.fitted.segments}
