"""Encoding mixed features as numbers: levels, ranks and gaps, against pandas' get_dummies and by hand."""

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from pydantic import ValidationError

from config.definition import Definition
from schemas.night import Night
from schemas.numbers import Encoding
from schemas.part import Part
from segmentation.errors import Refused
from segmentation.features.encoding import encode, encode_parts, fit_encodings
from segmentation.parts import read_part, write_part
from tests.conftest import DEFINITION

NightMaker = Callable[..., Night]
CITIES = ["Bonn"] * 50 + ["Köln"] * 30 + ["01067"] * 15 + ["Ulm"] * 3 + ["Jena"] * 2
FRAME = pd.DataFrame(
    {
        "city": CITIES,
        "school": ["low", "mid", "high", "mid"] * 25,
        "age": [float(i) if i % 10 else None for i in range(100)],
        "member": [None if i % 7 == 0 else i % 2 == 0 for i in range(100)],
    }
)


def define(**columns: dict[str, Any]) -> Definition:
    """The demo definition over these columns, all of them features."""
    rows = {"id": "id", "columns": columns}
    content = {**DEFINITION, "rows": rows, "features": list(columns), "categories": {"rare_share": 0.05}}
    return Definition.model_validate(content)


def write(folder: Path, names: Sequence[str], cuts: Sequence[int] = (30, 31)) -> tuple[Part, ...]:
    """These columns of FRAME as parts."""
    table = pa.Table.from_pandas(FRAME[list(names)], preserve_index=False)
    ends = [0, *cuts, len(FRAME)]
    return tuple(
        write_part(folder / f"p{i}.parquet", table.slice(start, end - start))
        for i, (start, end) in enumerate(itertools.pairwise(ends))
    )


def encoded(folder: Path, **columns: dict[str, Any]) -> pd.DataFrame:
    """FRAME's columns as encoded by a definition with these columns."""
    parts = write(folder, list(columns))
    encodings = fit_encodings(define(**columns), parts)
    numbers = encode_parts(parts, encodings, folder)
    frame: pd.DataFrame = pa.concat_tables([read_part(part) for part in numbers]).to_pandas()
    return frame


def test_levels_are_those_of_get_dummies(tmp_path: Path) -> None:
    """Common levels have a 0/1 number each, rare levels share one; zip codes keep their zeros."""
    numbers = encoded(tmp_path, city={"type": "category"})
    pooled = FRAME["city"].where(~FRAME["city"].isin(["Ulm", "Jena"]), "(other)")
    expected = pd.get_dummies(pooled, prefix="city", prefix_sep=" = ", dtype=float)
    assert list(numbers.columns) == ["city = 01067", "city = Bonn", "city = Köln", "city = (other)"]
    pd.testing.assert_frame_equal(numbers, expected[numbers.columns])


def test_only_the_most_common_levels_have_a_number(tmp_path: Path) -> None:
    """most_levels keeps the most common levels, however large the share of the rest."""
    content = define(city={"type": "category"}).model_dump()
    content["categories"] = {"rare_share": 0, "most_levels": 2}
    encodings = fit_encodings(Definition.model_validate(content), write(tmp_path, ["city"]))
    assert [encoding.name for encoding in encodings] == ["city = Bonn", "city = Köln", "city = (other)"]
    assert [encoding.block for encoding in encodings] == [3, 3, 3]


def test_an_order_gives_ranks(tmp_path: Path) -> None:
    """Ordered levels are 0, 1, 2 in the definition's order."""
    numbers = encoded(tmp_path, school={"type": "category", "order": ["low", "mid", "high"]})
    assert numbers["school"].tolist() == [0.0, 1.0, 2.0, 1.0] * 25


def test_a_missing_number_becomes_the_median_and_is_marked(tmp_path: Path) -> None:
    """fill by median uses the lower median of the other values; the indicator marks the gaps."""
    fill = {"by": "median", "indicator": True}
    numbers = encoded(tmp_path, age={"type": "float", "nullable": True, "fill": fill})
    median = FRAME["age"].quantile(0.5, interpolation="lower")
    assert numbers["age"].tolist() == FRAME["age"].fillna(median).tolist()
    assert numbers["age is missing"].tolist() == FRAME["age"].isna().astype(float).tolist()


def test_a_missing_value_can_be_a_constant_or_a_level(tmp_path: Path) -> None:
    """A missing boolean becomes the constant; a missing category a separate level, or the named level."""
    constant = {"by": "constant", "value": True}
    numbers = encoded(tmp_path, member={"type": "bool", "nullable": True, "fill": constant})
    assert numbers["member"].tolist() == [1.0 if v is None else float(v) for v in FRAME["member"]]
    table = pa.table({"c": ["a", None, "b", None] * 25})
    part = write_part(tmp_path / "c.parquet", table)
    for fill, names in (
        ({"by": "level"}, ["c = (missing)", "c = a", "c = b"]),
        ({"by": "constant", "value": "a"}, ["c = a", "c = b"]),
    ):
        encodings = fit_encodings(define(c={"type": "category", "nullable": True, "fill": fill}), [part])
        numbers = encode(table, encodings).to_pandas()
        assert list(numbers.columns) == names
        assert numbers.sum(axis=1).tolist() == [1.0] * 100


def test_a_column_without_any_value_cannot_be_filled_by_its_median(tmp_path: Path) -> None:
    """The refusal names the feature."""
    part = write_part(tmp_path / "a.parquet", pa.table({"age": pa.array([None, None], pa.float64())}))
    column = {"type": "float", "nullable": True, "fill": {"by": "median"}}
    with pytest.raises(Refused, match="feature age has no value"):
        fit_encodings(define(age=column), [part])


def test_too_many_levels_are_refused(tmp_path: Path) -> None:
    """A category with more than 10,000 levels is text, and the refusal contains no level."""
    part = write_part(tmp_path / "a.parquet", pa.table({"city": [f"zq{i}" for i in range(10_001)]}))
    with pytest.raises(Refused, match="city has more than 10,000 levels") as refusal:
        fit_encodings(define(city={"type": "category"}), [part])
    assert "zq" not in str(refusal.value)


def test_plain_numbers_are_not_written_again(tmp_path: Path) -> None:
    """If every feature is a plain number, the customers' parts are used directly."""
    part = write_part(tmp_path / "a.parquet", pa.table({"spend": [1.0, 2.0]}))
    encodings = fit_encodings(define(spend={"type": "float"}), [part])
    assert encodings == (Encoding(name="spend", column="spend"),)
    assert encode_parts([part], encodings, tmp_path) == (part,)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"type": "text"}, "expected int, float, bool or category"),
        ({"type": "float", "nullable": True}, "so it needs fill"),
        ({"type": "float", "fill": {"by": "median"}}, "nullable: true"),
        ({"type": "category", "nullable": True, "fill": {"by": "median"}}, "int or float"),
        ({"type": "int", "nullable": True, "fill": {"by": "level"}}, "without order"),
        ({"type": "int", "nullable": True, "fill": {"by": "constant"}}, "with by: constant"),
        ({"type": "int", "nullable": True, "fill": {"by": "constant", "value": "x"}}, "not a value"),
        ({"type": "int", "order": ["a", "b"]}, "type category"),
        ({"type": "category", "order": ["a", "a"]}, "a level twice"),
    ],
)
def test_contradictions_are_refused(column: dict[str, Any], message: str) -> None:
    """A definition whose column cannot become a feature is refused with the reason."""
    with pytest.raises(ValidationError, match=message):
        define(x=column)
