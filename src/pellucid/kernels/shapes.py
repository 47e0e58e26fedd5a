# SPDX-License-Identifier: Apache-2.0
"""The shapes a first-layer filter is compared with: Gabor, edge, blob and center-surround.

Each is one entry of SHAPES. Lengths are in pixels from the kernel's center, y downward, angles in radians from
the x axis toward the y axis; how much of a shape a channel holds is left to the fit, channel by channel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SHAPES", "Grid", "Shape", "Sight"]

Floats = NDArray[np.float64]

THINNEST = 0.4  # sigma; thinner, the samples no longer show a Gaussian
FASTEST = 0.71  # cycles per pixel: the diagonal's limit, sqrt(1/2)
FLAT = 30  # kernels of sigma: a Gaussian that no longer falls within the kernel is a box
SLOWEST = 0.7  # cycles over the kernel: a slower wave is a gradient or a blob


@dataclass(frozen=True)
class Grid:
    """The pixels of a kernel, or some of them by number, row by row."""

    height: int
    width: int
    some: tuple[int, ...] | None = None

    @property
    def reach(self) -> int:
        """The longer side."""
        return max(self.height, self.width)

    @property
    def is_signal(self) -> bool:
        """Whether it is one pixel high: a kernel over a signal, without directions."""
        return self.height == 1

    def pixels(self) -> tuple[Floats, Floats]:
        """x and y of every pixel, (P,) each."""
        y, x = np.mgrid[: self.height, : self.width].reshape(2, -1)
        if self.some is not None:
            y, x = y[list(self.some)], x[list(self.some)]
        return x - (self.width - 1) / 2, y - (self.height - 1) / 2


@dataclass(frozen=True, eq=False)
class Sight:
    """What a first look at B filters tells a search.

    `center` (B, 2): x, y of the middle of their energy; `peaks` (B, n, 2): fx, fy of their strongest waves.
    """

    center: Floats
    peaks: Floats


@dataclass(frozen=True)
class Parameter:
    """A parameter that a shape is free in, between `low` and `high`."""

    name: str
    low: float
    high: float


@dataclass(frozen=True)
class Shape:
    """A shape over a grid: `draw(grid, at (B, p))` gives its (B, P, m) parts, `starts` (B, S, p) where to search.

    `parameters(grid)` names the p nonlinear ones and their bounds; each channel has m linear amounts besides.
    """

    draw: Callable[[Grid, Floats], Floats]
    starts: Callable[[Grid, Sight], Floats]
    parameters: Callable[[Grid], Sequence[Parameter]]
    parts: int

    def bounds(self, grid: Grid) -> tuple[Floats, Floats]:
        """The lowest and the highest parameters."""
        rows = self.parameters(grid)
        return np.array([row.low for row in rows]), np.array([row.high for row in rows])

    def freedom(self, grid: Grid, channels: int) -> int:
        """The number of numbers that a fit chooses."""
        return sum(row.high > row.low for row in self.parameters(grid)) + self.parts * channels


def _turned(grid: Grid, at: Floats, angle: Floats) -> tuple[Floats, Floats]:
    """Coordinates (B, P) along `angle` and across it, from the place in the first two columns of `at`."""
    x, y = grid.pixels()
    x, y = x - at[:, :1], y - at[:, 1:2]
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    return x * cos + y * sin, y * cos - x * sin


def _window(along: Floats, across: Floats, at: Floats) -> Floats:
    """A Gaussian window; columns 2 and 3 of `at` are the logarithms of its two sigmas."""
    narrow = np.exp(-2 * at[:, 2:4]) / 2
    return np.exp(-(along**2) * narrow[:, :1] - across**2 * narrow[:, 1:])


def _places(grid: Grid) -> list[Parameter]:
    x, y = grid.width / 2, 0.0 if grid.is_signal else grid.height / 2
    return [Parameter("x", -x, x), Parameter("y", -y, y)]


def _log_length(name: str, grid: Grid, longest: float) -> Parameter:
    return Parameter(name, float(np.log(THINNEST)), float(np.log(longest * grid.reach)))


def _unless_signal(row: Parameter, grid: Grid) -> Parameter:
    """The parameter held fixed where there is no second direction."""
    still = float(np.clip(0.0, row.low, row.high))
    return Parameter(row.name, still, still) if grid.is_signal else row


def _angle(grid: Grid) -> Parameter:
    return _unless_signal(Parameter("angle", -np.inf, np.inf), grid)


def _from_center(sight: Sight, rows: Sequence[Sequence[float]]) -> Floats:
    """The same starts for every filter, each from the middle of its energy."""
    shared = np.broadcast_to(np.array(rows), (len(sight.center), len(rows), len(rows[0])))
    places = np.broadcast_to(sight.center[:, None], (*shared.shape[:2], 2))
    return np.concatenate([places, shared], -1)


def _draw_gabor(grid: Grid, at: Floats) -> Floats:
    along, across = _turned(grid, at, at[:, 4])
    window, wave = _window(along, across, at), 2 * np.pi * at[:, 5:6] * along
    return np.stack([window * np.cos(wave), window * np.sin(wave)], -1)


def _gabor_starts(grid: Grid, sight: Sight) -> Floats:
    fx, fy = sight.peaks[..., 0], sight.peaks[..., 1]
    x, y = (np.broadcast_to(sight.center[:, None, axis], fx.shape) for axis in (0, 1))
    sizes = [np.full_like(fx, np.log(share * grid.reach)) for share in (0.15, 0.25, 0.4)]
    rows = [np.stack([x, y, size, size, np.arctan2(fy, fx), np.hypot(fx, fy)], -1) for size in sizes]
    return np.concatenate(rows, 1)


def _gabor_parameters(grid: Grid) -> list[Parameter]:
    return [
        *_places(grid),
        _log_length("log_sigma", grid, 1),
        _unless_signal(_log_length("log_length", grid, 1), grid),
        _angle(grid),
        Parameter("frequency", SLOWEST / grid.reach, FASTEST),
    ]


def _draw_edge(grid: Grid, at: Floats) -> Floats:
    along, across = _turned(grid, at, at[:, 3])
    window = np.exp(-(along**2 + across**2) / 2 * np.exp(-2 * at[:, 2:3]))
    side = np.tanh(along * np.exp(-at[:, 4:5]))
    return np.stack([window * (1 + side), window * (1 - side)], -1)


def _edge_starts(grid: Grid, sight: Sight) -> Floats:
    sizes = [float(np.log(share * grid.reach)) for share in (0.25, 0.7)]
    turns = np.pi * np.arange(1 if grid.is_signal else 4) / 4
    return _from_center(sight, [(size, turn, 0.0) for turn in turns for size in sizes])


def _edge_parameters(grid: Grid) -> list[Parameter]:
    softness = Parameter("log_softness", float(np.log(0.3)), float(np.log(grid.reach)))
    return [*_places(grid), _log_length("log_size", grid, 2), _angle(grid), softness]


def _draw_blob(grid: Grid, at: Floats) -> Floats:
    return _window(*_turned(grid, at, at[:, 4]), at)[..., None]


def _blob_starts(grid: Grid, sight: Sight) -> Floats:
    round_ones = [(share, share, 0.0) for share in (0.15, 0.35)]
    long_ones = [(0.2, 0.45, np.pi * turn / 4) for turn in range(0 if grid.is_signal else 4)]
    return _from_center(
        sight,
        [(np.log(a * grid.reach), np.log(b * grid.reach), turn) for a, b, turn in round_ones + long_ones],
    )


def _blob_parameters(grid: Grid) -> list[Parameter]:
    length = _unless_signal(_log_length("log_length", grid, FLAT), grid)
    return [*_places(grid), _log_length("log_sigma", grid, FLAT), length, _angle(grid)]


def _draw_surround(grid: Grid, at: Floats) -> Floats:
    along, across = _turned(grid, at, np.zeros(len(at)))
    far = (along**2 + across**2) / 2
    center = np.exp(-far * np.exp(-2 * at[:, 2:3]))
    return np.stack([center, np.exp(-far * np.exp(-2 * (at[:, 2:3] + at[:, 3:4])))], -1)


def _surround_starts(grid: Grid, sight: Sight) -> Floats:
    sizes = ((0.12, 1.6), (0.2, 1.6), (0.15, 3.0), (0.25, 4.0))
    return _from_center(sight, [(np.log(share * grid.reach), np.log(ratio)) for share, ratio in sizes])


def _surround_parameters(grid: Grid) -> list[Parameter]:
    ratio = Parameter("log_ratio", float(np.log(1.2)), float(np.log(20)))
    return [*_places(grid), _log_length("log_sigma", grid, 1), ratio]


SHAPES: Mapping[str, Shape] = {
    # A wave under a window, each channel with a phase of its own.
    "gabor": Shape(_draw_gabor, _gabor_starts, _gabor_parameters, parts=2),
    # A straight border between two sides under a round window, each side with a color of its own.
    "edge": Shape(_draw_edge, _edge_starts, _edge_parameters, parts=2),
    # One Gaussian, round or long.
    "blob": Shape(_draw_blob, _blob_starts, _blob_parameters, parts=1),
    # A difference of two round Gaussians on one center, each with a color of its own.
    "center-surround": Shape(_draw_surround, _surround_starts, _surround_parameters, parts=2),
}
