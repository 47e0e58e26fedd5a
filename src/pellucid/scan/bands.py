# SPDX-License-Identifier: Apache-2.0
"""The nine items of highest peak and the nine of lowest trough of every unit, exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch

from pellucid.records import Layer
from pellucid.scan.responses import Floats, Integers, Responses
from pellucid.scan.subscriber import PLAIN, Arrays, Given, Reading, Subscriber

__all__ = ["BANDS", "BAND_ITEMS", "NO_RANK", "Band", "Bands", "Entry", "first_places", "ranked", "unranked"]

BAND_ITEMS = 9
BANDS = {"max": 1, "min": -1}  # name: the sign under which its items are the largest

# An item's rank for a unit is one integer: the response's bits, made to sort as the response does, over the
# row counted backwards. The larger is the better; of equal responses that of the earlier item.
NO_RANK = np.iinfo(np.int64).min
_ROWS = (1 << 32) - 1
_GATHERED = 1 << 20


@dataclass(frozen=True)
class Entry:
    """One item in a band: its row, the unit's extreme response on it, and the first position that has it."""

    row: int
    response: float
    position: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Band:
    """One band of every unit, best first.

    Parameters
    ----------
    counts : (K,) entries of each unit: nine, or all items with a finite response where those are fewer
    rows : (K, 9) int64
    responses : (K, 9) float32
    positions : (K, 9, axes) int64
    """

    counts: Integers
    rows: Integers
    responses: Floats
    positions: Integers

    def entries(self, unit: int) -> tuple[Entry, ...]:
        """One unit's items, best first."""
        return tuple(
            Entry(
                int(self.rows[unit, i]),
                float(self.responses[unit, i]),
                tuple(self.positions[unit, i].tolist()),
            )
            for i in range(self.counts[unit])
        )


class Bands(Subscriber):
    """The running value behind the bands `max` and `min`.

    An item counts once, with its most extreme response. Ties go to the earlier row, then to the smaller y,
    then x. Responses that are not finite are no candidates; -0.0 is 0.0.
    """

    def __init__(self, layer: Layer, given: Given = PLAIN) -> None:
        super().__init__(layer, given)
        shape = (layer.units, BAND_ITEMS)
        self.ranks: dict[str, Integers] = {name: np.full(shape, NO_RANK, np.int64) for name in BANDS}
        self.places: dict[str, Integers] = {name: np.full(shape, -1, np.int64) for name in BANDS}

    def reading(self, responses: Responses) -> Reading:
        found = {
            name: self._entering(name, responses, responses.peaks if sign > 0 else responses.troughs)
            for name, sign in BANDS.items()
        }

        def enter() -> None:
            for name, entered in found.items():
                if entered is not None:
                    units, self.ranks[name][units], self.places[name][units] = entered

        return enter

    def _entering(
        self, name: str, responses: Responses, extremes: Floats
    ) -> tuple[Integers, Integers, Integers] | None:
        """The units whose band changes, and their ranks and places afterwards; None where there are none."""
        new = ranked(extremes * np.float32(BANDS[name]), responses.rows).T
        units = np.flatnonzero((new > self.ranks[name][:, -1:]).any(1))
        if not len(units):
            return None
        ranks = np.concatenate([self.ranks[name][units], new[units]], 1)
        # Positions cost a look at whole maps: only those are looked for that will stand in the band.
        ninth = np.partition(ranks, -BAND_ITEMS, 1)[:, -BAND_ITEMS, None]
        entering = (new[units] >= ninth) & (new[units] != NO_RANK)
        which, items = np.nonzero(entering)
        places = np.full(ranks.shape, -1, np.int64)
        places[:, :BAND_ITEMS] = self.places[name][units]
        found = first_places(responses, items, units[which], extremes[items, units[which]])
        places[which, BAND_ITEMS + items] = found
        return units, *_best(ranks, places)

    def merge(self, other: Self) -> Self:
        merged = type(self)(self.layer, self.given)
        for name in BANDS:
            ranks = np.concatenate([self.ranks[name], other.ranks[name]], 1)
            places = np.concatenate([self.places[name], other.places[name]], 1)
            merged.ranks[name], merged.places[name] = _best(ranks, places)
        return merged

    def arrays(self) -> Arrays:
        ranks = {f"{name}.ranks": self.ranks[name] for name in BANDS}
        return ranks | {f"{name}.places": self.places[name] for name in BANDS}

    def result(self) -> Mapping[str, Band]:
        """The bands by name."""
        return {name: self._band(name, sign) for name, sign in BANDS.items()}

    def _band(self, name: str, sign: int) -> Band:
        ranks, grid = self.ranks[name], self.layer.grid
        filled = ranks != NO_RANK
        responses, rows = unranked(ranks)
        places = np.where(filled, self.places[name], 0)
        axes = np.stack(np.unravel_index(places, grid), -1) if grid else places[..., None][..., :0]
        # The sign would make -0.0 of zero.
        signed = np.where(filled, responses * np.float32(sign), np.float32(0)) + np.float32(0)
        return Band(filled.sum(1), np.where(filled, rows, -1), signed, axes)


def ranked(values: Floats, rows: Integers) -> Integers:
    """(n, K) ranks of (n, K) values, larger is better; NO_RANK where a value is not finite."""
    bits = np.ascontiguousarray(values + np.float32(0)).view(np.int32).astype(np.int64)
    ordered = np.where(bits < 0, bits ^ 0x7FFFFFFF, bits)
    return np.where(np.isfinite(values), ordered << 32 | _ROWS - rows[:, None], NO_RANK)


def unranked(ranks: Integers) -> tuple[Floats, Integers]:
    """The values and rows behind ranks."""
    ordered = ranks >> 32
    bits = np.where(ordered < 0, ordered ^ 0x7FFFFFFF, ordered).astype(np.int32)
    return bits.view(np.float32), _ROWS - (ranks & _ROWS)


def _best(ranks: Integers, places: Integers) -> tuple[Integers, Integers]:
    """The nine largest of each unit, largest first."""
    order = np.argsort(ranks, 1)[:, : -BAND_ITEMS - 1 : -1]
    return np.take_along_axis(ranks, order, 1), np.take_along_axis(places, order, 1)


def first_places(responses: Responses, items: Integers, units: Integers, extremes: Floats) -> Integers:
    """(m,) the first flat position at which each unit has its extreme on each item."""
    places = np.empty(len(items), np.int64)
    step = max(1, _GATHERED // responses.values.shape[2])
    for first in range(0, len(items), step):
        part = slice(first, first + step)
        slots = torch.from_numpy(responses.slots[items[part]])
        maps = responses.values[slots, torch.from_numpy(units[part])].cpu().numpy()
        places[part] = (maps == extremes[part, None]).argmax(1)  # NumPy's argmax gives the first
    return places
