# SPDX-License-Identifier: Apache-2.0
"""Why a picture is gray or useless, in one word each; the words explain themselves and say what to do."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from pellucid.ascent.probes import Probed

__all__ = ["DIAGNOSES", "HARDLY", "Facts", "advice", "diagnosis"]

DIAGNOSES = ("dead", "zero_gradient", "saturated", "value_range", "small_canvas", "diverged")

# A response that moves less than this share of itself has not been climbed.
HARDLY = 0.01
# Share of channel values at the ends of the range from which on color and shading are lost.
MOSTLY = 0.5
# Fewer steps than these prove nothing: each sees another view, and the first ones feel their way.
FEW = 16
# A picture whose values lie nearer to the middle of the range is a gray square to the eye: on SqueezeNet, after two steps.
GRAY = 0.06
# A climb that comes less than this share of the way to what loud noise reaches has climbed something else.
STUCK = 0.1


@dataclass(frozen=True)
class Facts:
    """What is known of one climb.

    Parameters
    ----------
    initial, final : the objective on the first and the last picture
    sign : 1 if it was to rise, -1 if to fall
    finite : whether every step met finite numbers only
    reached : whether some step had a gradient of its own
    probed : what loud pictures showed of the unit; None where there was no reason to ask
    clipped : share of channel values at the ends of the range
    departure : root mean square distance of the picture's values from the middle of the range
    room : whether the picture is as large as what the unit sees
    steps : taken
    priced : whether regularizers or diversity took part in what was climbed
    extreme : the unit's response on the last picture where it is largest, or of a lowered one smallest
    boxed : whether the picture was to stay in a box, so that values at its ends are what was asked
    """

    initial: float
    final: float
    sign: int
    finite: bool
    reached: bool
    probed: Probed | None
    clipped: float
    departure: float
    room: bool
    steps: int
    priced: bool = False
    extreme: float | None = None
    boxed: bool = False

    @property
    def rise(self) -> float:
        """How far the objective came in the direction asked."""
        return self.sign * (self.final - self.initial)

    @property
    def hardly(self) -> bool:
        """Whether the objective stayed where it was, as far as the steps or the probes can prove it."""
        still = abs(self.rise) <= HARDLY * max(abs(self.initial), abs(self.final))
        return still and (self.steps >= FEW or (self.probed is not None and self.probed.span <= HARDLY))

    @property
    def gap(self) -> float:
        """How far the best probe is from the start in the direction asked; 0 where that is not known."""
        if self.probed is None or self.probed.best is None:
            return 0.0
        return self.sign * (self.probed.best - self.initial)

    @property
    def lowest(self) -> bool:
        """Whether no probe is any further in the direction asked than the start is."""
        return self.probed is not None and self.gap <= 0

    @property
    def stuck(self) -> bool:
        """Whether loud noise leads the way that the climb hardly went."""
        return self.gap > 0 and self.rise < STUCK * self.gap and self.steps >= FEW

    @property
    def below(self) -> bool:
        """Whether the end is on the wrong side of the start; of few steps only where that is plain to see."""
        least = 0.0 if self.steps >= FEW else HARDLY * max(abs(self.initial), abs(self.final))
        return self.rise < -least


# Each cause with its words, in the order in which they are asked for.
CAUSES: tuple[tuple[str, str, Callable[[Facts], bool]], ...] = (
    (
        "diverged",
        "The net answers with numbers that are not finite before any step; look for NaN in its weights.",
        lambda facts: not math.isfinite(facts.initial),
    ),
    (
        "diverged",
        "It met numbers that are not finite on the way; lower the learning rate.",
        lambda facts: not (facts.finite and math.isfinite(facts.final)),
    ),
    (
        "saturated",
        "The unit sits at the flat end of its sigmoid, tanh or softmax; ask for the layer before that.",
        lambda facts: facts.probed is not None and facts.probed.squashed,
    ),
    (
        "value_range",
        "Hardly a unit of this layer answers, but most would if pixels ran over another range; check --normalize.",
        lambda facts: facts.probed is not None and facts.probed.elsewhere,
    ),
    (
        "dead",
        "The unit answers every picture alike, so there is nothing to climb; it may never have been used in training.",
        lambda facts: facts.probed is not None and not facts.probed.answers,
    ),
    (
        "small_canvas",
        "The picture is smaller than what the unit sees; ask for a larger size.",
        lambda facts: not facts.room,
    ),
    (
        "zero_gradient",
        "It cannot go further: no picture leads beyond its start, as none does below zero behind a ReLU; ask the layer before.",
        lambda facts: not facts.reached and facts.lowest,
    ),
    (
        "zero_gradient",
        "It answers, but its gradient is zero everywhere: rounding, no_grad() or detach cuts it; take that out or ask before it.",
        lambda facts: not facts.reached and facts.probed is not None and not facts.probed.slopes,
    ),
    (
        "zero_gradient",
        "The unit answers other pictures, but no gradient led there from this start; try another seed.",
        lambda facts: not facts.reached,
    ),
    (
        "diverged",
        "It ended on the wrong side of its start: regularizers or diversity outweigh the objective; lower their weights.",
        lambda facts: facts.below and facts.priced and facts.steps >= FEW,
    ),
    (
        "zero_gradient",
        "The picture hardly left gray; more steps, a higher learning rate or a weaker regularizer would move it.",
        lambda facts: facts.departure < GRAY and not facts.boxed,
    ),
    (
        "zero_gradient",
        "Loud noise alone leads much further: it climbed where an activation is nearly flat; try another seed, or more steps.",
        lambda facts: facts.stuck,
    ),
    (
        "diverged",
        "It ended on the wrong side of its start; ask for more steps, or for a lower learning rate.",
        lambda facts: facts.below,
    ),
    (
        "value_range",
        "The picture changed and the response hardly did; the net probably expects inputs in another range.",
        lambda facts: facts.hardly,
    ),
    (
        "saturated",
        "Most of the picture sits at the ends of its range; lower the learning rate or the number of steps.",
        lambda facts: facts.clipped > MOSTLY and not facts.boxed,
    ),
)


def diagnosis(facts: Facts) -> str | None:
    """The first cause that fits, one of `DIAGNOSES`, or None for a picture without a known fault."""
    return next((cause for cause, _, fits in CAUSES if fits(facts)), None)


def advice(facts: Facts) -> str:
    """What the diagnosis means here and what to do about it; empty for a sound picture."""
    return next((words for _, words, fits in CAUSES if fits(facts)), "")
