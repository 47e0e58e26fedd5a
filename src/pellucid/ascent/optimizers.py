# SPDX-License-Identifier: Apache-2.0
"""How a gradient becomes a step: Adam, NAdam, the plain gradient at unit length, and at a length that it finds itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from pellucid.ascent.canvas import Canvas

__all__ = ["OPTIMIZERS", "Optimizer", "SpectralGradient", "UnitGradient"]

# Adam's memories. Each step sees another view, and the usual 0.9 and 0.999 keep pushing where an old view led: on SqueezeNet
# these reach the same activation in two thirds of the steps, with fewer clipped values.
BETAS = (0.5, 0.99)
# Gradients arrive with a mean size of one, so what is a millionth of it is noise of the last bits.
EPSILON = 1e-6
# So many steps of the spectral gradient have unit length: without them it ends on the nearest small hill, on SqueezeNet's
# features.9 at half of the value.
STRIDES = 96
# Its later ones are no longer than this times the root of the number of variables: on a sphere, half a right angle. Where the
# slope grows along the way they grow, from the shortest on.
LONGEST, GROWTH, SHORTEST = 1.0, 2.0, 0.01
# Below this, dividing overflows.
LEAST = 1e-30


class Optimizer(Protocol):
    """What moves variables up their `grad`; `param_groups[0]["lr"]` is the learning rate, which may change."""

    param_groups: list[dict[str, Any]]

    def step(self) -> object: ...


class UnitGradient:
    """The gradient with its length set, for each item alone: x + lr sqrt(n) g / |g| over the item's n variables.

    The root mean square of what one variable moves is the learning rate, as it is about with Adam. With a canvas that
    projects after each step this is projected gradient ascent: Erhan's norm constraint, and the power iteration on a
    quadratic.
    """

    def __init__(self, variables: Sequence[Tensor], learning_rate: float) -> None:
        self._variables = variables
        self.param_groups: list[dict[str, Any]] = [{"lr": learning_rate}]

    @torch.no_grad()
    def step(self) -> None:
        gradients = [torch.zeros_like(each) if each.grad is None else each.grad for each in self._variables]
        lengths = torch.stack([torch.linalg.vector_norm(each.flatten(1), dim=1) for each in gradients]).norm(
            dim=0
        )
        entries = sum(each[0].numel() for each in self._variables)
        pace = torch.where(lengths > 0, self.param_groups[0]["lr"] * entries**0.5 / lengths, 0.0)
        for variable, gradient in zip(self._variables, gradients, strict=True):
            variable += pace.view(-1, *(1,) * (gradient.ndim - 1)) * gradient


class SpectralGradient:
    """First `UnitGradient`, which strides over a deep net's small hills; then steps as long as the last one's curvature says.

    These are Barzilai and Borwein's two lengths by turns, for each item alone, of the part of the gradient that leads to
    allowed places: on a sphere, along it. There they find a quadratic's top eigenvector in about as many steps as the
    conjugate gradient takes. It needs a look that does not change from step to step.

    Parameters
    ----------
    learning_rate : of the first steps, as for `UnitGradient`
    steps : how many there will be; at least half of them are not the first ones

    Attributes
    ----------
    slant : (N,) the share of the last gradient, by length, that leads to allowed places; 0 where none does, as at a maximum on
        a sphere, where the gradient points straight out

    References
    ----------
    Barzilai and Borwein 1988, "Two-point step size gradient methods"; on spheres Iannazzo and Porcelli 2018, "The Riemannian
    Barzilai-Borwein method with nonmonotone line search". Differs: no line search; what is kept is the best place seen.
    """

    def __init__(self, canvas: Canvas, learning_rate: float, steps: int) -> None:
        self._canvas = canvas
        self._strides = min(STRIDES, steps // 2)
        self._stride = UnitGradient(canvas.variables, learning_rate)
        self.param_groups = self._stride.param_groups
        self._steps = 0
        self._root = sum(each[0].numel() for each in canvas.variables) ** 0.5
        self._before: tuple[Tensor, Tensor] = (torch.zeros(()), torch.zeros(()))
        self._length = torch.zeros(())
        self.slant = torch.ones(())

    @torch.no_grad()
    def step(self) -> None:
        variables = self._canvas.variables
        gradients = tuple(torch.zeros_like(each) if each.grad is None else each.grad for each in variables)
        leading = self._canvas.leading(gradients)
        place, slope = _flat(variables), _flat(leading)
        strength = slope.norm(dim=1)
        self.slant = strength / _flat(gradients).norm(dim=1).clamp(min=LEAST)
        self._steps += 1
        if self._steps <= self._strides:
            self._length, self._before = torch.full_like(strength, SHORTEST * self._root), (place, slope)
            self._stride.step()
            return
        self._length = self._next(place, slope, strength).clamp(max=LONGEST * self._root)
        self._before = place, slope
        pace = torch.where(strength > 0, self._length / strength.clamp(min=LEAST), 0.0)
        for variable, way in zip(variables, leading, strict=True):
            variable += pace.view(-1, *(1,) * (way.ndim - 1)) * way

    def _next(self, place: Tensor, slope: Tensor, strength: Tensor) -> Tensor:
        """(N,) the length of the next step."""
        moved, bent = place - self._before[0], self._before[1] - slope
        curved = (moved * bent).sum(1)
        above, under = (moved.square().sum(1), curved) if self._steps % 2 else (curved, bent.square().sum(1))
        return torch.where(curved > 0, strength * above / under.clamp(min=LEAST), GROWTH * self._length)


def _flat(tensors: Sequence[Tensor]) -> Tensor:
    """(N, V) all variables of each item."""
    return torch.cat([each.detach().flatten(1) for each in tensors], 1)


def _adam(canvas: Canvas, learning_rate: float, steps: int) -> Optimizer:
    fused = canvas.variables[0].device.type in ("cpu", "cuda")
    return torch.optim.Adam(
        canvas.variables, lr=learning_rate, betas=BETAS, eps=EPSILON, maximize=True, fused=fused
    )


def _nadam(canvas: Canvas, learning_rate: float, steps: int) -> Optimizer:
    return torch.optim.NAdam(canvas.variables, lr=learning_rate, eps=EPSILON, maximize=True)


def _gradient(canvas: Canvas, learning_rate: float, steps: int) -> Optimizer:
    return UnitGradient(canvas.variables, learning_rate)


# Each from a canvas, a learning rate and the number of steps to what moves its variables up.
OPTIMIZERS: Mapping[str, Callable[[Canvas, float, int], Optimizer]] = {
    "adam": _adam,
    "nadam": _nadam,
    "gradient": _gradient,
    "spectral": SpectralGradient,
}
