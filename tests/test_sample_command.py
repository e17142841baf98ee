"""The command `resegment sample`: what it writes, refuses and leaves unchanged."""

from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from config.definition import BUILT_IN
from config.definition_files import read_definition
from config.sources import Source
from resegment.sample import sample_app
from segmentation.errors import Refused
from segmentation.samples.catalogue import write_sample, write_samples
from segmentation.samples.orders import write_order_files

MONTH = ["orders", "--start", "2025-03-01", "--nights", "31", "--customers", "50", "--seed", "7"]


def call(*arguments: str | Path) -> str:
    """Run the command and return its output. Raises its exception."""
    result = CliRunner().invoke(sample_app, [str(argument) for argument in arguments])
    if result.exception is not None:
        raise result.exception
    return result.stdout


def test_orders_are_written_with_the_truth(tmp_path: Path) -> None:
    """It writes a file per day, a folder with a truth per night, and a last line with the next step."""
    output = call(*MONTH, "-o", tmp_path / "out")
    expected = write_order_files(tmp_path, (date(2025, 3, 1), date(2025, 4, 1)), 50, 7)
    written_files = sorted((tmp_path / "out").glob("*.csv"))
    assert [path.name for path in written_files] == [path.name for path in expected]
    assert [path.read_bytes() for path in written_files] == [path.read_bytes() for path in expected]
    assert len(list((tmp_path / "out-truth").glob("truth-2025-03-*.parquet"))) == 31
    assert f"Written: {len(expected)} files of 31 days" in output
    assert output.endswith("--as-of 2025-04-01\n")


def test_a_used_folder_is_refused_unless_forced(tmp_path: Path) -> None:
    """With --force, days are added and replaced in one format each, and other files stay."""
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(Refused, match="is not empty"):
        call(*MONTH, "-o", tmp_path)
    call(*MONTH, "-o", tmp_path, "--force", "--no-truth")
    days = {path.stem for path in tmp_path.glob("orders-*")}
    call(*MONTH, "-o", tmp_path, "--force", "--no-truth", "--format", "parquet")
    assert {path.stem for path in tmp_path.glob("orders-*")} == days
    assert {path.suffix for path in tmp_path.glob("orders-*")} == {".parquet"}
    assert {path.name for path in tmp_path.iterdir()} == {"notes.txt"} | {f"{day}.parquet" for day in days}


@pytest.mark.parametrize("name", ["article", "shop", "people"])
def test_a_sample_of_customers_is_one_file(name: str, tmp_path: Path) -> None:
    """The file equals what a run with the same seed reads, and is only replaced with --force."""
    size = [] if name == "article" else ["--customers", "200", "--seed", "5"]
    call(name, *size, "-o", tmp_path / "out.csv")
    customers = None if name == "article" else 200
    source = Source.model_validate({"sample": name, "customers": customers})
    assert (tmp_path / "out.csv").read_bytes() == write_sample(source, 5, tmp_path).read_bytes()
    with pytest.raises(Refused, match="exists already"):
        call(name, *size, "-o", tmp_path / "out.csv")
    call(name, *size, "-o", tmp_path / "out.csv", "--force")
    assert {path.name for path in tmp_path.iterdir()} == {"out.csv", f"{name}.csv"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["article", "-o", "article.xlsx"], "expected a name that ends in .csv"),
        (["article", "-o", "nowhere/article.csv"], "cannot be written: No such file"),
        (["orders", "--start", "20250301", "-o", "out"], "is not a date; expected YYYY-MM-DD"),
        (["orders", "--start", "2025-02-29", "-o", "out"], "is not a date; expected YYYY-MM-DD"),
        (["orders", "--start", "2099-12-31", "-o", "out"], "has days from 2001-01-01 to 2099-12-31"),
        (["orders", "--start", "2025-03-01", "-o", "a/file"], "cannot be a folder"),
    ],
)
def test_unwritable_samples_are_refused(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal gives the reason, and nothing is left behind."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").write_text("a file")
    with pytest.raises(Refused, match=message):
        call(*arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_full_disk_is_reported_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a file cannot be written, the refusal quotes the system's message, without a traceback."""

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("segmentation.samples.orders.write_day", fail)
    with pytest.raises(Refused, match="cannot be written: No space left on device"):
        call(*MONTH, "-o", tmp_path)


def test_a_run_reads_the_days_of_its_window(tmp_path: Path) -> None:
    """The shipped definition reads exactly the files of the year before as_of."""
    definition = read_definition(BUILT_IN / "orders.yaml")
    source = definition.source.model_copy(update={"customers": 3})
    window = definition.window(date(2025, 3, 1))
    names = [path.name for path in write_samples(source, definition.seed, tmp_path, window)]
    assert (names[0], names[-1]) == ("orders-2024-03-01.csv", "orders-2025-02-28.csv")
    assert 350 < len(names) < 365
