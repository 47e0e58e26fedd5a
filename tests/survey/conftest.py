# SPDX-License-Identifier: Apache-2.0
"""Pictures small enough to survey in a moment."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def small_photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty pictures of 32x32 noise, and one broken file."""
    home = tmp_path_factory.mktemp("small")
    rng = np.random.default_rng(0)
    for number in range(20):
        Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(home / f"{number:02}.png")
    (home / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing")
    return home


@pytest.fixture(scope="session")
def mostly_broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 files: a sound picture first, 30 broken ones, and 89 sound ones more: over a fifth is broken."""
    home = tmp_path_factory.mktemp("mostly")
    for number in range(120):
        path = home / f"{number:03}.png"
        if 1 <= number <= 30:
            path.write_bytes(b"\x89PNG\r\n\x1a\n nothing")
        else:
            Image.new("RGB", (32, 32), (number, 0, 0)).save(path)
    return home
