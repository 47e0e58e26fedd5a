# SPDX-License-Identifier: Apache-2.0
"""Inputs made by optimization. Four nouns vary independently: objective, canvas, transforms, climb."""

from __future__ import annotations

from pellucid.ascent.climb import CANVASES, Climbed, climb, climbs
from pellucid.ascent.diagnosis import DIAGNOSES
from pellucid.ascent.objective import OBJECTIVES, Goal, Objective, Term, channel, excitation, logit
from pellucid.ascent.plan import Batch, batch_size, batches, picture_size
from pellucid.ascent.precision import PRECISIONS, best_precision
from pellucid.ascent.settings import ClimbSettings
from pellucid.ascent.transforms import TRANSFORMS, Transforms

__all__ = [
    "CANVASES",
    "DIAGNOSES",
    "OBJECTIVES",
    "PRECISIONS",
    "TRANSFORMS",
    "Batch",
    "ClimbSettings",
    "Climbed",
    "Goal",
    "Objective",
    "Term",
    "Transforms",
    "batch_size",
    "batches",
    "best_precision",
    "channel",
    "climb",
    "climbs",
    "excitation",
    "logit",
    "picture_size",
]
