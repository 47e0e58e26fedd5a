# SPDX-License-Identifier: Apache-2.0
"""One pass over data at the union of layers, with many subscribers, each a small mergeable value."""

from __future__ import annotations

from pellucid.scan.bands import BAND_ITEMS, BANDS, Band, Bands, Entry
from pellucid.scan.bars import Bars
from pellucid.scan.bins import EDGES
from pellucid.scan.classes import Classes, ClassesFound, ClassMeans
from pellucid.scan.moments import Moments, Statistics
from pellucid.scan.passage import refuse_unreadable
from pellucid.scan.peaks import ENDS, PeakCounts, Peaks
from pellucid.scan.response_maps import ResponseMaps
from pellucid.scan.responses import Responses
from pellucid.scan.scan import LayerScan, Scanned, refuse_without_classes, scan
from pellucid.scan.spectra import MIDDLE_BANDS, QUANTILES, Level, Spectra, SpotStatistics
from pellucid.scan.spots import Spots
from pellucid.scan.state import STATE_FORM, SUBSCRIBERS, ScanState
from pellucid.scan.subscriber import Given, Subscriber

__all__ = [
    "BANDS",
    "BAND_ITEMS",
    "EDGES",
    "ENDS",
    "MIDDLE_BANDS",
    "QUANTILES",
    "STATE_FORM",
    "SUBSCRIBERS",
    "Band",
    "Bands",
    "Bars",
    "ClassMeans",
    "Classes",
    "ClassesFound",
    "Entry",
    "Given",
    "LayerScan",
    "Level",
    "Moments",
    "PeakCounts",
    "Peaks",
    "ResponseMaps",
    "Responses",
    "ScanState",
    "Scanned",
    "Spectra",
    "SpotStatistics",
    "Spots",
    "Statistics",
    "Subscriber",
    "refuse_unreadable",
    "refuse_without_classes",
    "scan",
]
