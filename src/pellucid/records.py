# SPDX-License-Identifier: Apache-2.0
"""What crosses rooms, as frozen values: unit addresses, layers, provenance, kinds of evidence, records."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pellucid.errors import InputError
from pellucid.figures import Figure, Table, figure_from_json

__all__ = ["Kind", "Layer", "Panel", "Provenance", "Record", "Unit", "UnitQuery", "canonical_json"]

Position = tuple[int, ...] | Literal["center"] | None


def canonical_json(value: object) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text. NaN and infinities are refused.

    >>> canonical_json({"b": 1, "a": [2.5, None]})
    '{"a":[2.5,null],"b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


@dataclass(frozen=True, order=True)
class Unit:
    """One unit of one layer: `features.7:42`, `features.7:42@5,6`, `features.7:42@center`."""

    layer: str
    index: int
    position: Position = None

    def __str__(self) -> str:
        return f"{self.layer}:{self.index}{_at(self.position)}"


@dataclass(frozen=True)
class UnitQuery:
    """What a user wrote for one or many units of a layer, before a net has said which exist.

    `indices` is None for the whole layer; `label` is set where a class name stands instead of a number.
    """

    layer: str
    indices: tuple[int, ...] | None = None
    label: str | None = None
    position: Position = None

    def __str__(self) -> str:
        indices = ",".join(map(str, self.indices or ()))
        name = self.label if self.label is not None else indices
        return f"{self.layer}{':' if name else ''}{name}{_at(self.position)}"

    @classmethod
    def parse(cls, text: str) -> UnitQuery:
        """Read `LAYER`, `LAYER:3`, `LAYER:0-15,40`, `LAYER:3@5,6`, `LAYER:3@center` or `logits:LABEL`.

        Raises
        ------
        InputError : the text has no layer, or a range that runs backwards

        Examples
        --------
        >>> UnitQuery.parse("features.7:0-2,40").indices
        (0, 1, 2, 40)
        >>> UnitQuery.parse("logits:tabby, tabby cat").label
        'tabby, tabby cat'
        """
        layer, colon, rest = text.strip().partition(":")
        if not layer or (colon and not rest.strip()):
            raise InputError(
                f"{text!r} is no unit: write LAYER, LAYER:INDEX or LAYER:FROM-TO, as features.7:0-15,40"
            )
        if not colon:
            return cls(layer)
        match = re.fullmatch(r"([\d,\s-]+)(?:@(center|\d+(?:,\d+)*))?", rest.strip())
        if match is None:
            return cls(layer, label=rest.strip())
        position: Position = None
        if match[2] is not None:
            position = "center" if match[2] == "center" else tuple(int(part) for part in match[2].split(","))
        return cls(layer, _indices(match[1], text), position=position)


def _at(position: Position) -> str:
    """What stands behind a unit for its position."""
    if position is None:
        return ""
    return f"@{position if isinstance(position, str) else ','.join(map(str, position))}"


def _indices(ranges: str, text: str) -> tuple[int, ...]:
    found: dict[int, None] = {}
    for part in ranges.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        if match is None or (match[2] is not None and int(match[2]) < int(match[1])):
            raise InputError(f"{text!r}: {part.strip()!r} is no index or range; write 7 or 0-15 or 0-15,40")
        found.update(dict.fromkeys(range(int(match[1]), int(match[2] or match[1]) + 1)))
    return tuple(found)


@dataclass(frozen=True)
class Layer:
    """One call of one module. Grid, receptive field and stride have one number per position axis ([y, x] for images).

    `receptive_field` is None where it covers the whole input; `fed_by` names, for a rectified layer, the layers before the
    rectification, which have the negative side that this one lacks.
    """

    name: str
    kind: str
    grid: tuple[int, ...]
    units: int
    receptive_field: tuple[int, ...] | None
    stride: tuple[int, ...] | None
    rectified: bool
    fed_by: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Layer:
        def whole(value: list[int] | None) -> tuple[int, ...] | None:
            return None if value is None else tuple(value)

        return cls(
            row["name"],
            row["kind"],
            tuple(row["grid"]),
            row["units"],
            whole(row["receptive_field"]),
            whole(row["stride"]),
            row["rectified"],
            tuple(row["fed_by"]),
        )


class Layers(tuple[Layer, ...]):
    """Layers in the order in which they are computed, shown as a table."""

    COLUMNS = ("layer", "kind", "grid", "units", "sees", "stride", "")

    def rows(self) -> list[tuple[str, ...]]:
        """What the table says of each layer, under `COLUMNS`."""
        return [
            (
                layer.name,
                layer.kind,
                "x".join(map(str, layer.grid)) or "-",
                str(layer.units),
                "all" if layer.receptive_field is None else "x".join(map(str, layer.receptive_field)) or "-",
                "-" if not layer.stride else "x".join(map(str, layer.stride)),
                f"rectified, fed by {', '.join(layer.fed_by)}" if layer.rectified else "",
            )
            for layer in self
        ]

    def __repr__(self) -> str:
        return "\n".join("  ".join(row).rstrip() for row in [self.COLUMNS, *self.rows()])

    def _repr_html_(self) -> str:
        return Table(self.COLUMNS, tuple(self.rows()))._repr_html_()


@dataclass(frozen=True)
class Provenance:
    """Where a result comes from: enough to make it again. `settings` holds JSON values only."""

    net: str
    weights_digest: str
    method: str
    settings: Mapping[str, Any]
    seed: int | None
    versions: Mapping[str, str]
    unit: str | None = None

    def to_json(self) -> dict[str, Any]:
        row = asdict(self)
        return {**row, "settings": dict(self.settings), "versions": dict(self.versions)}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Provenance:
        return cls(**{key: row[key] for key in cls.__dataclass_fields__})


@dataclass(frozen=True)
class Panel:
    """A part of a page: figures under a title, with one sentence on what to look at and how it can mislead."""

    title: str
    note: str
    figures: tuple[str, ...]


@dataclass(frozen=True)
class Kind:
    """A kind of evidence, as pages need to know it.

    `scope` says what one record is about; `thumbnail` names the figure that may stand for a unit in a strip;
    `sortable` the numbers by which a layer's units can be put in order.
    """

    name: str
    title: str
    scope: Literal["unit", "layer"]
    panels: tuple[Panel, ...]
    thumbnail: str | None = None
    sortable: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Kind:
        panels = tuple(Panel(p["title"], p["note"], tuple(p["figures"])) for p in row["panels"])
        return cls(row["name"], row["title"], row["scope"], panels, row["thumbnail"], tuple(row["sortable"]))


@dataclass(frozen=True)
class Record:
    """One piece of evidence about a unit (or, with `index` None, about a layer), made only of figures."""

    kind: str
    layer: str
    index: int | None
    figures: Mapping[str, Figure]
    provenance: Provenance | None = field(default=None, compare=False)

    def to_json(self) -> dict[str, Any]:
        return {
            "figures": {name: figure.to_json() for name, figure in self.figures.items()},
            "provenance": None if self.provenance is None else self.provenance.to_json(),
        }

    @classmethod
    def from_json(cls, kind: str, layer: str, index: int | None, row: Mapping[str, Any]) -> Record:
        figures = {name: figure_from_json(figure) for name, figure in row["figures"].items()}
        source = row["provenance"]
        return cls(kind, layer, index, figures, None if source is None else Provenance.from_json(source))
