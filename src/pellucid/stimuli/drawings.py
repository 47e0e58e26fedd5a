# SPDX-License-Identifier: Apache-2.0
"""How each stimulus is drawn: pure functions from a frame and numbers to values in 0..1, (H, W) or with color (3, H, W)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pellucid.stimuli.coverage import bar, coverage, disk, finger, half_plane, ring_arc, wedge
from pellucid.stimuli.frame import DARK, GROUND, LIGHT, Frame
from pellucid.stimuli.hues import hue_color

__all__ = [
    "bars",
    "color_disk",
    "color_field",
    "color_grating",
    "corner",
    "curve",
    "edge",
    "grating",
    "gray_disk",
    "gray_field",
    "high_low",
]

Floats = NDArray[np.float64]

ARC_FULL, ARC_END = (
    60.0,
    90.0,
)  # degrees from a curve's apex: drawn in full up to the first, faded at the second
WAVES = 6  # of a texture: as many directions
COARSER = 5.0  # how much longer the waves of the coarse side are
SPREAD = 0.2  # standard deviation of a texture


def gray_field(frame: Frame, level: float) -> Floats:
    """One gray everywhere."""
    return np.full(frame.size, float(level))


def color_field(frame: Frame, hue: float) -> Floats:
    """HSL(hue, 1, 0.5) everywhere."""
    return np.broadcast_to(hue_color(hue)[:, None, None], (3, *frame.size)).copy()


def grating(frame: Frame, orientation: float, frequency: float, phase: float) -> Floats:
    """A sinusoid of full contrast about middle gray; at phase 0 a light crest runs through the field's center.

    Sampled at the pixels' centers, which loses nothing below half a cycle per pixel; a mean over each pixel would weaken fast
    gratings and move what is preferred.
    """
    x, y = frame.places()
    radians = np.radians(orientation)
    along = x * np.cos(radians) + y * np.sin(radians)
    return np.asarray(GROUND + 0.5 * np.cos(2 * np.pi * frequency * along + np.radians(phase)))


def color_grating(frame: Frame, colors: str, orientation: float, frequency: float, phase: float) -> Floats:
    """A sinusoid between two colors about middle gray, red, green and blue summing to the same everywhere.

    `red and green`: red and green swing against one another at full contrast; `blue and yellow`: blue swings in full against red
    and green at half. At phase 0 a crest of the first color runs through the field's center. A unit that adds up red, green
    and blue alike sees nothing of it.
    """
    wave = grating(frame, orientation, frequency, phase) - GROUND
    swing = np.array([1.0, -1.0, 0.0] if colors.startswith("red") else [-0.5, -0.5, 1.0])
    return np.asarray(GROUND + swing[:, None, None] * wave)


def edge(frame: Frame, direction: float, offset: float) -> Floats:
    """A straight edge between dark and light; light lies toward `direction`, the edge `offset` px from the field's center."""
    return DARK + (LIGHT - DARK) * coverage(frame, half_plane(direction, offset))


def bars(frame: Frame, orientation: float, width: float, polarity: str) -> Floats:
    """A straight bar through the field's center, light on dark or dark on light."""
    return _drawn(coverage(frame, bar(orientation, width)), polarity)


def corner(frame: Frame, direction: float, opening: float, polarity: str) -> Floats:
    """A wedge with its tip at the field's center, light on dark or dark on light."""
    return _drawn(coverage(frame, wedge(direction, opening)), polarity)


def curve(frame: Frame, direction: float, radius: float, profile: str) -> Floats:
    """Half a circle through the field's center, whose own center lies toward `direction`.

    As a `light line` on dark or a `dark line` on light, a sixteenth of the field wide, its ends faded out; or as the round tip
    of something `light inside` on dark or `dark inside` on light, as wide as the circle, that goes on toward `direction`.
    """
    toward = np.radians(direction)
    center = (radius * float(np.cos(toward)), radius * float(np.sin(toward)))
    if not profile.endswith("line"):
        return _drawn(coverage(frame, finger(direction, radius)), profile.split()[0])
    x, y = frame.places()
    around = np.degrees(np.arctan2(y - center[1], x - center[0])) - (direction + 180)
    from_apex = np.abs((around + 180) % 360 - 180)
    shown = np.clip((ARC_END - from_apex) / (ARC_END - ARC_FULL), 0, 1)
    width = min(max(frame.side / 16, 1.5), radius)
    return _drawn(shown * coverage(frame, ring_arc(radius, width, center)), profile.split()[0])


def gray_disk(frame: Frame, radius: float, polarity: str, surround: str) -> Floats:
    """A disk on middle gray, alone or in a ring of the opposite as wide as its radius."""
    inner, outer = coverage(frame, disk(radius)), coverage(frame, disk(2 * radius))
    sign = 1 if polarity == "light" else -1
    ring = 0.0 if surround == "none" else 1.0
    return GROUND + sign * 0.5 * (inner - ring * (outer - inner))


def color_disk(frame: Frame, hue: float, radius: float, surround: str) -> Floats:
    """A disk of one hue on middle gray, alone or in a ring of the complementary hue."""
    inner, outer = coverage(frame, disk(radius)), coverage(frame, disk(2 * radius))
    center, ring = hue_color(hue)[:, None, None], hue_color(hue + 180)[:, None, None]
    drawn = GROUND + (center - GROUND) * inner
    return np.asarray(drawn if surround == "none" else drawn + (ring - GROUND) * (outer - inner))


def high_low(frame: Frame, direction: float, frequency: float, polarity: str) -> Floats:
    """Fine texture toward `direction`, the same texture five times coarser on the other side, both of one mean and spread.

    A texture is a sum of waves of one frequency in six directions, each with a phase of its own that is always the same.
    """
    fine_side = coverage(frame, half_plane(direction))
    fine, coarse = _texture(frame, frequency), _texture(frame, frequency / COARSER)
    sign = 1 if polarity == "light" else -1
    return np.asarray(np.clip(GROUND + sign * SPREAD * (fine * fine_side + coarse * (1 - fine_side)), 0, 1))


def _texture(frame: Frame, frequency: float) -> Floats:
    """A sum of waves of unit variance."""
    x, y = frame.places()
    waves = np.zeros(frame.size)
    for number in range(WAVES):
        turn = np.pi * (number + 0.5) / WAVES
        phase = 2 * np.pi * (number * 0.6180339887498949 % 1)  # spread evenly, in no order
        waves += np.cos(2 * np.pi * frequency * (x * np.cos(turn) + y * np.sin(turn)) + phase)
    return np.asarray(waves * np.sqrt(2 / WAVES))


def _drawn(covered: Floats, polarity: str) -> Floats:
    """Light on dark, or dark on light."""
    return DARK + (LIGHT - DARK) * (covered if polarity == "light" else 1 - covered)
