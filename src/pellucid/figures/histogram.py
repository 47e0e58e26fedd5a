# SPDX-License-Identifier: Apache-2.0
"""Counts between edges, with named marks on the axis."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from pellucid.figures.blob import Blob
from pellucid.figures.drawing import Box, Drawing, Line, Words, width_of
from pellucid.figures.markup import Link, for_notebook, text
from pellucid.figures.plot import HEIGHT, WIDTH, Plot
from pellucid.figures.stamp import write_png
from pellucid.figures.standing import End, standing
from pellucid.figures.words import value_words

__all__ = ["Histogram"]

BEYOND = 0.2  # how much of the bars' width is added for a mark beyond them
MOST_TICKS = 9


@dataclass(frozen=True)
class Histogram:
    """`counts[i]` values lie in `edges[i] <= value < edges[i + 1]`.

    `marks` are (name, value) pairs on the axis. `placed` are marks whose values stand in records of other kinds
    about the same unit, as (name, kind, figure): a page that has those asks for `placing`. Every bin is drawn
    equally wide, so that edges may be spaced as the values need; where they are not even, the axis says so. A mark beyond the
    edges stands past a break of the axis. `end` says which end of what is counted the first mark is. `notes` are lines of
    words below it.
    """

    type: ClassVar[str] = "histogram"

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    x_label: str
    marks: tuple[tuple[str, float], ...] = ()
    placed: tuple[tuple[str, str, str], ...] = ()
    notes: tuple[str, ...] = ()
    end: End = "highest"

    def blobs(self) -> Iterator[Blob]:
        yield from ()

    def drawing(self) -> Drawing:
        """A bar for each bin, and a line for each mark."""
        bins, tallest = len(self.counts), max(self.counts, default=0)
        places = self._places()
        room = BEYOND * max(bins, 1)
        span = (
            -room if min(places, default=0) < 0 else 0,
            max(bins, 1) + (room if max(places, default=0) > bins else 0),
        )
        # The names of marks stand above the bars.
        plot = Plot(span, (0, max(tallest, 1) * (1 + 0.11 * len(self.marks))))
        label = self.x_label if self._even() else f"{self.x_label} (bins of unequal width)"
        marks = (
            *self._bars(plot),
            *plot.frame(self._ticks(plot, places), label, "count"),
            *self._breaks(plot),
            *self._marks(plot, places),
        )
        return Drawing(WIDTH, HEIGHT, marks, self._alt())

    def _ticks(self, plot: Plot, places: Sequence[float]) -> list[tuple[float, str]]:
        """As many edges as have room for their words, the same number of bins apart and through zero, and what lies beyond."""
        bins = len(self.counts)
        outside = [
            (place, value_words(float(f"{value:.4g}")))
            for place, (_, value) in zip(places, self.marks, strict=True)
            if not 0 <= place <= bins
        ]
        while not plot.legible(sorted(outside)):
            outside.pop()
        edges: list[tuple[float, str]] = [
            (at, value_words(float(f"{edge:.3g}"))) for at, edge in enumerate(self.edges)
        ]
        clear = [tick for tick in edges if all(plot.legible(sorted([tick, other])) for other in outside)]
        zero = self.edges.index(0) if 0 in self.edges else 0
        for every in range(max(-(-bins // MOST_TICKS), 1), bins + 1):
            ticks = [tick for tick in clear if (tick[0] - zero) % every == 0]
            if plot.legible(ticks):
                return sorted([*ticks, *outside])
        return outside or edges[:1]

    def _breaks(self, plot: Plot) -> Iterator[Line]:
        """Two strokes across the axis where it breaks off."""
        base = plot.at(0, 0)[1]
        for place, outside in ((0, plot.x[0] < 0), (len(self.counts), plot.x[1] > max(len(self.counts), 1))):
            if outside:
                end = plot.x[0] if place == 0 else plot.x[1]
                middle = plot.at(place + (end - place) * 0.3, 0)[0]
                for x in (middle - 2, middle + 2):
                    yield Line(((x - 2, base + 5), (x + 2, base - 5)), "axis")

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

    def _marks(self, plot: Plot, places: Sequence[float]) -> Iterator[Line | Words]:
        """Each mark's line from its own words down, the words in rows, so that no line runs through them."""
        named = [
            (plot.at(place, 0)[0], f"{name}, {value_words(value)}")
            for place, (name, value) in zip(places, self.marks, strict=True)
        ]
        right = [x for x, words in named if x + 4 + width_of(words) <= WIDTH]
        left = [x for x, words in named if x - 4 - width_of(words) >= 0]
        rightward = (
            set(right)
            if len(right) == len(named)
            else set(right) - set(left)
            if len(left) < len(named)
            else set()
        )
        base, top = plot.at(0, 0)[1], plot.at(0, plot.y[1])[1]
        rows = sorted(
            named, key=lambda mark: (mark[0] in rightward, mark[0] * (1 if mark[0] in rightward else -1))
        )
        for row, (x, words) in enumerate(rows):
            y = top + 6 + 13 * row
            yield Line(((x, y - 8), (x, base)), "mark")
            early = x in rightward
            yield Words(x + 4 if early else x - 4, y, words, "mark", "start" if early else "end")

    def _places(self) -> list[float]:
        """Each mark as a count of bins from the left; beyond the edges it stands past a break, further out by its rank there."""
        values = sorted({value for _, value in self.marks})
        low = [value for value in values if self.edges and value < self.edges[0]][::-1]
        high = [value for value in values if self.edges and value > self.edges[-1]]
        room = BEYOND * len(self.counts)
        places = []
        for _, value in self.marks:
            rank = next((group.index(value) / len(group) for group in (low, high) if value in group), 0.0)
            out = room * (0.7 + 0.3 * rank)
            places.append(
                -out if value in low else len(self.counts) + out if value in high else self._place(value)
            )
        return places

    def _place(self, value: float) -> float:
        """A value between the edges as a count of bins from the left."""
        if not self.counts:
            return 0
        index = min(bisect_right(self.edges, value) - 1, len(self.counts) - 1)
        low, high = self.edges[index], self.edges[index + 1]
        return index + (value - low) / (high - low)

    def placing(self, values: Mapping[str, float]) -> Histogram:
        """The histogram with values placed on it by name: each a mark, and a note of what it amounts to."""
        notes = [f"{name}: {value_words(value)}, {self.standing(value)}" for name, value in values.items()]
        return replace(self, marks=(*self.marks, *values.items()), placed=(), notes=(*self.notes, *notes))

    def standing(self, value: float) -> str:
        """Where a value stands: beside the first mark, and among all that is counted, as far as the bins can tell.

        >>> Histogram((0.0, 1.0, 2.0), (30, 10), "peak", (("best", 1.5),)).standing(4.5)
        '3 times best, above all 40'
        """
        best = self.marks[0] if self.marks else None
        return standing(self.edges, self.counts, value, best, self.end)

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
            **({"end": self.end} if self.end != "highest" else {}),
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
            row.get("end", "highest"),
        )
