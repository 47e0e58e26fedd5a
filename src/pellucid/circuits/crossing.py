# SPDX-License-Identifier: Apache-2.0
"""One pass of a net that is cut at some layers: what others above them answer, as a function of what the cut layers gave."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pellucid.circuits.bends import Chords, Open
from pellucid.circuits.path import Owners
from pellucid.errors import InputError
from pellucid.models import Net
from pellucid.models.calls import calls_in_order, tensor_at, with_tensor
from pellucid.models.own_code import own_code
from pellucid.models.trace import Call
from pellucid.models.untouched import untouched

__all__ = ["PIXELS", "Crossing", "crossing"]

PIXELS = ""  # the name of the net's own input among what a net can be cut at


class _Enough(BaseException):
    """Ends a forward pass; not an Exception, so that no `except Exception` in a model's code swallows it."""


@dataclass(frozen=True, eq=False)
class Crossing:
    """What a pass met: `responses` (N, K, *positions) by target, `leaves` what the layers that were cut gave, as it lay.

    `places` says how a tensor that lies like a leaf becomes (N, K, *positions).
    """

    responses: Mapping[str, Tensor]
    leaves: Mapping[str, Tensor]
    places: Mapping[str, Callable[[Tensor], Tensor]]


Pass = Callable[[Tensor, "Open | Chords", bool], Crossing]


@contextmanager
def crossing(
    net: Net, targets: Sequence[str], cuts: Sequence[str], owners: Owners | None = None
) -> Iterator[Pass]:
    """A function from pixels (N, C, H, W) in 0..1, what becomes of non-linearities, and whether cut layers give zeros.

    Each cut layer hands on a copy of what it gave, with which gradients begin; `PIXELS` among the cuts is the input itself. A
    layer may be target and cut: it is read before it is cut. The pass stops after the last target. `owners` is told of every
    module's output.
    """
    wanted, cut = _by_call(net, targets), _by_call(net, [name for name in cuts if name != PIXELS])
    responses: dict[str, Tensor] = {}
    leaves: dict[str, Tensor] = {}
    places: dict[str, Callable[[Tensor], Tensor]] = {}
    ours: list[BaseException] = []
    items, zeros = 0, False

    def leaf(name: str, value: Tensor) -> Tensor:
        held = (torch.zeros_like(value) if zeros else value.detach().clone()).requires_grad_()
        leaves[name] = held
        return held.clone()  # what follows may write into it

    def seen(module: str, number: int, output: object) -> object:
        if owners is not None:
            owners.note(module, output)
        for call in wanted.get((module, number), ()):
            # copied, for what follows may write into the tensor itself
            response = call.layout.arranged(tensor_at(output, call.path), items)
            responses[call.layer.name] = response.clone().float()
        if len(responses) == len(targets):
            raise _Enough
        for call in cut.get((module, number), ()):
            places[call.layer.name] = _arrangement(call, items)
            output = with_tensor(output, call.path, leaf(call.layer.name, tensor_at(output, call.path)))
        return output

    def observed(module: str, number: int, output: object) -> object:
        try:
            return seen(module, number, output)
        except Exception as error:
            ours.append(error)
            raise

    def run(pixels: Tensor, bends: Open | Chords, zero: bool = False) -> Crossing:
        nonlocal items, zeros
        ours.clear()
        items, zeros = pixels.shape[0], zero
        for held in (responses, leaves, places):
            held.clear()
        fed = net.input.normalize(pixels.to(net.device, torch.float32))
        if PIXELS in cuts:
            places[PIXELS] = lambda tensor: tensor
            fed = leaf(PIXELS, fed)
        with torch.enable_grad():
            try:
                with bends, own_code(ours):
                    output = net.module(fed)
                seen("", 1, output)
            except _Enough:
                pass
        if missed := [name for name in targets if name not in responses]:
            raise InputError(
                f"{', '.join(missed)} did not run on this input; a layer must run on every input to be read"
            )
        return Crossing(dict(responses), dict(leaves), dict(places))

    parts = {name: net.module.get_submodule(name) for name, _ in {**wanted, **cut} if name}
    if owners is not None:
        parts = {name: part for name, part in net.module.named_modules() if name}
    with (
        untouched(net.module, frozen=True),
        calls_in_order(net.module, parts, observed),
        _entering(parts, owners),
    ):
        yield run


@contextmanager
def _entering(parts: Mapping[str, nn.Module], owners: Owners | None) -> Iterator[None]:
    """Inside, what a module is given counts as made by the module around it."""
    if owners is None:
        yield
        return
    note = owners.note
    handles = []
    try:
        for name, part in parts.items():
            around = name.rpartition(".")[0]
            handles.append(
                part.register_forward_pre_hook(lambda _, given, around=around: note(around, given))
            )
        yield
    finally:
        for handle in handles:
            handle.remove()


def _by_call(net: Net, names: Sequence[str]) -> dict[tuple[str, int], list[Call]]:
    found: dict[tuple[str, int], list[Call]] = {}
    for name in names:
        call = net.trace.calls[name]
        found.setdefault((call.module, call.number), []).append(call)
    return found


def _arrangement(call: Call, items: int) -> Callable[[Tensor], Tensor]:
    return lambda tensor: call.layout.arranged(tensor, items)
