# SPDX-License-Identifier: Apache-2.0
"""A batch that grows in the middle of a pass: where a short tensor meets a long one, it is repeated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

__all__ = ["Growing"]

# What brings branches of a network together, as a function, a method or an operator, in place or not.
_MEETINGS = (
    "cat concat concatenate stack hstack vstack dstack add sub rsub mul multiply div true_divide maximum "
    "minimum where lerp matmul bmm baddbmm addcmul"
)
MEETINGS = frozenset(_MEETINGS.split())


class Growing(TorchFunctionMode):
    """Inside, branches that come from before the layer at which a batch grows are repeated where they meet what comes after it.

    `items` is the number of rows before, `times` how often they are repeated; rows of the long batch come copy by copy.
    """

    def __init__(self, times: int) -> None:
        super().__init__()
        self.items = 0
        self._times = times

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        options = kwargs or {}
        spelled = getattr(func, "__name__", "")
        name = spelled.strip("_")
        if name not in MEETINGS and name[:1] in "ir" and name[1:] in MEETINGS and spelled.startswith("__"):
            name = name[1:]  # an operator in place, or from the right
        if name in MEETINGS:
            met = _tensors([*args, *options.values()])
            axes = {one.ndim for one in met if self._is_long(one)}
            short = [one for one in met if self._is_short(one, axes)]
            if short:
                if args[:1] and any(args[0] is one for one in short) and _in_place(spelled):
                    # The short tensor cannot take a long result; the name that the model has for it can.
                    func = getattr(torch.Tensor, name)
                args = tuple(self._grown(one, axes) for one in args)
                options = {key: self._grown(one, axes) for key, one in options.items()}
        return func(*args, **options)

    def _is_long(self, tensor: Tensor) -> bool:
        return tensor.ndim > 0 and tensor.shape[0] == self.items * self._times

    def _is_short(self, tensor: Tensor, axes: set[int]) -> bool:
        same = tensor.ndim in axes and tensor.shape[0] == self.items
        return same and not isinstance(tensor, nn.Parameter)

    def _grown(self, value: Any, axes: set[int]) -> Any:
        if isinstance(value, list | tuple):
            return type(value)([self._grown(one, axes) for one in value])
        if isinstance(value, Tensor) and self._is_short(value, axes):
            return torch.cat([value] * self._times)
        return value


def _in_place(spelled: str) -> bool:
    return spelled.startswith("__i") or (spelled.endswith("_") and not spelled.endswith("__"))


def _tensors(values: list[Any]) -> list[Tensor]:
    found: list[Tensor] = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, list | tuple):
            found += _tensors(list(value))
    return found
