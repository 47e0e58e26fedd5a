# SPDX-License-Identifier: Apache-2.0
"""One observed forward pass: which module was called when, and what each call returned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.errors import InputError
from pellucid.models.layout import Layout
from pellucid.models.untouched import untouched
from pellucid.records import Layer

__all__ = ["OUTPUT", "Call", "Trace", "calls_in_order", "tensors_in", "traced"]

OUTPUT = "logits"  # the name of the network's output
ITEMS = 2  # a batch of two shows which axis holds the items

Path = tuple[int | str, ...]


@dataclass(frozen=True)
class Call:
    """One tensor that one call of one module returned: where to catch it and how it lies."""

    layer: Layer
    module: str
    number: int
    path: Path
    layout: Layout


@dataclass(frozen=True)
class Trace:
    """Every layer by name, in the order in which they are ready; the network's output comes last."""

    calls: Mapping[str, Call]


def tensors_in(output: object, path: Path = ()) -> Iterator[tuple[Path, Tensor]]:
    """The floating-point tensors in a module's output, however nested in tuples, lists, dicts and data classes."""
    if isinstance(output, Tensor):
        if output.is_floating_point():
            yield path, output
    elif isinstance(output, Mapping):
        for key, value in output.items():
            yield from tensors_in(value, (*path, str(key)))
    elif isinstance(output, list | tuple):
        for index, value in enumerate(output):
            yield from tensors_in(value, (*path, index))
    elif hasattr(output, "__dataclass_fields__"):
        for name in output.__dataclass_fields__:
            yield from tensors_in(getattr(output, name), (*path, name))


@contextmanager
def calls_in_order(module: nn.Module, parts: Mapping[str, nn.Module], seen: Any) -> Iterator[None]:
    """Inside, `seen(name, number, output)` is called whenever one of `parts` returns; the count starts at each pass of `module`."""
    counts: dict[str, int] = {}
    open_calls: dict[str, list[int]] = {}
    handles = []

    def entered(name: str) -> None:
        counts[name] = counts.get(name, 0) + 1
        open_calls.setdefault(name, []).append(counts[name])

    def restarted(*_: object) -> None:
        counts.clear()
        open_calls.clear()

    try:
        handles.append(module.register_forward_pre_hook(restarted))
        for name, part in parts.items():
            handles.append(part.register_forward_pre_hook(lambda *_, name=name: entered(name)))
            handles.append(
                part.register_forward_hook(
                    lambda _m, _i, out, name=name: seen(name, open_calls[name].pop(), out)
                )
            )
        yield
    finally:
        for handle in handles:
            handle.remove()


def traced(module: nn.Module, example: Tensor) -> Trace:
    """Run `module` once on `example` (two items, as fed) and note every call."""
    found: list[tuple[str, str, int, Path, tuple[int, ...], str]] = []
    parts = {name: part for name, part in module.named_modules() if name}

    def seen(name: str, number: int, output: object) -> None:
        tensors = list(tensors_in(output))
        for path, tensor in tensors:
            full = name + (f"#{number}" if number > 1 else "")
            full += "".join(f"[{step}]" for step in path) if len(tensors) > 1 else ""
            found.append((full, name, number, path, tuple(tensor.shape), type(parts[name]).__name__))

    with untouched(module), torch.no_grad(), calls_in_order(module, parts, seen):
        try:
            output = module(example)
        except Exception as error:
            shape = "x".join(map(str, example.shape[1:]))
            raise InputError(
                f"{type(module).__name__} fails on an input of {shape}: {error}; name another with --input"
            ) from error
    path, tensor = output_tensor(output)
    found.append((OUTPUT, "", 1, path, tuple(tensor.shape), "output"))
    return Trace({row[0]: _call(*row) for row in found if len(row[4]) > 1 and row[4][0] == ITEMS})


def output_tensor(output: object) -> tuple[Path, Tensor]:
    """The tensor that is the network's answer, and where it stands in what the module returned."""
    tensors: Sequence[tuple[Path, Tensor]] = list(tensors_in(output))
    named = [pair for pair in tensors if pair[0] in (("logits",), ("out",))]
    if len(tensors) != 1 and not named:
        what = ", ".join("".join(map(str, path)) for path, _ in tensors) or "no tensor"
        raise InputError(
            f"the network gives a {type(output).__name__} of {what}; wrap it so that it returns one tensor"
        )
    return (named or tensors)[0]


def _call(name: str, module: str, number: int, path: Path, shape: tuple[int, ...], kind: str) -> Call:
    axes = range(len(shape))
    order = (0, 1, *axes[2:]) if len(shape) != 3 else (0, 2, 1)
    grid = tuple(shape[axis] for axis in order[2:])
    return Call(
        Layer(name, kind, grid, shape[order[1]], None, None, False), module, number, path, Layout(order)
    )
