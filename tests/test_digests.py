"""Digests identify rows by their values and order, whatever file holds them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from schemas.night import Night
from segmentation.rows.judging.cast_batch import make_contract
from segmentation.rows.judging.digests import compute_digests
from segmentation.sources.content import fingerprint
from segmentation.sources.listing import fetch_files, list_files
from tests.test_real_data import DAY


def test_the_same_rows_in_other_files_have_the_same_digest(
    tmp_path: Path, make_night: Callable[..., Night]
) -> None:
    """Files, row groups and physical types do not matter; values, gaps and the order of rows do."""
    frame = pd.DataFrame({"id": [f"c{i}" for i in range(5000)], "spend": range(5000), "orders": 1})

    def digest(name: str, *frames: pd.DataFrame, **options: Any) -> str:
        night = make_night(tmp_path / name)
        (tmp_path / name).mkdir()
        for i, part in enumerate(frames):
            part.to_parquet(tmp_path / name / f"{i}.parquet", **options)
        files = [
            fingerprint(path)
            for path in fetch_files(list_files(night.definition.source, night.source, DAY), tmp_path)
        ]
        definition = night.definition
        (result,) = compute_digests(files, make_contract(definition.rows, definition, None))
        return result.sha256

    expected = digest("a", frame)
    assert digest("b", frame[:1234], frame[1234:].astype({"spend": "float32"}), row_group_size=99) == expected
    assert digest("c", frame.assign(extra=1)[["orders", "extra", "id", "spend"]]) == expected
    spend = [float(i) for i in range(5000)]
    assert digest("d", frame.assign(spend=[*spend[:-1], 4999.000000001])) != expected
    assert digest("e", frame.assign(spend=pd.Series([None, *spend[1:]], dtype="Float64"))) != expected
    assert digest("f", frame[::-1]) != expected
