# SPDX-License-Identifier: Apache-2.0
"""Pictures and small nets of known answers, for whatever remakes an image."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from torch import nn

import pellucid as pl

SIZE = (20, 28)


@pytest.fixture
def picture() -> NDArray[np.uint8]:
    """(20, 28, 3) smooth colors, well inside the range."""
    y, x = np.mgrid[0:20, 0:28]
    waves = [np.sin(x / 4 + phase) * np.cos(y / 5 + 2 * phase) for phase in (0.0, 1.0, 2.0)]
    return np.rint(128 + 90 * np.stack(waves, -1)).astype(np.uint8)


@pytest.fixture
def net_of() -> Callable[..., pl.Net]:
    """From modules, in a row, to a net of inputs 20 high and 28 wide."""

    def made(*modules: nn.Module, channels: int = 3, size: tuple[int, int] = SIZE) -> pl.Net:
        return pl.load(nn.Sequential(*modules).eval(), input=pl.ImageInput(size, channels))

    return made
