# SPDX-License-Identifier: Apache-2.0
"""Between which values a curve is above half of its height, read between the values that were shown."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["between", "falls", "half_height", "summit"]

Floats = NDArray[np.float64]

# Of the height: what lies lower counts as this where logarithms are taken, for a bell's foot says nothing of its shoulders.
FOOT = 0.02
STEEP = 0.05  # of the height: a neighbor of the top below this has no bell in common with it


def half_height(places: Floats, above: Floats, period: float | None = None) -> tuple[float, float] | None:
    """The two places at which a curve falls to half of its summit; None where it does not on one side.

    Parameters
    ----------
    places : (n,) rising; of a circle evenly spaced over its `period`
    above : (n,) heights above the ground, the highest above 0

    Examples
    --------
    >>> angles = np.arange(0, 180, 10.0)
    >>> for center in (40.0, 45.0):
    ...     bell = np.exp(-((angles - center) ** 2) / (2 * 7.5**2))
    ...     low, high = half_height(angles, bell, 180)
    ...     print(round(high - low, 1))
    17.7
    17.7
    """
    top, half = int(above.argmax()), summit(places, above, period) / 2
    low, high = (_side(places, above, top, way, half, period, len(places)) for way in (-1, 1))
    return None if low is None or high is None else (low, high)


def falls(
    places: Floats, above: Floats, start: int, period: float | None = None
) -> tuple[float | None, float | None]:
    """The two places, below and above that of `start`, at which a curve has first fallen to half of what it is there.

    None for a side to which it does not, as far as it goes; to each side of a circle that is half of its `period`.

    Examples
    --------
    >>> low, high = falls(np.arange(5.0), np.array([9.0, 8.0, 8.0, 6.0, 2.0]), 2)
    >>> low, 3 < high < 4
    (None, True)
    """
    reach = len(places) if period is None else len(places) // 2 + 1
    low, high = (_side(places, above, start, way, above[start] / 2, period, reach) for way in (-1, 1))
    return low, high


def summit(places: Floats, above: Floats, period: float | None = None) -> float:
    """The height of the parabola through the highest value and its neighbors, in logarithms where these are not far below."""
    count, top = len(places), int(above.argmax())
    if count < 3 or (period is None and not 0 < top < count - 1):
        return float(above[top])
    x = np.array([_place(places, top + step, period) for step in (-1, 0, 1)])
    y = above[np.arange(top - 1, top + 2) % count]
    bell = y.min() > STEEP * y[1]
    bend, slope, height = np.polyfit(x - x[1], np.log(y) if bell else y, 2)
    if bend >= 0:
        return float(above[top])
    peak = height - slope**2 / (4 * bend)
    return float(np.exp(peak) if bell else peak)


def between(x: Floats, y: Floats, at: float) -> float:
    """The height at a place between three, by the parabola through their logarithms; by a straight line where one is not above 0.

    >>> bell = np.exp(-np.array([0.1, 0.4, 1.6]))
    >>> round(between(np.array([1.0, 2.0, 4.0]), bell, 3.0), 6), round(float(np.exp(-0.9)), 6)
    (0.40657, 0.40657)
    """
    if y.min() <= 0:
        return float(np.interp(at, x, y))
    return float(np.exp(np.polyval(np.polyfit(x - x[1], np.log(y), 2), at - x[1])))


def _place(places: Floats, index: int, period: float | None) -> float:
    return float(places[index % len(places)]) + (period or 0) * (index // len(places))


def _side(
    places: Floats, above: Floats, top: int, way: int, half: float, period: float | None, reach: int
) -> float | None:
    """Where the curve, walked from `top` to one side for fewer steps than `reach`, falls to half."""
    count = len(places)
    for steps in range(1, reach):
        inner, outer = top + way * (steps - 1), top + way * steps
        if period is None and not 0 <= outer < count:
            return None
        if above[outer % count] <= half:
            before = inner - way
            inside = period is not None or 0 <= before < count
            indices = [before, inner, outer] if inside else [inner, outer]
            x = np.array([_place(places, index, period) for index in indices])
            y = above[np.array(indices) % count]
            return _crossing(x, y, half, FOOT * above[top])
    return None


def _crossing(x: Floats, y: Floats, half: float, foot: float) -> float:
    """Between the last two of the values: by the parabola through all three logarithms, or a straight line."""
    inner, outer = x[-2], x[-1]
    straight = inner + (outer - inner) * np.clip((y[-2] - half) / (y[-2] - y[-1]), 0, 1)
    if len(x) < 3 or y.min() <= 0:
        return float(straight)
    curve = np.polyfit(x - inner, np.log(np.maximum(y, foot) / half), 2)
    low, high = sorted((0.0, float(outer - inner)))
    roots = [
        float(root.real) for root in np.roots(curve) if abs(root.imag) < 1e-9 and low <= root.real <= high
    ]
    return float(inner + roots[0]) if len(roots) == 1 else float(straight)
