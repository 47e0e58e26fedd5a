# SPDX-License-Identifier: Apache-2.0
"""Small response maps of the items that are shown, from one more pass over these alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pellucid.data import ItemProblem, Source, batches
from pellucid.data.pixels import Pixels
from pellucid.models.net import Net
from pellucid.models.taps import watch
from pellucid.records import Layer
from pellucid.scan.attempts import Attempts
from pellucid.scan.bands import Band
from pellucid.scan.responses import Integers

__all__ = ["FULL", "LARGEST_SIDE", "ResponseMaps", "SmallMap"]

# Larger grids are cut into parts, of which the strongest response of either sign is kept: as many as a small picture shows.
LARGEST_SIDE = 28
# A map is kept in whole steps of a hundredth or so of the strongest response that its unit has on any item shown.
FULL = 127

SmallMap = np.ndarray[Any, np.dtype[np.int8]]
Asked = Mapping[str, tuple[Mapping[str, Band], Sequence[int]]]


class ResponseMaps:
    """Response maps by layer, unit and item: made for all layers together when the first is asked for.

    Each item runs in the slot of the batch that it had in the pass, so that its responses are the same to the last bit,
    whatever else is shown. A map takes at most 28 x 28 bytes, and what is kept does not grow with the number of items.

    Parameters
    ----------
    net, source, batch, size : of the pass
    asked : by layer the bands of all its units, and the units whose maps will be asked for
    """

    def __init__(self, net: Net, source: Source, batch: int, asked: Asked, size: int | None = None) -> None:
        self._net, self._source, self._batch, self._size = net, source, batch, size
        self._wanted = {
            name: _Wanted.of(net.layer(name), bands, units)
            for name, (bands, units) in asked.items()
            if len(net.layer(name).grid) in (1, 2) and len(units)
        }

    def of(self, layer: str, unit: int) -> Mapping[int, SmallMap]:
        """(h, w) maps by row of the items in the unit's bands, in 127ths of `scale`; none for a layer without positions."""
        return self._made[layer].get(unit, {}) if layer in self._wanted else {}

    def scale(self, layer: str, unit: int) -> float:
        """The size of the unit's strongest response on any item in its bands."""
        return float(self._wanted[layer].scales[unit]) if layer in self._wanted else 0.0

    @cached_property
    def _made(self) -> Mapping[str, dict[int, dict[int, SmallMap]]]:
        made: dict[str, dict[int, dict[int, SmallMap]]] = {name: {} for name in self._wanted}
        rows = np.unique(np.concatenate([each.rows for each in self._wanted.values()]))
        order = _by_slot(rows, self._batch)
        rows_now: Integers
        now: tuple[Integers, Integers]

        def take(name: str, response: Tensor) -> None:
            wanted = self._wanted[name]
            for slot, row in zip(*(part.tolist() for part in now), strict=True):
                units = wanted.units_of(row)
                if len(units):
                    maps = _small(response[slot, torch.from_numpy(units)], wanted.scales[units])
                    for unit, small in zip(units.tolist(), maps, strict=True):
                        made[name].setdefault(unit, {})[row] = small

        def run(pixels: Tensor, slots: Integers, first: int) -> None:
            nonlocal now
            now = slots - first, rows_now[slots]
            forward(pixels)

        chosen = _Reordered(self._source, order)
        stream = batches(chosen, self._net.input.recipe, size=self._batch)
        attempt = Attempts(run, self._size)
        with watch(self._net, list(self._wanted), take) as forward, closing(stream):
            for each in stream:
                rows_now = order[each.rows]
                slots = np.flatnonzero(each.valid)
                if len(slots):
                    attempt(each.tensor(self._net.device), slots)
        return made


@dataclass(frozen=True, eq=False)
class _Wanted:
    """The pairs of item and unit of one layer whose maps are shown, by row, and the scale of each unit."""

    rows: Integers
    units: Integers
    scales: np.ndarray[Any, np.dtype[np.float32]]

    @classmethod
    def of(cls, layer: Layer, bands: Mapping[str, Band], units: Iterable[int]) -> _Wanted:
        chosen = np.asarray(list(units), np.int64)
        rows = np.concatenate([band.rows[chosen] for band in bands.values()], 1)
        pairs = np.stack([rows.ravel(), np.repeat(chosen, rows.shape[1])], 1)
        pairs = np.unique(pairs[pairs[:, 0] >= 0], axis=0)
        scales = np.zeros(layer.units, np.float32)
        strongest = np.concatenate([np.abs(band.responses[chosen]) for band in bands.values()], 1)
        scales[chosen] = strongest.max(1, initial=0)
        return cls(pairs[:, 0], pairs[:, 1], scales)

    def units_of(self, row: int) -> Integers:
        first, last = np.searchsorted(self.rows, [row, row + 1])
        return self.units[first:last]


@dataclass(frozen=True, eq=False)
class _Reordered:
    """Some items of a source in another order; -1 stands for none."""

    whole: Source
    order: Integers

    @property
    def name(self) -> str:
        return self.whole.name

    @property
    def names(self) -> Sequence[str]:
        return [self.whole.names[row] if row >= 0 else "" for row in self.order.tolist()]

    @property
    def listing_digest(self) -> str:
        return f"{self.whole.listing_digest}{self.order.tolist()}"

    @property
    def credits(self) -> tuple[str, ...]:
        return self.whole.credits

    @property
    def classes(self) -> None:
        """None: the maps of items do not go by their classes."""
        return None

    @property
    def class_names(self) -> tuple[str, ...]:
        return ()

    def image(self, row: int) -> Image.Image | Pixels:
        if self.order[row] < 0:
            raise ItemProblem("no item")
        return self.whole.image(int(self.order[row]))


def _by_slot(rows: Integers, batch: int) -> Integers:
    """(batches * batch,) the rows, each at a place of its own slot `row % batch`, -1 in the gaps.

    >>> _by_slot(np.array([0, 2, 4, 5, 8]), 4).tolist()
    [0, 5, 2, -1, 4, -1, -1, -1, 8, -1, -1, -1]
    """
    slots = rows % batch
    turns = np.zeros(len(rows), np.int64)
    for slot in range(batch):
        turns[slots == slot] = np.arange((slots == slot).sum())
    order = np.full((int(turns.max(initial=-1)) + 1) * batch, -1)
    order[turns * batch + slots] = rows
    return order


def _small(maps: Tensor, scales: np.ndarray[Any, np.dtype[np.float32]]) -> SmallMap:
    """(m, h, w) int8 of (m, *positions) responses, each in 127ths of its scale; one axis becomes a row."""
    wide = torch.nan_to_num(maps.detach().float(), 0.0, 0.0, 0.0)
    wide = (wide if wide.ndim == 3 else wide[:, None]).cpu()
    if max(wide.shape[1:]) > LARGEST_SIDE:
        parts = [min(side, LARGEST_SIDE) for side in wide.shape[1:]]
        high = torch.nn.functional.adaptive_max_pool2d(wide, parts)
        low = -torch.nn.functional.adaptive_max_pool2d(-wide, parts)
        wide = torch.where(high >= -low, high, low)
    with np.errstate(invalid="ignore", divide="ignore"):
        steps = np.round(wide.numpy() * (FULL / np.where(scales > 0, scales, 1))[:, None, None])
    return np.clip(steps, -FULL, FULL).astype(np.int8)
