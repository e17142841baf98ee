"""The one way to pass over all customers: a kernel applied to every part, results in part order.

Kernels are pure functions from a part to something small; this module knows how they are run
(threads here, or a Dask cluster that the settings name) and nothing of what they compute.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Protocol, TypeVar

from config.settings import read_settings
from schemas.records import Part
from segmentation.errors import ClusterGone, Refused

P = TypeVar("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
_CONNECT_S = 30


class _Future(Protocol[R_co]):
    """What a thread and a cluster give alike."""

    def result(self) -> R_co: ...


def over_parts(kernel: Callable[[P], R], parts: Iterable[P]) -> Iterator[R]:
    """Apply kernel to each part, on as many threads as the settings say; yield in part order.

    At most two parts per thread are under way, so memory does not grow with their number; parts may
    themselves be read from an iterator, here, in turn.
    The order of results, and so every sum over them, does not depend on the threads.
    """
    threads = read_settings().threads
    if threads == 1:
        yield from map(kernel, parts)
        return
    with ThreadPoolExecutor(threads, thread_name_prefix="pass") as pool:
        yield from _in_order(lambda part: pool.submit(kernel, part), parts, 2 * threads)


def fold_parts(kernel: Callable[[Part], R], parts: Iterable[Part]) -> Iterator[R]:
    """As over_parts, for kernels that make sums of a part's file: on the Dask cluster, if one is named.

    The kernel, with its centres, and the part's path are sent, never rows. A part whose worker dies is
    done again by another. Which machine does it changes no bit.
    """
    address = read_settings().dask_scheduler
    if address is None:
        yield from over_parts(kernel, parts)
        return
    try:
        from distributed import Client
    except ImportError:
        said = "RESEGMENT_DASK_SCHEDULER is set, but Dask is not installed; add the extra: resegment[dask]"
        raise Refused("dask", said) from None
    try:
        client = Client(address, timeout=_CONNECT_S, set_as_default=False)
    except OSError:
        raise ClusterGone("the Dask scheduler of RESEGMENT_DASK_SCHEDULER cannot be reached") from None
    with client:
        ahead = 2 * max(1, sum(client.ncores().values()))
        yield from _in_order(lambda part: client.submit(kernel, part, pure=False), parts, ahead)


def _in_order(submit: Callable[[P], _Future[R]], parts: Iterable[P], ahead: int) -> Iterator[R]:
    """Results in the order of the parts, so many of them under way at most."""
    waiting = iter(parts)
    running = [submit(part) for part in islice(waiting, ahead)]
    while running:
        result = running.pop(0).result()
        running += [submit(part) for part in islice(waiting, 1)]
        yield result
