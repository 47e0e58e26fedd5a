# SPDX-License-Identifier: Apache-2.0
"""The first layer: its filters as pictures, what each looks for, and the agreement with an image they measure.

Weights come in as a `Bank`, seen from the input; nothing here needs torch.
"""

from __future__ import annotations

from pellucid.kernels.agreement import PADS, Agreement, Probe, agreement, gray, strongest
from pellucid.kernels.agreement_figure import agreement_figure
from pellucid.kernels.bank import Bank
from pellucid.kernels.family import FAMILIES, GROUPS
from pellucid.kernels.filter_sheet import SheetStyle, filter_sheet
from pellucid.kernels.named import NAMED, kernel_from, parse_kernel
from pellucid.kernels.order import ORDERS, filter_order
from pellucid.kernels.page import Page
from pellucid.kernels.reading import FilterReading, LayerReading, read
from pellucid.kernels.response_sheet import RESPONSE_SCALES, response_sheet
from pellucid.kernels.tiles import SCALES, STYLES, band_colors, filter_tiles

__all__ = [
    "FAMILIES",
    "GROUPS",
    "NAMED",
    "ORDERS",
    "PADS",
    "RESPONSE_SCALES",
    "SCALES",
    "STYLES",
    "Agreement",
    "Bank",
    "FilterReading",
    "LayerReading",
    "Page",
    "Probe",
    "SheetStyle",
    "agreement",
    "agreement_figure",
    "band_colors",
    "filter_order",
    "filter_sheet",
    "filter_tiles",
    "gray",
    "kernel_from",
    "parse_kernel",
    "read",
    "response_sheet",
    "strongest",
]
