# SPDX-License-Identifier: Apache-2.0
"""What a sample tells about a quantile of all that it was drawn from."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable
from functools import lru_cache

__all__ = ["quantile_ranks"]

MISSED = 0.05  # 19 times in 20 the quantile lies between the ranks


@lru_cache(maxsize=4096)
def quantile_ranks(draws: int, percent: int) -> tuple[int | None, int | None]:
    """The draws, counted from 1 in ascending order, between which a quantile lies, 19 times in 20; None where too few tell.

    Chernoff's bound, which holds for draws from populations of their own too, as one position of each item is (Hoeffding 1956).

    References
    ----------
    Chernoff 1952, A measure of asymptotic efficiency for tests of a hypothesis based on the sum of observations; Hoeffding 1956,
    On the distribution of the number of successes in independent trials.

    Examples
    --------
    >>> quantile_ranks(250, 50), quantile_ranks(250, 99), quantile_ranks(400, 99)
    ((104, 147), (243, None), (390, 400))
    """
    share = percent / 100
    needed = math.log(2 / MISSED)
    # Ranks above: so many draws fall below the quantile seldom enough. Ranks below: so few.
    high = _first(math.floor(draws * share) + 1, draws, lambda k: draws * _apart(k / draws, share) >= needed)
    low = _first(
        draws - math.ceil(draws * share) + 1,
        draws,
        lambda k: draws * _apart((draws - k) / draws, share) >= needed,
    )
    return (None if low is None else draws - low + 1), high


def _first(start: int, last: int, holds: Callable[[int], bool]) -> int | None:
    """The first number from `start` to `last` of which something holds that goes on holding."""
    if start > last or not holds(last):
        return None
    return start + bisect_left(range(start, last + 1), True, key=holds)


def _apart(one: float, other: float) -> float:
    """Kullback and Leibler's divergence of two coins."""
    parts = ((one, other), (1 - one, 1 - other))
    return sum(p * math.log(p / q) for p, q in parts if p > 0)
