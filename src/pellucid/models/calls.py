# SPDX-License-Identifier: Apache-2.0
"""Hooks that see every call of some modules while a network runs, and find the tensors in what a call returns."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from pellucid.errors import InputError

__all__ = ["Path", "calls_in_order", "tensor_at", "tensors_in", "with_tensor"]

Path = tuple[int | str, ...]  # the way to a tensor in a nested output: indices, keys, field names


def tensors_in(output: object, path: Path = ()) -> Iterator[tuple[Path, Tensor]]:
    """The floating-point tensors in an output, however nested in tuples, lists, dicts and data classes."""
    if isinstance(output, Tensor):
        if output.is_floating_point():
            yield path, output
        return
    for step, value in _parts(output).items():
        yield from tensors_in(value, (*path, step))


def tensor_at(output: object, path: Path) -> Tensor:
    """The tensor that stands at `path` in an output."""
    for step in path:
        output = _parts(output).get(step)
    if not isinstance(output, Tensor):
        raise InputError(f"a layer returned a {type(output).__name__} where it returned a tensor before")
    return output


def with_tensor(output: object, path: Path, tensor: Tensor) -> object:
    """The output with another tensor at `path`; what holds it is copied, not changed."""
    if not path:
        return tensor
    step, rest = path[0], path[1:]
    inner = with_tensor(_parts(output).get(step), rest, tensor)
    if isinstance(output, tuple | list):
        items: list[Any] = [inner if place == step else each for place, each in enumerate(output)]
        made: Callable[..., object] = type(output)
        return made(*items) if hasattr(output, "_fields") else made(items)
    if isinstance(output, MutableMapping):  # the output objects of transformers are data classes as well
        changed = copy.copy(output)
        changed[next(key for key in changed if str(key) == step)] = inner
        return changed
    if dataclasses.is_dataclass(output) and not isinstance(output, type):
        return dataclasses.replace(output, **{str(step): inner})
    raise InputError(f"a layer returned a {type(output).__name__}, into which no tensor can be put")


def _parts(output: object) -> dict[int | str, object]:
    if isinstance(output, Mapping):  # also the output objects of transformers
        return {str(key): value for key, value in output.items()}
    if isinstance(output, list | tuple):
        return dict(enumerate(output))
    if dataclasses.is_dataclass(output):
        return {one.name: getattr(output, one.name) for one in dataclasses.fields(output)}
    return {}


@contextmanager
def calls_in_order(
    module: nn.Module, parts: Mapping[str, nn.Module], seen: Callable[[str, int, object], object]
) -> Iterator[None]:
    """Inside, `seen(name, number, output)` is called whenever one of `parts` returns.

    `number` counts the calls of one part from 1, anew in each pass of `module`. What `seen` returns takes the output's place,
    unless it is None.
    """
    counts: dict[str, int] = {}
    running: dict[str, list[int]] = {}
    handles = []

    def started(*_: object) -> None:
        counts.clear()
        running.clear()

    def entered(name: str) -> None:
        counts[name] = counts.get(name, 0) + 1
        running.setdefault(name, []).append(counts[name])

    try:
        handles.append(module.register_forward_pre_hook(started))
        for name, part in parts.items():
            handles.append(part.register_forward_pre_hook(lambda *_, name=name: entered(name)))
            handles.append(
                part.register_forward_hook(lambda *call, name=name: seen(name, running[name].pop(), call[-1]))
            )
        yield
    finally:
        for handle in handles:
            handle.remove()
