# SPDX-License-Identifier: Apache-2.0
"""Counts between edges, with named marks on the axis."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from pellucid.figures.blob import Blob
from pellucid.figures.drawing import Box, Drawing, Line, Words
from pellucid.figures.markup import Link, for_notebook, text
from pellucid.figures.plot import HEIGHT, WIDTH, Plot
from pellucid.figures.stamp import write_png
from pellucid.figures.words import value_words

__all__ = ["Histogram"]


@dataclass(frozen=True)
class Histogram:
    """`counts[i]` values lie in `edges[i] <= value < edges[i + 1]`.

    `marks` are (name, value) pairs on the axis. `placed` are marks whose values stand in records of other kinds
    about the same unit, as (name, kind, figure): a page that has those asks for `placing`. Every bin is drawn
    equally wide, so that edges may be spaced as the values need; where they are not even, the axis says so. `notes` are lines
    of words below it.
    """

    type: ClassVar[str] = "histogram"

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    x_label: str
    marks: tuple[tuple[str, float], ...] = ()
    placed: tuple[tuple[str, str, str], ...] = ()
    notes: tuple[str, ...] = ()

    def blobs(self) -> Iterator[Blob]:
        yield from ()

    def drawing(self) -> Drawing:
        """A bar for each bin, and a line for each mark."""
        bins, tallest = len(self.counts), max(self.counts, default=0)
        # The names of marks stand above the bars.
        plot = Plot((0, max(bins, 1)), (0, max(tallest, 1) * (1 + 0.11 * len(self.marks))))
        every = max(-(-bins // 8), 1)
        first = self.edges.index(0) % every if 0 in self.edges else 0
        ticks = [
            (at, value_words(float(f"{self.edges[at]:.3g}"))) for at in range(first, len(self.edges), every)
        ]
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
        if not self.counts:
            return 0
        if value <= self.edges[0] or value >= self.edges[-1]:
            return 0 if value <= self.edges[0] else len(self.counts)
        index = bisect_right(self.edges, value) - 1
        low, high = self.edges[index], self.edges[index + 1]
        return index + (value - low) / (high - low)

    def placing(self, values: Mapping[str, float]) -> Histogram:
        """The histogram with values placed on it by name: each a mark, and a note of what it amounts to."""
        notes = [f"{name}: {value_words(value)}, {self.standing(value)}" for name, value in values.items()]
        return replace(self, marks=(*self.marks, *values.items()), placed=(), notes=(*self.notes, *notes))

    def standing(self, value: float) -> str:
        """Where a value stands: as a multiple of the first mark, and how much of what is counted lies below it.

        >>> Histogram((0.0, 1.0, 2.0), (30, 10), "peak", (("best", 1.5),)).standing(4.5)
        '3 times best, above all 40'
        """
        best = self.marks[0] if self.marks else ("", 0.0)
        multiple = value / best[1] if best[1] and value / best[1] > 0 else None
        first = "" if multiple is None else f"{value_words(float(f'{multiple:.3g}'))} times {best[0]}, "
        total, below = sum(self.counts), self.share_below(value)
        if below in (0, 1):
            return f"{first}{'above' if below else 'below'} all {value_words(total)}"
        return f"{first}above {value_words(float(f'{100 * below:.3g}'), '%')}"

    def share_below(self, value: float) -> float:
        """The share of all counts below a value; of the bin that it lies in as much as of the bin's width."""
        if not self.counts:
            return 0.0
        place = self._place(value)
        whole = int(place)
        part = self.counts[whole] * (place - whole) if whole < len(self.counts) else 0
        return (sum(self.counts[:whole]) + part) / max(sum(self.counts), 1)

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
        """The drawing as inline SVG, and the notes."""
        notes = "".join(f'<p class="words">{text(note)}</p>' for note in self.notes)
        return f"{self.drawing().svg()}{notes}"

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
            **({"notes": list(self.notes)} if self.notes else {}),
            **({"placed": [list(mark) for mark in self.placed]} if self.placed else {}),
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Histogram:
        marks = tuple((name, value) for name, value in row["marks"])
        placed = tuple((name, kind, figure) for name, kind, figure in row.get("placed", ()))
        return cls(
            tuple(row["edges"]),
            tuple(row["counts"]),
            row["x_label"],
            marks,
            placed,
            tuple(row.get("notes", ())),
        )
