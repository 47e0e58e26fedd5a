# SPDX-License-Identifier: Apache-2.0
"""A field of numbers over positions, drawn in color."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pellucid.figures.blob import Blob

__all__ = ["Map"]


@dataclass(frozen=True)
class Map:
    """`values[y][x]`, row by row, not rescaled. `label` says what they are and in which unit."""

    type: ClassVar[str] = "map"

    values: tuple[tuple[float, ...], ...]
    label: str

    def blobs(self) -> Iterator[Blob]:
        yield from ()

    def to_json(self) -> dict[str, Any]:
        return {"type": self.type, "values": [list(row) for row in self.values], "label": self.label}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Map:
        return cls(tuple(tuple(line) for line in row["values"]), row["label"])
