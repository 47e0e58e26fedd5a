# SPDX-License-Identifier: Apache-2.0
"""A line: y over x."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pellucid.figures.blob import Blob

__all__ = ["Curve"]


@dataclass(frozen=True)
class Curve:
    """`y` over `x`, two tuples of one length, with the names of both axes."""

    type: ClassVar[str] = "curve"

    x: tuple[float, ...]
    y: tuple[float, ...]
    x_label: str
    y_label: str

    def blobs(self) -> Iterator[Blob]:
        yield from ()

    def to_json(self) -> dict[str, Any]:
        return {
            "type": self.type,
            "x": list(self.x),
            "y": list(self.y),
            "x_label": self.x_label,
            "y_label": self.y_label,
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Curve:
        return cls(tuple(row["x"]), tuple(row["y"]), row["x_label"], row["y_label"])
