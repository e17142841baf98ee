"""Files that are hashed while they are written."""

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from config.settings import read_settings
from segmentation.store.files.hashed_file import HashedFile


@pytest.mark.parametrize("threads", ["1", "2"])
def test_the_digest_is_that_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: str
) -> None:
    """Whatever Arrow writes, in one thread or two, the digest is hashlib's of the file on disk."""
    monkeypatch.setenv("RESEGMENT_THREADS", threads)
    read_settings.cache_clear()
    table = pa.table({"a": range(50_000), "b": [str(i % 700) for i in range(50_000)]})
    with HashedFile(tmp_path / "t.parquet") as file:
        pq.write_table(table, file, row_group_size=9_000)
    assert file.hexdigest() == hashlib.sha256((tmp_path / "t.parquet").read_bytes()).hexdigest()
    assert pq.read_table(tmp_path / "t.parquet").equals(table)


def test_a_buffer_may_be_used_again(tmp_path: Path) -> None:
    """What is hashed is what was written, even if the writer changes its buffer at once."""
    buffer = bytearray(100_000)
    with HashedFile(tmp_path / "b") as file:
        for value in range(50):
            buffer[:] = bytes([value]) * len(buffer)
            assert file.write(memoryview(buffer)) == len(buffer)
    assert file.hexdigest() == hashlib.sha256((tmp_path / "b").read_bytes()).hexdigest()
