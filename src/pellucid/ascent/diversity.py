# SPDX-License-Identifier: Apache-2.0
"""Diversity: several pictures of one unit that differ in which features of the layer come together."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pellucid.ascent.goal import Goal
from pellucid.records import Unit

__all__ = ["Apart", "likeness"]

# What each picture keeps of what the first one gains, which pays nothing.
KEPT = 0.9
# The price of sharing everything: where it begins and between which bounds it stays, as shares of what the first picture's
# objective is worth; and how it rises and falls each step. Above twice the worth a picture gives up all at once.
FIRST, LEAST, MOST = 0.3, 0.05, 2.0
RISE, FALL = 1.08, 0.8
# Each step sees another view: so much of a value is remembered from step to step.
MEMORY = 0.8
# In the last steps, this share of all, the price only falls: what still is short comes back.
SETTLING = 0.25

# From lucid: below this squared length a matrix of joint responses counts as nothing.
EPSILON = 1e-10


def likeness(responses: Tensor, pictures: int, *, alone: bool = False) -> Tensor:
    """How much each picture shares with the others of its group.

    For each picture, the sum over the others of the cosine between their Gram matrices G_ij = <map i, map j>. Its sum over
    a group is `batch` times what lucid calls diversity, whose objectives are means over the batch; so an objective's sum minus
    100 of this sum is lucid's `objective - 1e2 * diversity` with its scaling.

    Parameters
    ----------
    responses : (G * pictures, K, *positions), groups one after another
    pictures : of one group
    alone : whether the others are taken as they are: the gradient moves each picture away from them, not them from it

    Returns
    -------
    (G * pictures,) float32, from 0 to pictures - 1

    References
    ----------
    Olah, Mordvintsev, Schubert 2017; lucid `optvis/objectives.py` `diversity`.

    Examples
    --------
    >>> likeness(torch.eye(2)[:, :, None], 2)  # two features never met by both
    tensor([0., 0.])
    """
    maps = responses.flatten(2) if responses.ndim > 2 else responses[:, :, None]
    maps = maps.reshape(-1, pictures, *maps.shape[1:])  # (G, pictures, K, P)
    # <G_a, G_b> is the squared length of maps_a^T maps_b, which costs less where positions are fewer than units.
    others = maps.detach() if alone else maps
    if maps.shape[-1] < maps.shape[-2]:
        joint = torch.einsum("gakp,gbkq->gabpq", maps, others).square().sum((3, 4))
        squares = _squared(maps) if alone else joint.diagonal(dim1=1, dim2=2)
    else:
        gram = torch.einsum("gakp,galp->gakl", maps, maps).flatten(2)
        joint = gram @ (gram.detach() if alone else gram).transpose(1, 2)
        squares = gram.square().sum(2) if alone else joint.diagonal(dim1=1, dim2=2)
    lengths = squares.clamp(min=EPSILON).sqrt()
    theirs = lengths.detach() if alone else lengths
    cosines = joint / (lengths[:, :, None] * theirs[:, None])
    apart = 1 - torch.eye(pictures, device=responses.device)
    return (cosines * apart).sum(2).flatten()


def _squared(maps: Tensor) -> Tensor:
    """(G, pictures) squared lengths of the Gram matrices of maps (G, pictures, K, P)."""
    return torch.einsum("gakp,gakq->gapq", maps, maps).square().sum((2, 3))


class Apart:
    """What pictures pay for what they share, so that they differ as far as each still reaches nearly what it reaches alone.

    The first picture of a group pays nothing and shows what one reaches alone. Each other one's price rises as long as it has
    gained nine tenths of that, and falls when it has not. The unit that is climbed does not count as shared: all are to have it.

    Parameters
    ----------
    goals : (G * pictures), groups one after another
    steps : of the climb

    References
    ----------
    Zimmermann et al. 2023 search the largest weight with which the weakest of a group still beats the best real input; they climb
    anew for each weight. Differs: one climb, a weight for each picture, and what it is held against is the plain picture.
    """

    def __init__(self, goals: Sequence[Goal], steps: int, device: torch.device | str = "cpu") -> None:
        self._pictures, self._settled = goals[0].pictures, steps * (1 - SETTLING)
        self._signs = torch.tensor([goal.sign for goal in goals], device=device)
        self._prices = torch.full((len(goals),), FIRST, device=device)
        self._prices[:: self._pictures] = 0
        self._step = -1
        self._start: Tensor | None = None
        self._mean: Tensor | None = None
        layer = goals[0].aim.layers[0]
        units = [
            goal.unit if isinstance(goal.unit, Unit) and goal.unit.layer == layer else None for goal in goals
        ]
        self._rows = torch.tensor([row for row, unit in enumerate(units) if unit is not None], device=device)
        self._units = torch.tensor([unit.index for unit in units if unit is not None], device=device)

    def price(self, step: int, values: Tensor) -> Tensor:
        """(N,) the price of sharing everything with one other picture, at a step with these values, without gradient."""
        worth = self._signs * values.detach()
        if self._start is None or self._mean is None:
            self._start = self._mean = worth.nan_to_num(0, 0, 0)
        if step > self._step:
            self._step = step
            worth = torch.where(worth.isfinite(), worth, self._mean)
            self._mean = MEMORY * self._mean + (1 - MEMORY) * worth
            self._follow(step, self._mean - self._start)
        first = self._mean.view(-1, self._pictures)[:, :1].abs().expand(-1, self._pictures).flatten()
        return self._prices * first / (self._pictures - 1)

    def _follow(self, step: int, gains: Tensor) -> None:
        gained = gains.view(-1, self._pictures)
        kept = (gained >= KEPT * gained[:, :1]).flatten()
        rise = RISE if step <= self._settled else 1.0
        self._prices = (self._prices * torch.where(kept, rise, FALL)).clamp(LEAST, MOST)
        self._prices[:: self._pictures] = 0

    def others(self, responses: Tensor) -> Tensor:
        """Responses (N, K, *positions) with the unit that is climbed left out, at zero."""
        if not len(self._rows) or responses.shape[1] < 2:
            return responses
        counted = torch.ones(responses.shape[:2], device=responses.device)
        counted[self._rows, self._units] = 0
        return responses * counted.view(*counted.shape, *(1,) * (responses.ndim - 2)).to(responses.dtype)
