# SPDX-License-Identifier: Apache-2.0
"""How units build on one another: which layers feed which, by what weights, and what breaks without a unit."""

from pellucid.circuits.clamps import Clamps, clamped
from pellucid.circuits.contributions import Contributed, Contributions, contributions
from pellucid.circuits.crossing import PIXELS
from pellucid.circuits.effects import Effect, Measured, effects, mean_responses
from pellucid.circuits.expanded import Kernels, expanded_weights
from pellucid.circuits.wiring import Wiring, before_softmax, fed_by, wiring

__all__ = [
    "PIXELS",
    "Clamps",
    "Contributed",
    "Contributions",
    "Effect",
    "Kernels",
    "Measured",
    "Wiring",
    "before_softmax",
    "clamped",
    "contributions",
    "effects",
    "expanded_weights",
    "fed_by",
    "mean_responses",
    "wiring",
]
