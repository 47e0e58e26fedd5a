# SPDX-License-Identifier: Apache-2.0
"""Stimuli in plain words."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pellucid.figures.words import value_words
from pellucid.stimuli.family import Stimulus, Value
from pellucid.stimuli.hues import hue_name
from pellucid.stimuli.wave_fit import PreferredWave

__all__ = ["phrase", "side", "stripes"]

SIDES = ("right", "lower right", "bottom", "lower left", "left", "upper left", "top", "upper right")
OPPOSITE = {"light": "dark", "dark": "light"}


def side(degrees: float) -> str:
    """Where an angle leads, in words.

    >>> side(90), side(-40)
    ('bottom', 'upper right')
    """
    return SIDES[round(degrees / 45) % 8]


def stripes(orientation: float, frequency: float) -> str:
    """A grating in words, by how its stripes run.

    >>> stripes(45.0, 0.125)
    'stripes that run at 135°, 8 px apart'
    """
    return f"stripes that run at {_along(orientation)}°, {_short(1 / frequency)} px apart"


def phrase(stimulus: Stimulus, wave: PreferredWave | None = None) -> str:
    """A stimulus in words; a grating by the fit where there is one."""
    if stimulus.family.name == "grating" and wave is not None:
        return stripes(wave.orientation_deg, wave.frequency)
    return _PHRASES[stimulus.family.name](stimulus.values)


def _grating(values: Mapping[str, Value]) -> str:
    return stripes(_number(values["orientation"]), _number(values["frequency"]))


def _gray(values: Mapping[str, Value]) -> str:
    level = _number(values["level"])
    return {0.0: "flat black", 1.0: "flat white"}.get(level, f"flat gray of {_short(level)}")


def _color(values: Mapping[str, Value]) -> str:
    hue = _number(values["hue"])
    return f"flat {hue_name(hue)} (hue {hue:.0f}°)"


def _color_grating(values: Mapping[str, Value]) -> str:
    return f"{str(values['colors']).replace(' and ', '-')} {_grating(values)}"


def _edge(values: Mapping[str, Value]) -> str:
    direction = _number(values["direction"])
    return f"edges that run at {_along(direction)}°, light at the {side(direction)}"


def _bar(values: Mapping[str, Value]) -> str:
    width, along = _short(_number(values["width"])), _along(_number(values["orientation"]))
    return f"{values['polarity']} bars {width} px wide that run at {along}°"


def _corner(values: Mapping[str, Value]) -> str:
    opening, toward = _number(values["opening"]), side(_number(values["direction"]))
    return f"{values['polarity']} corners of {opening:.0f}° that open to the {toward}"


def _curve(values: Mapping[str, Value]) -> str:
    bulge, radius = side(_number(values["direction"]) + 180), _short(_number(values["radius"]))
    polarity, what = str(values["profile"]).split()
    drawn = f"curved {polarity} lines" if what == "line" else f"round {polarity} tips"
    return f"{drawn} of {radius} px radius that bulge to the {bulge}"


def _disk(values: Mapping[str, Value]) -> str:
    polarity = str(values["polarity"])
    ring = "" if values["surround"] == "none" else f" in {OPPOSITE[polarity]} rings"
    return f"{polarity} disks of {_short(_number(values['radius']))} px radius{ring}"


def _color_disk(values: Mapping[str, Value]) -> str:
    hue = _number(values["hue"])
    ring = "" if values["surround"] == "none" else f" in {hue_name(hue + 180)} rings"
    return f"{hue_name(hue)} disks of {_short(_number(values['radius']))} px radius{ring}"


def _high_low(values: Mapping[str, Value]) -> str:
    direction = _number(values["direction"])
    return f"fine texture at the {side(direction)} beside coarse at the {side(direction + 180)}"


_PHRASES: dict[str, Callable[[Mapping[str, Value]], str]] = {
    "grating": _grating,
    "gray": _gray,
    "color": _color,
    "color_grating": _color_grating,
    "edge": _edge,
    "bar": _bar,
    "corner": _corner,
    "curve": _curve,
    "disk": _disk,
    "color_disk": _color_disk,
    "high_low": _high_low,
}


def _along(across: float) -> str:
    """The direction of lines from the direction across them, as a whole number in 0..179."""
    return f"{round(across + 90) % 180}"


def _number(value: Value) -> float:
    return float(value)


def _short(value: float) -> str:
    return value_words(float(f"{value:.2g}"))
