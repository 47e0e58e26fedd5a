# SPDX-License-Identifier: Apache-2.0
"""A network that counts red squares, with weights set by hand, images of squares, and an atlas of it over them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from chromium import browser as browser
from PIL import Image
from square_net import CountsSquares, with_squares

import pellucid as pl


@pytest.fixture(scope="session")
def net() -> pl.Net:
    return pl.load(CountsSquares().eval(), input=pl.ImageInput(32), labels=["red", "green"])


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty images of random squares in faint noise."""
    folder = tmp_path_factory.mktemp("squares")
    random = np.random.default_rng(0)
    for number in range(40):
        places = [(int(y), int(x), int(c)) for y, x, c in random.integers(0, (28, 28, 3), (number % 5, 3))]
        noise = random.integers(0, 40, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(np.maximum(with_squares(*places), noise)).save(folder / f"{number:02d}.png")
    return folder


@pytest.fixture(scope="session")
def atlas(net: pl.Net, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("atlas") / "squares.atlas"
    pl.survey(net, photos, path, "squares", kinds=["optimum", "examples"], settings={"steps": 4, "sign": "+"})
    return path
