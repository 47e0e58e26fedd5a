# SPDX-License-Identifier: Apache-2.0
"""Least squares for many filters at once: each is fitted by a few spatial shapes, every channel free in how much.

The amounts per channel enter linearly and are solved for exactly at each step (variable projection, Golub and
Pereyra 1973), so the search by Levenberg-Marquardt runs over the few parameters of the shape alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Basis", "Bounds", "Fit", "amounts", "fit"]

Floats = NDArray[np.float64]
Basis = Callable[[Floats], Floats]  # (B, p) parameters -> (B, P, m) shapes over P pixels
Bounds = tuple[Floats, Floats]  # lowest and highest value of each parameter

# All starts run a few steps; only the two best of each filter run on. Two, because the leader is not yet sure.
HEAT, FINAL, FINALISTS = 6, 40, 2
NUDGE = 1e-5  # of a finite difference; parameters are of order one
RIDGE = 1e-9  # keeps two shapes that coincide solvable
SETTLED = 1e-5  # a fit that gains less of its error than this in a step is done
MOST_DAMPED = 1e6
MOST_NUMBERS = 1 << 22  # in one Jacobian: 32 MiB
TINY = np.finfo(float).tiny


@dataclass(frozen=True, eq=False)
class Fit:
    """The best parameters (B, p) found for each of B filters, and the squared error (B,) they leave."""

    parameters: Floats
    error: Floats


@dataclass(frozen=True, eq=False)
class Search:
    """B fits on their way: where each stands (B, p), what it leaves (B, P, C), how carefully it steps."""

    at: Floats
    residual: Floats
    error: Floats
    damping: Floats

    def only(self, rows: NDArray[np.intp]) -> Search:
        """Some of the fits."""
        return Search(self.at[rows], self.residual[rows], self.error[rows], self.damping[rows])


def amounts(shapes: Floats, data: Floats) -> Floats:
    """How much of each shape each channel holds, by least squares: (B, P, m), (B, P, C) -> (B, m, C)."""
    transposed = shapes.transpose(0, 2, 1)
    gram = transposed @ shapes
    trace = np.trace(gram, axis1=1, axis2=2)[:, None, None]
    gram += (RIDGE * trace + TINY) * np.eye(gram.shape[1])
    return np.asarray(np.linalg.solve(gram, transposed @ data), np.float64)


def fit(basis: Basis, data: Floats, *, starts: Floats, bounds: Bounds) -> Fit:
    """The best fit of each filter over all its starts.

    Parameters
    ----------
    basis : gives (B, P, m) shapes for (B, p) parameters
    data : (B, P, C), the filters, pixels before channels
    starts : (B, S, p), where the search begins, S times for each filter
    bounds : lowest and highest parameters, (p,) each; where they are equal the parameter is held fixed

    Returns
    -------
    parameters (B, p) within the bounds and squared errors (B,)

    Examples
    --------
    >>> x = np.arange(9.0)
    >>> hill = lambda at: np.exp(-((x - at) ** 2) / 4)[..., None]
    >>> found = fit(hill, hill(np.array([[3.0]])), starts=np.array([[[5.0]]]), bounds=(np.zeros(1), np.full(1, 8.0)))
    >>> found.parameters.round(3)
    array([[3.]])
    """
    tries, count = starts.shape[1:]
    chunk = max(MOST_NUMBERS // (data[0].size * max(count, 1) * tries), 1)
    parts = [
        _fit_chunk(basis, data[at : at + chunk], starts[at : at + chunk], bounds)
        for at in range(0, len(data), chunk)
    ]
    return Fit(np.concatenate([part.at for part in parts]), np.concatenate([part.error for part in parts]))


def _fit_chunk(basis: Basis, data: Floats, starts: Floats, bounds: Bounds) -> Search:
    filters, tries, count = starts.shape
    at = np.clip(starts.reshape(-1, count), *bounds)
    every = np.repeat(data, tries, axis=0)
    residual = _residual(basis, at, every)
    heat = Search(at, residual, _squared(residual), np.full(len(at), 1e-2))
    _run(basis, every, heat, bounds, HEAT)
    leaders = np.argsort(heat.error.reshape(filters, tries), 1, kind="stable")[:, :FINALISTS]
    finalists = heat.only((leaders + np.arange(filters)[:, None] * tries).ravel())
    _run(basis, np.repeat(data, leaders.shape[1], axis=0), finalists, bounds, FINAL)
    won = finalists.error.reshape(filters, -1).argmin(1)
    return finalists.only(won + np.arange(filters) * leaders.shape[1])


def _run(basis: Basis, data: Floats, search: Search, bounds: Bounds, steps: int) -> None:
    """Up to `steps` steps of every fit, in place; a fit that settles stands still."""
    free = np.flatnonzero(bounds[1] > bounds[0])
    busy = np.arange(len(search.at))
    for _ in range(steps):
        if not len(busy):
            return
        here = search.only(busy)
        tried = np.clip(here.at + _step(basis, here, data[busy], free), *bounds)
        residual = _residual(basis, tried, data[busy])
        error = _squared(residual)
        better = error < here.error
        won = busy[better]
        search.at[won], search.residual[won], search.error[won] = (
            tried[better],
            residual[better],
            error[better],
        )
        search.damping[busy] *= np.where(better, 0.25, 5.0)
        gain = (here.error - error) / np.maximum(here.error, TINY)
        busy = busy[~((better & (gain < SETTLED)) | (search.damping[busy] > MOST_DAMPED))]


def _residual(basis: Basis, at: Floats, data: Floats) -> Floats:
    shapes = basis(at)
    return data - shapes @ amounts(shapes, data)


def _squared(residual: Floats) -> Floats:
    return np.asarray(np.einsum("bpc,bpc->b", residual, residual))


def _step(basis: Basis, here: Search, data: Floats, free: NDArray[np.intp]) -> Floats:
    """One damped Gauss-Newton step of each fit, by finite differences of the projected residual."""
    slopes = []
    for number in free:
        nudged = here.at.copy()
        nudged[:, number] += NUDGE
        slopes.append((_residual(basis, nudged, data) - here.residual).reshape(len(nudged), -1) / NUDGE)
    slope = np.stack(slopes, 1)  # (B, p, P * C)
    hessian = slope @ slope.transpose(0, 2, 1)
    gradient = slope @ here.residual.reshape(len(data), -1, 1)  # (B, p, 1)
    curvature = np.diagonal(hessian, axis1=1, axis2=2)
    damped = here.damping[:, None] * curvature + 1e-12 * curvature.max(1, keepdims=True) + TINY
    hessian += damped[:, :, None] * np.eye(len(free))
    step = np.zeros_like(here.at)
    step[:, free] = -np.linalg.solve(hessian, gradient)[..., 0]
    return step
