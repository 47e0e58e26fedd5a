# SPDX-License-Identifier: Apache-2.0
"""How much of each pixel a shape covers, so that what has edges is drawn without stairs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pellucid.stimuli.frame import Frame

__all__ = ["Distance", "bar", "coverage", "disk", "finger", "half_plane", "ring_arc", "wedge"]

Floats = NDArray[np.float64]

# The signed distance of places (x, y) to a shape's border in pixels, negative inside; arrays in, an array out.
Distance = Callable[[Floats, Floats], Floats]

FINE = 8  # parts of a pixel's side at a border
REACH = 0.75  # from a pixel's center to its corner, and a little more


def coverage(frame: Frame, shape: Distance) -> Floats:
    """The share of each pixel that lies in a shape, (H, W) in 0..1.

    Pixels away from the border are in or out; at the border each is cut into 8 by 8 parts, and each part counts by its distance
    as if the border were straight within it. Straight borders are met within 0.001, circles of 2 px radius within 0.004.

    Examples
    --------
    >>> frame = Frame((20, 20), 1, (10.0, 10.0), 20.0)
    >>> round(float(coverage(frame, disk(5.0)).sum()), 1)  # 25 pi
    78.5
    """
    x, y = frame.places()
    far = shape(*np.broadcast_arrays(x, y))
    covered = (far < 0).astype(float)
    rows, columns = np.nonzero(np.abs(far) < REACH)
    if len(rows):
        part = (np.arange(FINE) + 0.5) / FINE - 0.5
        at_x = x[0, columns][:, None, None] + part[None, None, :]
        at_y = y[rows, 0][:, None, None] + part[None, :, None]
        parts = shape(*np.broadcast_arrays(at_x, at_y))
        covered[rows, columns] = np.clip(0.5 - parts * FINE, 0, 1).mean((1, 2))
    return covered


def half_plane(degrees: float, offset: float = 0.0) -> Distance:
    """All that lies toward an angle, beyond `offset` px from the center."""
    across, down = _unit(degrees)
    return lambda x, y: offset - (x * across + y * down)


def bar(degrees: float, width: float, offset: float = 0.0) -> Distance:
    """A bar without ends, `width` px wide; `degrees` is the direction across it."""
    across, down = _unit(degrees)
    return lambda x, y: np.abs(x * across + y * down - offset) - width / 2


def wedge(degrees: float, opening: float) -> Distance:
    """A corner with its tip at the center, that opens by `opening` degrees toward an angle."""
    first, second = half_plane(degrees + 90 - opening / 2), half_plane(degrees - 90 + opening / 2)
    return lambda x, y: np.maximum(first(x, y), second(x, y))


def disk(radius: float, center: tuple[float, float] = (0.0, 0.0)) -> Distance:
    """A disk; `center` from the field's center."""
    return lambda x, y: np.hypot(x - center[0], y - center[1]) - radius


def finger(degrees: float, radius: float) -> Distance:
    """A bar with a round tip that touches the center, and without an end toward an angle."""
    across, down = _unit(degrees)

    def distance(x: Floats, y: Floats) -> Floats:
        along = np.minimum(x * across + y * down - radius, 0)
        return np.hypot(along, y * across - x * down) - radius

    return distance


def ring_arc(radius: float, width: float, center: tuple[float, float] = (0.0, 0.0)) -> Distance:
    """A ring, `width` px wide, around a center."""
    return lambda x, y: np.abs(np.hypot(x - center[0], y - center[1]) - radius) - width / 2


def _unit(degrees: float) -> tuple[float, float]:
    """The unit vector of an angle; exact at right angles, so that upright edges are upright."""
    quarter, rest = divmod(degrees, 90)
    if rest == 0:
        return ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))[int(quarter) % 4]
    return float(np.cos(np.radians(degrees))), float(np.sin(np.radians(degrees)))
