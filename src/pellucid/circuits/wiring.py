# SPDX-License-Identifier: Apache-2.0
"""Which layers feed which: the nearest ones before a non-linearity, whatever lies between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from pellucid.circuits.bends import Open
from pellucid.circuits.crossing import PIXELS, crossing
from pellucid.circuits.path import Path, path_to
from pellucid.errors import InputError
from pellucid.models import OUTPUT, Net
from pellucid.records import Layer

__all__ = ["Wiring", "fed_by", "wiring"]


@dataclass(frozen=True)
class Wiring:
    """For each layer of a net's `default_layers` its path: the layers that feed it directly, and what stands in the way."""

    paths: Mapping[str, Path]

    def above(self, layers: Sequence[str]) -> tuple[str, ...]:
        """The layers that any of these feed directly."""
        return tuple(name for name, path in self.paths.items() if set(path.sources) & set(layers))


def wiring(net: Net) -> Wiring:
    """Follow one pass of a net that is cut at each of its `default_layers` at once.

    Examples
    --------
    >>> from pellucid.models import load
    >>> wiring(load("demo")).paths["conv3"].sources
    ('conv2',)
    """
    layers = [layer.name for layer in net.default_layers()]
    cuts = [PIXELS, *(name for name in layers if name != OUTPUT)]
    with crossing(net, layers, cuts) as run:
        met = run(_black(net), Open(), False)
        return Wiring({name: path_to(met.responses[name], met.leaves) for name in layers})


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
    with crossing(net, [target.name], [PIXELS, *cuts] if PIXELS not in cuts else cuts) as run:
        met = run(_black(net), Open(), False)
        path = path_to(met.responses[target.name], met.leaves)
    if asked is not None and (missing := [name for name in asked if name not in path.sources]):
        raise InputError(f"nothing leads from {', '.join(missing)} to {target.name}; name layers below it")
    found = tuple(
        name for name in path.sources if name != PIXELS or PIXELS in cuts or path.sources == (PIXELS,)
    )
    if path.obstacle is not None:
        below = ", ".join(name or "the input" for name in found) or "anything below"
        raise InputError(
            f"{target.name} is fed by {below} through {path.obstacle}: not a sum of what each unit below gives, so "
            "there are no connections to show"
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
