"""docs/values.md: every example of its tables is read as the page says."""

import re
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from config.columns import Column
from config.sources import Csv
from segmentation.rows.casting.text_columns import Dialect, cast_column

PAGE = (Path(__file__).parents[1] / "docs" / "values.md").read_text(encoding="utf-8")
TIMES = re.findall(r"^\| `([^`]+)` \| ([^`|]+) \|$", PAGE, re.MULTILINE)
DECLARED = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \| ([^`|]+) \|$", PAGE, re.MULTILINE)
FORMATS = [row for row in DECLARED if not row[0].startswith("{")]
NUMBERS = [row for row in DECLARED if row[0].startswith("{")]


def read(text: str, column: dict[str, object], csv: dict[str, object]) -> str:
    """What a column reads one text as, in the words of the page."""
    dialect = Dialect(Csv.model_validate(csv), "Europe/Berlin")
    cast = cast_column("c", pa.chunked_array([[text]]), Column.model_validate(column), dialect)
    value = cast.values[0].as_py()
    return "unreadable" if value is None else str(value)


@pytest.mark.parametrize(("text", "expected"), TIMES)
def test_times_of_the_page(text: str, expected: str) -> None:
    """A time without a declared format."""
    assert read(text, {"type": "timestamp"}, {}) == expected.strip()


@pytest.mark.parametrize(("declared", "text", "expected"), FORMATS)
def test_formats_of_the_page(declared: str, text: str, expected: str) -> None:
    """A time in a declared format."""
    # Only a list is YAML: % cannot begin a plain scalar.
    text_format = yaml.safe_load(declared) if declared.startswith("[") else declared
    assert read(text, {"type": "timestamp", "format": text_format}, {}) == expected.strip()


@pytest.mark.parametrize(("declared", "text", "expected"), NUMBERS)
def test_numbers_of_the_page(declared: str, text: str, expected: str) -> None:
    """A number with declared marks."""
    assert read(text, {"type": "float"}, yaml.safe_load(declared)) == expected.strip()


def test_every_table_has_examples() -> None:
    """No table is skipped because its rows are written in another way."""
    assert (len(TIMES), len(FORMATS), len(NUMBERS)) == (13, 9, 12)
