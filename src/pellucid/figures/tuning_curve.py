# SPDX-License-Identifier: Apache-2.0
"""A tuning curve: responses to a row of stimuli, over a line or around a circle."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pellucid.figures.blob import Blob
from pellucid.figures.drawing import Box, Drawing, Line, Words
from pellucid.figures.markup import Link, for_notebook
from pellucid.figures.plot import HEIGHT, WIDTH, Plot, round_ticks
from pellucid.figures.stamp import write_png
from pellucid.figures.words import value_words

__all__ = ["TuningCurve"]

Mark = Box | Line | Words

DOT = 3.0
# A circle stands left on the sheet, its notes right of it.
MIDDLE, RADIUS, NOTES_LEFT, LETTER_LINE = (118.0, 107.0), 70.0, 232.0, 16.0
RING_STEPS = 72


@dataclass(frozen=True)
class TuningCurve:
    """`y`, responses, over `x`, the values of one axis of stimuli.

    `baseline` is the response to middle gray, drawn as a line or ring beside the curve. With a `period` (in the unit of x)
    the curve is drawn around a circle, from x to the right and clockwise, as angles run on a picture; one of 180 is drawn
    to both sides. With `log`, x is spaced by ratios. `preferred` is marked. `spokes` are (x, words) that name places of a
    circle; `notes` are lines of words beside it.
    """

    type: ClassVar[str] = "tuning_curve"

    x: tuple[float, ...]
    y: tuple[float, ...]
    x_label: str
    y_label: str
    baseline: float
    period: float | None = None
    log: bool = False
    preferred: float | None = None
    spokes: tuple[tuple[float, str], ...] = ()
    notes: tuple[str, ...] = ()

    def blobs(self) -> Iterator[Blob]:
        yield from ()

    def drawing(self) -> Drawing:
        """The curve with its baseline."""
        if not self.x or not self.period:
            marks = self._line() if self.x else Plot((0, 1), (0, 1)).frame((), self.x_label, self.y_label)
        else:
            marks = self._circle()
        return Drawing(WIDTH, HEIGHT, tuple(marks), self._alt())

    @property
    def _span(self) -> tuple[float, float]:
        """From the lowest to the highest of curve and baseline; never nothing."""
        low, high = min(*self.y, self.baseline), max(*self.y, self.baseline)
        return (low, high) if high > low else (low - 0.5, low + 0.5)

    def _scaled(self, x: float) -> float:
        return math.log2(x) if self.log and x > 0 else x

    def _line(self) -> list[Mark]:
        places = [self._scaled(x) for x in self.x]
        plot = Plot((min(places), max(places)), self._span)
        if self.log:  # the values themselves, as many as there is room for
            every = -(-len(self.x) // 8)
            ticks = [(self._scaled(x), value_words(float(f"{x:.2g}"))) for x in self.x[:: max(every, 1)]]
        else:
            ticks = [(tick, value_words(tick)) for tick in round_ticks(*plot.x)]
        marks: list[Mark] = [*plot.frame(ticks, self.x_label, self.y_label)]
        marks.append(Line((plot.at(plot.x[0], self.baseline), plot.at(plot.x[1], self.baseline)), "axis"))
        # Its name stands at the end where the curve is farther away.
        right = abs(self.y[-1] - self.baseline) > abs(self.y[0] - self.baseline)
        anchor: Literal["start", "end"] = "end" if right else "start"
        at = plot.at(plot.x[1 if right else 0], self.baseline)
        marks.append(Words(at[0] + (0 if right else 4), at[1] - 4, "gray", "words", anchor))
        marks.append(Line(tuple(plot.at(x, y) for x, y in zip(places, self.y, strict=True)), "line"))
        marks += [
            self._dot(*plot.at(place, y), x, y) for place, x, y in zip(places, self.x, self.y, strict=True)
        ]
        if self.preferred is not None and plot.x[0] <= self._scaled(self.preferred) <= plot.x[1]:
            low, where = (plot.at(self._scaled(self.preferred), end) for end in plot.y)
            marks.append(Line((low, where), "mark"))
            marks.append(Words(where[0], where[1] - 3, value_words(float(f"{self.preferred:.3g}")), "mark"))
        if self.notes:
            marks.append(Words(WIDTH - 14, 11, "; ".join(self.notes), "words", "end"))
        return marks

    def _circle(self) -> list[Mark]:
        sides = 2 if self.period == 180 else 1
        full = 360 / ((self.period or 360) * sides)
        marks: list[Mark] = [Words(4, 11, f"{self.y_label} over {self.x_label}", anchor="start")]
        marks += [Line(self._ring(1.0), "axis"), Line(self._ring(self._share(self.baseline)), "axis")]
        for x, words in self.spokes or self._quarters():
            angle = x * full
            marks.append(Line((_at(angle, 1.0), _at(angle, 1.06)), "axis"))
            marks.append(_spoke_words(angle, words))
        around = [
            (x * full + 180 * turn, x, y)
            for turn in range(sides)
            for x, y in zip(self.x, self.y, strict=True)
        ]
        closed = [*around, around[0]]
        marks.append(Line(tuple(_at(angle, self._share(y)) for angle, _, y in closed), "line"))
        marks += [self._dot(*_at(angle, self._share(y)), x, y) for angle, x, y in around]
        if self.preferred is not None:
            for turn in range(sides):
                angle = self.preferred * full + 180 * turn
                marks.append(Line((_at(angle, 0.0), _at(angle, 1.0)), "mark"))
        return [*marks, *self._legend()]

    def _legend(self) -> list[Mark]:
        low, high = self._span
        lines = [
            f"middle {value_words(low)}, rim {value_words(high)}",
            f"gray {value_words(self.baseline)}{', the inner ring' if 0 < self._share(self.baseline) < 1 else ''}",
            *self.notes,
        ]
        start = MIDDLE[1] - LETTER_LINE * (len(lines) - 1) / 2
        return [
            Words(NOTES_LEFT, start + LETTER_LINE * turn, words, "words", "start")
            for turn, words in enumerate(lines)
        ]

    def _quarters(self) -> list[tuple[float, str]]:
        period = self.period or 360
        return [(period * turn / 4, f"{period * turn / 4:g}°") for turn in range(4)]

    def _share(self, y: float) -> float:
        low, high = self._span
        return (y - low) / (high - low)

    def _ring(self, share: float) -> tuple[tuple[float, float], ...]:
        return tuple(_at(360 * step / RING_STEPS, share) for step in range(RING_STEPS + 1))

    def _dot(self, at_x: float, at_y: float, x: float, y: float) -> Box:
        return Box(at_x - DOT / 2, at_y - DOT / 2, DOT, DOT, "bar", f"{value_words(x)}: {value_words(y)}")

    def _alt(self) -> str:
        if not self.x:
            return f"{self.y_label} over {self.x_label}: no points"
        low, high = min(self.y), max(self.y)
        best = "" if self.preferred is None else f", highest at {value_words(self.preferred)}"
        span = f"from {value_words(low)} to {value_words(high)}"
        return f"{self.y_label} over {self.x_label}: {span}{best}; middle gray gives {value_words(self.baseline)}"

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
            **vars(self),
            "x": list(self.x),
            "y": list(self.y),
            "spokes": [list(spoke) for spoke in self.spokes],
            "notes": list(self.notes),
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> TuningCurve:
        return cls(
            tuple(row["x"]),
            tuple(row["y"]),
            row["x_label"],
            row["y_label"],
            row["baseline"],
            row["period"],
            row["log"],
            row["preferred"],
            tuple((place, words) for place, words in row["spokes"]),
            tuple(row["notes"]),
        )


def _at(degrees: float, share: float) -> tuple[float, float]:
    """A place on the circle: degrees from the right, clockwise; share of the radius."""
    radians = math.radians(degrees)
    return (
        MIDDLE[0] + RADIUS * share * math.cos(radians),
        MIDDLE[1] + RADIUS * share * math.sin(radians),
    )


def _spoke_words(degrees: float, words: str) -> Words:
    x, y = _at(degrees, 1.1)
    across = math.cos(math.radians(degrees))
    anchor: Literal["start", "middle", "end"] = (
        "start" if across > 0.3 else "end" if across < -0.3 else "middle"
    )
    down = math.sin(math.radians(degrees))
    return Words(x, y + 4 + 4 * down, words, "words", anchor)
