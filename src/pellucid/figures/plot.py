# SPDX-License-Identifier: Apache-2.0
"""Axes: where values stand on a drawing, and the round numbers written along its edges."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from pellucid.figures.drawing import Line, Words, width_of
from pellucid.figures.words import value_words

__all__ = ["Plot", "round_ticks"]

WIDTH, HEIGHT = 420, 200
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 26, 38
TICK_GAP = 8


@dataclass(frozen=True)
class Plot:
    """The rectangle in which data stand: `x` and `y` are the ranges (first, last) of both axes."""

    x: tuple[float, float]
    y: tuple[float, float]

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where the value (x, y) stands on the drawing; an axis of no length stands in the middle."""
        across, up = _share(x, self.x), _share(y, self.y)
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    def legible(self, x_ticks: Sequence[tuple[float, str]]) -> bool:
        """Whether the words of ticks below the axis, in ascending order, stand clear of one another."""
        spans = [(self.at(place, 0)[0], width_of(words) / 2) for place, words in x_ticks]
        return all(
            x + half + TICK_GAP <= other_x - other_half
            for (x, half), (other_x, other_half) in itertools.pairwise(spans)
        )

    def frame(self, x_ticks: Sequence[tuple[float, str]], x_label: str, y_label: str) -> list[Line | Words]:
        """Both axes: ticks (place, words) below, round numbers at the left, and the axes' names."""
        base, left, right = HEIGHT - BOTTOM, LEFT, WIDTH - RIGHT
        marks: list[Line | Words] = [Line(((left, base), (right, base)), "axis")]
        for place, words in x_ticks:
            x, _ = self.at(place, 0)
            half = width_of(words) / 2
            inside = min(max(x, half + 1), WIDTH - half - 1)
            marks += [Line(((x, base), (x, base + 4)), "axis"), Words(inside, base + 15, words)]
        for tick in round_ticks(*self.y, most=4):
            _, y = self.at(0, tick)
            marks += [
                Line(((left - 4, y), (left, y)), "axis"),
                Words(left - 7, y + 4, value_words(tick), anchor="end"),
            ]
        marks += [Words((left + right) / 2, HEIGHT - 6, x_label), Words(4, 11, y_label, anchor="start")]
        return marks


def _share(value: float, span: tuple[float, float]) -> float:
    return (value - span[0]) / (span[1] - span[0]) if span[1] != span[0] else 0.5


def round_ticks(first: float, last: float, most: int = 6) -> list[float]:
    """At most `most` round numbers within [first, last], evenly spaced by 1, 2 or 5 times a power of ten.

    >>> round_ticks(0.3, 9.7)
    [2, 4, 6, 8]
    >>> round_ticks(-0.5, 0.5, 3)
    [-0.5, 0, 0.5]
    """
    span = last - first
    if not (span > 0 and math.isfinite(span)):
        return [first]
    power = 10.0 ** math.floor(math.log10(span / most))
    for step in (power, 2 * power, 5 * power, 10 * power, 20 * power):
        low, high = math.ceil(first / step - 1e-9), math.floor(last / step + 1e-9)
        if high - low + 1 <= most:
            break
    ticks = [float(f"{number * step:.12g}") for number in range(low, high + 1)]
    return [int(tick) if tick == int(tick) and abs(tick) < 1e5 else tick for tick in ticks]
