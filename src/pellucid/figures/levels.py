# SPDX-License-Identifier: Apache-2.0
"""A histogram whose bars open: behind each, some of the real inputs that lie there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pellucid.figures.blob import Blob
from pellucid.figures.drawing import Drawing
from pellucid.figures.histogram import Histogram
from pellucid.figures.items import Item
from pellucid.figures.markup import Link, data_uri, for_notebook, text
from pellucid.figures.stamp import write_png
from pellucid.figures.words import value_words

__all__ = ["Levels"]

FIELDS = ("item", "response", "position", "box", "width", "height", "preview")


@dataclass(frozen=True)
class Levels:
    """`counts[i]` values lie in `edges[i] <= value < edges[i + 1]`, `items[i]` are some of them; of an empty bar none."""

    type: ClassVar[str] = "levels"

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    items: tuple[tuple[Item, ...], ...]
    x_label: str

    def blobs(self) -> Iterator[Blob]:
        yield from (item.preview for bar in self.items for item in bar if item.preview is not None)

    @property
    def histogram(self) -> Histogram:
        """The bars alone."""
        return Histogram(self.edges, self.counts, self.x_label)

    def drawing(self) -> Drawing:
        """A bar for each level."""
        return self.histogram.drawing()

    def html(self, link: Link) -> str:
        """The drawing, and below it a fold for each bar that holds something: a script opens it when the bar is clicked."""
        folds = "".join(
            f"<details><summary>{self._words(bar)}</summary>"
            f'<ol class="items">{"".join(item.html(link) for item in items)}</ol></details>'
            for bar, items in enumerate(self.items)
            if self.counts[bar]
        )
        return f'<div class="levels">{self.drawing().svg()}<div class="folds">{folds}</div></div>'

    def _words(self, bar: int) -> str:
        low, high = (value_words(float(f"{edge:.3g}")) for edge in self.edges[bar : bar + 2])
        count = self.counts[bar]
        some = f", {len(self.items[bar])} of them" if len(self.items[bar]) < count else ""
        return text(f"{low} to {high}: {value_words(count)} {'input' if count == 1 else 'inputs'}{some}")

    def png(self) -> bytes:
        """The drawing as a PNG file."""
        return write_png(self.drawing().image(), {})

    def _repr_html_(self) -> str:
        return for_notebook(self.html(data_uri))

    def to_json(self) -> dict[str, Any]:
        return {
            "type": self.type,
            "edges": list(self.edges),
            "counts": list(self.counts),
            "items": [[_row(item) for item in bar] for bar in self.items],
            "x_label": self.x_label,
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Levels:
        items = tuple(tuple(map(_item, bar)) for bar in row["items"])
        return cls(tuple(row["edges"]), tuple(row["counts"]), items, row["x_label"])


def _row(item: Item) -> list[Any]:
    """An item without the names of its fields: a unit has some two hundred."""
    row = item.to_json()
    return [row[name] for name in FIELDS]


def _item(row: list[Any]) -> Item:
    return Item.from_json(dict(zip(FIELDS, row, strict=True)))
