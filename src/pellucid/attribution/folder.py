# SPDX-License-Identifier: Apache-2.0
"""Attributions of one image as files: a figure of each as PNG and SVG, and all maps as numbers."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.attribution.attribution import Attribution
from pellucid.figures.file import folder, write

__all__ = ["save_all"]


def save_all(found: Sequence[Attribution], directory: str | Path) -> list[tuple[Path, Path]]:
    """Write `METHOD.png` and `METHOD.svg` for each, and `attribution.npz` with each method's map (H, W); the figures' paths."""
    home = folder(directory)
    paths = []
    for one in found:
        page, source = one.page, one.provenance.to_json()
        png, svg = (home / f"{one.method}.{ending}" for ending in ("png", "svg"))
        paths.append((page.save(png, source), page.save(svg, source)))
    numbers = io.BytesIO()
    arrays: dict[str, Any] = {one.method: one.values for one in found}
    np.savez_compressed(numbers, **arrays)
    write(home / "attribution.npz", numbers.getvalue())
    return paths
