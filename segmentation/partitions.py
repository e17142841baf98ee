"""Passes over all customers: a kernel applied to every part, its results in part order.

Kernels are pure functions from a part to something small. This module runs them, on threads here or on the
Dask cluster named in the settings, and knows nothing of what they compute.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from threading import Condition
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

import pyarrow as pa

from config.settings import read_settings
from schemas.part import Part
from segmentation.errors import ClusterGone, Refused
from segmentation.parts import write_part
from segmentation.store.catalogue.edition_key import digest_code

if TYPE_CHECKING:
    from distributed import Client

P = TypeVar("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
_CONNECT_S = 30


class _Future(Protocol[R_co]):
    """What a thread pool and a Dask client both return."""

    def result(self) -> R_co: ...


def map_parts(kernel: Callable[[P], R], parts: Iterable[P]) -> Iterator[R]:
    """Apply kernel to each part, on as many threads as the settings say; yield results in part order.

    At most two parts per thread are in flight, so memory does not grow with the number of parts. The order
    of results, and so every sum over them, does not depend on the threads.
    """
    threads = read_settings().threads
    # Without a pool: there is no thread to start or to end.
    if threads == 1:
        yield from map(kernel, parts)
        return
    with ThreadPoolExecutor(threads, thread_name_prefix="pass") as pool:
        yield from _yield_in_order(lambda part: pool.submit(kernel, part), parts, 2 * threads)


def consume_parts(kernel: Callable[[P], R], consume: Callable[[R], None], parts: Iterable[P]) -> None:
    """Apply kernel to each part. The same threads consume the results, in part order and one at a time."""
    turn, condition = 0, Condition()

    def run(numbered: tuple[int, P]) -> None:
        nonlocal turn
        number, part = numbered
        results = list[R]()
        try:
            results.append(kernel(part))
        finally:
            # A part that failed takes its turn too, or those after it would wait for ever. Parts start in
            # order, so the one whose turn it is runs.
            with condition:
                condition.wait_for(lambda: turn == number)
            try:
                for result in results:
                    consume(result)
            finally:
                with condition:
                    turn += 1
                    condition.notify_all()

    for _ in map_parts(run, enumerate(parts)):
        pass


def read_ahead(items: Iterator[P]) -> Iterator[P]:
    """The items, each made by another thread while the one before is used; with one thread, by this one."""
    if read_settings().threads == 1:
        yield from items
        return
    with ThreadPoolExecutor(1, thread_name_prefix="read") as reader:
        waiting = reader.submit(_get_next, items)
        while (item := waiting.result()) is not None:
            waiting = reader.submit(_get_next, items)
            yield item.value


class _Item(NamedTuple, Generic[P]):
    value: P


def _get_next(items: Iterator[P]) -> _Item[P] | None:
    # A future cannot carry StopIteration to its reader.
    return next((_Item(item) for item in items), None)


def map_to_files(
    kernel: Callable[[P], pa.Table], parts: Iterable[P], folder: Path, stem: str
) -> tuple[Part, ...]:
    """Apply kernel to each part, and write the tables that it returns as stage files, in the same threads."""
    write = partial(_write_result, kernel=kernel, folder=folder, stem=stem)
    return tuple(map_parts(write, enumerate(parts)))


def _write_result(numbered: tuple[int, P], kernel: Callable[[P], pa.Table], folder: Path, stem: str) -> Part:
    number, part = numbered
    return write_part(folder / f"{stem}-{number:05d}.parquet", kernel(part))


def write_parts(folder: Path, stem: str, tables: Iterable[pa.Table]) -> tuple[Part, ...]:
    """Write a stream of tables, one part each; empty tables are skipped."""
    return map_to_files(lambda table: table, (table for table in tables if table.num_rows), folder, stem)


def map_part_files(kernel: Callable[[P], R], parts: Iterable[P]) -> Iterator[R]:
    """Like map_parts, for kernels that only read the parts' files: on the Dask cluster, if one is named.

    The kernel and the files' paths are sent, never rows. If a worker dies, another repeats its part. The
    results are the same to the last bit on any machine.
    """
    address = read_settings().dask_scheduler
    if address is None:
        yield from map_parts(kernel, parts)
        return
    try:
        from distributed import Client
    except ImportError:
        message = "RESEGMENT_DASK_SCHEDULER is set, but Dask is not installed; add the extra: resegment[dask]"
        raise Refused("dask", message) from None
    try:
        # A client per pass costs about 50 ms and leaves nothing open.
        client = Client(address, timeout=_CONNECT_S, set_as_default=False)
    except OSError:
        raise ClusterGone("the Dask scheduler of RESEGMENT_DASK_SCHEDULER cannot be reached") from None
    with client:
        _check_workers(client)
        ahead = 2 * max(1, sum(client.ncores().values()))
        # pure=False: Dask would otherwise take results of equal calls from its memory, also
        # of an earlier run.
        yield from _yield_in_order(lambda part: client.submit(kernel, part, pure=False), parts, ahead)


def _check_workers(client: "Client") -> None:
    """Refuse a cluster with other code or libraries: the edition has the name of those of this machine."""
    expected = digest_code()
    # A machine that lacks this function, or cannot import it, returns the error. One that dies is replaced.
    digests = client.run(digest_code, on_error="return")
    stale = [digest for digest in digests.values() if digest != expected and not isinstance(digest, OSError)]
    if stale:
        worker_digest = stale[0] if isinstance(stale[0], str) else "an earlier version"
        raise Refused(
            "other-code",
            f"{len(stale)} of {len(digests)} workers of the Dask cluster have other code or libraries than "
            f"this machine: {worker_digest}, expected {expected}; install the same version and restart them",
        )


def _yield_in_order(submit: Callable[[P], _Future[R]], parts: Iterable[P], ahead: int) -> Iterator[R]:
    """Yield results in part order, with at most `ahead` in flight."""
    pending = iter(parts)
    running = [submit(part) for part in islice(pending, ahead)]
    while running:
        result = running.pop(0).result()
        # The next part is submitted before the result is used, so that no thread waits for the consumer.
        running += [submit(part) for part in islice(pending, 1)]
        yield result
