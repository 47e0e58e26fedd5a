# SPDX-License-Identifier: Apache-2.0
"""What a unit is made of and what it feeds, as values: for the kinds that keep it, and for those who ask for a circuit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.circuits import (
    PIXELS,
    Contributed,
    Kernels,
    Wiring,
    contributions,
    expanded_weights,
    fed_by,
    wiring,
)
from pellucid.data import Source, sampled
from pellucid.errors import InputError
from pellucid.figures import Partner
from pellucid.figures.partners import small_map
from pellucid.models import Net

__all__ = ["Above", "Below", "Sided", "above", "below", "further", "labeled", "split_by_sign"]

Doubles = NDArray[np.float64]
SAID = 3  # layers that are named before the others are counted


@dataclass(frozen=True)
class Sided:
    """Partners by the sign of their value, each side the strongest first."""

    positive: tuple[Partner, ...] = ()
    negative: tuple[Partner, ...] = ()

    @property
    def both(self) -> tuple[Partner, ...]:
        """The positive ones, then the negative ones."""
        return (*self.positive, *self.negative)

    def to_json(self) -> dict[str, Any]:
        return {
            "positive": [one.to_json() for one in self.positive],
            "negative": [one.to_json() for one in self.negative],
        }


@dataclass(frozen=True, eq=False)
class Below:
    """What feeds one unit.

    Parameters
    ----------
    index : the unit
    sources : the layers that feed it; empty for one that reads the input
    weights : partners by weight; the value is the length of the kernel with the sign of its sum
    further_sources, further : the same for the layers below these, by expanded weights
    given : partners by mean contribution over data; None without data
    response, rest : what these contributions and what comes from nowhere below sum to; None without data
    items : how many items they are means over
    pixels : the unit's weights on the input through the linearized net
    refused : why there is nothing of all this: what feeds the unit is no sum
    """

    index: int
    sources: tuple[str, ...]
    weights: Sided
    further_sources: tuple[str, ...]
    further: Sided
    given: Sided | None
    response: float | None
    rest: float | None
    items: int
    pixels: Kernels | None
    refused: str | None = None

    @classmethod
    def none(cls, index: int, why: str) -> Below:
        """Nothing, for a reason."""
        return cls(index, (), Sided(), (), Sided(), None, None, None, 0, None, why)

    @property
    def partners(self) -> tuple[Partner, ...]:
        """All of them, those by weight first; one may come several times."""
        return tuple(one for some in (self.weights, self.further, self.given) if some for one in some.both)


@dataclass(frozen=True, eq=False)
class Above:
    """What one unit feeds: `fed` by weight, of the layers `targets`; `left_out` holds (layer, obstacle) where no sum does."""

    index: int
    targets: tuple[str, ...]
    fed: Sided
    left_out: tuple[tuple[str, str], ...]

    @property
    def why_not(self) -> str | None:
        """Why it feeds nothing that could be shown, in a sentence; None where something can."""
        if not self.targets:
            return "no layer above reads it"
        return "no layer reads it as a sum" if len(self.left_out) == len(self.targets) else None

    @property
    def left_out_words(self) -> str:
        """The layers that read it in another way, those of one sort together: `b, c and 4 more read it through a layer norm`."""
        sorts: dict[str, list[tuple[str, str]]] = {}
        for layer, obstacle in self.left_out:
            sorts.setdefault(re.sub(r" \([^)]*\)", "", obstacle), []).append((layer, obstacle))
        return "; ".join(_left_out(same, plain) for plain, same in sorts.items())


def _left_out(same: Sequence[tuple[str, str]], plain: str) -> str:
    if len(same) == 1:
        return f"{same[0][0]} reads it through {same[0][1]}"
    few = [layer for layer, _ in same[:SAID]]
    more = [f"{len(same) - len(few)} more"] if len(same) > len(few) else []
    *first, last = [*few, *more]
    return f"{', '.join(first)} and {last} read it through {plain}"


def split_by_sign(scored: Sequence[tuple[str, int, float, Any]], top: int) -> Sided:
    """(layer, unit, value, map) rows as partners: at most `top` of each sign, the strongest first, ties by address."""
    ranked = sorted(scored, key=lambda row: (-abs(row[2]), row[0], row[1]))

    def chosen(sign: int) -> tuple[Partner, ...]:
        own = [row for row in ranked if row[2] * sign > 0][:top]
        return tuple(
            Partner(f"{layer}:{unit}", float(f"{value:.6g}"), () if shown is None else small_map(shown))
            for layer, unit, value, shown in own
        )

    return Sided(chosen(1), chosen(-1))


def _by_weight(found: Mapping[str, Kernels], top: int) -> Sided:
    rows: list[tuple[str, int, float, Any]] = []
    for name, kernels in found.items():
        strengths = kernels.strengths
        for unit in _leading(strengths, top):
            maps = kernels.maps[unit]
            rows.append((name, unit, float(strengths[unit]), maps if maps.ndim else None))
    return split_by_sign(rows, top)


def _leading(values: Doubles, top: int) -> list[int]:
    """The places of the `top` largest and the `top` smallest values that are not zero."""
    order = np.argsort(-values, kind="stable")
    ends = {int(place) for place in (*order[:top], *order[-top:])}
    return sorted(place for place in ends if values[place] != 0)


def further(net: Net, wired: Wiring, sources: Sequence[str]) -> tuple[str, ...]:
    """The layers that feed the layers that feed a unit, as far as sums describe it."""
    found: dict[str, None] = {}
    for name in sources:
        path = wired.paths.get(name)
        if path is None or path.obstacle is not None:
            continue
        found |= dict.fromkeys(one for one in path.sources if one != PIXELS and one not in sources)
    return tuple(layer.name for layer in net.layers() if layer.name in found)


def below(
    net: Net,
    layer: str,
    indices: Sequence[int],
    source: Source | None,
    *,
    top: int,
    items: int | None,
    seed: int,
    batch: int,
    sources: Sequence[str] | None = None,
    on_batch: Callable[[int, int], None] | None = None,
) -> Iterator[Below]:
    """What feeds each of these units, one after the other.

    Raises
    ------
    InputError : what feeds the layer is no sum, as `fed_by` says
    """
    found = fed_by(net, layer, sources)
    near = tuple(name for name in found if name != PIXELS)
    given = None
    if near and source is not None:
        drawn = sampled(source, items, seed)
        given = contributions(net, drawn, layer, indices, near, batch=batch, on_batch=on_batch)
    wired = wiring(net)
    # Layers further down are cut too where they feed the unit directly as well: each path counts once, for its nearest layer.
    deeper = further(net, wired, near) if sources is None else ()
    by_weight = expanded_weights(net, layer, indices, near) if near else _nothing(indices)
    by_further = expanded_weights(net, layer, indices, deeper) if deeper else _nothing(indices)
    by_pixels = (
        expanded_weights(net, layer, indices, [PIXELS]) if _reaches_input(net, layer) else _nothing(indices)
    )
    for place, ((index, one), (_, two), (_, three)) in enumerate(
        zip(by_weight, by_further, by_pixels, strict=True)
    ):
        yield Below(
            index,
            near,
            _by_weight(one, top),
            deeper,
            _by_weight(two, top),
            None if given is None else _by_contribution(given, place, one, top),
            None if given is None else float(given.responses[place]),
            None if given is None else float(given.rest[place]),
            0 if given is None else given.items,
            three.get(PIXELS),
        )


def _nothing(indices: Sequence[int]) -> Iterator[tuple[int, Mapping[str, Kernels]]]:
    return ((index, {}) for index in indices)


def _reaches_input(net: Net, layer: str) -> bool:
    """Whether a linearized net leads from a layer down to the input, without a gate or the like between."""
    try:
        return len(net.layer(layer).grid) in (0, 2) and bool(fed_by(net, layer, [PIXELS]))
    except InputError:
        return False


def _by_contribution(given: Contributed, place: int, weights: Mapping[str, Kernels], top: int) -> Sided:
    rows: list[tuple[str, int, float, Any]] = []
    for name, each in given.below.items():
        values, maps = each[place], weights[name].maps
        rows += [
            (name, unit, float(values[unit]), maps[unit] if maps.ndim > 1 else None)
            for unit in _leading(values, top)
        ]
    return split_by_sign(rows, top)


def above(net: Net, layer: str, indices: Sequence[int], top: int) -> list[Above]:
    """What each of these units feeds, among the layers before the next non-linearities."""
    wired = wiring(net, layer)
    targets = [name for name in wired.above([layer]) if name != layer]
    left_out = [(name, wired.paths[name].obstacle or "") for name in targets if wired.paths[name].obstacle]
    plain = [name for name in targets if wired.paths[name].obstacle is None]
    wanted = list(indices)
    scored: list[list[tuple[str, int, float, Any]]] = [[] for _ in wanted]
    for target in plain:
        cuts = [name for name in wired.paths[target].sources if name != PIXELS]
        strengths = np.zeros((net.layer(target).units, len(wanted)))
        for unit, found in expanded_weights(net, target, range(len(strengths)), cuts):
            strengths[unit] = found[layer].strengths[wanted]
        ends = [_leading(column, top) for column in strengths.T]
        winners = sorted({unit for units in ends for unit in units})
        for unit, found in expanded_weights(net, target, winners, cuts):
            for place, own in enumerate(wanted):
                if unit in ends[place]:
                    maps = found[layer].maps[own]
                    scored[place].append(
                        (target, unit, float(strengths[unit, place]), maps if maps.ndim else None)
                    )
    return [
        Above(index, tuple(targets), labeled(net, wired, split_by_sign(rows, top)), tuple(left_out))
        for index, rows in zip(wanted, scored, strict=True)
    ]


def labeled(net: Net, wired: Wiring, sided: Sided) -> Sided:
    """The same partners, with the classes that units at the net's end stand for."""
    labels = net.labels or ()

    def named(one: Partner) -> Partner:
        layer, _, index = one.unit.rpartition(":")
        known = layer in wired.ends and int(index) < len(labels)
        return replace(one, label=labels[int(index)]) if known else one

    return Sided(tuple(map(named, sided.positive)), tuple(map(named, sided.negative)))
