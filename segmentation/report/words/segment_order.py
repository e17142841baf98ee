"""The order in which readers see segments: most value first, or largest first without a value.

Tables keep the order of ids. The value feature is chosen in value_feature.py.
"""

from collections.abc import Sequence

import numpy as np


def order_segments(
    ids: Sequence[str], values: Sequence[float] | np.ndarray | None, sizes: Sequence[int] | np.ndarray
) -> list[int]:
    """Positions of the segments in reading order.

    values: each segment's sum of the value feature, or its share of it; None without one. Equal values are
    ordered by size, equal sizes by id.

    >>> order_segments(["S01", "S02", "S03"], [10.0, 70.0, 20.0], [5, 2, 3])
    [1, 2, 0]
    >>> order_segments(["S01", "S02", "S03"], None, [5, 2, 5])
    [0, 2, 1]
    """
    # A value that is not a number comes last and not somewhere between the others.
    keys = [0.0] * len(ids) if values is None else [-np.inf if np.isnan(value) else value for value in values]
    return sorted(range(len(ids)), key=lambda position: (-keys[position], -sizes[position], ids[position]))
