# SPDX-License-Identifier: Apache-2.0
"""`cascade`: does a map say anything about what the network has learned? Its weights are shuffled, layer by layer from the output
down, and each map is held against that of the network as it is (Adebayo et al. 2018, cascading randomization)."""

from __future__ import annotations

import copy
import itertools
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from pellucid.attribution.aim import Aim
from pellucid.attribution.attribute import Progress, attribute, digest_of, fixed_aim
from pellucid.attribution.cascade_result import Cascade, CascadeRow
from pellucid.attribution.method import METHODS, asked_methods, completed
from pellucid.errors import InputError
from pellucid.models import Model, Net, OneImage, fed_image, opened
from pellucid.models.net import versions
from pellucid.records import Provenance, Unit

__all__ = ["CASCADE_METHODS", "cascade", "spearman"]

CASCADE_METHODS = ("saliency", "integrated_gradients", "gradcam", "guided_backprop", "deconvnet")
MOST_STAGES = 16
Floats = NDArray[np.float32]


def cascade(
    net: Model,
    image: OneImage,
    aim: str | Unit | Aim | None = None,
    *,
    methods: str | Iterable[str] | None = None,
    over: str | None = None,
    stages: int = MOST_STAGES,
    seed: int = 0,
    batch: int | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> Cascade:
    """How each method's map changes while the weights are shuffled from the output down, one group of layers after another.

    The net itself is not touched: a copy of it is shuffled.

    Parameters
    ----------
    net, image, aim, over, seed, batch, settings : as of `attribute`; the seed also draws the shuffles
    methods : names of METHODS; when left out saliency, integrated_gradients, gradcam, guided_backprop and deconvnet, without
        those that this net has no use for (`skipped` says why)
    stages : at most so many groups of layers, alike in number

    Raises
    ------
    InputError : a net without weights on the way to the aim, or as `attribute`

    References
    ----------
    Adebayo et al. 2018, section 3. Differs: each tensor's own values are shuffled, so that the network keeps the scale of its
    responses; the paper draws new ones from the distribution that training began with.
    """
    began = time.perf_counter()
    usual = methods is None
    asked = asked_methods(CASCADE_METHODS if methods is None else methods)
    given = (
        {"max_steps": 32, **settings}
        if any(one.name == "integrated_gradients" for one in asked)
        else settings
    )
    completed(asked, given)
    if stages < 1:
        raise InputError(f"{stages} stages were asked; there is 1 at least")
    net = opened(net)
    fed = fed_image(image, net)
    pixels = fed.pixels
    fixed, _ = fixed_aim(net, pixels[None].to(net.device), aim, over)
    groups = _groups(net, fixed, stages)
    with torch.inference_mode(False):  # copies made in that mode could never learn their gradient
        module = copy.deepcopy(net.module)
    shuffled = Net(module, net.input, net.trace, name=net.name, labels=net.labels, device=net.device)
    rows, skipped = [], []
    layers: dict[str, str | None] = {}
    maps: dict[str, list[Floats]] = {}
    for method in asked:
        try:
            first = _mapped(net, pixels, fixed, method.name, None, seed, batch, given)
        except InputError as reason:
            if not usual:
                raise
            skipped.append((method.name, str(reason)))
            continue
        maps[method.name], layers[method.name] = [first[0]], first[1]
    for place, _ in enumerate(_shuffling(shuffled.module, groups, seed)):
        for name, own in maps.items():
            if progress is not None:
                progress(place * len(maps) + len(own) - 1, len(groups) * len(maps), METHODS[name].title)
            own.append(_mapped(shuffled, pixels, fixed, name, layers[name], seed, batch, given)[0])
    for name, own in maps.items():
        signed = tuple(spearman(own[0], each) for each in own[1:])
        absolute = tuple(spearman(np.abs(own[0]), np.abs(each)) for each in own[1:])
        rows.append(CascadeRow(name, signed, absolute, np.stack(own)))
    facts = {
        **given,
        "methods": list(maps),
        "image": fed.name,
        "pixels_sha256": digest_of(pixels),
        "stages": len(groups),
    }
    source = Provenance(net.name, net.weights_digest, "cascade", facts, seed, versions(), str(fixed))
    names = tuple(tuple(group) for group in groups)
    seconds = time.perf_counter() - began
    return Cascade(
        fixed,
        fixed.words(net.labels),
        names,
        tuple(rows),
        tuple(skipped),
        seconds,
        source,
        np.asarray(fed.picture),
    )


def _mapped(
    net: Net,
    pixels: torch.Tensor,
    aim: Aim,
    method: str,
    layer: str | None,
    seed: int,
    batch: int | None,
    settings: dict[str, Any],
) -> tuple[Floats, str | None]:
    """The map of one method, and the layer it was read at."""
    own = {key: value for key, value in settings.items() if key in METHODS[method].settings}
    [found] = attribute(
        net, pixels, aim, methods=[method], layer=layer, faithfulness=False, seed=seed, batch=batch, **own
    )
    return found.values, found.layer


def _groups(net: Net, aim: Aim, most: int) -> list[list[str]]:
    """The modules that hold weights and run before the aim is known, the last first, in at most so many groups."""
    calls = list(net.trace.calls.values())
    last = max(place for place, call in enumerate(calls) if call.layer.name in aim.layers)
    holders = []
    for call in calls[: last + 1]:
        if call.module not in holders and _own_weights(net.module.get_submodule(call.module)):
            holders.append(call.module)
    if not holders:
        raise InputError(f"nothing on the way to {aim} has weights; there is nothing to shuffle")
    holders.reverse()
    edges = [
        round(step * len(holders) / min(most, len(holders))) for step in range(min(most, len(holders)) + 1)
    ]
    return [holders[low:high] for low, high in itertools.pairwise(edges)]


def _own_weights(module: nn.Module) -> list[nn.Parameter]:
    return list(module.parameters(recurse=False))


def _shuffling(module: nn.Module, groups: Sequence[Sequence[str]], seed: int) -> Iterator[None]:
    """Yields after each group of modules has had its weights shuffled, each tensor's values among themselves."""
    draws = torch.Generator().manual_seed(seed)
    for group in groups:
        for name in group:
            for weight in _own_weights(module.get_submodule(name)):
                order = torch.randperm(weight.numel(), generator=draws)
                with torch.inference_mode(False), torch.no_grad():
                    mixed = weight.detach().cpu().reshape(-1)[order].reshape(weight.shape)
                    weight.copy_(mixed)
        yield


def spearman(first: Floats, second: Floats) -> float | None:
    """The rank correlation of two maps of one shape, equal values at their mean rank; None where one is the same everywhere.

    >>> spearman(np.array([1.0, 2.0, 3.0]), np.array([1.0, 8.0, 9.0]))
    1.0
    """
    ranks = [_ranks(each.reshape(-1)) for each in (first, second)]
    a, b = (each - each.mean() for each in ranks)
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(np.clip(a @ b / size, -1, 1)) if size > 0 else None


def _ranks(values: NDArray[Any]) -> NDArray[np.float64]:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks: NDArray[np.float64] = ((ends - (counts - 1) / 2)[places]).astype(np.float64)
    return ranks
