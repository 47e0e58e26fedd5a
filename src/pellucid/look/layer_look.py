# SPDX-License-Identifier: Apache-2.0
"""What one layer answers to an image: its response maps, what fires at each cell, how rare that is, and groups of units."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data import Placement
from pellucid.errors import InputError
from pellucid.look.cells import SHOWN, Tops, top_units
from pellucid.look.dictionary import Entry
from pellucid.look.groups import Group
from pellucid.look.spread import Spread
from pellucid.models import Places
from pellucid.records import Layer

__all__ = ["LayerLook"]

UNKNOWN, UNFIRED = 1.5, 4.0  # apart from shares, and from one another, by more than any two differ


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
        found: NDArray[np.float32] = self.maps[index].reshape(self.layer.grid)
        return found

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
        """(K, P) numbers that put units in order by how rare their responses are for them.

        A unit that does not answer above zero does not fire, however rare that is for it: it comes after all that do. Among
        those that do, and among those that do not, units of which the atlas knows no spread come last, by the response.
        """
        if not self.spreads:
            return None
        maps = np.nan_to_num(self.maps.astype(np.float64), nan=-np.inf)
        loudest = np.abs(maps[np.isfinite(maps)]).max(initial=0) or 1.0
        found = np.arctan(maps / loudest) / 4 - UNKNOWN
        for index, spread in self.spreads.items():
            found[index] = spread.order(self.maps[index])
        return found - UNFIRED * ~(self.maps > 0)

    @cached_property
    def spreads(self) -> Mapping[int, Spread]:
        """What units do over the data, by index, of those of which the atlas knows."""
        return {index: entry.spread for index, entry in self.entries.items() if entry.spread is not None}

    @property
    def by_rarity(self) -> bool:
        """Whether units are put in order by how rare their peaks are for them.

        They are where the atlas knows that of all: a unit of which it is not known can only be compared by its peak.
        """
        return len(self.spreads) == self.layer.units

    def spread(self, index: int) -> Spread | None:
        """What the unit does over the data, where the atlas knows."""
        return self.spreads.get(index)

    @cached_property
    def peaks(self) -> NDArray[np.float32]:
        """(K,) the highest response of each unit."""
        found: NDArray[np.float32] = np.nan_to_num(self.maps, nan=-np.inf).max(1)
        return found

    def peak_order(self) -> list[int]:
        """The units in order: by how rare their peak is for them where that is known of all (`by_rarity`), else by the peak."""
        known = self.order if self.by_rarity else None
        by = self.peaks.astype(np.float64) if known is None else known.max(1)
        return [int(unit) for unit in np.argsort(-by, kind="stable")]

    def threshold(self, index: int, share: float | None = None) -> tuple[float, str]:
        """Where a mask of the unit is cut, and why there in words.

        With an atlas the response that only `share` (0.01) of what the unit does over the data reaches, or the nearest to it that
        the atlas's images can tell, and the words say which; without one `share` (0.5) of the unit's own peak on this image.

        Raises
        ------
        InputError : a share outside 0..1
        """
        if share is not None and not 0 <= share <= 1:
            raise InputError(
                f"a share of {share:g} was asked; it runs from 0 to 1, as 0.001 for the top 0.1 %"
            )
        spread = self.spread(index)
        cut = None if spread is None else spread.cut(0.01 if share is None else share)
        if cut is not None:
            return cut
        part = 0.5 if share is None else share
        return part * float(self.peaks[index]), f"{part:g} of its peak on this image"

    def box(self, cell: int, placement: Placement) -> tuple[int, int, int, int]:
        """The receptive field of a cell in the upright item's own pixels."""
        x0, y0, x1, y1 = (int(edge) for edge in self.places.fields[cell])
        return placement.to_item_box(x0, y0, x1, y1)

    def to_json(self) -> dict[str, Any]:
        """JSON values: the name, the grid, each cell with its first units, and the groups."""
        found: dict[str, Any] = json.loads(self.json_text())
        return found

    def json_text(self) -> str:
        """The same as text; a layer has thousands of cells, and through dicts they would take a second."""
        head = {"name": self.layer.name, "grid": list(self.layer.grid)}
        groups = [
            {**row, "units": _named(self.layer.name, row["units"])}
            for row in (group.to_json() for group in self.groups)
        ]
        more = f',"groups":{json.dumps(groups, allow_nan=False)}' if groups else ""
        return f'{json.dumps(head)[:-1]},"cells":[{",".join(self._cells())}]{more}}}'

    def _cells(self) -> list[str]:
        tops = _texts(self.layer.name, self.tops, self._known_shares(self.tops))
        if self.rare is None:
            rows = [f'"top":[{top}]' for top in tops]
        else:
            rare = _texts(self.layer.name, self.rare, self._known_shares(self.rare))
            rows = [f'"top":[{top}],"rarest":[{other}]' for top, other in zip(tops, rare, strict=True)]
        positions = self.places.positions.tolist()
        return [f'{{"position":{at},{row}}}' for at, row in zip(positions, rows, strict=True)]

    def _known_shares(self, tops: Tops) -> NDArray[np.float64] | None:
        return None if self.order is None else self.top_shares(tops)

    def top_shares(self, tops: Tops) -> NDArray[np.float64]:
        """(P, n) for each listed unit the share of what it does that is at least so high; NaN where that is not known."""
        found = np.full(tops.units.shape, np.nan)
        for index in np.unique(tops.units):
            spread = self.spread(int(index))
            if spread is not None and spread.spots:
                here = tops.units == index
                found[here] = spread.top_share(tops.responses[here])
        return found


def _texts(layer: str, tops: Tops, shares: NDArray[np.float64] | None) -> list[str]:
    """For each cell its units as JSON objects; a response is written so that it reads back as the same float32."""
    names = {int(index): json.dumps(f"{layer}:{index}") for index in np.unique(tops.units)}
    units = [names[unit] for unit in tops.units.ravel().tolist()]
    responses = _words(tops.responses)
    if shares is None:
        objects = [
            f'{{"unit":{unit},"response":{each}}}' for unit, each in zip(units, responses, strict=True)
        ]
    else:
        objects = [
            f'{{"unit":{unit},"response":{each},"top_share":{share}}}'
            for unit, each, share in zip(units, responses, _words(shares.astype(np.float32)), strict=True)
        ]
    count = tops.units.shape[1]
    return [",".join(objects[start : start + count]) for start in range(0, len(objects), count)]


def _words(values: NDArray[np.float32]) -> list[str]:
    words = values.ravel().astype("U").tolist()
    return words if np.isfinite(values).all() else [w if w[-1].isdigit() else "null" for w in words]


def _named(layer: str, units: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**each, "unit": f"{layer}:{each['unit']}"} for each in units]
