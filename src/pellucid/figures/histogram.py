# SPDX-License-Identifier: Apache-2.0
"""Counts between edges, with named marks on the axis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pellucid.figures.blob import Blob

__all__ = ["Histogram"]


@dataclass(frozen=True)
class Histogram:
    """`counts[i]` values lie in `edges[i] <= value < edges[i + 1]`.

    `marks` are (name, value) pairs on the axis.
    """

    type: ClassVar[str] = "histogram"

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    x_label: str
    marks: tuple[tuple[str, float], ...] = ()

    def blobs(self) -> Iterator[Blob]:
        yield from ()

    def to_json(self) -> dict[str, Any]:
        return {
            "type": self.type,
            "edges": list(self.edges),
            "counts": list(self.counts),
            "x_label": self.x_label,
            "marks": [list(mark) for mark in self.marks],
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Histogram:
        marks = tuple((name, value) for name, value in row["marks"])
        return cls(tuple(row["edges"]), tuple(row["counts"]), row["x_label"], marks)
