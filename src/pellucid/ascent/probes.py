# SPDX-License-Identifier: Apache-2.0
"""Probes: a few loud pictures that tell a unit that is dead from one that is fed wrongly or that only its start missed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pellucid.ascent.canvas import CanvasShape
from pellucid.ascent.fourier import FourierCanvas
from pellucid.ascent.goal import Goal
from pellucid.ascent.readings import Scores
from pellucid.ascent.references import References, Run
from pellucid.ascent.streams import stream
from pellucid.models.net import Net
from pellucid.models.own_code import own_code
from pellucid.models.taps import tap

__all__ = ["Probed", "probed"]

NOISES = 16
# Times the start's contrast: from faint to nearly black and white.
CONTRASTS = (10.0, 40.0, 160.0, 640.0)
# What a net that expects 0..255 is short of when fed 0..1, and the other way round.
OTHER_RANGES = (255.0, 1 / 255)
# A layer of fewer units proves nothing about the range: one of them may just be dead.
FEWEST_UNITS = 4
# What bounds a response, and what only arranges it anew, as torch names their gradients.
SQUASHING = ("SigmoidBackward", "TanhBackward", "SoftmaxBackward", "HardsigmoidBackward", "HardtanhBackward")
ARRANGING = (
    *("ViewBackward", "UnsafeViewBackward", "ReshapeAliasBackward", "PermuteBackward", "CloneBackward"),
    *("UnsqueezeBackward", "SqueezeBackward", "TransposeBackward", "AliasBackward", "ToCopyBackward"),
)
# How near to 0, 1 or -1 a squashed response is at its end.
AT_END = 0.01


@dataclass(frozen=True)
class Probed:
    """What the probes showed of one goal.

    Parameters
    ----------
    answers : whether they tell any two pictures apart
    span : between the lowest and the highest value, relative to the largest
    elsewhere : whether the layer is mute, but not on pixels of another range
    squashed : whether the response comes out of a sigmoid, tanh or softmax, and stays near its end
    best : the value furthest in the direction asked; None where none is finite
    slopes : whether the gradient of any of them is not zero, for this goal or another one that is lost
    """

    answers: bool
    span: float
    elsewhere: bool = False
    squashed: bool = False
    best: float | None = None
    slopes: bool = True


def probed(
    net: Net, goals: Sequence[Goal], shape: CanvasShape, *, lost: Sequence[bool] | None = None
) -> list[Probed]:
    """What the probes show of each goal; all goals of one cut. Slopes are asked only of those `lost`."""
    if not goals:
        return []
    lost = [False] * len(goals) if lost is None else lost
    pixels = probes(shape)
    layers = Scores(goals).layers
    with tap(net, layers) as run:
        responses = run(pixels)
        values = [_values(goal, responses, run, net) for goal in goals]
        finite = [each[each.isfinite()] for each in values]
        mute = [not bool(len(each)) or bool(each.max() == each.min()) for each in finite]
        elsewhere = any(mute) and _answers_elsewhere(run, pixels, layers[0])
    bounded = _squashes(net, layers[0], pixels[:1])
    asking = [goal for goal, silent, asked in zip(goals, mute, lost, strict=True) if asked and not silent]
    slopes = not asking or _slopes(net, asking, pixels)
    return [
        Probed(
            not silent,
            _span(each),
            elsewhere and silent,
            bounded and _at_end(each),
            goal.sign * float((goal.sign * each).max()) if len(each) else None,
            slopes or not asked,
        )
        for goal, each, silent, asked in zip(goals, finite, mute, lost, strict=True)
    ]


def _slopes(net: Net, goals: Sequence[Goal], pixels: Tensor) -> bool:
    """Whether a gradient leads from any probe anywhere, for any of the goals: what cuts one of a layer cuts all."""
    with torch.inference_mode(False), torch.enable_grad(), tap(net, Scores(goals).layers, grad=True) as run:
        # A copy: what is made in inference mode has no gradient ever.
        inputs = pixels.clone().to(net.device).requires_grad_()
        responses = run(inputs)
        total = torch.stack([_values(goal, responses, run, net).sum() for goal in goals]).sum()
        if not total.requires_grad:
            return False
        with own_code():
            [slope] = torch.autograd.grad(total, inputs, allow_unused=True)
    return slope is not None and bool((slope != 0).any())


def _values(goal: Goal, responses: Mapping[str, Tensor], run: Run, net: Net) -> Tensor:
    """(P,) what each probe is worth to one goal."""
    every = [goal] * len(next(iter(responses.values())))
    return Scores(every, net.device)(responses, References(every, net.device)(run))


def _span(values: Tensor) -> float:
    if not len(values):
        return 0.0
    largest = float(values.abs().max())
    return float(values.max() - values.min()) / largest if largest else 0.0


def _at_end(values: Tensor) -> bool:
    """Whether all values are near one and the same of -1, 0 and 1."""
    return len(values) > 0 and any(bool(((values - end).abs() < AT_END).all()) for end in (-1, 0, 1))


def _answers_elsewhere(run: Callable[[Tensor], Mapping[str, Tensor]], pixels: Tensor, layer: str) -> bool:
    """Whether less than half of the layer's units tell the probes apart, but at least half in another range."""
    here = _share_alive(run(pixels)[layer])
    return here < 0.5 <= max(_share_alive(run(pixels * factor)[layer]) for factor in OTHER_RANGES)


def _share_alive(responses: Tensor) -> float:
    """The share of units (P, K, *positions) that answer two probes differently; 1 where there are too few to tell."""
    if responses.shape[1] < FEWEST_UNITS:
        return 1.0
    by_probe = responses.flatten(2).mean(2) if responses.ndim > 2 else responses
    return float((by_probe.amax(0) > by_probe.amin(0)).float().mean())


def _squashes(net: Net, layer: str, pixels: Tensor) -> bool:
    """Whether the layer's responses come straight out of a function that bounds them."""
    with torch.inference_mode(False), torch.enable_grad(), tap(net, [layer], grad=True) as run:
        node = run(pixels.clone().requires_grad_())[layer].grad_fn
        while node is not None and node.name().rstrip("0123456789") in ARRANGING:
            node = node.next_functions[0][0]
        return node is not None and node.name().rstrip("0123456789") in SQUASHING


def probes(shape: CanvasShape) -> Tensor:
    """(P, C, H, W) float32: noise of rising contrast with the spectrum of photographs, then black, white and each color."""
    canvas = FourierCanvas(shape, [stream(0, "probe", str(number)) for number in range(NOISES)])
    contrast = torch.tensor(CONTRASTS).repeat(NOISES // len(CONTRASTS)).view(-1, 1, 1, 1)
    noise = torch.sigmoid(contrast * torch.logit(canvas.pictures().detach()))
    flat = torch.cat(
        [torch.zeros(1, shape.channels), torch.ones(1, shape.channels), torch.eye(shape.channels)]
    )
    return torch.cat([noise, flat[:, :, None, None].expand(-1, -1, shape.height, shape.width)])
