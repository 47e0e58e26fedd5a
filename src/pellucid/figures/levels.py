# SPDX-License-Identifier: Apache-2.0
"""A histogram whose bars open: behind each, some of the real inputs that lie there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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

PLACE = 6  # numbers: the box's x0, y0, x1, y1, the item's width and height


@dataclass(frozen=True)
class Levels:
    """`counts[i]` values lie in `edges[i] <= value < edges[i + 1]`; behind bar i stand `shown[i]` of the items.

    A unit has some two hundred items, bar after bar, so they are kept as columns: names, responses, previews, six whole numbers
    each in `places` (box and size, in the upright item's own pixels), and as many in `positions` as the layer has axes.
    """

    type: ClassVar[str] = "levels"

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    shown: tuple[int, ...]
    names: tuple[str, ...]
    responses: tuple[float, ...]
    places: tuple[int, ...]
    previews: tuple[Blob | None, ...]
    x_label: str
    positions: tuple[int, ...] = ()

    @classmethod
    def of(
        cls,
        edges: tuple[float, ...],
        counts: tuple[int, ...],
        bars: Sequence[Sequence[Item]],
        *,
        x_label: str,
    ) -> Levels:
        """From the items behind each bar, none behind an empty one."""
        items = [item for bar in bars for item in bar]
        alike = len({len(item.position) for item in items}) == 1
        return cls(
            edges,
            counts,
            tuple(map(len, bars)),
            tuple(item.name for item in items),
            tuple(item.response for item in items),
            tuple(number for item in items for number in (*_box(item), item.width, item.height)),
            tuple(item.preview for item in items),
            x_label,
            tuple(axis for item in items for axis in item.position) if alike else (),
        )

    def blobs(self) -> Iterator[Blob]:
        yield from (preview for preview in self.previews if preview is not None)

    def drawing(self) -> Drawing:
        """A bar for each level."""
        return Histogram(self.edges, self.counts, self.x_label).drawing()

    def html(self, link: Link) -> str:
        """The drawing, and a fold for each bar that holds something.

        Pages with a script take the folds out of `noscript` one by one, when their bars are clicked: a browser would load the
        pictures of all of them at once.
        """
        return f'<div class="levels">{self.drawing().svg()}<noscript>{self._folds(link)}</noscript></div>'

    def _folds(self, link: Link) -> str:
        folds, first = [], 0
        for bar, shown in enumerate(self.shown):
            if self.counts[bar]:
                items = "".join(self.item(place).html(link) for place in range(first, first + shown))
                folds.append(
                    f'<details><summary>{self._words(bar)}</summary><ol class="items">{items}</ol></details>'
                )
            first += shown
        return "".join(folds)

    def _words(self, bar: int) -> str:
        low, high = (value_words(float(f"{edge:.3g}")) for edge in self.edges[bar : bar + 2])
        count, shown = self.counts[bar], self.shown[bar]
        some = f", {shown} of them" if shown < count else ""
        return text(f"{low} to {high}: {value_words(count)} {'input' if count == 1 else 'inputs'}{some}")

    def item(self, place: int) -> Item:
        """One of the items, counted through all bars."""
        x0, y0, x1, y1, width, height = self.places[PLACE * place : PLACE * (place + 1)]
        axes = len(self.positions) // max(len(self.names), 1)
        return Item(
            self.names[place],
            self.responses[place],
            self.positions[axes * place : axes * (place + 1)],
            (x0, y0, x1, y1),
            width,
            height,
            self.previews[place],
        )

    def png(self) -> bytes:
        """The drawing as a PNG file."""
        return write_png(self.drawing().image(), {})

    def _repr_html_(self) -> str:
        return for_notebook(f"{self.drawing().svg()}{self._folds(data_uri)}")

    def to_json(self) -> dict[str, Any]:
        return {
            "type": self.type,
            "edges": list(self.edges),
            "counts": list(self.counts),
            "shown": list(self.shown),
            "names": list(self.names),
            "responses": list(self.responses),
            "places": list(self.places),
            "previews": [
                None if preview is None else [preview.hash, preview.mime] for preview in self.previews
            ],
            "x_label": self.x_label,
            **({"positions": list(self.positions)} if self.positions else {}),
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Levels:
        return cls(
            tuple(row["edges"]),
            tuple(row["counts"]),
            tuple(row["shown"]),
            tuple(row["names"]),
            tuple(row["responses"]),
            tuple(row["places"]),
            tuple(None if preview is None else Blob(*preview) for preview in row["previews"]),
            row["x_label"],
            tuple(row.get("positions", ())),
        )


def _box(item: Item) -> tuple[int, int, int, int]:
    """The item's box; all of it where the layer sees it whole."""
    return item.box or (0, 0, item.width, item.height)
