# SPDX-License-Identifier: Apache-2.0
"""Reading a first layer: what each filter looks for, in numbers and in a word, and how the layer is doing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from pellucid.kernels.bank import Bank
from pellucid.kernels.family import FAMILIES, GROUPS, Signs, family_of
from pellucid.kernels.likeness import Pair, pairs
from pellucid.kernels.measures import Measures, measure
from pellucid.kernels.reduction import reduced

__all__ = ["FilterReading", "LayerReading", "read"]


@dataclass(frozen=True)
class FilterReading:
    """What one filter looks for.

    Parameters
    ----------
    unit : its index in the layer
    family : one of FAMILIES; `group`: gabor, color contrast or other, as in published counts; `why`: the evidence
    shape : what fits it best for the freedom it takes: gabor, edge, blob, center-surround; of a small kernel its
        largest part: average, edge, line, center
    name : of a kernel that has one, `-` before it where it is negated, or of a shape that it is exactly; or None
    dc : the response to an input of ones: the sum of its weights; `norm`: the root of their sum of squares
    chroma : share of energy off the gray axis, 0..1; `opponent_axis`: black-white, red-cyan, blue-yellow or
        magenta-green; both None where the channels are neither gray nor red, green, blue
    color : the unit direction over the channels that holds most energy, its largest entry positive
    frequency : cycles per pixel; of the Gabor where one is found, else of the strongest wave
    orientation_deg : the direction the wave runs in, across its stripes, like `theta` of scikit-image's
        gabor_kernel: 0 to the right (stripes upright), 45 to the lower right, 90 down, below 180; None for none
    stripes_deg : the direction of the stripes themselves, a quarter turn from it
    bandwidth_octaves : of the Gabor, at half its amplitude; None for none, or where it lets low frequencies pass
    symmetry : -1 odd to 1 even, about its best center; `separability`: share of energy in one column times one row
    gabor_r2, edge_r2, blob_r2, center_surround_r2 : share of energy explained, 0..1; None for a small kernel
    neighbors : agreement of neighboring weights, -1..1
    (of a damaged filter all numbers are NaN, and null in JSON)
    dead, noisy : flags; `negated_by`, `duplicate_of`: the filter most like its negative, most like itself, or None
    """

    unit: int
    family: str
    group: str
    why: str
    shape: str
    name: str | None
    dc: float
    norm: float
    chroma: float | None
    opponent_axis: str | None
    color: tuple[float, ...]
    frequency: float
    orientation_deg: float | None
    stripes_deg: float | None
    bandwidth_octaves: float | None
    symmetry: float
    separability: float
    gabor_r2: float | None
    edge_r2: float | None
    blob_r2: float | None
    center_surround_r2: float | None
    neighbors: float
    dead: bool
    noisy: bool
    negated_by: int | None
    duplicate_of: int | None

    def to_json(self) -> dict[str, Any]:
        """The reading as JSON, numbers with six digits that count."""
        return {key: _short(value) for key, value in asdict(self).items()}


def _short(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_short(part) for part in value]
    if isinstance(value, float):
        return float(f"{value:.6g}") if np.isfinite(value) else None
    return value


@dataclass(frozen=True)
class LayerReading:
    """What a layer's filters look for: `filters` in the layer's order, `pairs` of filters that are much alike.

    Of kernels too small to judge one by one, `random` says whether nothing tells all of them together from random
    weights (None: too few). Large kernels are read with `reduced` pixels averaged into one along each side.
    """

    layer: str
    words: str
    small: bool
    filters: tuple[FilterReading, ...]
    pairs: tuple[Pair, ...]
    random: bool | None = None
    reduced: int = 1
    deeper: bool = False

    @property
    def counts(self) -> dict[str, int]:
        """How many filters each family has, the largest first; a family without filters is left out."""
        found = Counter(row.family for row in self.filters)
        return dict(sorted(found.items(), key=lambda entry: (-entry[1], FAMILIES.index(entry[0]))))

    @property
    def verdict(self) -> str:
        """The layer in words: its families, what looks untrained or dead, what is there twice."""
        families = ", ".join(f"{number} {family}" for family, number in self.counts.items())
        if self.deeper:
            families = "a deeper layer weighs responses, not pixels, so it is shown and not read"
        return f"{self.words}: {families}. {self.health}"

    @property
    def health(self) -> str:
        """What looks untrained or dead, what is there twice, and how far the reading goes."""
        count = len(self.filters)
        noisy = sum(row.noisy for row in self.filters)
        dead = _some(sum(row.dead for row in self.filters), count, "is dead", "are dead")
        if damaged := sum(row.family == "damaged" for row in self.filters):
            dead += f", {_some(damaged, count, 'holds', 'hold')} NaN or infinity"
        trained = _some(noisy, count, "looks untrained", "look untrained")
        if self.deeper or (self.small and self.random is None):
            health = dead
        else:
            health = f"{trained}, {dead}"
        negated = sum(pair.correlation < 0 for pair in self.pairs)
        twice = (
            f"{_number(negated, 'negated pair')}, {_number(len(self.pairs) - negated, 'pair of duplicates')}"
        )
        return f"{health[0].upper()}{health[1:]}; {twice}.{self._limits}"

    @property
    def _limits(self) -> str:
        if self.deeper:
            return ""
        if self.small:
            together = {
                True: "; taken together, nothing tells them from random weights",
                False: " one by one; taken together they are far from random weights",
                None: "",
            }[self.random]
            return f" Kernels this small are too small for fits and to tell noise from structure{together}."
        return (
            f" Kernels this large are read averaged {self.reduced} to 1 along each side."
            if self.reduced > 1
            else ""
        )

    def to_json(self) -> dict[str, Any]:
        """The reading as JSON."""
        return {
            "layer": self.layer,
            "filters": [row.to_json() for row in self.filters],
            "counts": self.counts,
            "pairs": [pair.to_json() for pair in self.pairs],
            "dead": [row.unit for row in self.filters if row.dead],
            "noisy": [row.unit for row in self.filters if row.noisy],
            "verdict": self.verdict,
        }


def _some(part: int, whole: int, one: str, more: str) -> str:
    return f"{part or 'none'} of {whole} {more if part > 1 else one}"


def _number(count: int, noun: str) -> str:
    kind, _, rest = noun.partition(" of ")
    plural = f"{kind}s of {rest}" if rest else f"{kind}s"
    return f"{count or 'no'} {plural if count > 1 else noun}"


def read(bank: Bank) -> LayerReading:
    """What each filter of a bank looks for.

    References
    ----------
    Opponent axes: Rafegas and Vanrell 2018, "Color encoding in biologically-inspired convolutional neural
    networks". Families: Olah et al. 2020, "An Overview of Early Vision in InceptionV1".

    Examples
    --------
    >>> halves = np.zeros((1, 1, 7, 7)); halves[..., :3] = -1; halves[..., 4:] = 1
    >>> read(Bank.of(halves)).filters[0].family
    'edge'
    """
    if bank.damaged:
        return _beside_damaged(bank)
    measures = measure(bank)
    found = pairs(np.where(measures.dead[:, None, None, None], 0.0, reduced(bank.weights)[0]))
    rows = tuple(_row(unit, measures, found, deeper=bank.deeper) for unit in range(bank.count))
    return LayerReading(
        bank.layer, bank.words, measures.small, rows, found, measures.random, measures.reduced, bank.deeper
    )


def _beside_damaged(bank: Bank) -> LayerReading:
    """The sound filters as if they were alone, under their own numbers, and of the damaged ones nothing but that."""
    sound = [unit for unit in range(bank.count) if unit not in bank.damaged]
    found = read(bank.only(sound))

    def own(place: int | None) -> int | None:
        return None if place is None else sound[place]

    rows = {
        sound[row.unit]: replace(
            row,
            unit=sound[row.unit],
            negated_by=own(row.negated_by),
            duplicate_of=own(row.duplicate_of),
        )
        for row in found.filters
    }
    rows |= {unit: _damaged(unit, found.filters[0]) for unit in bank.damaged}
    pairs = tuple(replace(pair, first=sound[pair.first], second=sound[pair.second]) for pair in found.pairs)
    filters = tuple(rows[unit] for unit in range(bank.count))
    return replace(found, words=bank.words, filters=filters, pairs=pairs)


def _damaged(unit: int, sound: FilterReading) -> FilterReading:
    """A row that says nothing but that there is nothing to read."""
    kept: dict[str, Any] = {
        "unit": unit,
        "family": "damaged",
        "group": GROUPS["damaged"],
        "why": "its weights hold NaN or infinity: the training diverged, or the file is damaged",
        "shape": "none",
        "dead": False,
        "noisy": False,
    }
    nothing: dict[str, Any] = {"float": np.nan, "tuple[float, ...]": tuple(np.nan for _ in sound.color)}
    row: dict[str, Any] = {each.name: nothing.get(str(each.type)) for each in fields(FilterReading)}
    return FilterReading(**{**row, **kept})


def _row(unit: int, measures: Measures, found: Sequence[Pair], *, deeper: bool) -> FilterReading:
    shaped = measures.shaped
    chroma = None if measures.chroma is None else float(measures.chroma[unit])
    family, why = family_of(
        Signs(
            dead=bool(measures.dead[unit]),
            noisy=bool(measures.noisy[unit]),
            chroma=chroma,
            shape=shaped.shape[unit],
            r2=float(shaped.best_r2[unit]),
            adjusted_r2=float(shaped.adjusted_r2[unit]),
            cycles=float(measures.cycles[unit]),
            spread=float(measures.spread[unit]),
            small=measures.small,
            deeper=deeper,
        )
    )
    orientation = _orientation(float(shaped.angle[unit]), family)
    r2 = {name: float(values[unit]) for name, values in shaped.r2.items()}
    return FilterReading(
        unit=unit,
        family=family,
        group=GROUPS[family],
        why=why,
        shape=shaped.shape[unit],
        name=measures.name[unit],
        dc=float(measures.dc[unit]),
        norm=float(measures.norm[unit]),
        chroma=chroma,
        opponent_axis=None if measures.axis is None else measures.axis[unit],
        color=tuple(float(part) for part in measures.color[unit]),
        frequency=float(shaped.frequency[unit]),
        orientation_deg=orientation,
        stripes_deg=None if orientation is None else (orientation + 90) % 180,
        bandwidth_octaves=_or_none(float(shaped.bandwidth[unit])),
        symmetry=float(measures.symmetry[unit]),
        separability=float(measures.separability[unit]),
        gabor_r2=r2.get("gabor"),
        edge_r2=r2.get("edge"),
        blob_r2=r2.get("blob"),
        center_surround_r2=r2.get("center-surround"),
        neighbors=float(measures.neighbors[unit]),
        dead=bool(measures.dead[unit]),
        noisy=bool(measures.noisy[unit]),
        negated_by=_partner(unit, found, -1),
        duplicate_of=_partner(unit, found, 1),
    )


def _orientation(angle: float, family: str) -> float | None:
    if np.isnan(angle) or family in ("dead", "noise", "deeper"):
        return None
    return float(np.degrees(angle)) % 180


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else value


def _partner(unit: int, found: Sequence[Pair], sign: int) -> int | None:
    """The other filter of the strongest pair of this sign."""
    mine = [pair for pair in found if unit in (pair.first, pair.second) and pair.correlation * sign > 0]
    if not mine:
        return None
    best = max(mine, key=lambda pair: abs(pair.correlation))
    return best.second if best.first == unit else best.first
