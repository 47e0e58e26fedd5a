# SPDX-License-Identifier: Apache-2.0
"""Filters whose every property is known, because they are drawn from it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

GaborMaker = Callable[..., NDArray[np.float64]]


@pytest.fixture(scope="session")
def gabor() -> GaborMaker:
    """Gabors (3, size, size), written out pixel by pixel from the textbook formula, y down."""

    def draw(size, degrees, frequency, *, sigma, length=None, phase=0.0, color=(1, 1, 1), at=(0.0, 0.0)):
        filters = np.zeros((3, size, size))
        turn = np.radians(degrees)
        for row in range(size):
            for column in range(size):
                x, y = column - (size - 1) / 2 - at[0], row - (size - 1) / 2 - at[1]
                along, across = x * np.cos(turn) + y * np.sin(turn), -x * np.sin(turn) + y * np.cos(turn)
                window = np.exp(-(along**2) / (2 * sigma**2) - across**2 / (2 * (length or sigma) ** 2))
                value = window * np.cos(2 * np.pi * frequency * along + phase)
                filters[:, row, column] = value * np.array(color)
        return filters

    return draw
