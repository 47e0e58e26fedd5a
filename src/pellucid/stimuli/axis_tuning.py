# SPDX-License-Identifier: Apache-2.0
"""A tuning curve along one axis: what is preferred, how sharply, how much it matters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.stimuli.circle import wrapped
from pellucid.stimuli.family import Axis, Value
from pellucid.stimuli.half_height import half_height

__all__ = ["AxisTuning", "axis_tuning"]

Floats = NDArray[np.float64]

LEVEL = 0.1  # of a curve's height: what lies within it of the top may be a flat top
FLAT = 3  # values that make one


@dataclass(frozen=True)
class AxisTuning:
    """Responses along one axis, through the best stimulus of its family.

    Parameters
    ----------
    axis : its name, unit and period
    values, responses : the curve; a free axis (phase, shift) has been replaced by its strongest in other axes' curves
    preferred : where the curve is highest: the top of the parabola through the highest value and its neighbors, in the logarithm
        of heights above gray; of a flat top (three values or more within a tenth of the curve's height) its center of mass; of
        words the best one; None where nothing excites the unit above middle gray, or where all values are alike
    bandwidth : full width at half the height between the response to middle gray and the summit, both read between the values
        as `half_height` does, of gratings through the preferred one: in the axis's unit, of ratios in octaves; None where the
        curve does not fall so far
    selectivity : 0 for all alike to 1 for one value alone, over responses above gray, r = max(0, response - gray): of a
        circular axis 1 - circular variance, abs(sum r exp(2 pi i v / period)) / sum r; of others 1 - mean(r) / max(r)
    """

    axis: Axis
    values: tuple[Value, ...]
    responses: tuple[float, ...]
    preferred: Value | None
    bandwidth: float | None
    selectivity: float | None

    @property
    def bandwidth_unit(self) -> str:
        return "octaves" if self.axis.log else self.axis.unit

    @property
    def at_end(self) -> bool:
        """Whether the highest value is the first or last one of a line that could go on: the true one may lie beyond."""
        if not isinstance(self.preferred, float) or self.axis.period is not None or self.axis.whole:
            return False
        top = int(np.argmax(self.responses))
        return not self.axis.free and len(self.values) > 1 and top in (0, len(self.values) - 1)

    def to_json(self) -> dict[str, Any]:
        return {
            "unit": self.axis.unit,
            "values": list(self.values),
            "responses": list(self.responses),
            "preferred": self.preferred,
            "at_end": self.at_end,
            "bandwidth": self.bandwidth,
            "bandwidth_unit": self.bandwidth_unit,
            "selectivity": self.selectivity,
        }


def axis_tuning(
    axis: Axis, values: tuple[Value, ...], responses: Floats, gray: float, noise: float = 0.0
) -> AxisTuning:
    """The curve of `responses` over an axis's `values`, `gray` being the response to middle gray.

    Excitation of at most `noise` above gray is none.

    Examples
    --------
    >>> angle = Axis("orientation", "deg", lambda frame: (), period=180)
    >>> steps = tuple(float(step) for step in range(0, 180, 15))
    >>> curve = np.exp(3 * np.cos(2 * np.radians(np.array(steps) - 50)))
    >>> found = axis_tuning(angle, steps, curve, 0.0)
    >>> round(found.preferred), round(found.bandwidth), round(found.selectivity, 2)
    (50, 40, 0.81)
    """
    raw = tuple(float(one) for one in responses)
    above = np.maximum(responses - gray, 0)
    if not above.max(initial=0) > noise:
        return AxisTuning(axis, values, raw, None, None, None)
    if any(isinstance(value, str) for value in values):
        best = None if np.ptp(responses) <= noise else values[int(responses.argmax())]
        return AxisTuning(axis, values, raw, best, None, _share(above))
    places = np.asarray(values, float)
    scaled = np.log2(places) if axis.log else places
    preferred = _preferred(axis, scaled, responses, gray, noise)
    selectivity = _share(above) if axis.period is None else _circular(above, places, axis.period)
    sides = half_height(scaled, above, axis.period)
    bandwidth = None if sides is None else sides[1] - sides[0]
    if preferred is not None and axis.log:
        preferred = 2.0**preferred
    return AxisTuning(axis, values, raw, preferred, bandwidth, selectivity)


def _share(above: Floats) -> float:
    return float(1 - above.mean() / above.max())


def _circular(above: Floats, places: Floats, period: float) -> float:
    return float(np.abs((above * np.exp(2j * np.pi * places / period)).sum()) / above.sum())


def _preferred(axis: Axis, places: Floats, responses: Floats, gray: float, noise: float) -> float | None:
    top, count = int(responses.argmax()), len(places)
    span = float(np.ptp(responses))
    if span <= noise or count < 2:
        return None
    high = responses >= responses[top] - LEVEL * span
    if high.all() and count >= FLAT:
        return None
    first, last = _run(high, top, axis.period is not None)
    step = (axis.period or 0) / count
    if last - first + 1 >= FLAT:
        run = np.arange(first, last + 1)
        there = places[run % count] + (axis.period or 0) * (run // count)
        weights = responses[run % count] - (responses[top] - LEVEL * span)
        middle = float((there * weights).sum() / weights.sum())
    elif axis.period is not None:
        near = np.array([-1, 0, 1])
        middle = float(places[top]) + step * _vertex(near / 1.0, responses[(top + near) % count] - gray)
    elif 0 < top < count - 1:
        middle = _vertex(places[top - 1 : top + 2], responses[top - 1 : top + 2] - gray)
    else:
        middle = float(places[top])
    return wrapped(middle, axis.period) if axis.period is not None else middle


def _run(high: NDArray[np.bool_], top: int, circular: bool) -> tuple[int, int]:
    """First and last index of the values around the top that count as the top; past the ends of a circle."""
    count, first, last = len(high), top, top
    while (circular or first > 0) and high[(first - 1) % count]:
        first -= 1
    while (circular or last < count - 1) and high[(last + 1) % count]:
        last += 1
    return first, last


def _vertex(x: Floats, above: Floats) -> float:
    """Where the parabola through three points is highest, the middle one being so among them.

    Through the logarithms of heights above gray where all are excited: a bell has its top there exactly.
    """
    y = np.log(above) if above.min() > 0 else above
    left, right = x[1] - x[0], x[2] - x[1]
    falls = (y[1] - y[0]) / left, (y[1] - y[2]) / right
    bend = (falls[0] + falls[1]) / (left + right)
    if bend <= 0:
        return float(x[1])
    return float(
        x[1]
        + np.clip((falls[0] * right - falls[1] * left) / (left + right) / (2 * bend), -left / 2, right / 2)
    )
