# SPDX-License-Identifier: Apache-2.0
"""One forward pass on record: every tensor that a call returned, with what is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from pellucid.errors import InputError, PellucidError
from pellucid.models.calls import Path, calls_in_order, tensors_in
from pellucid.models.flow.flow import Flow, source
from pellucid.models.flow.observer import Observer
from pellucid.models.misfit import misfit
from pellucid.models.other_input import other_input
from pellucid.models.untouched import untouched

__all__ = ["OUTPUT", "Recorder", "Returned"]

OUTPUT = "logits"  # the name of the network's output
# What torch says where numbers of two formats meet.
FORMATS = ("dtype", "Half", "BFloat16", "scalar type")


@dataclass(frozen=True)
class Returned:
    """A tensor that a call returned; without a flow where torch did not see how it was made from the input."""

    name: str
    module: str
    kind: str
    number: int
    path: Path
    shape: tuple[int, ...]
    flow: Flow | None


class Recorder:
    """Runs a module once and keeps what each call returned, in the order in which they return.

    New tensors get the name of the innermost layer that returns them, for `fed_by` of the layers that come after.
    """

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.observer = Observer()
        self.returned: list[Returned] = []
        self.draws_random_numbers = False

    def run(self, example: Tensor) -> list[Returned]:
        """All that one pass over `example`, as fed, returns; the network's output comes last.

        Raises
        ------
        InputError : the module fails on the example, or its output is not one tensor
        """
        parts = {name: part for name, part in self.module.named_modules() if name}
        self.observer.put(example, source(tuple(example.shape)))
        with untouched(self.module), calls_in_order(self.module, parts, self._seen):
            before = torch.get_rng_state()
            try:
                # operations are seen as they are without gradients and outside of inference mode
                with torch.inference_mode(False), torch.no_grad(), self.observer:
                    output = self.module(example)
            except PellucidError:
                raise
            except (Exception, SystemExit) as error:  # a model that ends the program must not end this one
                raise InputError(_failure(self.module, example, error)) from error
            self.draws_random_numbers = not torch.equal(before, torch.get_rng_state())
        path, tensor = _answer(output)
        self._keep(OUTPUT, "", "output", 1, path, tensor)
        return self.returned

    def _seen(self, module: str, number: int, output: object) -> None:
        tensors = list(tensors_in(output))
        kind = type(self.module.get_submodule(module)).__name__
        call = module if number == 1 else f"{module}#{number}"
        if call == OUTPUT:
            call += "#1"  # that name is the output's, whatever a module inside is called
        for path, tensor in tensors:
            name = call + ("".join(f"[{step}]" for step in path) if len(tensors) > 1 else "")
            flow = self.observer.flow_of(tensor)
            if flow is not None and flow.sign < 2 and not flow.named:
                self.observer.put(tensor, replace(flow, feeders=(name,), named=True))
            self._keep(name, module, kind, number, path, tensor)

    def _keep(self, name: str, module: str, kind: str, number: int, path: Path, tensor: Tensor) -> None:
        flow = self.observer.flow_of(tensor)
        self.returned.append(Returned(name, module, kind, number, path, tuple(tensor.shape), flow))


def _answer(output: object) -> tuple[Path, Tensor]:
    """The tensor that is the network's answer, and where it stands in what the module returned."""
    tensors: Sequence[tuple[Path, Tensor]] = list(tensors_in(output))
    answers = [pair for pair in tensors if pair[0] in (("logits",), ("out",))]
    if isinstance(output, Tensor) and not tensors:
        kind = str(output.dtype).removeprefix("torch.")
        raise InputError(
            f"the network returns whole numbers ({kind}), a decision as argmax makes it, and no responses: wrap the network "
            "in a module that returns what stands before that"
        )
    if not answers and len(tensors) != 1:
        parts = ", ".join(f"{'.'.join(map(str, path))}: {_shape(tensor)}" for path, tensor in tensors)
        raise InputError(
            f"the network returns a {type(output).__name__} with {len(tensors)} tensors{f' ({parts})' * bool(parts)}; one "
            "tensor, or one called logits or out, is needed: wrap the network in a module that returns it"
        )
    return (answers or tensors)[0]


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a number"


def _failure(module: nn.Module, example: Tensor, error: BaseException) -> str:
    shape = tuple(example.shape[1:])
    said = " ".join(str(error).split())
    found = misfit(said, shape) if isinstance(error, RuntimeError | ValueError) else None
    reason, advice = found or (
        f"{type(error).__name__}: {said[:200]}",
        "its own code says so: mend it there, or, if it is of another size, give that with --input",
    )
    if told := other_input(module, said):
        advice = told
    elif any(word in said for word in FORMATS):
        advice = "make it compute in one number format, as module.float() does where nothing inside casts"
    elif len(example) > 1 and _runs(module, example[:1]):
        advice = f"it takes one item at a time, and {len(example)} were given: let it take any number"
    size = "x".join(map(str, shape))
    return f"{type(module).__name__} does not run on an input of {size} ({reason}); {advice}"


def _runs(module: nn.Module, example: Tensor) -> bool:
    with torch.no_grad():
        try:
            module(example)
        except (Exception, SystemExit):  # whatever it says
            return False
    return True
