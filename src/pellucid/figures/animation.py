# SPDX-License-Identifier: Apache-2.0
"""Pictures one after another in one file: an animated PNG, which shows its first picture where it cannot move."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image

from pellucid.errors import InputError
from pellucid.figures.stamp import stamp_chunk

__all__ = ["write_animation"]


def write_animation(
    pictures: Sequence[Image.Image],
    provenance: Mapping[str, Any],
    *,
    frame_ms: int = 120,
    last_ms: int = 1500,
) -> bytes:
    """An animated PNG that carries `provenance`; it begins again after the last picture has stood for a while.

    Raises
    ------
    InputError : no pictures, or provenance that JSON cannot hold

    Examples
    --------
    >>> animation = write_animation([Image.new("L", (8, 8), gray) for gray in (0, 128)], {"unit": "features.7:42"})
    >>> Image.open(io.BytesIO(animation)).n_frames
    2
    """
    if not pictures:
        raise InputError("an animation of no pictures; at least one is needed")
    encoded = io.BytesIO()
    first, *others = (Image.frombytes(each.mode, each.size, each.tobytes()) for each in pictures)
    first.save(
        encoded,
        "PNG",
        pnginfo=stamp_chunk(provenance),
        save_all=True,
        append_images=others,
        duration=[frame_ms] * len(others) + [last_ms],
        loop=0,
    )
    return encoded.getvalue()
