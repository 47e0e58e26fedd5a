# SPDX-License-Identifier: Apache-2.0
"""The one table of families: what a unit is asked, with which values on which axes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from pellucid.errors import UnknownName, did_you_mean
from pellucid.stimuli import drawings
from pellucid.stimuli.family import Axis, Battery, Family, Value
from pellucid.stimuli.frame import Frame

__all__ = ["FAMILIES", "batteries", "left_out", "tabled"]

Values = Callable[[Frame], tuple[Value, ...]]

FASTEST = 0.4  # cycles per pixel: below half a cycle in every direction, with room for the fit on both sides
SLOWEST = 0.0125
SMALL = 32  # px: fields up to this side are asked as finely as they can tell gratings apart


def _circle(count: int, period: float) -> Values:
    steps = tuple(period * turn / count for turn in range(count))
    return lambda frame: steps


def _words(*words: str) -> Values:
    return lambda frame: words


def _spaced(first: float, last: float, count: int) -> tuple[Value, ...]:
    """Values in even ratios, rounded to four digits, each once."""
    values = np.geomspace(first, max(last, first), count)
    return tuple(dict.fromkeys(float(f"{value:.4g}") for value in values))


def frequencies(frame: Frame) -> tuple[Value, ...]:
    """From half a cycle in the field (80 px per cycle at most) to 0.4 cycles per pixel.

    Half an octave apart, and in small fields no farther than such a field can tell apart, a cycle in it; in large ones eight.
    """
    first = min(max(0.5 / frame.side, SLOWEST), FASTEST / 2)
    if frame.side > SMALL:
        return _spaced(first, FASTEST, 8)
    values = list(np.geomspace(first, FASTEST, round(2 * np.log2(FASTEST / first)) + 1))
    apart = 1 / frame.side
    slow = [value for value, faster in pairwise(values) if faster - value <= apart]
    last = slow[-1] if slow else first
    even = np.linspace(last, FASTEST, int(np.ceil((FASTEST - last) / apart)) + 1)
    return tuple(dict.fromkeys(float(f"{value:.4g}") for value in [*slow[:-1], *even]))


def orientations(frame: Frame) -> tuple[Value, ...]:
    """Every 10 degrees for small fields, which the first layers have, every 15 for large ones."""
    return _circle(18 if frame.side <= SMALL else 12, 180)(frame)


def widths(frame: Frame) -> tuple[Value, ...]:
    """Bars from one pixel (of large fields a fortieth) to two fifths of the field."""
    first = max(1.0, frame.side / 40)
    return _spaced(first, max(0.4 * frame.side, 2 * first), 6)


def color_frequencies(frame: Frame) -> tuple[Value, ...]:
    """Gratings of two colors from one cycle in the field to a quarter of a cycle per pixel."""
    first = min(max(1 / frame.side, SLOWEST), FASTEST / 4)
    return _spaced(first, 0.25, 3)


def radii(frame: Frame) -> tuple[Value, ...]:
    """Curves from 2 px (of large fields a sixteenth) to three fifths of the field."""
    first = max(2.0, frame.side / 16)
    return _spaced(first, max(0.6 * frame.side, 2 * first), 7)


def disks(frame: Frame) -> tuple[Value, ...]:
    """Disks from 1 px (of large fields a twenty-fourth) to half the field."""
    first = max(1.0, frame.side / 24)
    return _spaced(first, max(0.5 * frame.side, 2 * first), 6)


def color_disks(frame: Frame) -> tuple[Value, ...]:
    """The same, in four steps."""
    first = max(1.0, frame.side / 16)
    return _spaced(first, max(0.5 * frame.side, 2 * first), 4)


def offsets(frame: Frame) -> tuple[Value, ...]:
    """No shift; where positions lie at most 4 px apart also half of that, so that no edge falls between."""
    return (0.0, frame.stride / 2) if frame.stride <= 4 else (0.0,)


def textures(frame: Frame) -> tuple[Value, ...]:
    """Fine sides of two frequencies."""
    return (0.175, 0.35)


_POLARITY = Axis("polarity", "", _words("light", "dark"))
_SURROUND = Axis("surround", "", _words("none", "opposite"))
_ACROSS = "direction across the stripes"
_TOWARD = "direction"


def _direction(label: str, count: int) -> Axis:
    return Axis("direction", "deg", _circle(count, 360), 360, label=label)


def _table(count: int | None, phases: int, hues: int) -> tuple[Family, ...]:
    orientation = orientations if count is None else _circle(count, 180)
    return (
        Family(
            "grating",
            "gratings",
            (
                Axis("orientation", "deg", orientation, 180, label=f"orientation ({_ACROSS})"),
                Axis("frequency", "cycles/px", frequencies, log=True),
                Axis("phase", "deg", _circle(phases, 360), 360, free=True, label="phase at the center"),
            ),
            drawings.grating,
            "center",
        ),
        Family(
            "gray",
            "flat gray",
            (
                Axis(
                    "level",
                    "",
                    lambda frame: tuple(step / 8 for step in range(9)),
                    whole=True,
                    label="gray, 0 to 1",
                ),
            ),
            drawings.gray_field,
            "center",
        ),
        Family(
            "color",
            "flat colors",
            (Axis("hue", "deg", _circle(hues, 360), 360),),
            drawings.color_field,
            "center",
            colored=True,
        ),
        Family(
            "color_grating",
            "gratings of two colors",
            (
                Axis("colors", "", _words("red and green", "blue and yellow")),
                Axis("orientation", "deg", _circle(6, 180), 180, label=f"orientation ({_ACROSS})"),
                Axis("frequency", "cycles/px", color_frequencies, log=True),
                Axis("phase", "deg", _circle(4, 360), 360, free=True, label="phase at the center"),
            ),
            drawings.color_grating,
            "center",
            colored=True,
        ),
        Family(
            "edge",
            "edges",
            (
                _direction(f"{_TOWARD} toward the light side", 16),
                Axis("offset", "px", offsets, free=True),
            ),
            drawings.edge,
            "near",
        ),
        Family(
            "bar",
            "bars",
            (
                Axis(
                    "orientation",
                    "deg",
                    _circle(12, 180),
                    180,
                    label="orientation (direction across the bar)",
                ),
                Axis("width", "px", widths, log=True),
                _POLARITY,
            ),
            drawings.bars,
            "near",
        ),
        Family(
            "corner",
            "corners",
            (
                _direction(f"{_TOWARD} in which the corner opens", 8),
                Axis("opening", "deg", lambda frame: (45.0, 90.0, 135.0)),
                _POLARITY,
            ),
            drawings.corner,
            "near",
        ),
        Family(
            "curve",
            "curves",
            (
                _direction(f"{_TOWARD} toward the curve's center", 12),
                Axis("radius", "px", radii, log=True),
                Axis("profile", "", _words("light line", "dark line", "light inside", "dark inside")),
            ),
            drawings.curve,
            "around",
        ),
        Family(
            "disk",
            "gray disks",
            (Axis("radius", "px", disks, log=True), _POLARITY, _SURROUND),
            drawings.gray_disk,
            "center",
        ),
        Family(
            "color_disk",
            "colored disks",
            (
                Axis("hue", "deg", _circle(6, 360), 360),
                Axis("radius", "px", color_disks, log=True),
                _SURROUND,
            ),
            drawings.color_disk,
            "center",
            colored=True,
        ),
        Family(
            "high_low",
            "fine beside coarse",
            (
                _direction(f"{_TOWARD} toward the fine side", 12),
                Axis("frequency", "cycles/px", textures, log=True, free=True),
                Axis("polarity", "", _words("light", "dark"), free=True),
            ),
            drawings.high_low,
            "center",
        ),
    )


FAMILIES: dict[str, Family] = {family.name: family for family in _table(None, 6, 36)}


def tabled(
    names: tuple[str, ...], *, orientations: int = 12, phases: int = 6, hues: int = 36
) -> list[Family]:
    """The families of these names in the order of the table, with as many orientations, phases and hues.

    Raises
    ------
    UnknownName : there is no such family
    """
    for name in names:
        if name not in FAMILIES:
            raise UnknownName(f"no family of stimuli is called {name!r}; {did_you_mean(name, FAMILIES, 12)}")
    return [family for family in _table(orientations, phases, hues) if family.name in names]


def batteries(families: list[Family], frame: Frame) -> list[Battery]:
    """The stimuli of those families that can be drawn in a frame.

    >>> frame = Frame((64, 64), 3, (32.0, 32.0), 21.0)
    >>> sum(map(len, batteries(tabled(tuple(FAMILIES)), frame)))
    1733
    """
    return [Battery.of(family, frame) for family in families if frame.colored or not family.colored]


def left_out(families: list[Family], frame: Frame) -> dict[str, str]:
    """Which families cannot be drawn in a frame, and why."""
    reason = f"colors need red, green and blue; this input has {frame.channels} channel{'s' * (frame.channels > 1)}"
    return {family.name: reason for family in families if family.colored and not frame.colored}
