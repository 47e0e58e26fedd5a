# SPDX-License-Identifier: Apache-2.0
"""Keeping to a given picture: what each item pays for how far a layer departs from it, in the objective's own measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from pellucid.ascent.goal import Goal
from pellucid.ascent.readings import departure

__all__ = ["Keeping"]

# Departing is free for so many steps, or an eighth of a shorter climb. After the first one a picture has moved by the same in
# every variable, a direction in which no layer sees much, and a balance struck there held one unit fast and let another go at
# a twentieth of the strength, on the embedded network; after eight steps one strength suits all units tried.
FREE_STEPS = 8


class Keeping:
    """The price of departing, for goals that keep something; nothing for the others.

    Departing is free for the first few steps: at the given picture itself its slope is zero. Then the balance is struck, once
    for each item: how much steeper the objective is than the departure.

    Parameters
    ----------
    goals : one for each item
    steps : of the climb
    mean_of_copies : from a value for each view to one for each item
    """

    def __init__(
        self,
        goals: Sequence[Goal],
        device: torch.device,
        *,
        steps: int,
        mean_of_copies: Callable[[Tensor], Tensor],
    ) -> None:
        self._free = min(FREE_STEPS, max(1, steps // 8))
        self._mean_of_copies = mean_of_copies
        strengths = [0.0 if goal.kept is None else goal.kept.strength for goal in goals]
        self._strengths = torch.tensor(strengths, dtype=torch.float32, device=device)
        self._layers = {
            layer: torch.tensor(
                [goal.kept is not None and goal.kept.layer == layer for goal in goals], device=device
            )
            for layer in dict.fromkeys(goal.kept.layer for goal in goals if goal.kept is not None)
        }
        self._balance = torch.zeros_like(self._strengths)

    def __bool__(self) -> bool:
        return bool(self._layers)

    def price(
        self,
        step: int,
        worth: Tensor,
        responses: Mapping[str, Tensor],
        given: Mapping[str, Tensor],
        variables: tuple[Tensor, ...],
    ) -> Tensor:
        """What each item pays: (N,), differentiable.

        Parameters
        ----------
        worth : (N,) what is to rise of each, as a function of the canvas's variables
        responses, given : as for `Scores`, one row for each view
        """
        far = torch.zeros_like(worth)
        for layer, rows in self._layers.items():
            departed = self._mean_of_copies(departure(responses[layer], given[layer]))
            far = far + torch.where(rows, departed, 0.0)
        fresh = (self._balance == 0) & (self._strengths > 0)
        if step >= self._free and bool(fresh.any()):
            steep, kept = (_steepness(each, variables) for each in (worth, far))
            sound = fresh & (kept > 0) & (steep / kept).isfinite()
            self._balance = torch.where(sound, steep / kept, self._balance)
        return self._strengths * self._balance * far


def _steepness(values: Tensor, variables: tuple[Tensor, ...]) -> Tensor:
    """(N,) sums of the absolute slopes of each item's value."""
    if not values.requires_grad:
        return torch.zeros_like(values)
    slopes = torch.autograd.grad(
        values.sum(), variables, retain_graph=True, allow_unused=True, materialize_grads=True
    )
    return torch.stack([each.flatten(1).abs().sum(1) for each in slopes]).sum(0)
