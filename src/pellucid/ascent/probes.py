# SPDX-License-Identifier: Apache-2.0
"""Probes: a few loud pictures that tell a unit that is dead from one that only its start left without a gradient."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from pellucid.ascent.canvas import CanvasShape
from pellucid.ascent.fourier import FourierCanvas
from pellucid.ascent.objective import Goal, Scores
from pellucid.ascent.streams import stream

__all__ = ["answers"]

NOISES = 16
# Times the start's contrast: from faint to nearly black and white.
CONTRASTS = (10.0, 40.0, 160.0, 640.0)


def answers(
    run: Callable[[Tensor], Mapping[str, Tensor]], goals: Sequence[Goal], shape: CanvasShape
) -> list[bool]:
    """For each goal, whether its objective tells any two of the probes apart.

    Parameters
    ----------
    run : from pixels (P, C, H, W) in 0..1 to {layer: response (P, K, *positions)}
    """
    if not goals:
        return []
    pixels = probes(shape)
    responses = run(pixels)
    found = []
    for goal in goals:
        values = Scores([goal] * len(pixels), responses[goal.aim.layers[0]].device)(responses)
        values = values[values.isfinite()]
        found.append(bool(len(values)) and bool(values.max() > values.min()))
    return found


def probes(shape: CanvasShape) -> Tensor:
    """(P, C, H, W) float32: noise of rising contrast with the spectrum of photographs, then black, white and each color."""
    canvas = FourierCanvas(shape, [stream(0, "probe", str(number)) for number in range(NOISES)])
    contrast = torch.tensor(CONTRASTS).repeat(NOISES // len(CONTRASTS)).view(-1, 1, 1, 1)
    noise = torch.sigmoid(contrast * torch.logit(canvas.pictures().detach()))
    flat = torch.cat(
        [torch.zeros(1, shape.channels), torch.ones(1, shape.channels), torch.eye(shape.channels)]
    )
    return torch.cat([noise, flat[:, :, None, None].expand(-1, -1, shape.height, shape.width)])
