# SPDX-License-Identifier: Apache-2.0
"""Counts between edges, with named marks on the axis."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pellucid.figures.blob import Blob
from pellucid.figures.drawing import Box, Drawing, Line, Words
from pellucid.figures.markup import Link, for_notebook
from pellucid.figures.plot import HEIGHT, WIDTH, Plot
from pellucid.figures.stamp import write_png
from pellucid.figures.words import value_words

__all__ = ["Histogram"]


@dataclass(frozen=True)
class Histogram:
    """`counts[i]` values lie in `edges[i] <= value < edges[i + 1]`.

    `marks` are (name, value) pairs on the axis. Every bin is drawn equally wide, so that edges may be spaced
    as the values need; where they are not even, the axis says so.
    """

    type: ClassVar[str] = "histogram"

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    x_label: str
    marks: tuple[tuple[str, float], ...] = ()

    def blobs(self) -> Iterator[Blob]:
        yield from ()

    def drawing(self) -> Drawing:
        """A bar for each bin, and a line for each mark."""
        bins, tallest = len(self.counts), max(self.counts, default=0)
        plot = Plot((0, max(bins, 1)), (0, max(tallest, 1)))
        every = max(-(-bins // 8), 1)
        first = self.edges.index(0) % every if 0 in self.edges else 0
        ticks = [(at, value_words(float(f"{self.edges[at]:.2g}"))) for at in range(first, bins + 1, every)]
        label = self.x_label if self._even() else f"{self.x_label} (bins of unequal width)"
        marks = (*self._bars(plot), *plot.frame(ticks, label, "count"), *self._marks(plot))
        return Drawing(WIDTH, HEIGHT, marks, self._alt())

    def _bars(self, plot: Plot) -> Iterator[Box]:
        edges = [value_words(edge) for edge in self.edges]
        left, base = plot.at(0, 0)
        width = plot.at(1, 0)[0] - left
        for index, count in enumerate(self.counts):
            if count:
                # A bar is at least a hair high: few is not none.
                height = max(base - plot.at(0, count)[1], 0.75)
                hint = f"{edges[index]} to {edges[index + 1]}: {value_words(count)}"
                x = left + index * width + 0.5
                yield Box(x, base - height, max(width - 1, 0.5), height, "bar", hint)

    def _marks(self, plot: Plot) -> Iterator[Line | Words]:
        for row, (name, value) in enumerate(self.marks):
            x, top = plot.at(self._place(value), plot.y[1])
            base = plot.at(0, 0)[1]
            yield Line(((x, top - 2), (x, base)), "mark")
            late = x > WIDTH / 2
            yield Words(
                x - 4 if late else x + 4, top + 6 + 13 * row, name, "mark", "end" if late else "start"
            )

    def _place(self, value: float) -> float:
        """The value as a count of bins from the left; beyond the edges it stands at the edge."""
        if value <= self.edges[0] or value >= self.edges[-1]:
            return 0 if value <= self.edges[0] else len(self.counts)
        index = bisect_right(self.edges, value) - 1
        low, high = self.edges[index], self.edges[index + 1]
        return index + (value - low) / (high - low)

    def _even(self) -> bool:
        widths = [high - low for low, high in zip(self.edges, self.edges[1:], strict=False)]
        return not widths or max(widths) - min(widths) <= 1e-6 * max(widths)

    def _alt(self) -> str:
        total, most = sum(self.counts), max(self.counts, default=0)
        if not total:
            return f"Histogram of {self.x_label}: no values"
        at = self.counts.index(most)
        fullest = f"between {value_words(self.edges[at])} and {value_words(self.edges[at + 1])}"
        marks = "".join(f"; {name} at {value_words(value)}" for name, value in self.marks)
        most_of_all = f"{value_words(total)} values, {value_words(most)} of them {fullest}"
        return f"Histogram of {self.x_label}: {most_of_all}{marks}"

    def html(self, link: Link) -> str:
        """The drawing as inline SVG."""
        return self.drawing().svg()

    def png(self) -> bytes:
        """The drawing as a PNG file."""
        return write_png(self.drawing().image(), {})

    def _repr_html_(self) -> str:
        return for_notebook(self.html(str))

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
