# SPDX-License-Identifier: Apache-2.0
"""Linear combinations: a unit's picture as the weighted sum of the pictures below it, as if nothing bent between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["combined", "signed_pixels"]

SPAN = 0.48  # how far from gray the strongest pixel goes
MOST_PX = 160


def signed_pixels(maps: NDArray[Any]) -> Image.Image:
    """Weights (C, h, w) on pixels as a picture around middle gray: in color where there are three channels, else their sum.

    Each picture has its own scale. Larger ones are reduced to 160 px, by areas.
    """
    signed = np.asarray(maps, np.float64).transpose(1, 2, 0)
    if signed.shape[2] != 3:
        signed = signed.sum(2, keepdims=True).repeat(3, 2)
    image = _around_gray(signed)
    longest = max(image.size)
    if longest > MOST_PX:
        size = (
            max(round(image.width * MOST_PX / longest), 1),
            max(round(image.height * MOST_PX / longest), 1),
        )
        image = image.resize(size, Image.Resampling.BOX)
    return image


def combined(pictures: Sequence[tuple[float, Image.Image]]) -> Image.Image | None:
    """The weighted sum of pictures, each taken from middle gray; None where there is none.

    Pictures of another size than the first are resized to it.

    References
    ----------
    Erhan et al. 2009, Visualizing higher-layer features of a deep network (linear combination of previous units); Lee et al.
    2008, Sparse deep belief net model for visual area V2.
    """
    if not pictures:
        return None
    size = pictures[0][1].size
    total = np.zeros((size[1], size[0], 3))
    for weight, picture in pictures:
        pixels = np.asarray(picture.convert("RGB").resize(size), np.float64)
        total += weight * (pixels / 255 - 0.5)
    return _around_gray(total)


def _around_gray(signed: NDArray[np.float64]) -> Image.Image:
    reach = np.abs(signed).max() or 1.0
    pixels = np.clip(0.5 + SPAN * signed / reach, 0, 1)
    return Image.fromarray((pixels * 255).round().astype(np.uint8))
