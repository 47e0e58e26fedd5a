# SPDX-License-Identifier: Apache-2.0
"""Measure the statistics of photographs that Pellucid ships, from photographs that scikit-image and scikit-learn carry.

python scripts/measure_statistics.py src/pellucid/ascent/natural.safetensors

Squares at several scales from the color photographs of everyday scenes among those of the demonstration; the same bytes on
every machine with the same NumPy and Pillow. Only sums over all of them are kept, from which no photograph can be rebuilt.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from pellucid.ascent.statistics import ImageStatistics
from pellucid.data.tiles import PHOTOGRAPHS, load_photograph
from pellucid.models import ImageInput

# Left out: gray ones, which know no color, and galaxies and retina, which are lit as no scene is.
SCENES = ("astronaut", "cat", "coffee", "flower", "pagoda", "rocket")
SIDE = 256
# Photograph pixels per pixel; each scene has those that fit.
SCALES = (1.0, 1.25, 1.5)
# Squares along each axis, evenly spread.
SPREAD = 4


def squares(photograph: Image.Image) -> list[Image.Image]:
    """Squares of SIDE pixels, at each scale SPREAD x SPREAD of them, that overlap."""
    width, height = photograph.size
    found = []
    for scale in SCALES:
        side = SIDE * scale
        if side > min(width, height):
            continue
        for top in np.linspace(0, height - side, SPREAD):
            for left in np.linspace(0, width - side, SPREAD):
                box = (left, top, left + side, top + side)
                found.append(photograph.resize((SIDE, SIDE), Image.Resampling.BOX, box=box))
    return found


def main() -> None:
    total = ImageStatistics(ImageInput(SIDE))
    for photograph in (each for each in PHOTOGRAPHS if each.name in SCENES):
        pixels = np.stack([np.asarray(each) for each in squares(load_photograph(photograph))]) / 255
        total.update(pixels.transpose(0, 3, 1, 2))
        print(f"{len(pixels)} squares of {photograph.credit}")
    Path(sys.argv[1]).write_bytes(total.to_bytes())
    print(
        f"{total.items} items, mean {total.mean.round(3)}, decay {total.decay:.3f}, axes\n{total.axes.round(3)}"
    )


if __name__ == "__main__":
    main()
