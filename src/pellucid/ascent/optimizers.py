# SPDX-License-Identifier: Apache-2.0
"""How a gradient becomes a step: Adam, NAdam, and the plain gradient at unit length."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

__all__ = ["OPTIMIZERS", "Optimizer", "UnitGradient"]

# Adam's memories. Each step sees another view, and the usual 0.9 and 0.999 keep pushing where an old view led: on SqueezeNet
# these reach the same activation in two thirds of the steps, with fewer clipped values.
BETAS = (0.5, 0.99)
# Gradients arrive with a mean size of one, so what is a millionth of it is noise of the last bits.
EPSILON = 1e-6


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


def _adam(variables: Sequence[Tensor], learning_rate: float) -> Optimizer:
    fused = variables[0].device.type in ("cpu", "cuda")
    return torch.optim.Adam(variables, lr=learning_rate, betas=BETAS, eps=EPSILON, maximize=True, fused=fused)


def _nadam(variables: Sequence[Tensor], learning_rate: float) -> Optimizer:
    return torch.optim.NAdam(variables, lr=learning_rate, eps=EPSILON, maximize=True)


# Each from variables and a learning rate to what moves them up.
OPTIMIZERS: Mapping[str, Callable[[Sequence[Tensor], float], Optimizer]] = {
    "adam": _adam,
    "nadam": _nadam,
    "gradient": UnitGradient,
}
