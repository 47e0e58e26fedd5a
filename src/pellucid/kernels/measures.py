# SPDX-License-Identifier: Apache-2.0
"""Everything that is measured of the filters of a layer, before any of them is given a family."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pellucid.kernels.bank import Bank
from pellucid.kernels.chance import looks_random
from pellucid.kernels.comparison import Comparison, compare, is_small
from pellucid.kernels.family import FOUND, LINE_SHARE
from pellucid.kernels.named import name_of
from pellucid.kernels.opponency import BLACK_WHITE, main_color, opponency
from pellucid.kernels.reduction import reduced
from pellucid.kernels.shapes import Grid
from pellucid.kernels.spectrum import Spectrum, energy_spread, spectra, within_nyquist
from pellucid.kernels.symmetry import (
    Parts,
    evenness,
    main_map,
    neighbor_agreement,
    parts,
    separability,
    untrained_below,
)

__all__ = ["Measures", "measure"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

DEAD = 0.01  # of the layer's median root mean square
ORIENTED = 0.2  # of coherence; below, the direction of the strongest wave is chance
EXACTLY = 0.99  # of the energy: what is left is rounding, or a Gabor's mean taken off
SHAPE_NAME = {"gabor": "gabor", "blob": "gaussian", "center-surround": "difference of gaussians"}
HALF_AMPLITUDE = np.sqrt(np.log(2) / 2)


@dataclass(frozen=True, eq=False)
class Shaped:
    """The shape that fits each of K filters best, and what it says: arrays (K,), nan for nothing to say.

    `r2` holds R² for every shape that was tried, `best_r2` and `adjusted_r2` those of the chosen one.
    """

    shape: tuple[str, ...]
    r2: Mapping[str, Floats]
    best_r2: Floats
    adjusted_r2: Floats
    angle: Floats
    frequency: Floats
    bandwidth: Floats


@dataclass(frozen=True, eq=False)
class Measures:
    """What is measured of K filters; arrays (K,), `color` (K, C). The words are those of `FilterReading`."""

    small: bool
    random: bool | None
    reduced: int
    cycles: Floats
    shaped: Shaped
    name: tuple[str | None, ...]
    dc: Floats
    norm: Floats
    chroma: Floats | None
    axis: tuple[str, ...] | None
    color: Floats
    symmetry: Floats
    separability: Floats
    neighbors: Floats
    spread: Floats
    dead: Flags
    noisy: Flags


def measure(bank: Bank) -> Measures:
    """What can be measured of each filter of a bank."""
    weights, small = bank.weights, is_small(*bank.size) or bank.deeper
    kernels, factor = reduced(weights)
    spectrum = spectra(kernels)
    shaped = _by_parts(parts(kernels), spectrum) if small else _by_fits(kernels, spectrum)
    cycles = shaped.frequency * max(kernels.shape[2:])
    shaped.frequency[:] /= factor
    if bank.size[0] == 1:  # a signal has no directions
        shaped.angle[:] = np.nan
    rms = np.sqrt((weights**2).mean((1, 2, 3)))
    dead = (rms < DEAD * np.median(rms)) | (rms == 0)
    neighbors = neighbor_agreement(weights)
    rough = neighbors < untrained_below(*weights.shape[1:])
    maps = main_map(kernels)
    names = _names(maps, kernels, shaped)
    random = looks_random(weights[~dead]) if small and not bank.deeper else None
    chance = np.array([name is None for name in names]) & bool(random)
    color = opponency(_over_colors(weights)) if bank.is_color else None
    return Measures(
        small=small,
        random=random,
        reduced=factor,
        cycles=cycles,
        shaped=shaped,
        name=names,
        dc=weights.sum((1, 2, 3)),
        norm=np.sqrt((weights**2).sum((1, 2, 3))),
        chroma=color.chroma if color else np.zeros(bank.count) if bank.is_gray else None,
        axis=color.axis if color else (BLACK_WHITE,) * bank.count if bank.is_gray else None,
        color=main_color(_over_colors(weights) if bank.is_color else weights),
        symmetry=evenness(kernels),
        separability=separability(maps),
        neighbors=neighbors,
        spread=energy_spread(kernels),
        dead=dead,
        noisy=(chance if small else rough & (shaped.best_r2 < FOUND)) & ~dead,
    )


def _over_colors(kernels: Floats) -> Floats:
    """The slices of a volume's kernels one below the other, so that three channels are left."""
    return kernels.reshape(len(kernels), 3, -1, kernels.shape[3])


def _names(maps: Floats, kernels: Floats, shaped: Shaped) -> tuple[str | None, ...]:
    """The names of filters that are one map times one color, and either a named kernel or exactly a shape."""
    single = (maps**2).sum((1, 2)) >= EXACTLY * (kernels**2).sum((1, 2, 3))
    exact = shaped.best_r2 >= EXACTLY
    return tuple(
        (name_of(maps[row]) or (SHAPE_NAME.get(shape) if exact[row] else None)) if single[row] else None
        for row, shape in enumerate(shaped.shape)
    )


def _by_fits(kernels: Floats, spectrum: Spectrum) -> Shaped:
    """Orientation and frequency come from the chosen shape where it is found, else from the strongest wave."""
    grid = Grid(*kernels.shape[2:])
    comparison = compare(kernels, spectrum)
    adjusted = _of_chosen(comparison, comparison.adjusted_r2)
    found = adjusted >= FOUND
    gabor = found & (np.array(comparison.chosen) == "gabor")
    edge = found & (np.array(comparison.chosen) == "edge")
    frequency, turn = within_nyquist(
        comparison.parameter("gabor", "frequency", grid), comparison.parameter("gabor", "angle", grid)
    )
    angle = np.where((spectrum.oriented >= ORIENTED) & (spectrum.frequency > 0), spectrum.angle, np.nan)
    angle = np.where(edge, comparison.parameter("edge", "angle", grid) % np.pi, angle)
    cycles = np.pi * np.exp(comparison.parameter("gabor", "log_sigma", grid)) * frequency
    passes = gabor & (cycles > HALF_AMPLITUDE)
    bandwidth = np.full(len(kernels), np.nan)
    bandwidth[passes] = np.log2((cycles[passes] + HALF_AMPLITUDE) / (cycles[passes] - HALF_AMPLITUDE))
    return Shaped(
        comparison.chosen,
        comparison.r2,
        _of_chosen(comparison, comparison.r2),
        adjusted,
        np.where(gabor, turn, angle),
        np.where(gabor, frequency, spectrum.frequency),
        bandwidth,
    )


def _of_chosen(comparison: Comparison, values: Mapping[str, Floats]) -> Floats:
    return np.array([values[name][row] for row, name in enumerate(comparison.chosen)])


def _by_parts(found: Parts, spectrum: Spectrum) -> Shaped:
    """A small kernel is what its largest part is; lines and centers are told apart by their proportion."""
    even = found.line + found.center
    shares = np.stack([found.average, found.edge, even])
    line = found.line >= LINE_SHARE * np.maximum(even, np.finfo(float).tiny)
    which = np.where(shares.argmax(0) < 2, shares.argmax(0), np.where(line, 2, 3))
    angle = np.choose(which, [np.full(len(even), np.nan), found.edge_angle, found.line_angle, np.nan])
    shape = tuple(("average", "edge", "line", "center")[one] for one in which)
    best = shares.max(0)
    nothing = np.full(len(even), np.nan)
    return Shaped(shape, {}, best, best, angle, spectrum.frequency, nothing)
