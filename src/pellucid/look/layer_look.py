# SPDX-License-Identifier: Apache-2.0
"""What one layer answers to an image: its response maps, what fires at each cell, how rare that is, and groups of units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data import Placement
from pellucid.look.cells import SHOWN, Tops, top_units
from pellucid.look.dictionary import Entry
from pellucid.look.groups import Group
from pellucid.look.places import Places
from pellucid.look.spread import Spread
from pellucid.records import Layer

__all__ = ["LayerLook"]


@dataclass(frozen=True, eq=False)
class LayerLook:
    """One layer's answers to one image.

    Parameters
    ----------
    maps : (K, P) float32 responses, exactly as the layer returned them, at the P positions in reading order
    places : where the positions lie in what was fed
    entries : what the atlas knows of the units, by index; empty without one
    groups : of units that fire together, from left to right; empty where none were asked
    """

    layer: Layer
    maps: NDArray[np.float32] = field(repr=False)
    places: Places = field(repr=False)
    entries: Mapping[int, Entry] = field(repr=False)
    groups: tuple[Group, ...] = ()
    count: int = SHOWN

    def map(self, index: int) -> NDArray[np.float32]:
        """(*positions) the response map of one unit."""
        return self.maps[index].reshape(self.layer.grid)

    @cached_property
    def tops(self) -> Tops:
        """Of each cell the units of largest response."""
        return top_units(self.maps, self.count)

    @cached_property
    def rare(self) -> Tops | None:
        """Of each cell the units whose response is rarest for them; None where the atlas has no statistics of the layer."""
        order = self.order
        return None if order is None else top_units(self.maps, self.count, order)

    @cached_property
    def order(self) -> NDArray[np.float64] | None:
        """(K, P) numbers that put units in order by how rare their responses are for them."""
        spreads = {index: entry.spread for index, entry in self.entries.items() if entry.spread is not None}
        if not spreads:
            return None
        found = np.full(self.maps.shape, -1.0)
        for index, spread in spreads.items():
            found[index] = spread.order(self.maps[index])
        return found

    def spread(self, index: int) -> Spread | None:
        """What the unit does over the data, where the atlas knows."""
        entry = self.entries.get(index)
        return None if entry is None else entry.spread

    @cached_property
    def peaks(self) -> NDArray[np.float32]:
        """(K,) the highest response of each unit."""
        return np.nan_to_num(self.maps, nan=-np.inf).max(1)

    def peak_order(self) -> list[int]:
        """The units in order: by how rare their peak is for them, where that is known, else by the peak itself."""
        if self.order is not None:
            by = self.order.max(1)
        else:
            by = self.peaks.astype(np.float64)
        return np.argsort(-by, kind="stable").tolist()

    def threshold(self, index: int, share: float | None = None) -> tuple[float, str]:
        """Where a mask of the unit is cut, and why there in words.

        With an atlas the response that only `share` (0.01) of what the unit does over the data exceeds; without one `share`
        (0.5) of the unit's own peak on this image.
        """
        spread = self.spread(index)
        at = None if spread is None else spread.at_share(0.01 if share is None else share)
        if at is not None:
            return at, f"the top {100 * (0.01 if share is None else share):g} % of what it does over the data"
        part = 0.5 if share is None else share
        return part * float(self.peaks[index]), f"{part:g} of its peak on this image"

    def box(self, cell: int, placement: Placement) -> tuple[int, int, int, int]:
        """The receptive field of a cell in the upright item's own pixels."""
        x0, y0, x1, y1 = (int(edge) for edge in self.places.fields[cell])
        return placement.to_item_box(x0, y0, x1, y1)

    def to_json(self) -> dict[str, Any]:
        name, positions = self.layer.name, self.places.positions.tolist()
        cells = [
            {"position": position, "top": top}
            for position, top in zip(positions, _tops_json(name, self.tops), strict=True)
        ]
        if self.rare is not None:
            for cell, row in zip(cells, self._rare_json(self.rare), strict=True):
                cell["rarest"] = row
        found: dict[str, Any] = {"name": name, "grid": list(self.layer.grid), "cells": cells}
        if self.groups:
            found["groups"] = [
                {**group.to_json(), "units": _named(name, group.to_json()["units"])} for group in self.groups
            ]
        return found

    def _rare_json(self, rare: Tops) -> list[list[dict[str, Any]]]:
        """The rarest units of each cell with the share of what they do that is at least so high."""
        rows = _tops_json(self.layer.name, rare)
        for row, shares in zip(rows, self.top_shares(rare).tolist(), strict=True):
            for each, share in zip(row, shares, strict=True):
                each["top_share"] = share if share == share else None
        return rows

    def top_shares(self, tops: Tops) -> NDArray[np.float64]:
        """(P, n) for each listed unit the share of what it does that is at least so high; NaN where that is not known."""
        found = np.full(tops.units.shape, np.nan)
        for index in np.unique(tops.units):
            spread = self.spread(int(index))
            if spread is not None and spread.spots:
                here = tops.units == index
                found[here] = spread.top_share(tops.responses[here])
        return found


def _tops_json(layer: str, tops: Tops) -> list[list[dict[str, Any]]]:
    names: dict[int, str] = {int(index): f"{layer}:{index}" for index in np.unique(tops.units)}
    return [
        [{"unit": names[unit], "response": response} for unit, response in zip(units, row, strict=True)]
        for units, row in zip(tops.units.tolist(), tops.responses.tolist(), strict=True)
    ]


def _named(layer: str, units: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**each, "unit": f"{layer}:{each['unit']}"} for each in units]
