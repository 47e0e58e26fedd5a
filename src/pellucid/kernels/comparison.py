# SPDX-License-Identifier: Apache-2.0
"""Filters compared with every shape, and the shape that fits each best for the freedom it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from pellucid.kernels.fitting import amounts, fit
from pellucid.kernels.shapes import SHAPES, Grid, Shape, Sight
from pellucid.kernels.shares import share
from pellucid.kernels.spectrum import Spectrum, energy_center

__all__ = ["Comparison", "compare", "is_small"]

Floats = NDArray[np.float64]

LEAST_SIDE = 5  # a smaller kernel holds hardly more weights than a shape has parameters
ENOUGH = 256  # pixels that tell a shape's dozen parameters; of a larger kernel the search sees so many, drawn by lot
EXACT = 1e-6  # of the energy: fits that leave less are equally good, and the simpler is chosen


@dataclass(frozen=True, eq=False)
class Comparison:
    """K filters held against every shape: `r2[shape]` and `adjusted_r2[shape]` (K,), parameters (K, p).

    R² is the share of the filter's energy, over all channels, that the shape explains; adjusted, it is about 0
    for what so many free parameters explain of noise. `chosen` names the shape of lowest AICc.
    """

    chosen: tuple[str, ...]
    r2: Mapping[str, Floats]
    adjusted_r2: Mapping[str, Floats]
    parameters: Mapping[str, Floats]

    def parameter(self, shape: str, name: str, grid: Grid) -> Floats:
        """One fitted parameter of a shape: (K,)."""
        names = [row.name for row in SHAPES[shape].parameters(grid)]
        return self.parameters[shape][:, names.index(name)]


def is_small(height: int, width: int) -> bool:
    """Whether a kernel is too small for fits."""
    return width < LEAST_SIDE or (height < LEAST_SIDE and height != 1)


def compare(kernels: Floats, spectrum: Spectrum) -> Comparison:
    """Kernels (K, C, kh, kw) held against every shape of SHAPES."""
    count, channels, height, width = kernels.shape
    grid = Grid(height, width)
    pixels = kernels.transpose(0, 2, 3, 1).reshape(count, -1, channels)
    energy = (pixels**2).sum((1, 2), keepdims=True)
    data = share(pixels, np.sqrt(energy))
    sight = Sight(energy_center(kernels), spectrum.peaks)
    numbers = data[0].size
    r2, adjusted, parameters, criteria = {}, {}, {}, []
    for name, shape in SHAPES.items():
        parameters[name], error = _fitted(shape, grid, data, sight)
        free = shape.freedom(grid, channels)
        r2[name] = np.where(energy[:, 0, 0] > 0, np.clip(1 - error, 0, 1), 0)
        spare = max(numbers - free - 1, 1)
        adjusted[name] = 1 - (1 - r2[name]) * numbers / spare
        criteria.append(numbers * np.log(np.maximum(error, EXACT)) + 2 * free + 2 * free * (free + 1) / spare)
    names = tuple(SHAPES)
    chosen = tuple(names[best] for best in np.argmin(criteria, axis=0))
    return Comparison(chosen, r2, adjusted, parameters)


def _fitted(shape: Shape, grid: Grid, data: Floats, sight: Sight) -> tuple[Floats, Floats]:
    """The best parameters (K, p), and the squared error (K,) they leave over all pixels."""
    starts, bounds = shape.starts(grid, sight), shape.bounds(grid)
    count = data.shape[1]
    if count <= ENOUGH:
        found = fit(partial(shape.draw, grid), data, starts=starts, bounds=bounds)
        return found.parameters, found.error
    some = np.sort(np.random.default_rng(0).choice(count, ENOUGH, replace=False))
    part = Grid(grid.height, grid.width, tuple(int(one) for one in some))
    found = fit(partial(shape.draw, part), data[:, some], starts=starts, bounds=bounds)
    error = np.empty(len(data))
    for row, parameters in enumerate(found.parameters):
        drawn, kernel = shape.draw(grid, parameters[None]), data[row : row + 1]
        error[row] = ((kernel - drawn @ amounts(drawn, kernel)) ** 2).sum()
    return found.parameters, error
