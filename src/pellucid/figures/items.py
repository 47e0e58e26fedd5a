# SPDX-License-Identifier: Apache-2.0
"""Real inputs in order, each with the place in it that counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pellucid.figures.blob import Blob

__all__ = ["Item", "Items"]


@dataclass(frozen=True)
class Item:
    """One real input and a unit's response to it.

    `name` is its path in the data; `position` the layer's grid cell, one number per axis; `box` the receptive
    field in the upright item's own pixels, `(x0, y0, x1, y1)` half-open, None where the layer sees it whole;
    `width` and `height` the item's own size. `preview` is a smaller picture of the whole item: a page draws
    crop and box from it.
    """

    name: str
    response: float
    position: tuple[int, ...] = ()
    box: tuple[int, int, int, int] | None = None
    width: int = 0
    height: int = 0
    preview: Blob | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "item": self.name,
            "response": self.response,
            "position": list(self.position),
            "box": None if self.box is None else list(self.box),
            "width": self.width,
            "height": self.height,
            "preview": None if self.preview is None else [self.preview.hash, self.preview.mime],
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Item:
        box, preview = row["box"], row["preview"]
        return cls(
            row["item"],
            row["response"],
            tuple(row["position"]),
            None if box is None else (box[0], box[1], box[2], box[3]),
            row["width"],
            row["height"],
            None if preview is None else Blob(*preview),
        )


@dataclass(frozen=True)
class Items:
    """Real inputs, the most telling first."""

    type: ClassVar[str] = "items"

    items: tuple[Item, ...]

    def blobs(self) -> Iterator[Blob]:
        yield from (item.preview for item in self.items if item.preview is not None)

    def to_json(self) -> dict[str, Any]:
        return {"type": self.type, "items": [item.to_json() for item in self.items]}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Items:
        return cls(tuple(Item.from_json(item) for item in row["items"]))
