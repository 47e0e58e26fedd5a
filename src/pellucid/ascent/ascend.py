# SPDX-License-Identifier: Apache-2.0
"""Steps up the gradient, all items of a canvas at once; knows nothing of nets or pictures."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pellucid.ascent.canvas import Canvas
from pellucid.ascent.optimizers import OPTIMIZERS, Optimizer, SpectralGradient
from pellucid.ascent.relu import Redirected, Watched
from pellucid.ascent.stopping import CHECK, flat, settled
from pellucid.models.own_code import own_code

__all__ = ["Pace", "Trail", "ascend"]

# From lucid: a detour is for getting started, later an item without a gradient is left alone. Steps count from 0.
LAST_REDIRECTED = 16
# One that a smooth rectifier has been closed for since the start gets this share of the steps to come out, at most so many:
# what is left to it is no gradient that another view may lead on, but one that leads the wrong way.
MOST_REDIRECTED, LAST_OF_ALL = 0.5, 48
# A gradient so faint is taken for none if a detour's is a thousand times as strong.
FAINT, FAINT_SHARE = 1e-7, 1e-3
# What a closed smooth rectifier lets through leads into its flat end: it is taken for none up to this share of the detour's,
# the steepest that any of them slopes the wrong way.
CLOSED_SHARE = 0.5
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
    optimizer = OPTIMIZERS[pace.optimizer](canvas, pace.learning_rate, pace.steps)
    best = _Best(canvas) if isinstance(optimizer, SpectralGradient) else None
    entries = sum(each[0].numel() for each in canvas.variables)
    finite = torch.ones_like(signs, dtype=torch.bool)
    reached, done = torch.zeros_like(finite), torch.zeros_like(finite)
    taken = torch.full_like(signs, pace.steps, dtype=torch.int64)
    size = torch.zeros_like(signs)
    history = [torch.zeros_like(signs)]
    detours = _Detours(look, canvas, pace, entries)
    for step in range(pace.steps):
        values, wanted, gradients, silent, out = detours(step)
        if best is not None:
            best.note(wanted)
        strength = _strength(gradients)
        if pace.cooling:
            optimizer.param_groups[0]["lr"] = pace.rate(step)
        sound = values.isfinite() & strength.isfinite()
        # What leaves a closed rectifier goes on at its usual pace, however steep the way there was.
        size = torch.where(sound, _size(size.masked_fill(out, 0), strength / entries), size)
        _step(
            optimizer, canvas, gradients, size=size, spared=~sound, done=done if pace.stop == "flat" else None
        )
        finite, reached = finite & sound, reached | (sound & ~silent)
        history.append(torch.where(values.isfinite(), values, history[-1]))
        on_step(step + 1)
        if pace.stop == "flat" and (step + 1) % CHECK == 0:
            straight = optimizer.slant if isinstance(optimizer, SpectralGradient) else None
            still = flat(history[1:], signs) if straight is None else settled(history[1:], signs, straight)
            still &= ~done & (reached if step < detours.last else True)
            taken, done = taken.masked_fill(still, step + 1), done | still
            if bool(done.all()):
                break
    if best is not None:
        best.bring_back()
    return Trail(torch.stack(history[1:], 1).cpu(), taken.cpu(), finite.cpu(), reached.cpu())


class _Best:
    """The best place that each item has been at, for steps that may lead down for a while."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        first = canvas.variables[0].detach()
        self._wanted = torch.full((len(first),), -math.inf, device=first.device)
        self._places = [each.detach().clone() for each in canvas.variables]

    @torch.no_grad()
    def note(self, wanted: Tensor) -> None:
        better = wanted > self._wanted
        self._wanted = torch.where(better, wanted, self._wanted)
        for place, variable in zip(self._places, self._canvas.variables, strict=True):
            place.copy_(torch.where(_like(better, place), variable, place))

    @torch.no_grad()
    def bring_back(self) -> None:
        for place, variable in zip(self._places, self._canvas.variables, strict=True):
            variable.copy_(place)


class _Detours:
    """The slope at each step; in the first ones with redirected rectifiers, for items that they leave without a gradient."""

    def __init__(self, look: Look, canvas: Canvas, pace: Pace, entries: int) -> None:
        self._look, self._canvas = look, canvas
        self._views, self._faint = pace.views, FAINT * entries
        self.last = max(LAST_REDIRECTED, min(LAST_OF_ALL, int(pace.steps * MOST_REDIRECTED)))
        self._smooth = True  # until the first step has met no smooth rectifier
        nobody = torch.zeros(len(canvas.variables[0]), dtype=torch.bool, device=canvas.variables[0].device)
        self._led, self._lost = nobody, ~nobody
        self._start: list[Tensor] | None = None

    def __call__(self, step: int) -> tuple[Tensor, Tensor, tuple[Tensor, ...], Tensor, Tensor]:
        """Values, what is to rise, gradients, which items have none of their own, and which a closed rectifier let go."""
        self._bring_back(step)
        values, wanted, gradients, closed = self._watched(step)
        strength = _strength(gradients)
        silent, led = strength == 0, self._led
        rows = closed | (strength < self._faint)
        if step > LAST_REDIRECTED:
            rows = closed & self._lost
        if step <= self.last and bool(rows.any()):
            with Redirected(rows.repeat_interleave(self._views)):
                _, _, detours = _slope(self._look, self._canvas, step)
            share = torch.where(closed, CLOSED_SHARE, FAINT_SHARE)
            silent = rows & (strength <= share * _strength(detours))
            gradients = _mixed(silent, detours, gradients)
        self._led = silent & closed
        self._lost = self._lost & self._led
        return values, wanted, gradients, silent, led & ~self._led

    def _bring_back(self, step: int) -> None:
        """Items that no way led out of a smooth rectifier's flat end climb what there is, from their start."""
        if not self._smooth:
            self._start = None
        elif step == 0:
            self._start = [each.detach().clone() for each in self._canvas.variables]
        elif step == self.last + 1 and self._start is not None:
            with torch.no_grad():
                for variable, old in zip(self._canvas.variables, self._start, strict=True):
                    variable.copy_(torch.where(_like(self._lost, variable), old, variable))
            self._start = None

    def _watched(self, step: int) -> tuple[Tensor, Tensor, tuple[Tensor, ...], Tensor]:
        """Values, what is to rise, gradients, and for which items some smooth rectifier is closed in every view."""
        if step > self.last or not self._smooth or (step > LAST_REDIRECTED and not bool(self._lost.any())):
            return *_slope(self._look, self._canvas, step), torch.zeros_like(self._led)
        with Watched(len(self._led) * self._views, self._led.device) as watched:
            values, wanted, gradients = _slope(self._look, self._canvas, step)
        self._smooth = watched.met
        return values, wanted, gradients, watched.closed.view(-1, self._views).all(1)


def _slope(look: Look, canvas: Canvas, step: int) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
    """Values, what is to rise, and gradients."""
    values, wanted = look(step)
    if not wanted.requires_grad:  # a rounding or a comparison on the way: no gradient at all
        return values, wanted, tuple(map(torch.zeros_like, canvas.variables))
    with own_code():  # a way back that the network has cut or overwritten
        found = torch.autograd.grad(wanted.sum(), canvas.variables, allow_unused=True, materialize_grads=True)
    return values.detach(), wanted.detach(), found


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
