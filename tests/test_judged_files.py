"""Files that an earlier night judged are not judged again, and no byte of an edition shows it."""

import errno
import os
import random
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from config.settings import read_settings
from schemas.rows import Ingested, Input
from segmentation.erasing.erasure import erase_customers
from segmentation.erasing.requests import make_request
from segmentation.rows.judging import judged_source
from segmentation.rows.judging.cast_batch import Contract
from segmentation.rows.judging.judged_batches import JudgedBatch, judge_batches
from segmentation.rows.judging.writing import JudgedRows, write_rows
from segmentation.rows.reading import source_batches
from segmentation.rows.reading.source_batches import SourceBatch
from segmentation.store.runs.judged_entries import JUDGED, sweep_entries
from tests.event_inputs import HEADER
from tests.judged_histories import FIRST, History, define, read_night
from tests.late_shop import Shop, day, make_shop


@pytest.fixture
def set_limit(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[float], None]]:
    """Sets how many GB judged files may take."""

    def change(size: float) -> None:
        monkeypatch.setenv("RESEGMENT_JUDGED_GB", str(size))
        read_settings.cache_clear()

    yield change
    read_settings.cache_clear()


def list_files(home: Path) -> list[Path]:
    """The files of a segmentation's entries."""
    return [path for path in (home / JUDGED).rglob("*") if path.is_file()]


def list_folders(home: Path) -> list[Path]:
    """The entries of a segmentation, by when they were last used."""
    return sorted((home / JUDGED).glob("*/*"), key=lambda path: path.stat().st_mtime_ns)


def read_content(home: Path) -> dict[str, bytes]:
    """The files of a segmentation's entries, by their paths in the folder of judged files."""
    return {str(path.relative_to(home / JUDGED)): path.read_bytes() for path in list_files(home)}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop after one night, with an entry for each of its seven files."""
    monkeypatch.setattr(source_batches, "MERGED_ROWS", 300)
    shop = make_shop(tmp_path)
    shop.write(range(1, 8))
    assert shop.night(8).outcome == "published"
    assert len(list_folders(shop.home)) == 7
    return shop


@pytest.mark.slow
def test_editions_are_the_same_to_the_last_byte(tmp_path: Path, set_limit: Callable[[float], None]) -> None:
    """With judged files, without, with damaged and with half-written ones, a night makes the same files."""
    shops = {name: make_shop(tmp_path / name) for name in ("kept", "damaged", "off")}
    for number in (8, 9):
        for name, shop in shops.items():
            set_limit(0 if name == "off" else 5)
            shop.write(range(number - 7, number))
            assert shop.night(number).outcome == "published"
        for path, cut in zip(list_files(shops["damaged"].home), (10, 500, 0), strict=False):
            content = path.read_bytes()
            path.write_bytes(content[:cut] if cut else content[:-9] + b"x" + content[-8:])
    assert shops["kept"].digests() == shops["off"].digests() == shops["damaged"].digests()
    assert not list_files(shops["off"].home) and list_files(shops["kept"].home)


def test_a_known_file_is_not_judged(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the second night only the new file is judged."""
    judged: list[int] = []

    def count(batches: Sequence[SourceBatch], contract: Contract) -> JudgedBatch:
        judged.append(len(batches))
        return judge_batches(batches, contract)

    monkeypatch.setattr(judged_source, "judge_batches", count)
    shop.write([8])
    shop.night(9)
    assert judged == [1]


def test_a_damaged_entry_is_written_again(tmp_path: Path) -> None:
    """It is judged like a new file, and good again on the night after."""
    shop = make_shop(tmp_path)
    shop.write(range(1, 8))
    shop.night(8)
    content = read_content(shop.home)
    for number, entry in enumerate(list_files(shop.home)):
        octets = entry.read_bytes()
        entry.write_bytes(octets[: len(octets) // 2])
        shop.night(8, force=True, as_of=day(8), run_id=f"again-{number}")
        assert read_content(shop.home) == content


def test_a_night_says_how_many_files_it_knew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, set_limit: Callable[[float], None]
) -> None:
    """Also how many entries were damaged. A row outside the window does not keep its file from being kept."""
    monkeypatch.setattr(source_batches, "MERGED_ROWS", 1)
    set_limit(5)
    lines = [f"c{number},i{number},2026-01-{number:02} 10:00:00,1,2.5" for number in (2, 3, 4)]
    lines[0] += "\nc2,i9,1999-12-31 10:00:00,1,2.5"
    for number, line in zip((2, 3, 4), lines, strict=True):
        (tmp_path / f"2026-01-{number:02}.csv").write_text(f"{HEADER}\n{line}\n")
    history = History(tmp_path, ".csv", random.Random(1))  # noqa: S311
    notes = []
    for is_damaged in (False, False, True):
        for path in list_files(tmp_path / "store" / "demo")[:is_damaged]:
            path.write_bytes(b"")
        night = read_night(history, define(), FIRST + timedelta(4), tmp_path / "store")
        assert isinstance(night.record, Ingested) and night.record.balance.outside == 1
        notes.append(night.known_files.describe(3))
        assert night.record.model_copy(update={"known_files": night.known_files}).log_line.endswith(notes[-1])
    assert notes == [
        "",
        "; 3 of 3 files judged before",
        "; 2 of 3 files judged before, 1 of .judged damaged",
    ]


@pytest.mark.parametrize("has_links", [True, False])
def test_nights_share_stage_files(shop: Shop, monkeypatch: pytest.MonkeyPatch, has_links: bool) -> None:
    """The rows of known files are linked; where the file system has no hard links, they are copied."""

    def refuse(path: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "no hard links")

    if not has_links:
        monkeypatch.setattr(Path, "hardlink_to", refuse)
    links: list[int] = []
    monkeypatch.setattr(judged_source, "write_rows", partial(count_links, links))
    shop.write([8])
    shop.night(9)
    assert links == [2 if has_links else 1] * 7


def count_links(
    links: list[int], batches: Iterable[JudgedBatch], folder: Path, inputs: Sequence[Input]
) -> JudgedRows:
    """Write rows, and count the names of the stage file of each batch as it comes."""
    judged = list(batches)
    links += [batch.part.path.stat().st_nlink for batch in judged if batch.part is not None]
    return write_rows(judged, folder, inputs)


def test_a_kill_while_writing_leaves_no_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry has its name only when it is complete; the rest is among the stage files, which are swept."""
    shop = make_shop(tmp_path)
    shop.write(range(1, 8))

    class Killed(BaseException):
        pass

    def die(path: Path, target: Path) -> Path:
        if path.suffix == ".judged":
            raise Killed
        return original(path, target)

    original = Path.replace
    monkeypatch.setattr(Path, "replace", die)
    with pytest.raises(Killed):
        shop.night(8)
    monkeypatch.undo()
    assert not list_files(shop.home)
    assert shop.night(8).outcome == "published"
    assert len(list_folders(shop.home)) == 1


def test_only_the_owner_reads_judged_files(tmp_path: Path) -> None:
    """Folders have 0700 and entries 0600, whatever the umask."""
    umask = os.umask(0)
    try:
        shop = make_shop(tmp_path)
        shop.write(range(1, 8))
        shop.night(8)
    finally:
        os.umask(umask)
    folders = [path for path in (shop.home / JUDGED, *(shop.home / JUDGED).rglob("*")) if path.is_dir()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in list_files(shop.home)} == {0o600}


def test_an_erasure_removes_judged_files(shop: Shop) -> None:
    """Nothing is left after it, and no later entry has a row of the erased customer."""
    request = make_request(shop.home, ["c007"], "ana", "", shop.home)
    erase_customers(shop.home, request, lambda line: None)
    assert not (shop.home / JUDGED).exists()
    shop.write([8])
    shop.night(9)
    assert all(b"c007" not in path.read_bytes() for path in list_files(shop.home))


def test_entries_from_before_an_erasure_are_removed(shop: Shop) -> None:
    """Another machine's judged files of a store in a bucket go on its next night."""
    stale = read_content(shop.home)
    erase_customers(shop.home, make_request(shop.home, ["c007"], "ana", "", shop.home), lambda line: None)
    folder = shop.home / JUDGED / "all"
    for name, content in stale.items():
        (shop.home / JUDGED / name).parent.mkdir(parents=True, exist_ok=True)
        (shop.home / JUDGED / name).write_bytes(content)
    shop.write([8])
    shop.night(9)
    assert not list(folder.glob("*"))


def test_judged_files_keep_within_their_limit(shop: Shop, set_limit: Callable[[float], None]) -> None:
    """A night removes what was least recently used, never what it uses; the sweep keeps a smaller limit."""
    entries = list_folders(shop.home)
    size = sum(path.stat().st_size for path in list_files(shop.home))
    os.utime(entries[-1], (1, 1))
    set_limit((size - 1) / 1e9)
    sweep_entries(shop.home)
    assert list_folders(shop.home) == entries[:-1]
    set_limit(1e-9)
    shop.write([8])
    shop.night(9)
    assert list_files(shop.home) == []


def test_files_that_no_night_uses_are_swept(shop: Shop) -> None:
    """After 30 days, however small they are."""
    first, *others = list_folders(shop.home)
    old = first.stat().st_mtime - 31 * 86_400
    os.utime(first, (old, old))
    sweep_entries(shop.home)
    assert list_folders(shop.home) == others
