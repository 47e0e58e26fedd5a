# SPDX-License-Identifier: Apache-2.0
"""Shapes without stairs: areas against closed form, and pixels against a fine count."""

import numpy as np
import pytest

from pellucid.stimuli import Frame
from pellucid.stimuli.coverage import bar, coverage, disk, finger, half_plane, ring_arc, wedge

FRAME = Frame((40, 52), 1, (26.3, 19.8), 40.0)


def counted(shape, frame, parts=40):
    """The share of each pixel by brute force: many points in it, in or out."""
    height, width = frame.size
    step = (np.arange(parts) + 0.5) / parts
    shares = np.zeros(frame.size)
    for row in range(height):
        for column in range(width):
            x = column + step[None, :] - frame.center[0]
            y = row + step[:, None] - frame.center[1]
            shares[row, column] = (shape(*np.broadcast_arrays(x, y)) < 0).mean()
    return shares


@pytest.mark.parametrize(
    "shape",
    [half_plane(37, 1.4), bar(112, 3.3), wedge(20, 45), wedge(200, 135), disk(2.0), disk(7.7), ring_arc(6.2, 1.5, (3.0, 1.0)),
     finger(250, 4.4)],
    ids=["half plane", "bar", "sharp corner", "blunt corner", "small disk", "disk", "ring", "finger"],
)  # fmt: skip
def test_every_pixel_is_covered_as_a_fine_count_says(shape):
    assert np.abs(coverage(FRAME, shape) - counted(shape, FRAME)).max() < 0.02


@pytest.mark.parametrize("radius", [1.0, 2.0, 5.0, 14.5])
def test_areas_of_disks(radius):
    assert coverage(FRAME, disk(radius)).sum() == pytest.approx(np.pi * radius**2, rel=4e-3)


def test_upright_edges_are_exact():
    frame = Frame((8, 8), 1, (4.0, 4.0), 8.0)
    assert coverage(frame, half_plane(0, 0.25))[0].tolist() == [0, 0, 0, 0, 0.75, 1, 1, 1]
    assert coverage(frame, half_plane(270))[:, 0].tolist() == [1, 1, 1, 1, 0, 0, 0, 0]


def test_a_bar_is_as_wide_as_it_says():
    frame = Frame((9, 200), 1, (100.0, 4.5), 9.0)
    assert coverage(frame, bar(0, 3.3)).sum(1) == pytest.approx([3.3] * 9, abs=1e-9)
