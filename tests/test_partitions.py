"""Passes over parts: order, threads, failures."""

import threading
import time

import pytest

from config.settings import read_settings
from segmentation.partitions import map_parts


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
