# SPDX-License-Identifier: Apache-2.0
"""A network whose weights are set by hand, and pictures in which the right answers are planted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from nets import edge_picture, planted_net
from PIL import Image

import pellucid as pl


@pytest.fixture(scope="session")
def planted() -> pl.Net:
    return pl.load(planted_net(), input=pl.ImageInput(32))


@pytest.fixture(scope="session")
def planted_photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten gray pictures, one with the edge at column 20, one of pure red, one of pure green, and one broken file."""
    home = tmp_path_factory.mktemp("planted")
    for number in range(10):
        Image.new("RGB", (32, 32), (100 + number,) * 3).save(home / f"gray-{number}.png")
    edge = (edge_picture(32, 20).numpy().transpose(1, 2, 0) * 255).astype(np.uint8)
    Image.fromarray(edge).save(home / "edge.png")
    Image.new("RGB", (32, 32), (255, 0, 0)).save(home / "red.png")
    Image.new("RGB", (32, 32), (0, 255, 0)).save(home / "green.png")
    (home / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing")
    return home
