"""Pollock's 2,290 polluted CSV files: each is read right, or says what it left out, or is refused.

Vitagliano et al., Pollock: a data loading benchmark, VLDB 2023. Each file comes with its parameters and its
clean table. The files are not part of this repository.
"""

import csv as csv_module
import json
import re
import tarfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from config.columns import Rows
from config.sources import Csv
from segmentation.errors import Refused
from segmentation.rows.reading.file_batches import read_batches
from segmentation.rows.reading.headers import check_header, columns_to_read, read_header
from segmentation.sources.content import check_content, fingerprint

NAMES = ("DATE", "TIME", "Qty", "PRODUCTID", "Price", "ProductType", "ProductDescription", "URL", "Comments")
ROWS = Rows.model_validate({"id": None, "columns": {name: {"type": "text"} for name in NAMES}})
PAGE = Path(__file__).parents[1] / "docs" / "csv.md"
OUTCOMES = ("right", "quarantined", "refused", "silently wrong")
# What the page calls the files whose names begin like this, in its order.
KINDS = {
    "source.csv": "the unpolluted file",
    "file_": "the whole file: delimiters, quotes, line ends, headers, preambles, several tables",
    "row_extra_quote": "one quote too many in a row",
    "row_field_delimiter": "one row with another delimiter",
    "row_less_sep": "one delimiter missing in a row",
    "row_more_sep": "one delimiter too many in a row",
}


class Polluted(NamedTuple):
    """One file of the benchmark, with its clean table next to it."""

    name: str
    path: Path
    clean: Path
    parameters: dict[str, str | int]

    @property
    def kind(self) -> str:
        """The words of the page for what is wrong with the file."""
        return next(words for start, words in KINDS.items() if self.name.startswith(start))

    def declare(self) -> Csv:
        """An honest declaration: what the benchmark says about the file, if source.csv can say it."""
        delimiter, quote, escape = (
            str(self.parameters[key]) for key in ("delimiter", "quotechar", "escapechar")
        )
        declared = {
            "delimiter": delimiter if len(delimiter) == 1 else ",",
            "quote": quote or '"',
            "escape": None if escape in ("", quote) else escape,
            "final_newline": "no_trailing_newline" not in self.name,
        }
        return Csv.model_validate(declared)

    def list_clean_rows(self) -> list[tuple[str, ...]]:
        """The rows of the clean table, as Python's csv module reads them: every field is quoted."""
        with self.clean.open(newline="", encoding="utf-8") as file:
            rows = [tuple(row) for row in csv_module.reader(file)]
        return rows[min(int(self.parameters["header_lines"]), 1) :]


@pytest.fixture(scope="module")
def polluted_files(tmp_path_factory: pytest.TempPathFactory) -> list[Polluted]:
    """All files, unpacked; the test is skipped where they are not."""
    archive = Path(__file__).parents[2] / "shared" / "data" / "pollock.tar.xz"
    if not archive.is_file():
        pytest.skip(f"real data is not here: {archive.name}")
    folder = tmp_path_factory.mktemp("pollock")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return list(list_files(folder / "polluted_files"))


def list_files(folder: Path) -> Iterator[Polluted]:
    """The files of the unpacked benchmark, by name."""
    for path in sorted((folder / "csv").iterdir()):
        parameters = json.loads((folder / "parameters" / f"{path.name}_parameters.json").read_text())
        yield Polluted(path.name, path, folder / "clean" / path.name, parameters)


def judge(file: Polluted) -> str:
    """How the file is read: every row must be a clean one, and every missing one be accounted for."""
    csv, good, malformed = file.declare(), Counter[tuple[str, ...]](), 0
    try:
        fingerprint(file.path)
        check_content(file.path, csv)
        check_header(file.name, read_header(file.path, csv), columns_to_read(ROWS), csv.delimiter)
        for batch in read_batches(file.path, ROWS, csv):
            good.update(tuple(row.values()) for row in batch.table.to_pylist())
            malformed += len(batch.malformed)
    except Refused:
        return "refused"
    clean = Counter(file.list_clean_rows())
    if good - clean or (clean - good).total() > malformed:
        return "silently wrong"
    # As a run does if no row is left.
    if malformed and not good:
        return "refused"
    return "quarantined" if malformed else "right"


def judge_all(files: Iterable[Polluted]) -> dict[str, Counter[str]]:
    """The number of files by what is wrong with them and by how they are read."""
    outcomes: dict[str, Counter[str]] = defaultdict(Counter)
    for file in files:
        outcomes[file.kind][judge(file)] += 1
    return outcomes


@pytest.mark.slow
def test_no_polluted_file_is_silently_wrong(polluted_files: list[Polluted]) -> None:
    """The page's table is what reading all 2,290 files gives: none silently wrong, and no traceback."""
    outcomes = judge_all(polluted_files)
    rows = re.findall(
        r"^\| ([^|]+) \|" + r" ([\d,]+) \|" * 5 + "$", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    page = {kind: tuple(int(count.replace(",", "")) for count in counts) for kind, *counts in rows}
    counts = {kind: [outcomes[kind][outcome] for outcome in OUTCOMES] for kind in KINDS.values()}
    counts["all"] = [sum(column) for column in zip(*counts.values(), strict=True)]
    assert page == {kind: (sum(row), *row) for kind, row in counts.items()}
    assert len(polluted_files) == 2290
    assert counts["all"][OUTCOMES.index("silently wrong")] == 0


def test_a_sample_of_polluted_files(polluted_files: list[Polluted]) -> None:
    """Every 40th file, and each that is polluted as a whole, is not silently wrong."""
    sample = [file for i, file in enumerate(polluted_files) if i % 40 == 0 or file.name.startswith("file")]
    assert judge_all(sample).keys() == set(KINDS.values()) - {"the unpolluted file"}
    assert not any(outcome["silently wrong"] for outcome in judge_all(sample).values())
