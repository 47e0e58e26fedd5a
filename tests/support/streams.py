# SPDX-License-Identifier: Apache-2.0
"""Awkward responses, ways to split them, and what a plain sort over all of them at once finds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from fractions import Fraction

import numpy as np
import torch
from hypothesis import strategies as st

from pellucid.records import Layer
from pellucid.scan import Given, Responses
from pellucid.scan.subscriber import Subscriber

# Few values, so that ties are common; all that float16 can hold, so that both types can be asked.
AWKWARD = [math.nan, math.inf, -math.inf, 0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 6e-8, 65504.0, -65504.0, 0.5]


def layer(units: int, grid: tuple[int, ...]) -> Layer:
    return Layer("layer", "Conv2d", grid, units, None, None, False)


@st.composite
def streams(draw: st.DrawFn) -> tuple[Layer, torch.Tensor]:
    """A layer and (items, K, *grid) responses."""
    grid = draw(st.sampled_from([(), (1,), (5,), (2, 3), (1, 1)]))
    units, items = draw(st.integers(1, 3)), draw(st.integers(1, 26))
    kind = draw(st.sampled_from([np.float16, np.float32]))
    finite = st.floats(-65504, 65504, width=16)
    values = draw(
        st.lists(
            st.sampled_from(AWKWARD) | finite,
            min_size=items * units * math.prod(grid),
            max_size=items * units * math.prod(grid),
        )
    )
    return layer(units, grid), torch.from_numpy(np.array(values, kind).reshape(items, units, *grid))


@st.composite
def splits(draw: st.DrawFn, items: int) -> list[list[int]]:
    """The items in any order, cut into batches."""
    order = draw(st.permutations(range(items)))
    cuts = sorted({0, items, *draw(st.lists(st.integers(0, items), max_size=6))})
    return [sorted(order[start:stop]) for start, stop in itertools.pairwise(cuts)]


def batch(values: torch.Tensor, rows: list[int], holes: int = 0) -> Responses:
    """The responses of these rows, with some slots of garbage before them that hold no item."""
    garbage = torch.full((holes, *values.shape[1:]), 1e4 if holes % 2 else math.nan, dtype=values.dtype)
    slots = np.arange(holes, holes + len(rows))
    return Responses.of(torch.cat([garbage, values[rows]]), np.array(rows, np.int64), slots)


def run(
    kind: type[Subscriber],
    about: Layer,
    values: torch.Tensor,
    batches: Iterable[list[int]],
    given: Given | None = None,
) -> Subscriber:
    made = kind(about, given or Given())
    for place, rows in enumerate(batches):
        made.update(batch(values, rows, place % 3))
    return made


def band_by_sorting(values: np.ndarray, sign: int) -> list[tuple[int, float, int]]:
    """(row, response, flat position) of one unit's band, from (items, positions) responses."""
    candidates = []
    for row, responses in enumerate(sign * values):
        finite = np.flatnonzero(np.isfinite(responses))
        if len(finite):
            peak = responses[finite].max()
            candidates.append(
                (-float(peak), row, next(at for at in finite.tolist() if responses[at] == peak))
            )
    return [(row, sign * -key + 0.0, place) for key, row, place in sorted(candidates)[:9]]


def moments_exactly(values: np.ndarray) -> tuple[list[Fraction], Fraction, Fraction]:
    """The finite responses of one unit, their mean and variance; values may be of any shape, and not empty."""
    finite = [Fraction(each) for each in values.ravel().tolist() if math.isfinite(each)]
    mean = sum(finite) / max(len(finite), 1)
    return finite, Fraction(mean), Fraction(sum((each - mean) ** 2 for each in finite) / max(len(finite), 1))
