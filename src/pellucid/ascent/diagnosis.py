# SPDX-License-Identifier: Apache-2.0
"""Why a picture is gray or useless, in one word each; the words explain themselves and say what to do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["DIAGNOSES", "Facts", "diagnosis"]

DIAGNOSES: Mapping[str, str] = {
    "diverged": "It met numbers that are not finite, or ended on the wrong side of its start; lower the learning rate.",
    "dead": "The unit answers every picture alike, so there is nothing to climb; it may never have been used in training.",
    "zero_gradient": "The unit answers other pictures, but no gradient led there from this start; try another seed.",
    "value_range": "The picture changed and the response hardly did; the net probably expects inputs in another range.",
    "saturated": "Most of the picture sits at the ends of its range; lower the learning rate or the number of steps.",
    "small_canvas": "The picture is smaller than what the unit sees; ask for a larger size.",
}

# A response that moves less than this share of itself has not been climbed.
HARDLY = 0.01
# Share of channel values at the ends of the range from which on color and shading are lost.
MOSTLY = 0.5


@dataclass(frozen=True)
class Facts:
    """What is known of one climb.

    Parameters
    ----------
    initial, final : the objective on the first and the last picture
    sign : 1 if it was to rise, -1 if to fall
    finite : whether every step met finite numbers only
    reached : whether some step had a gradient of its own
    answers : whether the unit tells any two pictures apart
    clipped : share of channel values at the ends of the range
    room : whether the picture is as large as what the unit sees
    """

    initial: float
    final: float
    sign: int
    finite: bool
    reached: bool
    answers: bool
    clipped: float
    room: bool


def diagnosis(facts: Facts) -> str | None:
    """The first cause that fits, or None for a picture without a known fault."""
    rise = facts.sign * (facts.final - facts.initial)
    causes = {
        "dead": facts.finite and not facts.answers,
        "zero_gradient": facts.finite and not facts.reached,
        "diverged": not (facts.finite and math.isfinite(rise) and rise >= 0),
        "value_range": abs(rise) <= HARDLY * max(abs(facts.initial), abs(facts.final)),
        "saturated": facts.clipped > MOSTLY,
        "small_canvas": not facts.room,
    }
    return next((cause for cause, fits in causes.items() if fits), None)
