# SPDX-License-Identifier: Apache-2.0
"""When a picture is done: after fixed steps, or once its objective has become flat."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["CHECK", "STOPS", "flat"]

STOPS = ("fixed", "flat")

# Each step sees another view, so single values jump; means over half a window of 32 have settled to about a percent.
WINDOW = 32
# Looked at this often: on a GPU each look waits for the steps before it.
CHECK = 8
# A picture is done when half a window adds less than this share of all that was gained since the start.
GAIN = 0.02


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
