# SPDX-License-Identifier: Apache-2.0
"""Which parts of one image matter for an output or a unit, and how far each map can be trusted.

A method is one entry of METHODS. Captum is imported when a method runs.
"""

from __future__ import annotations

from pellucid.attribution.aim import OVER, Aim
from pellucid.attribution.attribute import DEFAULT_METHODS, attribute
from pellucid.attribution.attribution import Attribution
from pellucid.attribution.cascade import CASCADE_METHODS, cascade, spearman
from pellucid.attribution.cascade_result import Cascade
from pellucid.attribution.faithfulness import Faithfulness, faithfulness
from pellucid.attribution.grid import CellGrid, cell_grid
from pellucid.attribution.method import METHODS, Method
from pellucid.attribution.page import map_pixels, overlay_pixels
from pellucid.attribution.scene import BASELINES

__all__ = [
    "BASELINES",
    "CASCADE_METHODS",
    "DEFAULT_METHODS",
    "METHODS",
    "OVER",
    "Aim",
    "Attribution",
    "Cascade",
    "CellGrid",
    "Faithfulness",
    "Method",
    "attribute",
    "cascade",
    "cell_grid",
    "faithfulness",
    "map_pixels",
    "overlay_pixels",
    "spearman",
]
