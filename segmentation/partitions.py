"""The one way to pass over all customers: a kernel applied to every part, results in part order.

Kernels are pure functions from a part to something small; this module knows how they are run
(threads here) and nothing of what they compute.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from config.settings import read_settings

P = TypeVar("P")
R = TypeVar("R")


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
    waiting = iter(parts)
    with ThreadPoolExecutor(threads, thread_name_prefix="pass") as pool:
        running = [pool.submit(kernel, part) for part in islice(waiting, 2 * threads)]
        while running:
            result = running.pop(0).result()
            running += [pool.submit(kernel, part) for part in islice(waiting, 1)]
            yield result
