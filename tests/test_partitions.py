"""Passes over parts: order, threads, failures."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from config.settings import read_settings
from segmentation.partitions import consume_parts, map_parts, map_to_files, read_ahead
from segmentation.parts import read_part


@pytest.fixture(params=[1, 2, 5])
def threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """The settings' number of threads."""
    monkeypatch.setenv("RESEGMENT_THREADS", str(request.param))
    read_settings.cache_clear()
    return int(request.param)


def test_results_come_in_part_order(threads: int) -> None:
    """Whichever thread is first, results come in part order, as from `map`."""

    def slow_first(part: int) -> int:
        time.sleep(0.02 if part == 0 else 0.0)
        return part * part

    assert list(map_parts(slow_first, range(40))) == list(map(slow_first, range(40)))
    assert threads >= 1


def test_no_parts_give_no_results(threads: int) -> None:
    """An empty list of parts gives an empty list."""
    assert list(map_parts(str, [])) == []
    assert threads >= 1


def test_a_kernels_error_reaches_the_caller(threads: int) -> None:
    """An error in one part is raised, not just logged."""

    def fail(part: int) -> float:
        return 1 / (part - 3)

    with pytest.raises(ZeroDivisionError):
        list(map_parts(fail, range(10)))
    assert threads >= 1


def test_results_are_consumed_in_part_order(threads: int) -> None:
    """One at a time, in order, and not by the caller's thread unless there is one only."""
    consumed, consumers = list[int](), set[int]()
    is_busy = threading.Lock()

    def slow_first(part: int) -> int:
        time.sleep(0.02 if part == 0 else 0.0)
        return part

    def consume(result: int) -> None:
        assert is_busy.acquire(blocking=False)
        time.sleep(0.001)
        consumed.append(result)
        consumers.add(threading.get_ident())
        is_busy.release()

    consume_parts(slow_first, consume, range(40))
    assert consumed == list(range(40))
    assert (threading.get_ident() in consumers) is (threads == 1)


@pytest.mark.parametrize("fails", ["kernel", "consumer"])
def test_a_failed_part_holds_up_no_thread(threads: int, fails: str) -> None:
    """The first error reaches the caller, whether a part or what is done with its result has failed."""

    def fail(part: int) -> int:
        if part in (3, 5):
            raise ValueError(f"part {part}")
        return part

    def consume(result: int) -> None:
        if fails == "consumer":
            fail(result)

    with pytest.raises(ValueError, match="part 3"):
        consume_parts(fail if fails == "kernel" else int, consume, range(20))
    assert threads >= 1


def test_memory_is_bounded(threads: int) -> None:
    """At most two parts per thread are started ahead of the results taken."""
    started: list[int] = []
    lock = threading.Lock()

    def note(part: int) -> int:
        with lock:
            started.append(part)
        return part

    results = map_parts(note, range(1000))
    for count in range(1, 20):
        next(results)
        time.sleep(0.002)
        assert len(started) <= count + 2 * threads
    results.close()  # type: ignore[attr-defined]  # a generator, as every pass is


def test_one_thread_is_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one thread, no other thread is started."""
    monkeypatch.setenv("RESEGMENT_THREADS", "1")
    read_settings.cache_clear()
    caller = threading.get_ident()
    assert set(map_parts(lambda _: threading.get_ident(), range(3))) == {caller}


def test_tables_are_written_in_part_order(threads: int, tmp_path: Path) -> None:
    """Each result is a stage file with its part's number, whichever thread is first."""

    def slow_first(part: int) -> pa.Table:
        time.sleep(0.02 if part == 0 else 0.0)
        return pa.table({"x": [part]})

    parts = map_to_files(slow_first, range(20), tmp_path, "n")
    assert [part.path.name for part in parts] == [f"n-{i:05d}.parquet" for i in range(20)]
    assert [read_part(part)["x"].to_pylist() for part in parts] == [[i] for i in range(20)]
    assert threads >= 1


def test_one_item_is_read_ahead(threads: int) -> None:
    """Items come in order, at most one more is made than was taken, and an error comes in its place."""
    items_read: list[int] = []

    def make() -> Iterator[int]:
        for item in range(5):
            items_read.append(item)
            yield item
        raise OSError("gone")

    items = read_ahead(make())
    for count in range(5):
        assert next(items) == count
        time.sleep(0.002)
        assert len(items_read) <= min(5, count + 2)
    with pytest.raises(OSError, match="gone"):
        next(items)
    assert list(read_ahead(iter(range(3)))) == [0, 1, 2]
    assert threads >= 1


def test_reading_ahead_ends_with_its_reader(threads: int) -> None:
    """Whoever stops early leaves no thread behind."""
    thread_count = threading.active_count()
    items = read_ahead(iter(range(1000)))
    assert next(items) == 0
    items.close()  # type: ignore[attr-defined]  # a generator
    assert threading.active_count() == thread_count
    assert threads >= 1
