# SPDX-License-Identifier: Apache-2.0
"""A family of stimuli: what varies in it, in which units, and how one of them is drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pellucid.stimuli.frame import Frame

__all__ = ["Axis", "Battery", "Family", "Stimulus", "Value", "Where"]

Value = float | str
Where = Literal["center", "near", "around"]


@dataclass(frozen=True)
class Axis:
    """What varies in a family.

    Parameters
    ----------
    name : as `orientation`; with `unit` (deg, cycles/px, px, empty for words) it labels the curve
    values : the values for a frame, in order
    period : of a circular axis, in its unit; None for a line
    log : whether values are spaced by ratios
    free : whether other axes' curves take the strongest over it (a phase, a shift), and not the value at the best
    whole : whether there is nothing beyond its ends, as beyond black and white
    label : the name in full, as it stands under the curve
    """

    name: str
    unit: str
    values: Callable[[Frame], tuple[Value, ...]]
    period: float | None = None
    log: bool = False
    free: bool = False
    whole: bool = False
    label: str = ""

    @property
    def title(self) -> str:
        """What stands under the axis of a plot."""
        words = self.label or self.name
        return f"{words}, {self.unit}" if self.unit else words


@dataclass(frozen=True)
class Family:
    """Stimuli of one sort.

    Parameters
    ----------
    name, title : in settings and JSON, and in words
    axes : what varies, the last one fastest
    draw : called with the frame and a value for each axis by name
    read : `center`, the response at the center position alone; `near` and `around`, the strongest within a third or half of a
        field of it, so that a shape need not lie on the middle of the field
    colored : whether it needs red, green and blue
    """

    name: str
    title: str
    axes: tuple[Axis, ...]
    draw: Callable[..., NDArray[np.float64]]
    read: Where
    colored: bool = False

    def axis(self, name: str) -> Axis:
        """The axis of that name."""
        return next(axis for axis in self.axes if axis.name == name)


@dataclass(frozen=True)
class Stimulus:
    """One picture of a family: a value for each axis."""

    family: Family
    values: Mapping[str, Value]

    def pixels(self, frame: Frame) -> NDArray[np.float32]:
        """The picture, (C, H, W) float32 in 0..1."""
        drawn = self.family.draw(frame, **self.values)
        shape = (frame.channels, *frame.size)
        return np.ascontiguousarray(np.broadcast_to(drawn, shape), dtype=np.float32)


@dataclass(frozen=True)
class Battery:
    """All stimuli of one family for a frame: a grid over the values of its axes."""

    family: Family
    values: tuple[tuple[Value, ...], ...]

    @classmethod
    def of(cls, family: Family, frame: Frame) -> Battery:
        return cls(family, tuple(axis.values(frame) for axis in family.axes))

    @property
    def shape(self) -> tuple[int, ...]:
        """How many values each axis has."""
        return tuple(map(len, self.values))

    def __len__(self) -> int:
        return int(np.prod(self.shape))

    def __iter__(self) -> Iterator[Stimulus]:
        names = [axis.name for axis in self.family.axes]
        for row in product(*self.values):
            yield Stimulus(self.family, dict(zip(names, row, strict=True)))

    def at(self, place: int) -> Stimulus:
        """The stimulus at a flat index."""
        at = np.unravel_index(place, self.shape)
        row = [values[int(index)] for values, index in zip(self.values, at, strict=True)]
        return Stimulus(self.family, dict(zip((axis.name for axis in self.family.axes), row, strict=True)))
