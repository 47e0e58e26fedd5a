# SPDX-License-Identifier: Apache-2.0
"""The few displayable values that every record is made of.

A page, a notebook and the command line show a figure by its type alone, so a new kind of evidence needs no
code in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pellucid.figures.blob import Blob
from pellucid.figures.curve import Curve
from pellucid.figures.histogram import Histogram
from pellucid.figures.items import Item, Items
from pellucid.figures.levels import Levels
from pellucid.figures.map import Map
from pellucid.figures.number import Number
from pellucid.figures.partners import Partner, Partners
from pellucid.figures.picture import Picture
from pellucid.figures.strip import Strip
from pellucid.figures.table import Table
from pellucid.figures.tuning_curve import TuningCurve

__all__ = [
    "FIGURES",
    "Blob",
    "Curve",
    "Figure",
    "Histogram",
    "Item",
    "Items",
    "Levels",
    "Map",
    "Number",
    "Partner",
    "Partners",
    "Picture",
    "Strip",
    "Table",
    "TuningCurve",
    "figure_from_json",
]

Figure = Picture | Number | Curve | Histogram | Levels | Items | Partners | Table | Map | TuningCurve

FIGURES: dict[str, type[Figure]] = {
    "picture": Picture,
    "number": Number,
    "curve": Curve,
    "histogram": Histogram,
    "levels": Levels,
    "items": Items,
    "partners": Partners,
    "table": Table,
    "map": Map,
    "tuning_curve": TuningCurve,
}


def figure_from_json(row: Mapping[str, Any]) -> Figure:
    """The figure that `to_json` wrote; its blobs carry names only, their bytes stay in the atlas."""
    return FIGURES[row["type"]].from_json(row)
