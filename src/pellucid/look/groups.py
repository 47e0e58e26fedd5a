# SPDX-License-Identifier: Apache-2.0
"""Groups of units that fire together in an image: a layer's responses taken apart into a few maps of a few units each."""

from __future__ import annotations

import importlib
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import InputError, MissingExtra

__all__ = ["COLORS", "Group", "groups_of"]

# Told apart by any color vision, in print by their lightness, and on photographs: after Okabe and Ito, lifted for dark grounds.
COLORS = ("#e69f00", "#56b4e9", "#d7517a", "#009e73", "#f0e442", "#7b6bd6", "#d55e00", "#9fd356")
STEPS = 400


@dataclass(frozen=True, eq=False)
class Group:
    """Units that fire together.

    Parameters
    ----------
    number : its place from the left
    map : (P,) how strongly it is there at each cell, >= 0, in responses of its strongest unit
    weights : (K,) of each unit, >= 0, the largest 1
    """

    number: int
    map: NDArray[np.float64]
    weights: NDArray[np.float64]

    @property
    def color(self) -> str:
        return COLORS[self.number % len(COLORS)]

    def units(self, count: int = 4) -> list[tuple[int, float]]:
        """Its heaviest units with their weights, those without weight left out."""
        order = np.argsort(-self.weights, kind="stable")[:count]
        return [(int(unit), float(self.weights[unit])) for unit in order if self.weights[unit] > 0]

    def to_json(self) -> dict[str, Any]:
        return {
            "group": self.number,
            "color": self.color,
            "units": [{"unit": unit, "weight": weight} for unit, weight in self.units(8)],
            "map": self.map.tolist(),
        }


def groups_of(
    maps: NDArray[np.float32], x: NDArray[np.float64], count: int = 6, seed: int = 0
) -> tuple[Group, ...]:
    """Factor the responses of one layer to one image into `count` groups, from left to right by where each peaks.

    Negative responses count as none: what a unit is held down by is left out, as it would be behind a ReLU. The factors are
    those of scikit-learn's NMF (init nndsvda) of the (P, K) rectified responses, scaled so that the heaviest unit of each has
    weight 1.

    Parameters
    ----------
    maps : (K, P) responses
    x : (P,) where the middle of each cell stands from left to right

    Raises
    ------
    MissingExtra : scikit-learn is not installed
    InputError : fewer than one group was asked

    References
    ----------
    Olah et al. 2018, The building blocks of interpretability (neuron groups, six of them, by horizontal peak).
    """
    if count < 1:
        raise InputError(f"{count} groups were asked; there is one at least")
    try:
        decomposition = importlib.import_module("sklearn.decomposition")
    except ImportError as error:
        raise MissingExtra(
            'groups of units need scikit-learn: pip install "pellucid[maps]", or ask for none with --groups 0'
        ) from error
    rectified = np.maximum(np.nan_to_num(maps.T, posinf=0.0), 0).astype(np.float64)
    if not rectified.any():
        return ()
    known = min(count, *rectified.shape)
    factors = decomposition.NMF(known, init="nndsvda", random_state=seed, max_iter=STEPS, tol=1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it stopped at STEPS: the rest is in the last digits
        spatial = factors.fit_transform(rectified)
    largest = factors.components_.max(1)
    there = np.flatnonzero((largest > 0) & (spatial.max(0) > 0))
    order = sorted(there, key=lambda each: (x[spatial[:, each].argmax()], each))
    return tuple(
        Group(place, spatial[:, each] * largest[each], factors.components_[each] / largest[each])
        for place, each in enumerate(order)
    )
