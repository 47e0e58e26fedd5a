# SPDX-License-Identifier: Apache-2.0
"""One pass over data at the union of layers, with many subscribers, each a small mergeable value."""

from __future__ import annotations

from pellucid.scan.bands import BAND_ITEMS, BANDS, Band, Bands, Entry
from pellucid.scan.moments import Moments, Statistics
from pellucid.scan.responses import Responses
from pellucid.scan.scan import LayerScan, Scanned, scan
from pellucid.scan.state import SUBSCRIBERS, ScanState
from pellucid.scan.subscriber import Subscriber

__all__ = [
    "BANDS",
    "BAND_ITEMS",
    "SUBSCRIBERS",
    "Band",
    "Bands",
    "Entry",
    "LayerScan",
    "Moments",
    "Responses",
    "ScanState",
    "Scanned",
    "Statistics",
    "Subscriber",
    "scan",
]
