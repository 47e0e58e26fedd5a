# SPDX-License-Identifier: Apache-2.0
"""Steps up the gradient, all items of a canvas at once; knows nothing of nets or pictures."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pellucid.ascent.canvas import Canvas
from pellucid.ascent.optimizers import OPTIMIZERS, Optimizer
from pellucid.ascent.relu import Redirected
from pellucid.ascent.stopping import CHECK, flat

__all__ = ["Pace", "Trail", "ascend"]

# From lucid: a detour is for getting started, later an item without a gradient is left alone. Steps count from 0.
LAST_REDIRECTED = 16
# A gradient so faint that the reason may be a smooth rectifier that is closed: it is taken for none if a detour's is a
# thousand times as strong.
FAINT, FAINT_SHARE = 1e-7, 1e-3
# No gradient is more than this many times the size that it is divided by.
STEEPEST = 1e3
# Below this, dividing overflows: it is no gradient.
LEAST_SIZE = 1e-30

# From a step's number to each item's objective, and what is to rise: (N,) and (N,). The second is differentiable with
# respect to the canvas, and its sum's gradient for an item's variables is what that item is to follow.
Look = Callable[[int], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Pace:
    """How to go: at most how many steps, by which optimizer, and when to stop; `views` are seen of each item a step.

    Over the last `cooling` of the steps, a share, the learning rate falls to zero along half a cosine.
    """

    steps: int
    optimizer: str
    learning_rate: float
    stop: str = "fixed"
    views: int = 1
    cooling: float = 0.0

    def rate(self, step: int) -> float:
        """The learning rate at a step, counted from 0.

        >>> [Pace(4, "adam", 1.0, cooling=0.5).rate(step) for step in range(4)]
        [1.0, 1.0, 1.0, 0.5]
        """
        first = self.steps * (1 - self.cooling)
        if step <= first:
            return self.learning_rate
        return self.learning_rate * (1 + math.cos(math.pi * (step - first) / (self.steps - first))) / 2


@dataclass(frozen=True, eq=False)
class Trail:
    """What happened on the way.

    Parameters
    ----------
    history : (N, T) float32, the objective at each step; where it was not finite, the last finite one before
    taken : (N,) int64, the steps that each item took
    finite : (N,) bool, whether objective and gradient were finite at every step
    reached : (N,) bool, whether some step had a gradient of its own, without a detour
    """

    history: Tensor
    taken: Tensor
    finite: Tensor
    reached: Tensor


def ascend(look: Look, canvas: Canvas, signs: Tensor, *, pace: Pace, on_step: Callable[[int], None]) -> Trail:
    """Move the canvas so that what `look` wants to rise does.

    Parameters
    ----------
    signs : (N,) float32, 1 where the objective is to rise, -1 where it is to fall; for the stop rule
    on_step : called with the number of steps done
    """
    optimizer = OPTIMIZERS[pace.optimizer](canvas.variables, pace.learning_rate)
    entries = sum(each[0].numel() for each in canvas.variables)
    finite = torch.ones_like(signs, dtype=torch.bool)
    reached, done = torch.zeros_like(finite), torch.zeros_like(finite)
    taken = torch.full_like(signs, pace.steps, dtype=torch.int64)
    size = torch.zeros_like(signs)
    history = [torch.zeros_like(signs)]
    for step in range(pace.steps):
        values, gradients = _slope(look, canvas, step)
        strength = _strength(gradients)
        silent = strength == 0
        if step <= LAST_REDIRECTED and bool((strength < FAINT * entries).any()):
            rows = strength < FAINT * entries
            with Redirected(rows.repeat_interleave(pace.views)):
                _, detours = _slope(look, canvas, step)
            silent = rows & (strength <= FAINT_SHARE * _strength(detours))
            gradients = _mixed(silent, detours, gradients)
            strength = _strength(gradients)
        if pace.cooling:
            optimizer.param_groups[0]["lr"] = pace.rate(step)
        sound = values.isfinite() & strength.isfinite()
        size = torch.where(sound, _size(size, strength / entries), size)
        _step(
            optimizer, canvas, gradients, size=size, spared=~sound, done=done if pace.stop == "flat" else None
        )
        finite, reached = finite & sound, reached | (sound & ~silent)
        history.append(torch.where(values.isfinite(), values, history[-1]))
        on_step(step + 1)
        if pace.stop == "flat" and (step + 1) % CHECK == 0:
            still = flat(history[1:], signs) & ~done
            taken, done = taken.masked_fill(still, step + 1), done | still
            if bool(done.all()):
                break
    return Trail(torch.stack(history[1:], 1).cpu(), taken.cpu(), finite.cpu(), reached.cpu())


def _slope(look: Look, canvas: Canvas, step: int) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Values and gradients."""
    values, wanted = look(step)
    if not wanted.requires_grad:  # a rounding or a comparison on the way: no gradient at all
        return values, tuple(map(torch.zeros_like, canvas.variables))
    found = torch.autograd.grad(wanted.sum(), canvas.variables, allow_unused=True, materialize_grads=True)
    return values.detach(), found


def _strength(gradients: tuple[Tensor, ...]) -> Tensor:
    """(N,) sums of absolute values: zero only if every entry is, not finite if any entry is not."""
    return torch.stack([torch.linalg.vector_norm(each.flatten(1), 1, 1) for each in gradients]).sum(0)


def _size(size: Tensor, now: Tensor) -> Tensor:
    """(N,) what gradients are divided by: the first mean size that there is, more where a gradient grows far beyond it."""
    return torch.where(size > LEAST_SIZE, torch.maximum(size, now / STEEPEST), now)


def _mixed(rows: Tensor, chosen: tuple[Tensor, ...], others: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """`chosen` for these rows, `others` for the rest."""
    return tuple(torch.where(_like(rows, a), a, b) for a, b in zip(chosen, others, strict=True))


def _step(
    optimizer: Optimizer,
    canvas: Canvas,
    gradients: tuple[Tensor, ...],
    *,
    size: Tensor,
    spared: Tensor,
    done: Tensor | None,
) -> None:
    """One step along gradients divided by `size`: not by those of rows `spared`, and leaving rows `done` where they are."""
    scale = torch.where(size > LEAST_SIZE, 1 / size, 0.0)
    for variable, gradient in zip(canvas.variables, gradients, strict=True):
        # Not in place: autograd may hand out one number expanded to all entries.
        moved = (gradient * _like(scale, gradient)).masked_fill_(_like(spared, gradient), 0)
        # A net that computes channels last gives its gradients back so, and the fused optimizers walk through memory alike.
        variable.grad = moved.contiguous()
    before = None if done is None else [each.detach().clone() for each in canvas.variables]
    optimizer.step()
    with torch.no_grad():
        canvas.project()
        if done is not None and before is not None:
            for variable, old in zip(canvas.variables, before, strict=True):
                variable.copy_(torch.where(_like(done, variable), old, variable))


def _like(rows: Tensor, tensor: Tensor) -> Tensor:
    """(N,) with as many axes as `tensor` (N, ...)."""
    return rows.view(-1, *(1,) * (tensor.ndim - 1))
