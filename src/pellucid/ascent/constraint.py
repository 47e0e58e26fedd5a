# SPDX-License-Identifier: Apache-2.0
"""Where an input may lie: on a ball of given norm, in a ball of given Mahalanobis distance, or in a box.

A constraint takes the place of the sigmoid that otherwise keeps pixels in their range, on the canvas `pixels`.
"""

from __future__ import annotations

import abc
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.ascent.canvas import CanvasShape
from pellucid.ascent.spaces import Ball, BoxSpace, Space, dense_gaussian, fed_pixels, stationary_gaussian
from pellucid.ascent.statistics import ImageStatistics
from pellucid.errors import InputError
from pellucid.models.inputs import ImageInput

__all__ = ["CONSTRAINTS", "Box", "Constraint", "Mahalanobis", "NormBall", "constraint_as", "constraint_of"]


class Constraint(abc.ABC):
    """What limits an input; `space` says it for inputs of one shape."""

    @abc.abstractmethod
    def space(
        self, image: ImageInput, shape: CanvasShape, *, statistics: ImageStatistics | None = None
    ) -> Space:
        """The allowed inputs of that shape, in coordinates in which they are easily kept allowed.

        Raises
        ------
        InputError : it needs statistics, or numbers of another shape
        """

    @abc.abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The name in `CONSTRAINTS`, and the numbers."""


@dataclass(frozen=True)
class NormBall(Constraint):
    """Erhan's constraint: the input as the module is fed, after normalization, has this norm, by rescaling after each step.

    Where a net normalizes nothing, that is the norm of the pixels in 0..1; where it subtracts a mean color, the norm is
    of the contrast about that color. Pixels may leave 0..1.

    Parameters
    ----------
    radius : the norm; None for the average norm of the data that the statistics were measured on

    References
    ----------
    Erhan, Bengio, Courville, Vincent 2009, "Visualizing higher-layer features of a deep network", section 3. Differs: starts
    are normal, alike in all directions, not uniform pixels, which are alike bright.
    """

    radius: float | None = None

    def __post_init__(self) -> None:
        _check_radius(self.radius)

    def space(
        self, image: ImageInput, shape: CanvasShape, *, statistics: ImageStatistics | None = None
    ) -> Space:
        if self.radius is None and statistics is None:
            raise InputError(
                "a norm ball without radius takes the data's average norm: write norm=RADIUS, or give data with --like, in "
                "Python statistics"
            )
        radius = self.radius
        if radius is None and statistics is not None:
            radius = statistics.norm_at(image, (shape.height, shape.width))
        return Ball(shape, radius or 0.0, fed_pixels(image), on_surface=True)

    def to_json(self) -> dict[str, Any]:
        return {"name": "norm", "radius": self.radius}


@dataclass(frozen=True, eq=False)
class Mahalanobis(Constraint):
    """The input is no farther from the mean than `radius`, each direction measured by how far the data spreads along it.

    The distance is the same whether pixels or what the module is fed are measured; mean and covariance are of pixels in
    0..1. Pixels may leave that range.

    Parameters
    ----------
    radius : a linear unit reaches so many standard deviations above what it answers to the mean. Typical data is farther
        out, by the root of the number of values, but hardly along any one direction
    mean : (C, H, W), (C, 1, 1) or a number; None for that of the statistics
    covariance : (C*H*W, C*H*W) of the values in the order C, H, W; None for that of the statistics: independent axes of
        color, each with its own amplitude spectrum at every place alike
    """

    radius: float = 10.0
    mean: NDArray[np.float64] | float | None = field(default=None, repr=False)
    covariance: NDArray[np.float64] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        _check_radius(self.radius)
        if (self.mean is None) != (self.covariance is None):
            raise InputError("a Mahalanobis ball takes mean and covariance together, or both from statistics")

    def space(
        self, image: ImageInput, shape: CanvasShape, *, statistics: ImageStatistics | None = None
    ) -> Space:
        if self.covariance is not None and self.mean is not None:
            return Ball(
                shape, self.radius, dense_gaussian(shape, self.mean, self.covariance), on_surface=False
            )
        if statistics is None:
            raise InputError("a Mahalanobis ball needs mean and covariance; give both, or statistics")
        return Ball(shape, self.radius, stationary_gaussian(shape, statistics), on_surface=False)

    @property
    def _digest(self) -> str:
        arrays = (np.ascontiguousarray(each, np.float64) for each in (self.mean, self.covariance))
        return hashlib.sha256(b"".join(each.tobytes() for each in arrays)).hexdigest()

    def to_json(self) -> dict[str, Any]:
        row: dict[str, Any] = {"name": "mahalanobis", "radius": self.radius}
        return row if self.covariance is None else {**row, "digest": self._digest}


@dataclass(frozen=True)
class Box(Constraint):
    """Each pixel, in 0..1, is at least `low` and at most `high`, by cutting after each step; no sigmoid slows it near an end.

    Parameters
    ----------
    low, high : a number for all channels, or one each
    """

    low: float | tuple[float, ...] = 0.0
    high: float | tuple[float, ...] = 1.0

    def __post_init__(self) -> None:
        low, high = np.broadcast_arrays(np.atleast_1d(self.low), np.atleast_1d(self.high))
        if not (np.isfinite(low).all() and np.isfinite(high).all() and (low < high).all()):
            raise InputError(
                f"a box from {self.low} to {self.high}: each low must lie below its high, both finite"
            )

    def space(
        self, image: ImageInput, shape: CanvasShape, *, statistics: ImageStatistics | None = None
    ) -> Space:
        ends = [np.atleast_1d(np.asarray(end, np.float32)) for end in (self.low, self.high)]
        if any(len(end) not in (1, shape.channels) for end in ends):
            raise InputError(
                f"a box from {self.low} to {self.high} for {shape.channels} channels: give 1 or {shape.channels} numbers"
            )
        return BoxSpace(shape, *ends)

    def to_json(self) -> dict[str, Any]:
        low, high = (list(end) if isinstance(end, tuple) else end for end in (self.low, self.high))
        return {"name": "box", "low": low, "high": high}


CONSTRAINTS: Mapping[str, type[Constraint]] = {"norm": NormBall, "mahalanobis": Mahalanobis, "box": Box}


def constraint_as(asked: Constraint | str) -> Constraint:
    """A constraint as it is, or the one that a text names: `norm=5`, `norm` for the data's, `mahalanobis=10`, `box=0.2..0.8`.

    Raises
    ------
    InputError : another name, or numbers that make no sense

    Examples
    --------
    >>> constraint_as("norm=5"), constraint_as("box")
    (NormBall(radius=5.0), Box(low=0.0, high=1.0))
    """
    if isinstance(asked, Constraint):
        return asked
    name, _, rest = str(asked).partition("=")
    try:
        numbers = [float(part) for part in rest.split("..")] if rest else []
        if name in CONSTRAINTS and len(numbers) in ((0, 2) if name == "box" else (0, 1)):
            return CONSTRAINTS[name](*numbers)
    except ValueError as error:
        if isinstance(error, InputError):
            raise
    raise InputError(f"constraint {asked!r}: write norm=RADIUS, mahalanobis=RADIUS or box=LOW..HIGH")


def constraint_of(row: Mapping[str, Any]) -> Constraint:
    """The constraint that `to_json` told.

    Raises
    ------
    InputError : it had a covariance of its own, which JSON does not hold
    """
    if "digest" in row:
        raise InputError(
            "this Mahalanobis ball had a covariance of its own; give it again, or use statistics"
        )
    numbers = {
        name: tuple(value) if isinstance(value, Sequence) else value
        for name, value in row.items()
        if name != "name"
    }
    return CONSTRAINTS[row["name"]](**numbers)


def _check_radius(radius: float | None) -> None:
    if radius is not None and not 0 < radius < math.inf:
        raise InputError(f"radius {radius}: it must be above 0 and finite")
