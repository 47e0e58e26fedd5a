# SPDX-License-Identifier: Apache-2.0
"""Inputs made by optimization. Four nouns vary independently: objective, canvas, transforms, climb."""

from __future__ import annotations

from pellucid.ascent.canvases import CANVASES
from pellucid.ascent.climb import Climbed, climb, climbs
from pellucid.ascent.constraint import CONSTRAINTS, Box, Constraint, Mahalanobis, NormBall, constraint_as
from pellucid.ascent.diagnosis import DIAGNOSES
from pellucid.ascent.given import Given
from pellucid.ascent.goal import Goal
from pellucid.ascent.held import Held
from pellucid.ascent.kept import Kept
from pellucid.ascent.maco import displayed
from pellucid.ascent.memory import bytes_of
from pellucid.ascent.objective import Objective, Target, Term
from pellucid.ascent.objectives import (
    OBJECTIVES,
    channel,
    direction,
    distance,
    excitation,
    interpolation,
    layer,
    likeness,
    logit,
    neuron,
    probability,
)
from pellucid.ascent.optimizers import OPTIMIZERS
from pellucid.ascent.pictures import band_sheet
from pellucid.ascent.plan import Batch, batch_size, batches, ends_at_zero, picture_size
from pellucid.ascent.precision import PRECISIONS, best_precision
from pellucid.ascent.readings import departure
from pellucid.ascent.regularizers import REGULARIZERS, regularize_as, regularize_in_words
from pellucid.ascent.settings import ClimbSettings
from pellucid.ascent.statistics import ImageStatistics
from pellucid.ascent.stopping import STOPS
from pellucid.ascent.transforms import TRANSFORMS, Transforms

__all__ = [
    "CANVASES",
    "CONSTRAINTS",
    "DIAGNOSES",
    "OBJECTIVES",
    "OPTIMIZERS",
    "PRECISIONS",
    "REGULARIZERS",
    "STOPS",
    "TRANSFORMS",
    "Batch",
    "Box",
    "ClimbSettings",
    "Climbed",
    "Constraint",
    "Given",
    "Goal",
    "Held",
    "ImageStatistics",
    "Kept",
    "Mahalanobis",
    "NormBall",
    "Objective",
    "Target",
    "Term",
    "Transforms",
    "band_sheet",
    "batch_size",
    "batches",
    "best_precision",
    "bytes_of",
    "channel",
    "climb",
    "climbs",
    "constraint_as",
    "departure",
    "direction",
    "displayed",
    "distance",
    "ends_at_zero",
    "excitation",
    "interpolation",
    "layer",
    "likeness",
    "logit",
    "neuron",
    "picture_size",
    "probability",
    "regularize_as",
    "regularize_in_words",
]
