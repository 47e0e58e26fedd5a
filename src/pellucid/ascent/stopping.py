# SPDX-License-Identifier: Apache-2.0
"""When a picture is done: after fixed steps, or once its objective has become flat."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["CHECK", "STOPS", "flat", "settled"]

STOPS = ("fixed", "flat")

# Each step sees another view, so single values jump; means over half a window of 32 have settled to about a percent.
WINDOW = 32
# Looked at this often: on a GPU each look waits for the steps before it.
CHECK = 8
# A picture is done when half a window adds less than this share of all that was gained since the start.
GAIN = 0.02
# Where every step sees the same, values tell more: a picture is done when so many steps add less than this share, or when so
# little of its gradient leads anywhere.
LONG, LEAST_GAIN, STRAIGHT = 64, 1e-5, 1e-5


def flat(history: Sequence[Tensor], signs: Tensor) -> Tensor:
    """Which items' objectives have stopped moving in the direction asked: (N,) bool.

    Parameters
    ----------
    history : (N,) for each step so far
    signs : (N,) 1 to raise and -1 to lower

    References
    ----------
    The stop rule of Zimmermann et al.'s stimuli (`brendel-group/imi`), which compares the halves of a window of gradient
    norms. Differs: of the objective itself, relative to what was gained, and for each item alone.

    Examples
    --------
    >>> still = [torch.tensor([0.0, float(step)]) for step in range(40)]
    >>> flat(still, torch.ones(2))
    tensor([ True, False])
    """
    if len(history) < WINDOW + CHECK:
        return torch.zeros_like(signs, dtype=torch.bool)
    recent = torch.stack(list(history[-WINDOW:]), 1)
    early, late = recent[:, : WINDOW // 2].mean(1), recent[:, WINDOW // 2 :].mean(1)
    gained = signs * (late - torch.stack(list(history[: CHECK // 2]), 1).mean(1))
    return signs * (late - early) <= GAIN * gained.clamp(min=0)


def settled(history: Sequence[Tensor], signs: Tensor, slant: Tensor) -> Tensor:
    """Which items of a climb that always sees the same are at their maximum, as well as can be told: (N,) bool.

    Those whose gradient leads nowhere allowed, and those whose best value so far has stopped rising. Halves of short windows
    would not do: on the way past a quadratic's second direction the value rests for dozens of steps.

    Parameters
    ----------
    history, signs : as for `flat`
    slant : (N,) the share of each gradient that leads to allowed places

    Examples
    --------
    >>> still = [torch.tensor([0.0, float(step), 0.0]) for step in range(130)]
    >>> settled(still, torch.ones(3), torch.tensor([0.1, 0.1, 0.0]))
    tensor([ True, False,  True])
    """
    straight = slant <= STRAIGHT
    if len(history) < 2 * LONG:
        return straight
    values = signs * torch.stack(list(history))
    best, before = values.amax(0), values[:-LONG].amax(0)
    return straight | (best - before <= LEAST_GAIN * (best - values[0]))
