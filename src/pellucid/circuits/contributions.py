# SPDX-License-Identifier: Apache-2.0
"""Contributions: what each unit below gives to a response over data, so that all of them and the rest sum to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pellucid.circuits.bends import Chords
from pellucid.circuits.crossing import Crossing, crossing
from pellucid.data import Source
from pellucid.data.batches import batches
from pellucid.errors import InputError, NoItems
from pellucid.models import Net
from pellucid.models.own_code import own_code
from pellucid.scan.exact import LOWEST, ExactSums

__all__ = ["Contributed", "Contributions", "contributions", "split_responses"]

Doubles = NDArray[np.float64]
# How far the parts may be from the whole, of the largest part, before the path is said to be none that can be taken apart.
TOLERANCE, COARSE_TOLERANCE = 1e-3, 5e-2  # coarse: numbers of 16 bits


@dataclass(frozen=True, eq=False)
class Contributed:
    """What units below gave to some units, on average over items and positions.

    Parameters
    ----------
    indices : the units of the layer
    responses : (M,) their mean response
    rest : (M,) what does not come from below: biases, and what the input gives around the layers below
    below : by layer (M, K), what each of its units gives; `below` summed, plus `rest`, is `responses`
    items : how many items were read
    """

    indices: tuple[int, ...]
    responses: Doubles
    rest: Doubles
    below: Mapping[str, Doubles]
    items: int

    @property
    def error(self) -> float:
        """How far the parts are from the whole, of the mean size of what is summed; about 1e-7 in float32."""
        parts = sum((each.sum(1) for each in self.below.values()), self.rest)
        size = sum((np.abs(each).sum(1) for each in self.below.values()), np.abs(self.rest))
        return float((np.abs(parts - self.responses) / np.maximum(size, 1e-30)).max(initial=0))


class Contributions:
    """The running value behind `Contributed`: exact sums over items, equal to the last bit for every order and split of them."""

    def __init__(self, indices: Sequence[int], below: Mapping[str, int]) -> None:
        self.indices = tuple(indices)
        self.sizes = dict(below)
        self.items = 0
        # response and rest first, then the units below, layer by layer
        self._sums = ExactSums(len(self.indices) * (2 + sum(self.sizes.values())))

    def update(self, responses: Doubles, rest: Doubles, below: Mapping[str, Doubles]) -> None:
        """Take in items: (n, M) responses and rest, by layer (n, M, K) what its units give; each item once."""
        count = len(responses)
        parts = [responses[..., None], rest[..., None], *(below[name] for name in self.sizes)]
        self._sums.add(np.concatenate(parts, 2).reshape(count, -1))
        self.items += count

    def merge(self, other: Self) -> Self:
        """The value after the items of both, which must not share any."""
        if (self.indices, self.sizes) != (other.indices, other.sizes):
            raise InputError("contributions to other units, or of other layers, cannot be merged")
        made = type(self)(self.indices, self.sizes)
        made._sums.limbs = self._sums.settled() + other._sums.settled()
        made.items = self.items + other.items
        return made

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that is kept, in a form that is the same for the same items."""
        return {"sums": self._sums.settled(), "items": np.array([self.items], np.int64)}

    @classmethod
    def from_arrays(
        cls, indices: Sequence[int], below: Mapping[str, int], arrays: Mapping[str, NDArray[Any]]
    ) -> Self:
        """The value that `arrays` came from.

        Raises
        ------
        InputError : the arrays are not those of these units
        """
        made = cls(indices, below)
        if arrays["sums"].shape != made._sums.limbs.shape:
            raise InputError(f"the saved contributions do not fit {len(made.indices)} units")
        made._sums.limbs = arrays["sums"].astype(np.int64)
        made.items = int(arrays["items"][0])
        return made

    def result(self) -> Contributed:
        """The means.

        Raises
        ------
        NoItems : there was no item
        """
        if not self.items:
            raise NoItems("no item could be read, so nothing contributes")
        sums = np.array([total / (1 << -LOWEST) for total in self._sums.exact()])
        means = (sums / self.items).reshape(len(self.indices), -1)
        below, start = {}, 2
        for name, size in self.sizes.items():
            below[name] = means[:, start : start + size]
            start += size
        return Contributed(self.indices, means[:, 0], means[:, 1], below, self.items)


def contributions(
    net: Net,
    source: Source,
    layer: str,
    indices: Sequence[int],
    sources: Sequence[str],
    *,
    batch: int = 16,
    on_batch: Callable[[int, int], None] | None = None,
) -> Contributed:
    """Run every item once and take the mean response of each unit apart into what each unit below gives.

    A unit's response at one position is a sum over what its layer's kernel reads; what a unit below gives is its part of the sum,
    through the non-linearity between them. Responses and parts are means over the positions of the layer.

    Parameters
    ----------
    net, source : what runs, and on what
    layer, indices : the units
    sources : the layers below, as `fed_by` finds them
    on_batch : called with (rows done, rows)

    Raises
    ------
    NoItems : no item could be read
    InputError : parts and whole differ, so the path is not one that can be taken apart
    """
    sizes = {name: net.layer(name).units for name in sources}
    running = Contributions(indices, sizes)
    stream = batches(source, net.input.recipe, size=batch)
    with crossing(net, [net.layer(layer).name], sources) as run, closing(stream):
        for each in stream:
            slots = np.flatnonzero(each.valid)
            if len(slots):
                running.update(*split_responses(run, each.tensor(net.device), slots, indices, sources))
            if on_batch is not None:
                on_batch(int(each.rows[-1]) + 1, len(source.names))
    found = running.result()
    coarse = any(weight.element_size() < 4 for weight in net.module.parameters())
    tolerance = COARSE_TOLERANCE if coarse else TOLERANCE
    if not found.error < tolerance:  # also where it is no number
        raise InputError(
            f"what {', '.join(sources)} give to {layer} does not sum to its responses (off by {found.error:.1g}): the model does "
            "something between them that gradients do not see"
        )
    return found


def split_responses(
    run: Callable[..., Crossing],
    pixels: Tensor,
    slots: NDArray[np.int64],
    indices: Sequence[int],
    sources: Sequence[str],
) -> tuple[Doubles, Doubles, dict[str, Doubles]]:
    """Responses (n, M), rest (n, M) and by layer what its units give (n, M, K), of the items in `slots` of a batch.

    `run` is a `crossing` at the sources, up to one target.
    """
    at_zero = Chords()
    with torch.no_grad():
        zero = _means(run(pixels, at_zero, True), slots, indices)
    met = run(pixels, Chords(at_zero.met), False)
    whole = _means(met, slots, indices)
    leaves = [met.leaves[name] for name in sources]
    below: dict[str, list[Doubles]] = {name: [] for name in sources}
    for column in range(len(indices)):
        with own_code():
            gradients = torch.autograd.grad(
                whole[:, column].sum(), leaves, retain_graph=True, allow_unused=True
            )
        for name, leaf, gradient in zip(sources, leaves, gradients, strict=True):
            given = torch.zeros_like(leaf) if gradient is None else gradient * leaf.detach()
            parts = met.places[name](given)[slots].float().cpu().double().flatten(2).sum(2)
            below[name].append(parts.numpy())
    stacked = {name: np.stack(parts, 1) for name, parts in below.items()}
    return _numbers(whole), _numbers(zero), stacked


def _means(met: Crossing, slots: NDArray[np.int64], indices: Sequence[int]) -> Tensor:
    """(n, M) the mean over positions, of the items in `slots`."""
    [response] = met.responses.values()
    chosen = response[torch.from_numpy(slots)][:, list(indices)]
    if chosen.device.type != "mps":  # which knows no double precision
        chosen = chosen.double()
    return chosen.flatten(2).mean(2) if chosen.ndim > 2 else chosen


def _numbers(values: Tensor) -> Doubles:
    numbers: Doubles = values.detach().cpu().double().numpy()
    return numbers
