# SPDX-License-Identifier: Apache-2.0
"""Where a value stands among those that a histogram counts: what counts and edges prove, and no more."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Literal

from pellucid.figures.words import value_words

__all__ = ["End", "shares", "standing"]

# Which end of what is counted is the best of it, and its exact value the first mark: the highest, or the lowest.
End = Literal["highest", "lowest"]


def shares(
    edges: Sequence[float], counts: Sequence[int], value: float, end: End = "highest"
) -> tuple[float, float]:
    """The least and the largest share of all counted that can lie short of a value: below it, or above it for the lowest end.

    Where in its bin a value stands is not known, so the bin may lie on either side.

    >>> shares((0.0, 1.0, 2.0, 4.0), (10, 20, 10), 2.0), shares((0.0, 1.0, 2.0, 4.0), (10, 20, 10), 1.5)
    ((0.75, 0.75), (0.25, 0.75))
    """
    total = sum(counts)
    if not total:
        return 0.0, 0.0
    place = bisect_right(edges, value) - 1
    below = sum(counts[: max(place, 0)])
    within = counts[place] if 0 <= place < len(counts) and value > edges[place] else 0
    if end == "highest":
        return below / total, (below + within) / total
    inside = counts[place] if 0 <= place < len(counts) else 0
    return (total - below - inside) / total, (total - below) / total


def standing(
    edges: Sequence[float], counts: Sequence[int], value: float, best: tuple[str, float] | None, end: End
) -> str:
    """Where a value stands, in words: beside the best, as a multiple of it where both have the sign that counts, and among all.

    >>> standing((0.0, 1.0, 2.0), (30, 10), 4.5, ("the best", 1.5), "highest")
    '3 times the best, above all 40'
    >>> standing((-1.0, 0.0, 1.0), (30, 10), -0.5, ("the best", 0.5), "highest").replace(chr(0x202f), " ")
    'short of the best, above 0 to 75 %'
    """
    total = sum(counts)
    if not total or best is None:
        return "nothing to stand beside"
    name, limit = best
    side = "above" if end == "highest" else "below"
    multiple = _multiple(value, best, end)
    if value > limit if end == "highest" else value < limit:
        return f"{multiple}{side} all {value_words(total)}"
    if value == limit:
        return f"as far as {name}"
    first = multiple or f"short of {name}, "
    low, high = shares(edges, counts, value, end)
    high = min(high, (total - 1) / total)  # the best itself lies further out
    if high <= 0:
        return f"{first}{side} none of {value_words(total)}"
    ends = dict.fromkeys(_percent(share) for share in (low, high))
    return f"{first}{side} {' to '.join(ends)}\u202f%"


def _percent(share: float) -> str:
    """A share below one, which rounding must not make whole."""
    return value_words(min(float(f"{100 * share:.3g}"), 99.9) if share < 0.999 else min(100 * share, 99.99))


def _multiple(value: float, best: tuple[str, float], end: End) -> str:
    """How many times the best, in words; empty where a sign makes that meaningless."""
    name, limit = best
    sign = 1 if end == "highest" else -1
    if not (sign * value > 0 and sign * limit > 0):
        return ""
    return f"{value_words(float(f'{value / limit:.3g}'))} times {name}, "
