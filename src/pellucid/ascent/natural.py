# SPDX-License-Identifier: Apache-2.0
"""Statistics of photographs, for inputs whose user has measured none of their own."""

from __future__ import annotations

import functools
from pathlib import Path

from pellucid.ascent.statistics import ImageStatistics

__all__ = ["natural"]


@functools.cache
def natural() -> ImageStatistics:
    """Sums over 256 squares of six photographs of everyday scenes, made by `scripts/measure_statistics.py`.

    Astronaut (NASA, public domain), cat (S. van der Walt, CC0), coffee (R. Michetti, CC0), flower (flickr vultilion, CC BY
    2.0), pagoda (danielbuechele, CC BY 2.0), rocket (SpaceX, public domain), as scikit-image and scikit-learn carry them.

    Examples
    --------
    >>> natural().items, natural().mean.round(1).tolist()
    (256, [0.5, 0.4, 0.3])
    """
    return ImageStatistics.from_bytes(Path(__file__).with_name("natural.safetensors").read_bytes())
