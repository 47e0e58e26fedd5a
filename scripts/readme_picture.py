# SPDX-License-Identifier: Apache-2.0
"""Draw the README's picture from the demonstration's atlas: optimum and strongest examples of some units, side by side.

python scripts/readme_picture.py demo/demo.atlas docs/_static/units.png conv3:4 conv4:10 ...
"""

from __future__ import annotations

import sys
from dataclasses import replace

from PIL import Image

import pellucid as pl
from pellucid.figures import Item, Items, Picture
from pellucid.figures.sheet import contact_sheet
from pellucid.figures.words import value_words
from pellucid.records import UnitQuery

SHOWN = 6


def with_bytes(atlas: pl.Atlas, item: Item) -> Item:
    """The item with the bytes of its preview."""
    return item if item.preview is None else replace(item, preview=atlas.blob(item.preview.hash))


def row(atlas: pl.Atlas, text: str) -> list[tuple[Image.Image, str]]:
    """The optimum of a unit and crops of its strongest items, with captions."""
    query = UnitQuery.parse(text)
    index = (query.indices or (0,))[0]
    optimum, examples = (atlas.record(kind, query.layer, index) for kind in ("optimum", "examples"))
    if optimum is None or examples is None:
        raise SystemExit(f"{text} is not in this atlas")
    picture, items = optimum.figures["positive"], examples.figures["max"]
    if not (isinstance(picture, Picture) and isinstance(items, Items)):
        raise SystemExit(f"{text} has no picture or no items")
    tiles = [(atlas.blob(picture.blob.hash).image(), f"{text}, optimized")]
    for item in items.items[:SHOWN]:
        tiles.append((with_bytes(atlas, item).tiles()[0], value_words(item.response)))
    return tiles


def main() -> None:
    path, out, *units = sys.argv[1:]
    with pl.Atlas.open(path) as atlas:
        tiles = [tile for unit in units for tile in row(atlas, unit)]
    contact_sheet(tiles, columns=SHOWN + 1, tile_px=112).save(out, optimize=True)


if __name__ == "__main__":
    main()
