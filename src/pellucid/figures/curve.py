# SPDX-License-Identifier: Apache-2.0
"""A line: y over x."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pellucid.figures.blob import Blob
from pellucid.figures.drawing import Drawing, Line
from pellucid.figures.markup import Link, for_notebook
from pellucid.figures.plot import HEIGHT, WIDTH, Plot, round_ticks
from pellucid.figures.stamp import write_png
from pellucid.figures.words import value_words

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

    def drawing(self) -> Drawing:
        """The line between two axes."""
        if not self.x:
            return Drawing(
                WIDTH, HEIGHT, tuple(Plot((0, 1), (0, 1)).frame((), self.x_label, self.y_label)), self._alt()
            )
        plot = Plot((min(self.x), max(self.x)), (min(self.y), max(self.y)))
        ticks = [(tick, value_words(tick)) for tick in round_ticks(*plot.x)]
        line = Line(tuple(plot.at(x, y) for x, y in zip(self.x, self.y, strict=True)), "line")
        return Drawing(WIDTH, HEIGHT, (*plot.frame(ticks, self.x_label, self.y_label), line), self._alt())

    def _alt(self) -> str:
        if not self.x:
            return f"{self.y_label} over {self.x_label}: no points"
        ends = f"from {value_words(self.y[0])} to {value_words(self.y[-1])}"
        span = f"between {value_words(min(self.y))} and {value_words(max(self.y))}"
        return f"{self.y_label} over {self.x_label}: {ends}, {span}"

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
            "x": list(self.x),
            "y": list(self.y),
            "x_label": self.x_label,
            "y_label": self.y_label,
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Curve:
        return cls(tuple(row["x"]), tuple(row["y"]), row["x_label"], row["y_label"])
