# SPDX-License-Identifier: Apache-2.0
"""What changes without a unit: the outputs over data, how many items are named right, the units above."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pellucid.circuits.clamps import Clamps, forked
from pellucid.circuits.verdicts import right_outputs
from pellucid.data import Source, batches
from pellucid.errors import NoItems
from pellucid.models import OUTPUT, Net, watch

__all__ = ["Effect", "Measured", "effects", "mean_responses"]

Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]
# Another size of a batch changes the last bits of responses, and no more than these.
ALIKE = 1e-3


@dataclass(frozen=True, eq=False)
class Effect:
    """What one set of clamped units changed.

    Parameters
    ----------
    clamps : the units and what they were held at
    before, after : (C,) the mean of each output over items, and over positions where it has any
    firsts : (2, n) the first output of each item, before and after; -1 where an output is no finite number
    drops : (n,) how much the output that was first fell
    above : by layer (K,), the mean change of each of its units; and how far responses moved, up or down, on average
    """

    clamps: Clamps
    before: Doubles
    after: Doubles
    firsts: Integers
    drops: Doubles
    above: Mapping[str, tuple[Doubles, Doubles]]

    @property
    def nonfinite(self) -> int:
        """For how many items an output is no finite number without the units."""
        return int((self.firsts[1] < 0).sum())


@dataclass(frozen=True, eq=False)
class Measured:
    """Effects over the same items.

    `rows` (n,) are those that could be read, `right` (n,) the output that is right for each, -1 where nobody knows.
    `from_layer` says that all that lies before the clamped layer was computed once for all effects.
    """

    effects: tuple[Effect, ...]
    rows: Integers
    right: Integers
    skipped: tuple[tuple[int, str], ...]
    from_layer: bool

    @property
    def known(self) -> NDArray[np.bool_]:
        """(n,) the items for which the right output is known."""
        told: NDArray[np.bool_] = self.right >= 0
        return told

    def accuracy(self, firsts: Integers) -> float | None:
        """The share of the items of known class whose first output is right."""
        return float((firsts == self.right)[self.known].mean()) if self.known.any() else None


@dataclass
class _Running:
    """What is summed while items go by, for one variant."""

    outputs: list[Doubles] = field(default_factory=list)
    sums: dict[str, Doubles] = field(default_factory=dict)
    moved: dict[str, Doubles] = field(default_factory=dict)


def mean_responses(net: Net, source: Source, layers: Sequence[str], batch: int = 16) -> dict[str, Doubles]:
    """By layer (K,) the mean response of each unit over items and positions."""
    sums: dict[str, list[Doubles]] = {name: [] for name in layers}
    slots: Integers = np.zeros(0, np.int64)

    def take(name: str, response: Tensor) -> None:
        sums[name].append(_over_positions(response)[slots])

    stream = batches(source, net.input.recipe, size=batch)
    with watch(net, list(layers), take) as run, closing(stream):
        for each in stream:
            slots = np.flatnonzero(each.valid)
            if len(slots):
                run(each.tensor(net.device))
    if not any(sums.values()):
        raise NoItems(f"none of the {len(source.names)} items of {source.name} can be read")
    return {name: np.concatenate(parts).mean(0) for name, parts in sums.items()}


def effects(
    net: Net,
    source: Source,
    variants: Sequence[Clamps],
    *,
    above: Sequence[str] = (),
    batch: int = 16,
    at_once: int = 16,
    on_batch: Callable[[int, int], None] | None = None,
) -> Measured:
    """Run every item without each set of units, and as it is, and compare.

    What lies before the clamped layer is computed once for all sets, where every variant clamps that one layer and nothing leads
    around it; whether that is so is tried on the first batch and held against whole passes.

    Parameters
    ----------
    net, source : what runs, and on what
    variants : the sets of units, each with what they are held at
    above : layers whose units' changes are measured
    batch, at_once : items and variants that run together
    on_batch : called with (steps done, steps)

    Raises
    ------
    NoItems : no item could be read
    """
    wanted = [*above, OUTPUT] if OUTPUT not in above else list(above)
    running = [_Running() for _ in variants]
    baseline = _Running()
    rows: list[Integers] = []
    skipped: list[tuple[int, str]] = []
    grows: bool | None = None
    groups = [range(start, min(start + at_once, len(variants))) for start in range(0, len(variants), at_once)]
    steps = -(-len(source.names) // batch) * len(groups)
    done = 0
    stream = batches(source, net.input.recipe, size=batch)
    # What is held at a huge number may overflow; that is told by `nonfinite`, not by a warning.
    with closing(stream), np.errstate(over="ignore", invalid="ignore"):
        for each in stream:
            slots, pixels = np.flatnonzero(each.valid), each.tensor(net.device)
            rows.append(each.rows[slots])
            skipped += each.problems
            for group in groups:
                if len(slots):
                    chosen = [variants[number] for number in group]
                    if grows is None:
                        grows = _can_grow(net, pixels, chosen, wanted)
                    found = _passed(net, pixels, chosen, wanted, grows=grows)
                    _take(found, slots, baseline if group.start == 0 else None, [running[n] for n in group])
                done += 1
                if on_batch is not None:
                    on_batch(done, steps)
    read = np.concatenate(rows) if rows else np.zeros(0, np.int64)
    if not len(read):
        raise NoItems(f"none of the {len(source.names)} items of {source.name} can be read")
    with np.errstate(over="ignore", invalid="ignore"):
        made = tuple(
            _effect(clamps, baseline, one, above) for clamps, one in zip(variants, running, strict=True)
        )
    return Measured(made, read, right_outputs(net, source)[read], tuple(skipped), bool(grows))


def _passed(
    net: Net, pixels: Tensor, variants: Sequence[Clamps], wanted: Sequence[str], *, grows: bool
) -> dict[str, Doubles]:
    """By layer (V + 1, N, K): the responses of each variant, the first being the net as it is, means over positions."""
    every: list[Clamps] = [{}, *variants]
    count = len(pixels)
    found: dict[str, Doubles] = {}

    def take(name: str, response: Tensor) -> None:
        found[name] = _over_positions(response).reshape(len(every), count, -1)

    fed = pixels if grows else torch.cat([pixels] * len(every))
    share = 1 if grows else len(every)
    with (
        forked(net, every, lambda given: len(given) // share, grows=grows),
        watch(net, list(wanted), take) as run,
    ):
        run(fed)
    return found


def _can_grow(net: Net, pixels: Tensor, variants: Sequence[Clamps], wanted: Sequence[str]) -> bool:
    """Whether a batch that grows at the clamped layer gives what whole passes give."""
    layers = {unit.layer for clamps in variants for unit in clamps}
    if len(layers) != 1 or net.trace.calls[next(iter(layers))].layout.split is not None:
        return False
    few = list(variants)[:2]
    try:
        grown = _passed(net, pixels, few, wanted, grows=True)
    except Exception:  # shapes that do not fit, in whatever words the model has for it
        return False
    whole = _passed(net, pixels, few, wanted, grows=False)
    return all(
        grown[name].shape == whole[name].shape
        and np.allclose(grown[name], whole[name], rtol=ALIKE, atol=ALIKE * (np.abs(whole[name]).max() or 1))
        for name in wanted
    )


def _over_positions(response: Tensor) -> Doubles:
    """(N, K) means over positions, summed in double precision."""
    held = response.detach().cpu() if response.device.type == "mps" else response.detach()
    values = held.flatten(2).double().mean(2) if held.ndim > 2 else held.double()
    numbers: Doubles = values.cpu().numpy()
    return numbers


def _take(
    found: Mapping[str, Doubles], slots: Integers, baseline: _Running | None, running: Sequence[_Running]
) -> None:
    for name, responses in found.items():
        plain, *others = responses[:, slots]
        if name == OUTPUT and baseline is not None:
            baseline.outputs.append(plain)
        for one, changed in zip(running, others, strict=True):
            if name == OUTPUT:
                one.outputs.append(changed)
            change = changed - plain
            one.sums[name] = one.sums.get(name, 0.0) + change.sum(0)
            one.moved[name] = one.moved.get(name, 0.0) + np.abs(change).sum(0)


def _effect(clamps: Clamps, baseline: _Running, one: _Running, above: Sequence[str]) -> Effect:
    before, after = np.concatenate(baseline.outputs), np.concatenate(one.outputs)
    first, later = _firsts(before), _firsts(after)
    everyone = np.arange(len(before))
    changes = {name: (one.sums[name] / len(before), one.moved[name] / len(before)) for name in above}
    drops = before[everyone, first] - after[everyone, first]
    return Effect(clamps, before.mean(0), after.mean(0), np.stack([first, later]), drops, changes)


def _firsts(outputs: Doubles) -> Integers:
    """The largest output of each item, -1 where one is no finite number."""
    return np.where(np.isfinite(outputs).all(1), outputs.argmax(1), -1)
