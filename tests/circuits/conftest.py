# SPDX-License-Identifier: Apache-2.0
"""The nets of `wired`, loaded, and noise to run through them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))

from wired import SIZE, GatedNet, SmoothNet, joined_net

import pellucid as pl


@pytest.fixture(scope="session")
def joined() -> pl.Net:
    return pl.load(joined_net(), input=pl.ImageInput(SIZE))


@pytest.fixture(scope="session")
def smooth() -> pl.Net:
    torch.manual_seed(1)
    return pl.load(SmoothNet().eval(), input=pl.ImageInput(SIZE))


@pytest.fixture(scope="session")
def gated() -> pl.Net:
    torch.manual_seed(2)
    return pl.load(GatedNet().eval(), input=pl.ImageInput(SIZE))


@pytest.fixture(scope="session")
def noise() -> np.ndarray:
    """(10, SIZE, SIZE, 3) uint8."""
    return np.random.default_rng(0).integers(0, 256, (10, SIZE, SIZE, 3), dtype=np.uint8)


@pytest.fixture(scope="session")
def squeezenet(real_data: Path) -> pl.Net:
    folder = real_data / "squeezenet"
    return pl.load(
        "torchvision/squeezenet1_0",
        weights=str(folder / "squeezenet1_0.safetensors"),
        labels=str(folder / "labels.txt"),
    )
