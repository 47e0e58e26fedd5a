# SPDX-License-Identifier: Apache-2.0
"""Which layers feed which: the nearest ones before a non-linearity, whatever lies between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from pellucid.circuits.bends import Open
from pellucid.circuits.crossing import PIXELS, crossing
from pellucid.circuits.path import Owners, Path, path_to
from pellucid.errors import InputError
from pellucid.models import OUTPUT, Net
from pellucid.records import Layer

__all__ = ["Wiring", "before_softmax", "fed_by", "wiring"]

NAMED = 4  # layers in a message, before the others are counted
NEAR_THE_END = 4  # layers before the output: among them is what a softmax at the end turns into shares


@dataclass(frozen=True)
class Wiring:
    """For each layer of a net's `default_layers` its path: the layers that feed it directly, and what stands in the way.

    Where the net ends in a softmax over a layer, that layer stands in the place of the output.
    """

    paths: Mapping[str, Path]

    @property
    def ends(self) -> tuple[str, ...]:
        """The layers whose units stand for the net's classes: the output, or what it is a softmax of."""
        return (OUTPUT,) if OUTPUT in self.paths else (OUTPUT, list(self.paths)[-1])

    def above(self, layers: Sequence[str]) -> tuple[str, ...]:
        """The layers that any of these feed directly."""
        return tuple(name for name, path in self.paths.items() if set(path.sources) & set(layers))


def wiring(net: Net, layer: str | None = None) -> Wiring:
    """Follow one pass of a net that is cut at each of its `default_layers` at once, and at one more `layer`.

    A batch norm that this layer goes into is no layer of its own then, but a part of what the layer gives: it is neither cut
    nor among the paths.

    Examples
    --------
    >>> from pellucid.models import load
    >>> wiring(load("demo")).paths["conv3"].sources
    ('conv2',)
    """
    layers = [each.name for each in net.default_layers()]
    cuts = [name for name in layers if name != OUTPUT]
    one_more = layer is not None and layer not in layers
    if layer is not None and one_more:
        cuts.append(layer)
    paths = _paths(net, layers, cuts)
    if layer is not None and one_more:
        norms = [name for name in layers if _is_batch_norm(net, name) and layer in paths[name].sources]
        if norms:
            layers = [name for name in layers if name not in norms]
            paths = _paths(net, layers, [name for name in cuts if name not in norms])
    shares = None if paths[OUTPUT].obstacle is None else before_softmax(net)
    if shares is not None and shares != layer:
        del paths[OUTPUT]
        paths |= _paths(net, [shares], [name for name in cuts if name in paths or name == layer])
    return Wiring(paths)


def _paths(net: Net, targets: Sequence[str], cuts: Sequence[str]) -> dict[str, Path]:
    owners = Owners()
    with crossing(net, targets, [PIXELS, *cuts], owners) as run:
        met = run(_black(net), Open(), False)
        return {name: path_to(met.responses[name], met.leaves, owners) for name in targets}


def _is_batch_norm(net: Net, layer: str) -> bool:
    return isinstance(net.module.get_submodule(net.trace.calls[layer].module), _BatchNorm)


def before_softmax(net: Net) -> str | None:
    """The layer that the output is a softmax of; None where it is no softmax of a layer."""
    output = net.layer(OUTPUT)
    names = [name for name in net.trace.calls if name != OUTPUT]
    for name in reversed(names[-NEAR_THE_END:]):
        layer = net.layer(name)
        if (layer.units, layer.grid) != (output.units, output.grid):
            continue
        end = _paths(net, [OUTPUT], [name])[OUTPUT]
        softmax = end.obstacle is not None and "softmax" in end.obstacle
        if softmax and end.sources == (name,) and _paths(net, [name], [])[name].sources:
            return name
    return None


def fed_by(net: Net, layer: str, sources: Sequence[str] | None = None) -> tuple[str, ...]:
    """The layers that feed a layer: the nearest of the `default_layers` below it, or those of `sources` that reach it.

    Of a rectified layer, those that feed what it rectifies. `PIXELS` where it reads the input itself.

    Raises
    ------
    InputError : something between them is not linear even when non-linearities of one number are open, named in the message; or
        none of the sources asked reaches the layer
    """
    target = net.layer(layer)
    asked = (
        None if sources is None else [PIXELS if name == PIXELS else net.layer(name).name for name in sources]
    )
    cuts = _below(net, target) if asked is None else asked
    path = _paths(net, [target.name], [name for name in cuts if name != PIXELS])[target.name]
    if asked is not None and (missing := [name for name in asked if name not in path.sources]):
        raise InputError(f"nothing leads from {', '.join(missing)} to {target.name}; name layers below it")
    found = tuple(
        name for name in path.sources if name != PIXELS or PIXELS in cuts or path.sources == (PIXELS,)
    )
    if path.obstacle is not None:
        few = [name or "the input" for name in found[:NAMED]]
        more = [f"{len(found) - NAMED} more"] if len(found) > NAMED else []
        below = ", ".join([*few, *more]) or "anything below"
        shares = before_softmax(net) if target.name == OUTPUT else None
        hint = f"; ask for the units of {shares}, which it turns into shares" if shares else ""
        raise InputError(
            f"{target.name} is fed by {below} through {path.obstacle}: not a sum of what each unit below gives, so "
            f"there are no connections to show{hint}"
        )
    if not found:
        raise InputError(f"{target.name} does not depend on the input in a way that gradients can follow")
    return found


def _below(net: Net, target: Layer) -> list[str]:
    """The layers before non-linearities that are ready before `target`, without those that it merely rectifies."""
    ready = list(net.trace.calls)
    before = set(ready[: ready.index(target.name)])
    own = set(target.fed_by) if target.rectified else set[str]()
    return [
        layer.name
        for layer in net.default_layers()
        if layer.name in before and layer.name not in own and layer.name != OUTPUT
    ]


def _black(net: Net) -> torch.Tensor:
    return torch.zeros(1, net.input.channels, *net.input.size, device=net.device)
