"""Scoring a table: rows that cannot be scaled are refused, and no file is lost."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from config.definition import Definition
from schemas.model import Model
from schemas.numbers import ColumnScale, Encoding
from segmentation.errors import Refused
from segmentation.scoring import UNSCALABLE, score_table
from tests.conftest import DEFINITION, TRAINING

ROWS = {
    "id": "id",
    "columns": {"spend": {"type": "float"}, "orders": {"type": "float"}},
}
PLAIN: dict[str, Any] = {"weight": 1.0, "excluded": False, "reason": ""}
DEFINITION_WITH_ROWS = Definition.model_validate({**DEFINITION, "rows": ROWS})
MODEL = Model(
    name="demo",
    version="0",
    encodings=tuple(Encoding(name=name, column=name) for name in ("spend", "orders")),
    columns=(
        ColumnScale(**PLAIN, feature="spend", transform="log-standard", shift=3.0, scale=1.0),
        ColumnScale(**PLAIN, feature="orders", transform="standard", shift=5.0, scale=2.0),
    ),
    quantum=2.0**-20,
    trained=TRAINING,
    segment_ids=("S01", "S02"),
    centres=((-1.0, -1.0), (1.0, 1.0)),
)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Two good rows; a negative value under a logarithm, at -0.5 and at -50; one of 1e300."""
    path = tmp_path / "in.csv"
    path.write_text("id,spend,orders\na,1,1\nb,-0.5,1\nc,-50,1\nd,500,9\ne,1,1e300\n")
    return path


def test_values_that_cannot_be_scaled_are_refused(table: Path, tmp_path: Path) -> None:
    """They are counted with their reason, as in a nightly run; the others are scored."""
    result = score_table(table, DEFINITION_WITH_ROWS, MODEL, tmp_path / "out.parquet")
    scores = pd.read_parquet(tmp_path / "out.parquet")
    assert scores["customer_id"].tolist() == ["a", "d"]
    assert scores["segment_id"].tolist() == ["S01", "S02"]
    assert np.isfinite(scores[["distance", "margin"]].to_numpy()).all()
    assert (result.rows, dict(result.refused)) == (2, {UNSCALABLE: 3})
    refused = pd.read_parquet(tmp_path / "out.quarantine.parquet")
    assert refused["customer_id"].tolist() == ["b", "c", "e"]
    assert refused["source_row"].tolist() == [2, 3, 5]
    assert set(refused["source_file"]) == {"in.csv"}


@pytest.mark.parametrize("name", ["in.parquet", "link.parquet"])
def test_the_table_is_never_its_own_output(tmp_path: Path, name: str) -> None:
    """Neither by its name nor through a link is the input overwritten."""
    path = tmp_path / "in.parquet"
    pd.DataFrame({"id": ["a"], "spend": [1.0], "orders": [1.0]}).to_parquet(path)
    (tmp_path / "link.parquet").symlink_to(path)
    content = path.read_bytes()
    with pytest.raises(Refused, match="would overwrite the table"):
        score_table(path, DEFINITION_WITH_ROWS, MODEL, tmp_path / name)
    assert path.read_bytes() == content


def test_failed_scoring_keeps_earlier_scores(tmp_path: Path, table: Path) -> None:
    """If the table turns out damaged half-way, the earlier scores stay and no other file is left."""
    output = tmp_path / "out.parquet"
    score_table(table, DEFINITION_WITH_ROWS, MODEL, output)
    files = {path: path.read_bytes() for path in tmp_path.iterdir()}
    bad = tmp_path / "bad.parquet"
    frame = pd.DataFrame({"id": [f"c{i}" for i in range(300_000)], "spend": 1.0, "orders": 1.0})
    frame.to_parquet(bad, row_group_size=50_000, compression=None)
    metadata = pq.read_metadata(bad)
    page = metadata.row_group(4).column(0)
    content = bytearray(bad.read_bytes())
    start = page.dictionary_page_offset or page.data_page_offset
    content[start : start + 40] = b"\xff" * 40
    bad.write_bytes(content)
    with pytest.raises(Refused, match=r"bad\.parquet"):
        score_table(bad, DEFINITION_WITH_ROWS, MODEL, output)
    bad.unlink()
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == files


def test_unusable_inputs_and_outputs_are_refused(tmp_path: Path, table: Path) -> None:
    """A missing folder, another suffix and an empty table are refused in one line."""
    with pytest.raises(Refused, match="does not exist"):
        score_table(table, DEFINITION_WITH_ROWS, MODEL, tmp_path / "nowhere" / "out.parquet")
    with pytest.raises(Refused, match=r"written as \.parquet"):
        score_table(table, DEFINITION_WITH_ROWS, MODEL, tmp_path / "out.csv")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(Refused, match="empty-file"):
        score_table(tmp_path / "empty.csv", DEFINITION_WITH_ROWS, MODEL, tmp_path / "out.parquet")
