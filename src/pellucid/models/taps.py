# SPDX-License-Identifier: Apache-2.0
"""Reading layers while a network runs: `tap` hands out copies, `watch` shows each response once as it passes by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pellucid.errors import InputError
from pellucid.models.calls import calls_in_order, tensor_at
from pellucid.models.own_code import own_code
from pellucid.models.trace import Call
from pellucid.models.untouched import untouched

if TYPE_CHECKING:
    from pellucid.models.net import Net

__all__ = ["tap", "watch"]


class _Enough(BaseException):
    """Ends a forward pass; not an Exception, so that no `except Exception` in a model's code swallows it."""


@contextmanager
def tap(
    net: Net, layers: Sequence[str], *, grad: bool = False
) -> Iterator[Callable[[Tensor], dict[str, Tensor]]]:
    """A function from pixels (N, C, H, W) in 0..1 to {layer: response (N, K, *positions) float32}.

    The pass stops right after the last layer needed. What it hands out is never overwritten by a later in-place operation.
    With `grad`, responses are differentiable with respect to the pixels; parameters are frozen meanwhile. Layers go by
    the names that were asked for.

    Examples
    --------
    >>> from pellucid.models import load
    >>> with tap(load("demo"), ["conv1"]) as run:
    ...     run(torch.zeros(2, 3, 96, 96))["conv1"].shape
    torch.Size([2, 40, 48, 48])
    """
    caught: dict[str, Tensor] = {}
    own_names = {asked: net.layer(asked).name for asked in layers}

    def keep(name: str, response: Tensor, last: bool) -> None:
        caught[name] = response if last else response.clone()

    with _running(net, layers, keep, grad=grad) as run:

        def tapped(pixels: Tensor) -> dict[str, Tensor]:
            caught.clear()
            run(pixels)
            return {asked: caught[name] for asked, name in own_names.items()}

        try:
            yield tapped
        finally:
            # A graph whose hooks lead back to the function would keep itself, and the responses, alive.
            caught.clear()


@contextmanager
def watch(
    net: Net, layers: Sequence[str], on_response: Callable[[str, Tensor], None]
) -> Iterator[Callable[[Tensor], None]]:
    """A function that runs pixels (N, C, H, W) through the net and calls `on_response(layer, response)` for each layer.

    The response is (N, K, *positions) float32 without a copy: the model may overwrite it afterwards, so reduce it at once.
    """
    with _running(net, layers, lambda name, response, _: on_response(name, response), grad=False) as run:
        yield run


@contextmanager
def _running(
    net: Net, layers: Sequence[str], take: Callable[[str, Tensor, bool], None], *, grad: bool
) -> Iterator[Callable[[Tensor], None]]:
    names = list(dict.fromkeys(net.layer(name).name for name in layers))
    wanted: dict[tuple[str, int], list[Call]] = {}
    for name in names:
        call = net.trace.calls[name]
        wanted.setdefault((call.module, call.number), []).append(call)
    left: set[tuple[str, int]] = set()
    ours: list[BaseException] = []
    items = 0

    def observed(module: str, number: int, output: object) -> None:
        try:
            seen(module, number, output)
        except Exception as error:
            ours.append(error)
            raise

    def seen(module: str, number: int, output: object) -> None:
        if (module, number) not in left:
            return
        left.remove((module, number))
        for call in wanted[module, number]:
            response = call.layout.arranged(tensor_at(output, call.path), items).float()
            take(call.layer.name, response, not left and len(wanted[module, number]) == 1)
        if not left:
            raise _Enough

    def run(pixels: Tensor) -> None:
        nonlocal items
        net.check_pixels(pixels)
        items = pixels.shape[0]
        left.update(wanted)
        ours.clear()
        with torch.set_grad_enabled(grad):
            fed = net.input.normalize(pixels.to(net.device, torch.float32))
            try:
                with own_code(ours):
                    output = net.module(fed)
                seen("", 1, output)
            except _Enough:
                pass
        if left:
            missed = ", ".join(call.layer.name for key in sorted(left) for call in wanted[key])
            raise InputError(
                f"{missed} did not run on this input; a layer must run on every input to be read"
            )

    parts = {name: net.module.get_submodule(name) for name, _ in wanted if name}
    with untouched(net.module, frozen=grad), calls_in_order(net.module, parts, observed):
        yield run
