"""Random histories of a folder of event files: nights that know its files make the same rows as others.

What else holds of judged files is in tests/test_judged_files.py.
"""

import random
from datetime import timedelta
from pathlib import Path

import pytest

from config.settings import read_settings
from schemas.known_files import KnownFiles
from segmentation.rows.reading import source_batches
from segmentation.store.runs.judged_entries import JUDGED
from tests.judged_histories import FIRST, History, list_definitions, read_night


def set_limit(monkeypatch: pytest.MonkeyPatch, size: float) -> None:
    """Set how many GB judged files may take."""
    monkeypatch.setenv("RESEGMENT_JUDGED_GB", str(size))
    read_settings.cache_clear()


@pytest.mark.parametrize(("suffix", "seed"), [(".csv", 6), (".parquet", 5)])
def test_random_histories_give_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, seed: int
) -> None:
    """Judged files change nothing, whatever happens to the files, the contract and the window."""
    check_history(tmp_path, monkeypatch, History(tmp_path / "days", suffix, random.Random(seed)), 6)  # noqa: S311


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("seed", range(10, 13))
def test_long_random_histories_give_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, seed: int
) -> None:
    """The same over many nights."""
    check_history(tmp_path, monkeypatch, History(tmp_path / "days", suffix, random.Random(seed)), 30)  # noqa: S311


def check_history(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    history: History,
    steps: int,
) -> None:
    """Read a folder after each step, in a store that keeps judged files and in one that does not."""
    monkeypatch.setattr(source_batches, "MERGED_ROWS", 60)  # several groups of these small files
    history.folder.mkdir()
    definitions, rng, known_count = list_definitions(), history.rng, 0
    definition = definitions[0]
    for number in range(steps):
        history.take_step()
        if rng.random() < 0.1:
            definition = rng.choice(definitions)
        as_of = FIRST + timedelta(number + rng.choice([2, 2, 2, 1]))
        set_limit(monkeypatch, 5)
        with_cache = read_night(history, definition, as_of, tmp_path / "with")
        set_limit(monkeypatch, 0)
        without = read_night(history, definition, as_of, tmp_path / "without")
        assert with_cache._replace(known_files=KnownFiles()) == without
        known_count += with_cache.known_files.files
    assert known_count
    assert not (tmp_path / "without" / "demo" / JUDGED).exists()
