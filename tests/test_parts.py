"""Stage files: written once, named by a record, refused if they have changed."""

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from segmentation.errors import StageFileGone
from segmentation.partitions import write_parts
from segmentation.parts import check_part, create_empty_folder, hash_file, read_part, to_matrix, write_part

TABLE = pa.table({"a": [1, 2, 3], "b": [0.5, -0.0, 1e300], "t": ["x", "", "Ł"]})


def test_a_part_has_the_written_table(tmp_path: Path) -> None:
    """A part read back, by us or by any reader, is the table, and its record has its rows and size."""
    part = write_part(tmp_path / "a.parquet", TABLE)
    assert read_part(part).equals(TABLE)
    assert read_part(part, ["b"]).column_names == ["b"]
    assert pq.read_table(part.path).equals(TABLE)
    content = part.path.read_bytes()
    assert (part.rows, part.size) == (3, len(content))
    assert hash_file(part.path) == hashlib.sha256(content).hexdigest()


def test_the_same_table_gives_the_same_bytes(tmp_path: Path) -> None:
    """Two writes of a table have the same digest."""
    parts = [write_part(tmp_path / f"{name}.parquet", TABLE) for name in "ab"]
    assert hash_file(parts[0].path) == hash_file(parts[1].path)


def test_an_empty_table_is_a_part(tmp_path: Path) -> None:
    """A table without rows is written and read back without rows."""
    part = write_part(tmp_path / "a.parquet", TABLE.slice(0, 0))
    assert part.rows == 0
    assert read_part(part).num_rows == 0


def test_empty_tables_of_a_stream_are_skipped(tmp_path: Path) -> None:
    """A stream of tables becomes numbered parts, without the empty ones."""
    parts = write_parts(tmp_path, "rows", iter([TABLE, TABLE.slice(0, 0), TABLE.slice(1)]))
    assert [part.path.name for part in parts] == ["rows-00000.parquet", "rows-00001.parquet"]
    assert [part.rows for part in parts] == [3, 2]


def test_a_missing_part_is_an_error(tmp_path: Path) -> None:
    """A missing stage file raises StageFileGone, with the next step but without its folder."""
    part = write_part(tmp_path / "a.parquet", TABLE)
    part.path.unlink()
    with pytest.raises(StageFileGone, match=r"a\.parquet is gone; start a new run") as error:
        read_part(part)
    assert str(tmp_path) not in str(error.value)


def test_a_truncated_part_is_an_error(tmp_path: Path) -> None:
    """A stage file of another size raises StageFileGone."""
    part = write_part(tmp_path / "a.parquet", TABLE)
    part.path.write_bytes(part.path.read_bytes()[:-1])
    with pytest.raises(StageFileGone, match="not as it was written"):
        check_part(part)


def test_a_stage_folder_starts_empty(tmp_path: Path) -> None:
    """A stage begins with an empty folder that only its user may read, even after an earlier attempt."""
    folder = create_empty_folder(tmp_path / "run" / "stage")
    (folder / "old.parquet").touch()
    assert list(create_empty_folder(folder).iterdir()) == []
    assert folder.stat().st_mode & 0o777 == 0o700


def test_matrix_has_features_down() -> None:
    """Columns become float64 rows in the requested order."""
    matrix = to_matrix(TABLE, ["b", "a"])
    assert matrix.tolist() == [[0.5, -0.0, 1e300], [1.0, 2.0, 3.0]]
    assert matrix.dtype == np.float64
    assert to_matrix(TABLE.slice(0, 0), ["a"]).shape == (1, 0)


def test_matrix_of_chunks_and_booleans() -> None:
    """Chunked columns and booleans work too."""
    chunked = pa.concat_tables([pa.table({"x": [True, False]}), pa.table({"x": [True]})])
    assert to_matrix(chunked).tolist() == [[1.0, 0.0, 1.0]]


def test_matrix_of_text_is_an_error() -> None:
    """Text cannot become a number."""
    with pytest.raises(ValueError, match="could not convert"):
        to_matrix(TABLE, ["t"])


def test_values_that_repeat_take_less_room(tmp_path: Path) -> None:
    """Sorted ids, row numbers and numbers of few values take a third of plain Parquet, others no more."""
    draw = np.random.default_rng(3)
    rounded, exact = draw.integers(0, 99, 50_000) / 7, draw.normal(size=50_000)
    ids = [f"customer-{i:06d}" for i in range(50_000)]
    for values, share in ((rounded, 1 / 3), (exact, 0.85)):
        table = pa.table(
            {"customer_id": ids, "x": values, "y": values[::-1], "source_row": np.arange(50_000)}
        )
        pq.write_table(table, tmp_path / "plain.parquet", compression="lz4", use_dictionary=False)
        part = write_part(tmp_path / "part.parquet", table)
        assert part.size < share * (tmp_path / "plain.parquet").stat().st_size
        assert read_part(part).equals(table)
