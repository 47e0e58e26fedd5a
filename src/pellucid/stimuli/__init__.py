# SPDX-License-Identifier: Apache-2.0
"""Stimuli that one understands, drawn exactly on any input, and what a unit's responses to them say.

Nothing here runs a net: pictures go out, responses come in.
"""

from __future__ import annotations

from pellucid.stimuli.axis_tuning import AxisTuning
from pellucid.stimuli.families import FAMILIES, batteries, left_out, tabled
from pellucid.stimuli.family import Axis, Battery, Family, Stimulus, Where
from pellucid.stimuli.frame import GROUND, Frame
from pellucid.stimuli.hues import HUE_NAMES, hue_color, hue_name
from pellucid.stimuli.opponency import Opponency
from pellucid.stimuli.phrases import phrase
from pellucid.stimuli.reading import FamilyTuning, Flat, Reading, reading_of
from pellucid.stimuli.wave_fit import PreferredWave

__all__ = [
    "FAMILIES",
    "GROUND",
    "HUE_NAMES",
    "Axis",
    "AxisTuning",
    "Battery",
    "Family",
    "FamilyTuning",
    "Flat",
    "Frame",
    "Opponency",
    "PreferredWave",
    "Reading",
    "Stimulus",
    "Where",
    "batteries",
    "hue_color",
    "hue_name",
    "left_out",
    "phrase",
    "reading_of",
    "tabled",
]
