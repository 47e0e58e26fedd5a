# SPDX-License-Identifier: Apache-2.0
"""Opponency after Harris et al.: whether stimuli of one sort both excite and inhibit a unit, and along which axis of color."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.stimuli.circle import wrapped

__all__ = ["OPPONENT_AXES", "Opponency", "hue_opponency", "opponency"]

Floats = NDArray[np.float64]

# By the hue that excites, every 30 degrees: the axis as filters name theirs, and the same with the exciting end first.
OPPONENT_AXES = (
    ("red-cyan", "red against cyan"),
    ("red-blue", "red against blue"),
    ("blue-yellow", "yellow against blue"),
    ("green-blue", "green against blue"),
    ("magenta-green", "green against magenta"),
    ("red-green", "green against red"),
    ("red-cyan", "cyan against red"),
    ("red-blue", "blue against red"),
    ("blue-yellow", "blue against yellow"),
    ("green-blue", "blue against green"),
    ("magenta-green", "magenta against green"),
    ("red-green", "red against green"),
)


@dataclass(frozen=True)
class Opponency:
    """How a unit answers one sort of stimuli, against a uniform field.

    `kind` is `unresponsive` (all as the baseline), `non-opponent` (none above it, or none below) or `opponent`; `index`, 0..1,
    is the smaller of the strongest rise above and the deepest fall below the baseline, over the larger. Of hues, where they
    are opponent: `axis` as filters name it, `words` with the exciting end first, `excites_deg` and `inhibits_deg` the hues
    at the ends of the first harmonic over the circle.
    """

    kind: str
    index: float
    rise: float
    fall: float
    axis: str | None = None
    words: str | None = None
    excites_deg: float | None = None
    inhibits_deg: float | None = None

    @property
    def opponent(self) -> bool:
        return self.kind == "opponent"

    def to_json(self) -> dict[str, Any]:
        row = {name: value for name, value in vars(self).items() if value is not None}
        return {name: _clean(value) if name.endswith("_deg") else value for name, value in row.items()}


def _clean(degrees: float) -> float:
    """An angle without the last digits of its arithmetic: 0 and neither 3e-07 nor 359.9999997."""
    return round(degrees, 4) % 360


def opponency(responses: Floats, baseline: float, noise: float) -> Opponency:
    """The opponency of responses, differences from the baseline of at most `noise` being none.

    References
    ----------
    Harris et al. 2020, How convolutional neural network architecture biases learned opponency and color tuning. Differs: equal
    means within `noise`, for numbers that are computed.

    Examples
    --------
    >>> opponency(np.array([0.0, 2.0, -1.0]), 0.0, 0.01)
    Opponency(kind='opponent', index=0.5, rise=2.0, fall=1.0, axis=None, words=None, excites_deg=None, inhibits_deg=None)
    """
    rise = max(float(responses.max()) - baseline, 0.0)
    fall = max(baseline - float(responses.min()), 0.0)
    if max(rise, fall) <= noise:
        return Opponency("unresponsive", 0.0, rise, fall)
    kind = "opponent" if min(rise, fall) > noise else "non-opponent"
    return Opponency(kind, min(rise, fall) / max(rise, fall), rise, fall)


def hue_opponency(hues: Floats, responses: Floats, baseline: float, noise: float) -> Opponency:
    """The same over a circle of hues in degrees, with the axis.

    >>> hues = np.arange(0, 360, 10.0)
    >>> hue_opponency(hues, np.cos(np.radians(hues - 240)), 0.0, 0.01).axis
    'blue-yellow'
    """
    found = opponency(responses, baseline, noise)
    if not found.opponent:
        return found
    wave = (responses * np.exp(1j * np.radians(hues))).mean()
    if 2 * abs(wave) <= noise:  # as red, green and blue against their complements: no one axis
        return found
    excites = wrapped(float(np.degrees(np.angle(wave))), 360)
    axis, words = OPPONENT_AXES[round(excites / 30) % 12]
    return Opponency(
        found.kind, found.index, found.rise, found.fall, axis, words, excites, wrapped(excites + 180, 360)
    )
