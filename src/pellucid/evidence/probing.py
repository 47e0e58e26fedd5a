# SPDX-License-Identifier: Apache-2.0
"""Running a net on stimuli: one battery for a layer, in which all its units are read at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pellucid.models import watch
from pellucid.models.net import Net
from pellucid.records import Layer
from pellucid.stimuli import GROUND, Battery, Flat, Frame, Where

__all__ = ["Probed", "Site", "probe", "site_of"]

Position = tuple[int, ...]
Window = tuple[tuple[int, int], tuple[int, int]]

REACH: dict[Where, float] = {"near": 1 / 3, "around": 1 / 2}  # of a field


@dataclass(frozen=True)
class Site:
    """Where a layer's units are read, and the frame of the stimuli that are made for that place.

    `center` is the position read for gratings and flat fields, None where the layer has no grid of the picture's own axes: then
    every reading is the strongest over all positions. `windows` are the rows and columns (first and last) within a third
    and within half of a field of the center, as far as their fields lie inside the picture: shapes are read where they excite
    most there.
    """

    layer: Layer
    frame: Frame
    center: tuple[int, int] | None
    windows: Mapping[Where, Window]


@dataclass(frozen=True)
class Probed:
    """The responses of all units of a layer.

    `responses` by family: (stimuli, K) float32, read as the family says; `places` by family (stimuli, K) int32, the flat
    index on the grid where that was; `flat` one for each unit.
    """

    site: Site
    batteries: tuple[Battery, ...]
    responses: dict[str, NDArray[np.float32]]
    places: dict[str, NDArray[np.int32]]
    flat: tuple[Flat, ...]

    def position(self, family: str, place: int, unit: int) -> Position:
        """The grid position at which a stimulus was read for a unit."""
        grid = self.site.layer.grid
        return (
            tuple(int(at) for at in np.unravel_index(self.places[family][place, unit], grid)) if grid else ()
        )


def site_of(net: Net, name: str) -> Site:
    """The site of a layer: its center position, and what all its units together see from there."""
    layer = net.layer(name)
    height, width = net.input.size
    whole = (0, 0, width, height)
    channels = net.input.channels
    if len(layer.grid) != 2:
        return Site(layer, Frame.of_box(whole, (height, width), channels), None, {})
    center = (layer.grid[0] // 2, layer.grid[1] // 2)
    fields = net.fields(name)
    boxes = fields.boxes(np.arange(layer.units), np.tile(center, (layer.units, 1)))
    largest = int(((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).argmax())
    x0, y0, x1, y1 = (int(edge) for edge in boxes[largest])
    if layer.receptive_field is None or x1 <= x0 or y1 <= y0:
        frame = Frame.of_box(whole, (height, width), channels)
        return Site(layer, frame, center, dict.fromkeys(REACH, ((center[0],) * 2, (center[1],) * 2)))
    frame = Frame.of_box((x0, y0, x1, y1), (height, width), channels, max(layer.stride or (1,)))
    rows = fields.boxes([largest] * layer.grid[0], [(row, center[1]) for row in range(layer.grid[0])])
    columns = fields.boxes([largest] * layer.grid[1], [(center[0], at) for at in range(layer.grid[1])])
    windows: dict[Where, Window] = {
        where: (
            _near(rows[:, [1, 3]], center[0], reach * frame.side, height),
            _near(columns[:, [0, 2]], center[1], reach * frame.side, width),
        )
        for where, reach in REACH.items()
    }
    return Site(layer, frame, center, windows)


def _near(spans: NDArray[np.int64], center: int, reach: float, extent: int) -> tuple[int, int]:
    """The first and last position around the center whose spans lie inside and not too far away; the center at least."""
    inside = (spans[:, 0] >= 0) & (spans[:, 1] <= extent)
    near = np.abs(spans.sum(1) - spans[center].sum()) <= 2 * reach
    first, last = center, center
    while inside[center] and first > 0 and inside[first - 1] and near[first - 1]:
        first -= 1
    while inside[center] and last < len(spans) - 1 and inside[last + 1] and near[last + 1]:
        last += 1
    return first, last


def probe(
    net: Net,
    site: Site,
    batteries: Sequence[Battery],
    *,
    batch: int,
    on_batch: Callable[[int, int], None] | None = None,
) -> Probed:
    """Show a layer all stimuli, `batch` at a time, and keep one number for each unit and stimulus.

    Pictures are drawn as they are needed and forgotten: memory is that of one batch, and eight bytes for each unit and
    stimulus.
    """
    uniform = [np.full((net.input.channels, *net.input.size), level, np.float32) for level in (GROUND, 0.0)]
    read: list[Where] = ["center", "center", *(one.family.read for one in batteries for _ in range(len(one)))]
    pictures = chain(uniform, (one.pixels(site.frame) for battery in batteries for one in battery))
    responses = np.empty((len(read), site.layer.units), np.float32)
    places = np.empty((len(read), site.layer.units), np.int32)
    reader = _Reader(site)
    gray: dict[Where, NDArray[np.float32]] = {}
    done = 0
    with watch(net, [site.layer.name], reader) as run:
        for pixels, count in _batched(pictures, batch):
            run(pixels)
            for row, where in enumerate(read[done : done + count]):
                responses[done + row], places[done + row] = (part[row] for part in reader.seen[where])
            gray = gray or {where: values[0].copy() for where, (values, _) in reader.seen.items()}
            done += count
            if on_batch is not None:
                on_batch(done, len(read))
    flat = tuple(
        Flat({where: float(values[unit]) for where, values in gray.items()}, float(responses[1, unit]))
        for unit in range(site.layer.units)
    )
    ends = np.cumsum([len(uniform), *map(len, batteries)])
    rows = {one.family.name: slice(ends[turn], ends[turn + 1]) for turn, one in enumerate(batteries)}
    return Probed(
        site,
        tuple(batteries),
        {name: responses[part] for name, part in rows.items()},
        {name: places[part] for name, part in rows.items()},
        flat,
    )


class _Reader:
    """Reads each response that passes by in every way: numbers (N, K), and the flat grid places they were read at."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.seen: dict[Where, tuple[NDArray[np.float32], NDArray[np.int64]]] = {}

    def __call__(self, layer: str, response: Tensor) -> None:
        center, across = self._site.center, (*self._site.layer.grid, 1, 1)[1]
        if center is None:
            flat = response.flatten(2) if response.ndim > 2 else response[:, :, None]
            best = _numbers(*flat.max(2))
            self.seen = {"center": best, "near": best, "around": best}
            return
        at = torch.full(response.shape[:2], center[0] * across + center[1])
        self.seen = {"center": _numbers(response[:, :, center[0], center[1]], at)}
        for where, ((top, bottom), (left, right)) in self._site.windows.items():
            values, place = response[:, :, top : bottom + 1, left : right + 1].flatten(2).max(2)
            wide = right + 1 - left
            at = (place // wide + top) * across + place % wide + left
            self.seen[where] = _numbers(values, at)


def _numbers(values: Tensor, places: Tensor) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    return values.detach().cpu().numpy().copy(), places.cpu().numpy()


def _batched(pictures: Iterator[NDArray[np.float32]], size: int) -> Iterator[tuple[Tensor, int]]:
    """Batches of one size, the last one filled up with its last picture; (pixels, how many count)."""
    while rows := list(islice(pictures, size)):
        filled = rows + [rows[-1]] * (size - len(rows))
        yield torch.from_numpy(np.stack(filled)), len(rows)
