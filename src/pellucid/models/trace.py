# SPDX-License-Identifier: Apache-2.0
"""One observed forward pass: which module was called when, what each call returned, and what reaches it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from pellucid.errors import InputError
from pellucid.models.calls import Path, calls_in_order, tensors_in
from pellucid.models.fields import Fields
from pellucid.models.flow.flow import Flow, source
from pellucid.models.flow.observer import Observer
from pellucid.models.layout import Layout, layout_of, unknown
from pellucid.models.untouched import untouched
from pellucid.records import Layer

__all__ = ["OUTPUT", "Call", "Trace", "traced"]

OUTPUT = "logits"  # the name of the network's output
ITEMS = 2  # a batch of two shows which axis holds the items


@dataclass(frozen=True)
class Call:
    """One tensor that one call of one module returned: where to catch it, how it lies, what reaches it."""

    layer: Layer
    module: str
    number: int
    path: Path
    layout: Layout
    fields: Fields


@dataclass(frozen=True)
class Trace:
    """Every layer by name, in the order in which they are ready; the network's output comes last.

    `before_bends` names the layers whose tensor goes straight into a non-linearity, or out of the network.
    """

    calls: Mapping[str, Call]
    before_bends: tuple[str, ...]
    draws_random_numbers: bool


@dataclass
class _Found:
    """A tensor caught while the trace runs."""

    name: str
    module: str
    kind: str
    number: int
    path: Path
    flow: Flow


@dataclass
class _Recorder:
    """Notes each returned tensor with its flow, and gives new tensors the name of the layer that made them."""

    module: nn.Module
    observer: Observer
    found: list[_Found] = field(default_factory=list)

    def seen(self, module: str, number: int, output: object) -> None:
        tensors = list(tensors_in(output))
        kind = type(self.module.get_submodule(module)).__name__
        call = _own_name(module) + (f"#{number}" if number > 1 else "")
        for path, tensor in tensors:
            name = call + ("".join(f"[{step}]" for step in path) if len(tensors) > 1 else "")
            flow = self.observer.flow_of(tensor)
            if flow is None:
                flow = unknown(tuple(tensor.shape), ITEMS)
            elif flow.sign < 2 and not flow.named:
                flow = replace(flow, feeders=(name,), named=True)
                self.observer.put(tensor, flow)
            self.found.append(_Found(name, module, kind, number, path, flow))


def traced(module: nn.Module, example: Tensor) -> Trace:
    """Run `module` once on `example` (two items, as fed) and note every call.

    Raises
    ------
    InputError : the module fails on the example, or returns something that is not one tensor
    """
    observer = Observer()
    recorder = _Recorder(module, observer)
    parts = {name: part for name, part in module.named_modules() if name}
    with untouched(module), torch.no_grad(), calls_in_order(module, parts, recorder.seen):
        random_state = torch.get_rng_state()
        observer.put(example, source(tuple(example.shape)))
        try:
            with observer:
                output = module(example)
        except Exception as error:
            shape = "x".join(map(str, example.shape[1:]))
            reason = str(error).strip().partition("\n")[0]
            raise InputError(
                f"{type(module).__name__} does not run on an input of {shape} ({type(error).__name__}: {reason}); "
                "give the size it takes with --input"
            ) from error
        draws = not torch.equal(random_state, torch.get_rng_state())
    path, tensor = output_tensor(output)
    flow = observer.flow_of(tensor)
    if flow is None:
        flow = unknown(tuple(tensor.shape), ITEMS)
    bent = tuple(dict.fromkeys(name for name in observer.bent if flow.feeders != (name,) or not flow.named))
    recorder.found.append(_Found(OUTPUT, "", "output", 1, path, flow))
    return Trace(_calls(recorder.found, tuple(example.shape[2:])), (*bent, OUTPUT), draws)


def output_tensor(output: object) -> tuple[Path, Tensor]:
    """The tensor that is the network's answer, and where it stands in what the module returned.

    Raises
    ------
    InputError : there are several and none is called `logits` or `out`, or there is none
    """
    tensors: Sequence[tuple[Path, Tensor]] = list(tensors_in(output))
    answers = [pair for pair in tensors if pair[0] in (("logits",), ("out",))]
    if not answers and len(tensors) != 1:
        keys = ", ".join(".".join(map(str, path)) for path, _ in tensors) or "no tensor"
        raise InputError(
            f"the network returns a {type(output).__name__} of {keys}; one tensor, or one called logits or out, is "
            "needed: wrap the network in a module that returns it"
        )
    return (answers or tensors)[0]


def _own_name(module: str) -> str:
    # the name of the network's output is taken, whatever a module inside is called
    return f"{OUTPUT}#1" if module == OUTPUT else module


def _calls(found: Sequence[_Found], extent: tuple[int, ...]) -> dict[str, Call]:
    calls: dict[str, Call] = {}
    rectified = {one.name for one in found if one.flow.sign == 2}
    for one in found:
        layout = layout_of(one.flow, ITEMS)
        if layout is None:
            continue  # no axis holds the items, as in a table of position biases
        fields, shape = _fields(one.flow, layout, extent)
        feeders = (
            tuple(name for name in one.flow.feeders if name not in rectified) if one.name in rectified else ()
        )
        layer = Layer(
            one.name,
            one.kind,
            shape[1:],
            shape[0],
            _receptive_field(fields, len(shape) - 1),
            _stride(one.flow, fields, len(shape) - 1),
            one.name in rectified,
            feeders,
        )
        calls[one.name] = Call(layer, one.module, one.number, one.path, layout, fields)
    return calls


def _fields(flow: Flow, layout: Layout, extent: tuple[int, ...]) -> tuple[Fields, tuple[int, ...]]:
    """The layer's fields and its shape (K, *positions)."""
    spans: dict[str, list[Tensor]] = {"low": [], "high": []}
    shape = tuple(layout.arranged(torch.empty(1).expand(flow.shape), ITEMS).shape[1:])
    for place, size in enumerate(extent):
        for edge, everything in (("low", 0), ("high", size)):
            mark = flow.marks.get(f"{edge}{place}", torch.full((1,) * len(flow.shape), everything))
            spans[edge].append(layout.arranged(mark.expand(flow.shape), ITEMS)[0])
    return Fields(tuple(spans["low"]), tuple(spans["high"]), extent), shape


def _receptive_field(fields: Fields, axes: int) -> tuple[int, ...] | None:
    """One number per position axis where these are the input's own axes."""
    size = fields.size()
    if size is None or axes == 0:
        return None if size is None else ()
    return size if axes == len(size) else None


def _stride(flow: Flow, fields: Fields, axes: int) -> tuple[int, ...] | None:
    """How many pixels the field moves from a position to the next, where that is the same whole number everywhere."""
    if axes == 0:
        return ()
    if axes != len(flow.steps) or any(step.denominator != 1 for step in flow.steps):
        return None
    return tuple(int(step) for step in flow.steps)
