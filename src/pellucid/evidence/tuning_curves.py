# SPDX-License-Identifier: Apache-2.0
"""The curves of a tuning as figures: over the values of an axis, and of pictures moved about."""

from __future__ import annotations

from pellucid.evidence.moved import MOVES, Moved
from pellucid.figures import TuningCurve
from pellucid.figures.words import MINUS, value_words
from pellucid.stimuli import AxisTuning, Reading

__all__ = ["curve_figure", "move_figure", "shown_curves"]

HUES = tuple(
    (60.0 * turn, name) for turn, name in enumerate(("red", "yellow", "green", "cyan", "blue", "magenta"))
)
# The curves that every sheet shows, by family and axis: one for each thing that a unit may be tuned to.
SHEET = (
    ("grating", "orientation"),
    ("grating", "frequency"),
    ("edge", "direction"),
    ("curve", "radius"),
    ("curve", "direction"),
    ("color", "hue"),
)


def shown_curves(reading: Reading) -> list[tuple[str, str]]:
    """The curves of a sheet, by family and axis: all over numbers of the family that wins, then those of every sheet."""
    own: list[tuple[str, str]] = []
    if reading.best is not None:
        curves = reading.families[reading.best].curves.values()
        own = [(reading.best, one.axis.name) for one in curves if _is_drawn(one)]
    return list(dict.fromkeys([*own, *(one for one in SHEET if one[0] in reading.families)]))


def _is_drawn(curve: AxisTuning) -> bool:
    """Whether its values are numbers that other curves have not been freed of."""
    return not curve.axis.free and not any(isinstance(value, str) for value in curve.values)


def curve_figure(curve: AxisTuning, gray: float, preferred: float | None) -> TuningCurve:
    """A tuning curve over numbers as a figure."""
    axis = curve.axis
    degrees = axis.unit == "deg"
    notes = []
    if preferred is not None and degrees:
        notes.append(f"prefers {preferred:.0f}°")
    if curve.at_end:
        notes.append("at the end: the true one may lie beyond")
    if curve.bandwidth is not None:
        wide = (
            f"{curve.bandwidth:.0f}°" if degrees else f"{curve.bandwidth:.2g} {curve.bandwidth_unit}".strip()
        )
        notes.append(f"half height over {wide}")
    if curve.selectivity is not None:
        notes.append(f"selectivity {curve.selectivity:.2f}")
    return TuningCurve(
        tuple(float(value) for value in curve.values),
        curve.responses,
        axis.title,
        "response",
        gray,
        axis.period,
        axis.log,
        preferred,
        HUES if axis.name == "hue" else (),
        tuple(notes),
    )


def move_figure(one: Moved, move: str) -> TuningCurve:
    """The answers to a picture moved in one way."""
    curve, axis = one.curves[move], MOVES[move]
    own = 1.0 if axis.log else 0.0
    values = tuple(float(value) for value in curve.values)
    return TuningCurve(
        values,
        curve.responses,
        axis.title,
        "response",
        one.gray,
        axis.period,
        axis.log,
        own,
        (),
        (_kept_words(one, move),),
    )


def _kept_words(one: Moved, move: str) -> str:
    """How far a picture can be moved to each side until half of what it gives above gray is lost."""
    if move not in one.kept:
        return "as it is, no more than gray"
    axis, values = MOVES[move], one.curves[move].values

    def place(value: float) -> str:
        return f"{value:.0f}°" if axis.unit == "deg" else value_words(float(f"{value:.2g}"))

    low, high = one.kept[move]
    unit = "" if axis.unit == "deg" else f" {axis.unit}"
    if low is not None and high is not None:
        return f"half kept from {place(low)} to {place(high)}{unit}".replace("-", MINUS)
    if low is None and high is None:
        return "more than half kept throughout"
    first, last = (-180.0, 180.0) if axis.period else (float(values[0]), float(values[-1]))
    lost, end = (high, first) if high is not None else (low, last)
    return f"half lost at {place(lost or 0)}{unit}, kept to {place(end)}{unit}".replace("-", MINUS)
