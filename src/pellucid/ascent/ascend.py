# SPDX-License-Identifier: Apache-2.0
"""Steps up the gradient, all items of a canvas at once; knows nothing of nets or pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pellucid.ascent.canvas import Canvas
from pellucid.ascent.relu import Redirected

__all__ = ["Trail", "ascend"]

# Adam's memories. Each step sees another view, and the usual 0.9 and 0.999 keep pushing where an old view led: on SqueezeNet
# these reach the same activation in two thirds of the steps, with fewer clipped values.
BETAS = (0.5, 0.99)
# From lucid: a detour is for getting started, later an item without a gradient is left alone.
REDIRECTED_STEPS = 16


@dataclass(frozen=True, eq=False)
class Trail:
    """What happened on the way.

    Parameters
    ----------
    history : (N, T) float32, the objective at each step; where it was not finite, the last finite one before
    finite : (N,) bool, whether objective and gradient were finite at every step
    reached : (N,) bool, whether some step had a gradient of its own, without a detour
    """

    history: Tensor
    finite: Tensor
    reached: Tensor


def ascend(
    look: Callable[[int], Tensor],
    canvas: Canvas,
    signs: Tensor,
    *,
    steps: int,
    learning_rate: float,
    on_step: Callable[[int], None],
) -> Trail:
    """Move the canvas so that `signs` times the objective rises.

    Parameters
    ----------
    look : from a step's number to each item's objective (N,), differentiable with respect to the canvas
    signs : (N,) float32, 1 to raise and -1 to lower
    """
    optimizer = torch.optim.Adam(
        canvas.variables,
        lr=learning_rate,
        betas=BETAS,
        maximize=True,
        fused=signs.device.type in ("cpu", "cuda"),
    )
    finite = torch.ones_like(signs, dtype=torch.bool)
    reached = torch.zeros_like(finite)
    history = [torch.zeros_like(signs)]
    for step in range(steps):
        values, gradients = _slope(look, canvas, signs, step)
        strength = _strength(gradients)
        silent = strength == 0
        if step < REDIRECTED_STEPS and bool(silent.any()):
            with Redirected(silent):
                _, detours = _slope(look, canvas, signs, step)
            gradients = _mixed(silent, detours, gradients)
            strength = _strength(gradients)
        sound = values.isfinite() & strength.isfinite()
        _step(optimizer, canvas, gradients, ~sound)
        finite, reached = finite & sound, reached | (sound & ~silent)
        history.append(torch.where(values.isfinite(), values, history[-1]))
        on_step(step + 1)
    return Trail(torch.stack(history[1:], 1).cpu(), finite.cpu(), reached.cpu())


def _slope(
    look: Callable[[int], Tensor], canvas: Canvas, signs: Tensor, step: int
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Values and gradients; no item's picture enters another's value, so the sum's gradient is each one's own."""
    values = look(step)
    if not values.requires_grad:  # a rounding or a comparison on the way: no gradient at all
        return values, tuple(map(torch.zeros_like, canvas.variables))
    return values.detach(), torch.autograd.grad((signs * values).sum(), canvas.variables)


def _strength(gradients: tuple[Tensor, ...]) -> Tensor:
    """(N,) sums of absolute values: zero only if every entry is, not finite if any entry is not."""
    return torch.stack([torch.linalg.vector_norm(each.flatten(1), 1, 1) for each in gradients]).sum(0)


def _mixed(rows: Tensor, chosen: tuple[Tensor, ...], others: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """`chosen` for these rows, `others` for the rest."""
    return tuple(torch.where(_like(rows, a), a, b) for a, b in zip(chosen, others, strict=True))


def _step(
    optimizer: torch.optim.Optimizer, canvas: Canvas, gradients: tuple[Tensor, ...], spared: Tensor
) -> None:
    """One step, without the gradients of the rows `spared`; overwrites those."""
    for variable, gradient in zip(canvas.variables, gradients, strict=True):
        variable.grad = gradient.masked_fill_(_like(spared, gradient), 0)
    optimizer.step()


def _like(rows: Tensor, tensor: Tensor) -> Tensor:
    """(N,) with as many axes as `tensor` (N, ...)."""
    return rows.view(-1, *(1,) * (tensor.ndim - 1))
