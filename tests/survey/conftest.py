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
