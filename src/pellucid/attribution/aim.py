# SPDX-License-Identifier: Apache-2.0
"""What is attributed: one unit's response, or a sum of several with weights, as the difference between two classes."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from pellucid.errors import InputError, UnknownName, did_you_mean
from pellucid.models import OUTPUT, Net
from pellucid.records import Unit, UnitQuery

__all__ = ["OVER", "Aim", "Part"]

Over = Literal["strongest", "mean"]
OVER: tuple[Over, ...] = ("strongest", "mean")

# A sign between two units stands alone and is followed by a layer, so that the name of a class may hold both.
_BETWEEN = re.compile(r"\s+([+-])\s+(?=(?:[\d.]+\s*\*\s*)?[^\s:]+:)")
_FACTOR = re.compile(r"([\d.]+)\s*\*\s*(.+)", re.DOTALL)


@dataclass(frozen=True)
class Part:
    """`weight` times a unit's response; a query where a class goes by its label until a net has said which it is."""

    unit: Unit | UnitQuery
    weight: float = 1.0


@dataclass(frozen=True)
class Aim:
    """A weighted sum of units' responses. `+`, `-` and `*` give new aims.

    `over` says what a unit with positions counts where none is named: its `strongest` position on the image, which
    is then fixed and named, or the `mean` over all.

    Examples
    --------
    >>> str(Aim.parse("logits:3") - Aim.parse("logits:7"))
    'logits:3 - logits:7'
    >>> Aim.parse("features.7:42@5,6").parts[0].unit.position
    (5, 6)
    """

    parts: tuple[Part, ...]
    over: Over = "strongest"

    @classmethod
    def parse(cls, text: str, over: str = "strongest") -> Aim:
        """Read `LAYER:INDEX`, `LAYER:INDEX@Y,X`, `logits:LABEL`, or several with `+` and `-` between and `0.5 *` before.

        Raises
        ------
        InputError : a part that is no unit, or several units
        UnknownName : `over` is neither `strongest` nor `mean`
        """
        pieces = _BETWEEN.split(text.strip())
        signs = ["+", *pieces[1::2]]
        return cls(
            tuple(_part(piece, sign) for piece, sign in zip(pieces[::2], signs, strict=True)), _over(over)
        )

    @classmethod
    def of(cls, value: str | Unit | UnitQuery | Aim, over: str | None = None) -> Aim:
        """The aim that a user's value stands for; `over` wins where it is said."""
        if isinstance(value, Aim):
            return value if over is None else replace(value, over=_over(over))
        if isinstance(value, Unit):
            return cls((Part(value),), _over(over or "strongest"))
        if isinstance(value, str | UnitQuery):
            return cls.parse(str(value), over or "strongest")
        raise InputError(f"{value!r} is no aim; write LAYER:INDEX, logits:LABEL or a difference of two")

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that are read, each once."""
        return tuple(dict.fromkeys(part.unit.layer for part in self.parts))

    @property
    def class_index(self) -> int | None:
        """The class, where the aim is just one class's output."""
        [part, *more] = self.parts
        unit = part.unit
        alone = not more and part.weight == 1 and isinstance(unit, Unit)
        return unit.index if alone and unit.layer == OUTPUT and isinstance(unit, Unit) else None

    def __add__(self, other: Aim) -> Aim:
        return replace(self, parts=self.parts + other.parts) if isinstance(other, Aim) else NotImplemented

    def __sub__(self, other: Aim) -> Aim:
        return self + -1.0 * other if isinstance(other, Aim) else NotImplemented

    def __mul__(self, factor: float) -> Aim:
        if not isinstance(factor, (int, float)):
            return NotImplemented
        return replace(self, parts=tuple(replace(one, weight=one.weight * factor) for one in self.parts))

    __rmul__ = __mul__

    def __str__(self) -> str:
        words = ""
        for number, part in enumerate(self.parts):
            sign = " - " if part.weight < 0 else " + "
            lead = ("-" if part.weight < 0 else "") if number == 0 else sign
            size = abs(part.weight)
            words += lead + ("" if size == 1 else f"{size:g} * ") + str(part.unit)
        return words

    def words(self, labels: tuple[str, ...] | None) -> str:
        """The aim with the names of its classes, as far as they are known."""
        words = str(self)
        for part in self.parts:
            unit = part.unit
            if labels is not None and isinstance(unit, Unit) and unit.layer == OUTPUT:
                short = labels[unit.index].partition(",")[0]
                words = re.sub(rf"({re.escape(str(unit))})(?![\d@,])", rf"\1 {_escaped(short)}", words)
        return words

    def on(self, net: Net) -> Aim:
        """The aim with every unit looked up in the net: labels and `@center` become numbers.

        Raises
        ------
        UnknownName : no such layer, unit, label or position
        InputError : a part names several units
        """
        return replace(self, parts=tuple(_looked_up(part, net) for part in self.parts))

    def fixed(self, responses: Mapping[str, Tensor]) -> Aim:
        """The aim with its strongest positions named, for one image's responses {layer: (1, K, *positions)}."""
        if self.over == "mean":
            return self
        return replace(self, parts=tuple(_placed(part, responses[part.unit.layer]) for part in self.parts))

    def read(self, responses: Mapping[str, Tensor]) -> Tensor:
        """(N,) the aim's value for each item of responses {layer: (N, K, *positions)}; differentiable."""
        total: Tensor | None = None
        for part in self.parts:
            unit = _known(part.unit)
            at = unit.position if isinstance(unit.position, tuple) else ()
            own = responses[unit.layer][:, unit.index]
            for place in at:
                own = own[:, place]
            value = part.weight * (own if own.ndim == 1 else own.flatten(1).mean(1))
            total = value if total is None else total + value
        if total is None:
            raise InputError("an aim of no unit; name one, as logits:3")
        return total

    def to_json(self) -> dict[str, Any]:
        """JSON values: the aim in words, how positions count, and each part."""
        parts = [{"unit": str(part.unit), "weight": part.weight} for part in self.parts]
        return {"aim": str(self), "over": self.over, "parts": parts}


def _over(over: str) -> Over:
    for known in OVER:
        if over == known:
            return known
    raise UnknownName(f"no way {over!r} to count positions; {did_you_mean(over, OVER)}")


def _part(text: str, sign: str) -> Part:
    weight = -1.0 if sign == "-" else 1.0
    text = text.strip()
    if text.startswith("-"):
        text, weight = text[1:].strip(), -weight
    if factor := _FACTOR.fullmatch(text):
        try:
            weight, text = weight * float(factor[1]), factor[2]
        except ValueError:
            raise InputError(f"{text!r}: {factor[1]!r} is no number; write 0.5 * LAYER:INDEX") from None
    query = UnitQuery.parse(text)
    if query.label is None and query.indices is None and ":" not in text:
        raise InputError(
            f"{text!r} names no unit; write {text}:INDEX for a unit of a layer, {OUTPUT}:{text} for a class"
        )
    if query.label is None and (query.indices is None or len(query.indices) != 1):
        count = f"{len(query.indices or ())} units"
        raise InputError(
            f"{text} is {count}, one unit is attributed at a time: write {query.layer}:INDEX, or a difference as "
            f"{query.layer}:0 - {query.layer}:1"
        )
    unit = query if query.indices is None else Unit(query.layer, query.indices[0], query.position)
    return Part(unit, weight)


def _looked_up(part: Part, net: Net) -> Part:
    [unit] = net.units([part.unit])
    if not math.isfinite(part.weight) or part.weight == 0:
        raise InputError(f"{part.weight:g} * {unit}: a weight is a finite number other than 0")
    if unit.position == "center":
        unit = replace(unit, position=tuple(size // 2 for size in net.layer(unit.layer).grid))
    return replace(part, unit=unit)


def _placed(part: Part, response: Tensor) -> Part:
    """The part at its strongest position: the highest response, counted down where the weight is negative too."""
    unit = _known(part.unit)
    own = response[0, unit.index]
    if unit.position is not None or own.ndim == 0:
        return part
    at = torch.unravel_index(own.argmax(), own.shape)
    return replace(part, unit=replace(unit, position=tuple(int(place) for place in at)))


def _known(unit: Unit | UnitQuery) -> Unit:
    if isinstance(unit, Unit):
        return unit
    raise InputError(f"{unit} goes by a label that no net has looked up yet")


def _escaped(words: str) -> str:
    """A text as a replacement of `re.sub`."""
    return words.replace("\\", r"\\")
