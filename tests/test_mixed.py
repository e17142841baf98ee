"""Mixed features through the stages: weights, order of rows, scoring. Encodings: test_encoding.py."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest

from schemas.clustering import Scaled
from schemas.identity import PreviousEdition
from schemas.model import Model
from schemas.night import Night
from segmentation.features.encoding import count_unseen_levels
from segmentation.model import assign
from segmentation.parts import create_empty_folder, read_part, to_matrix
from segmentation.scoring import score_rows
from tasks.ingest import ingest
from tasks.scale import scale
from tasks.summarise import summarise
from tests.conftest import TRAINING
from tests.stage_records import hash_parts
from tests.test_encoding import CITIES

NightMaker = Callable[..., Night]
CSV = "id,city,school,age,spend\n" + "".join(
    f"c{i:03d},{city},{['low', 'mid', 'high'][i % 3]},{'' if i % 10 == 0 else 20 + i % 50},{i % 7 * 10}.5\n"
    for i, city in enumerate(CITIES)
)
MIXED: dict[str, dict[str, Any]] = {
    "city": {"type": "category"},
    "school": {"type": "category", "order": ["low", "mid", "high"]},
    "age": {"type": "int", "nullable": True, "fill": {"by": "median", "indicator": True}},
    "spend": {"type": "float"},
}


class Run(NamedTuple):
    """A night, and what its first three stages made of a mixed table."""

    night: Night
    scaled: Scaled


def run(folder: Path, make_night: NightMaker, csv: str = CSV, **changes: Any) -> Run:
    """Run ingest, summarise and scale."""
    (folder / "customers.csv").write_text(csv, encoding="utf-8")
    changes = {"rows": {"id": "id", "columns": MIXED}, "features": list(MIXED), **changes}
    night = make_night(folder / "customers.csv", **changes)
    create_empty_folder(night.staging)
    return Run(night, scale(night, summarise(night, ingest(night)), PreviousEdition()))


def test_a_block_of_levels_weighs_as_one_feature(tmp_path: Path, make_night: NightMaker) -> None:
    """Two customers of different cities differ by 2 w / levels in squared distance, w the weight."""
    scaled = run(tmp_path, make_night, weights={"city": 3.0}, categories={"rare_share": 0.05}).scaled
    blocks = [i for i, column in enumerate(scaled.columns) if column.feature.startswith("city")]
    assert len(blocks) == 4
    matrix = np.concatenate([to_matrix(read_part(part)) for part in scaled.parts], axis=1)[blocks]
    bonn, koeln = matrix[:, 0], matrix[:, 60]
    assert np.square(bonn - koeln).sum() == pytest.approx(2 * 3.0 / 4, abs=1e-4)


def test_the_order_of_rows_changes_nothing(tmp_path: Path, make_night: NightMaker) -> None:
    """Shuffled rows give the same scaled parts, with and without an id."""
    header, *lines = CSV.splitlines(keepends=True)
    shuffled = header + "".join(reversed(lines))
    for id_column in ("id", None):
        columns = {**MIXED, **({} if id_column else {"id": {"type": "text"}})}
        changes: dict[str, Any] = {"rows": {"id": id_column, "columns": columns}}
        ordered = run(tmp_path, make_night, **changes).scaled
        digests = hash_parts(ordered.parts)
        reordered = run(tmp_path, make_night, shuffled, **changes).scaled
        assert digests == hash_parts(reordered.parts)
        assert ordered.encodings == reordered.encodings


def test_scoring_equals_the_fit_and_counts_new_levels(tmp_path: Path, make_night: NightMaker) -> None:
    """The same customers get the same distances from model.json, and unseen levels are counted."""
    night, fitted = run(tmp_path, make_night, categories={"rare_share": 0})
    centres = np.concatenate([to_matrix(read_part(part)) for part in fitted.parts], axis=1)[:, [0, 40, 90]].T
    model = Model(
        name="demo", version="1", encodings=fitted.encodings, columns=fitted.columns, quantum=fitted.quantum,
        trained=TRAINING, segment_ids=("S01", "S02", "S03"), centres=tuple(map(tuple, centres.tolist())),
    )  # fmt: skip
    model = Model.model_validate_json(model.model_dump_json())
    customers = summarise(night, ingest(night))
    table = pa.concat_tables([read_part(part) for part in customers.parts])
    scaled = np.concatenate([to_matrix(read_part(part)) for part in fitted.parts], axis=1)
    scored = score_rows(table, night.definition, model)
    assert scored["distance"].to_numpy().tolist() == assign(scaled, centres).distance.tolist()
    assert scored["city"].to_pylist() == table["city"].to_pylist()
    assert scored["age"].null_count == 10
    assert not count_unseen_levels(table, model.encodings)
    new = table.set_column(1, "city", pa.array(["Trier"] * 4 + ["Bonn"] * 96))
    assert count_unseen_levels(new, model.encodings) == {"city": 4}
    pooled = run(tmp_path, make_night, categories={"rare_share": 0.05}).scaled.encodings
    assert not count_unseen_levels(new, pooled)


def test_a_level_outside_the_order_is_quarantined(tmp_path: Path, make_night: NightMaker) -> None:
    """The row is quarantined with a reason, as is one without a level."""
    csv = CSV + "z1,Bonn,phd,30,1\nz2,Bonn,,30,1\n"
    (tmp_path / "customers.csv").write_text(csv, encoding="utf-8")
    night = make_night(tmp_path / "customers.csv", rows={"id": "id", "columns": MIXED}, features=list(MIXED))
    assert ingest(night).balance.reasons == {"school: missing": 1, "school: not an allowed value": 1}
