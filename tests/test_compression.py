"""Compressed text: opened by the end of its name, checked to its last byte, and never without bound."""

import bz2
import gzip
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from config.sources import Csv
from segmentation.errors import Refused
from segmentation.sources import compression
from segmentation.sources.compression import open_text
from segmentation.sources.content import check_content

TEXT = b"id,n\n" + b"".join(b"c%d,%d\n" % (i, i * i) for i in range(50_000))


def zstd(text: bytes) -> bytes:
    """The text as one zstd frame."""
    packed: bytes = pa.compress(text, "zstd", asbytes=True)
    return packed


PACKERS = {"gz": gzip.compress, "bz2": bz2.compress, "zst": zstd}
packers = pytest.mark.parametrize(("suffix", "pack"), PACKERS.items(), ids=PACKERS)


def write(folder: Path, name: str, content: bytes) -> Path:
    """Write a file."""
    (folder / name).write_bytes(content)
    return folder / name


@packers
def test_text_is_decompressed_by_the_end_of_the_name(
    tmp_path: Path, suffix: str, pack: Callable[[bytes], bytes]
) -> None:
    """One member or several, in any case of letters; a plain file is opened as it is."""
    more = b"x,1\n"
    contents = {
        f"A.CSV.{suffix.upper()}": (pack(TEXT), TEXT),
        f"b.csv.{suffix}": (pack(TEXT) + pack(more), TEXT + more),
    }
    for name, (content, text) in contents.items():
        path = write(tmp_path, name, content)
        check_content(path, Csv())
        with open_text(path) as file:
            assert file.read(5) + file.read() == text
    with open_text(write(tmp_path, "c.csv", TEXT)) as file:
        assert file.read() == TEXT


@packers
def test_damaged_data_is_refused_before_a_row_is_read(
    tmp_path: Path, suffix: str, pack: Callable[[bytes], bytes]
) -> None:
    """Data that is cut off, changed or not compressed at all is refused by name."""
    packed = pack(TEXT)
    changed = bytearray(packed)
    # A zstd frame has a checksum only if its writer wants one.
    changed[0 if suffix == "zst" else len(packed) // 2] ^= 0xFF
    for content in (packed[:-9], packed[: len(packed) // 2], bytes(changed), TEXT, b"PK\x03\x04"):
        path = write(tmp_path, f"a.csv.{suffix}", content)
        with pytest.raises(Refused, match=rf"a\.csv\.{suffix}") as refusal:
            check_content(path, Csv())
        assert refusal.value.code == "damaged-compression"


@packers
def test_the_text_inside_is_checked_like_a_plain_file(
    tmp_path: Path, suffix: str, pack: Callable[[bytes], bytes]
) -> None:
    """A missing final newline, nothing at all, a page and another archive inside are refused."""
    for content, code in (
        (TEXT[:-1], "no-final-newline"),
        (b"", "empty-file"),
        (b"<html>\n", "wrong-content"),
        (gzip.compress(TEXT), "wrong-content"),
        (b"x" * 257 + b"ustar\n", "wrong-content"),
    ):
        path = write(tmp_path, f"a.csv.{suffix}", pack(content))
        with pytest.raises(Refused) as refusal:
            check_content(path, Csv())
        assert refusal.value.code == code
    check_content(write(tmp_path, f"b.csv.{suffix}", pack(TEXT[:-1])), Csv(final_newline=False))


@packers
def test_a_file_that_unpacks_to_far_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, pack: Callable[[bytes], bytes]
) -> None:
    """A bomb is refused once it has unpacked to much more than its size; a small file never is."""
    path = write(tmp_path, f"a.csv.{suffix}", pack(b"1,2\n" * 2_000_000))
    check_content(path, Csv())
    monkeypatch.setattr(compression, "EXPANSION_FROM_BYTES", 1 << 20)
    with pytest.raises(Refused, match="unpacks to more than 200 times its size") as refusal:
        check_content(path, Csv())
    assert refusal.value.code == "expansion"


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(TEXT),
        bz2.compress(TEXT),
        bz2.compress(TEXT, 1),
        zstd(TEXT),
        b"PAR1",
        b"SQLite format 3\0",
    ],
)
def test_content_under_another_name_is_refused(tmp_path: Path, content: bytes) -> None:
    """Compressed data and other formats named .csv are refused with what they are."""
    with pytest.raises(Refused, match="wrong-content"):
        check_content(write(tmp_path, "a.csv", content), Csv())
