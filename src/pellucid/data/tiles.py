# SPDX-License-Identifier: Apache-2.0
"""The demo data: square tiles, at several scales, of photographs that scikit-image and scikit-learn carry.

No image file is shipped with Pellucid. Only photographs with a stated licence are used, and each is credited.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.util
import random
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from pellucid.data.classes import Classed, Classes, classes_by_folder
from pellucid.errors import InputError, MissingExtra

__all__ = ["PHOTOGRAPHS", "TILE_PX", "Photograph", "Tile", "Tiles", "load_photograph"]

TILE_PX = 96
TILES_PER_PHOTOGRAPH = 144
SEED = 2026
# Photograph pixels per tile pixel; a photograph has those that leave its tiles room to differ.
SCALES = (0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
LARGEST_SHARE = 0.6
# The plane's analogue of the golden ratio: multiples of these two numbers, modulo 1, fill a square evenly
# (the R2 sequence, M. Roberts 2018), so that tiles are spread and seldom near-copies of one another.
SPREAD = (0.7548776662466927, 0.5698402909980532)


@dataclass(frozen=True)
class Photograph:
    """One photograph: what it shows, who made it, under which licence, and where it is carried.

    `file` is a function of `skimage.data`, or what `sklearn.datasets.load_sample_image` takes; `size` is
    (width, height) in pixels; `region` is the part `(x0, y0, x1, y1)` that tiles come from, by default all.
    """

    name: str
    shows: str
    author: str
    licence: str
    library: str
    file: str
    size: tuple[int, int]
    region: tuple[int, int, int, int] | None = None

    @property
    def credit(self) -> str:
        """One line with all that attribution needs."""
        return f"{self.name}: {self.shows}; {self.author}; {self.licence}; from {self.library} ({self.file})"

    @property
    def box(self) -> tuple[int, int, int, int]:
        """`(x0, y0, x1, y1)` of the part that tiles come from, in photograph pixels, half-open."""
        return self.region or (0, 0, *self.size)

    @property
    def scales(self) -> tuple[float, ...]:
        """The scales at which a tile covers at most 0.6 of the box's shorter side."""
        x0, y0, x1, y1 = self.box
        return tuple(scale for scale in SCALES if TILE_PX * scale <= LARGEST_SHARE * min(x1 - x0, y1 - y0))


_CC0 = "CC0 1.0"
_PUBLIC_DOMAIN = "public domain"
_CC_BY = "CC BY 2.0"
_SKIMAGE = "scikit-image"
_SKLEARN = "scikit-learn"

# Left out, as their docstrings in scikit-image 0.26 state no licence: stereo_motorcycle, lfw_subset, moon and
# page; coins and immunohistochemistry say "no known copyright restrictions" only, which is no licence.
# Left out, as their tiles would show little: clock (motion blur), microaneurysms (102 px), horse (outline).
PHOTOGRAPHS = (
    Photograph("astronaut", "Eileen Collins", "NASA", _PUBLIC_DOMAIN, _SKIMAGE, "astronaut", (512, 512)),
    Photograph("brick", "a brick wall", "CC0Textures, Bricks25", _CC0, _SKIMAGE, "brick", (512, 512)),
    Photograph("camera", "a man with a film camera", "Lav Varshney", _CC0, _SKIMAGE, "camera", (512, 512)),
    Photograph("cat", "the cat Chelsea", "Stefan van der Walt", _CC0, _SKIMAGE, "chelsea", (451, 300)),
    Photograph(
        "cell",
        "a cell in saline, phase image",
        "Paul Müller and others 2018",
        _CC0,
        _SKIMAGE,
        "cell",
        (550, 660),
        (200, 180, 550, 560),
    ),
    Photograph("coffee", "a cup of coffee", "Rachel Michetti", _CC0, _SKIMAGE, "coffee", (600, 400)),
    Photograph(
        "flower",
        "a dahlia",
        "flickr.com/photos/vultilion/6056698931 (scikit-learn names danielbuechele)",
        _CC_BY,
        _SKLEARN,
        "flower.jpg",
        (640, 427),
        (110, 40, 560, 427),
    ),
    Photograph(
        "galaxies",
        "Hubble eXtreme Deep Field",
        "NASA",
        _PUBLIC_DOMAIN,
        _SKIMAGE,
        "hubble_deep_field",
        (1000, 872),
    ),
    Photograph("grass", "grass", "linolafett (DeviantArt)", _CC0, _SKIMAGE, "grass", (512, 512)),
    Photograph("gravel", "gravel", "CC0Textures, Gravel04", _CC0, _SKIMAGE, "gravel", (512, 512)),
    Photograph(
        "pagoda",
        "a pagoda by a lake",
        "danielbuechele, flickr.com/photos/danielbuechele/6061409035",
        _CC_BY,
        _SKLEARN,
        "china.jpg",
        (640, 427),
    ),
    Photograph(
        "retina",
        "a human retina",
        "Mikael Häggström 2014",
        _CC0,
        _SKIMAGE,
        "retina",
        (1411, 1411),
        (210, 210, 1200, 1200),
    ),
    Photograph(
        "rocket", "a Falcon 9 before launch", "SpaceX", _PUBLIC_DOMAIN, _SKIMAGE, "rocket", (640, 427)
    ),
    Photograph(
        "text",
        "handwriting on squared paper",
        "Wikipedia, Corner.png",
        _PUBLIC_DOMAIN,
        _SKIMAGE,
        "text",
        (448, 172),
    ),
)


@dataclass(frozen=True)
class Tile:
    """A square of a photograph: its top left corner, and how many photograph pixels make one of the tile's."""

    photograph: Photograph
    x: int
    y: int
    scale: float

    @property
    def name(self) -> str:
        """`PHOTO/x,y,scale`.

        >>> Tile(PHOTOGRAPHS[1], 30, 200, 1.5).name
        'brick/30,200,1.5'
        """
        return f"{self.photograph.name}/{self.x},{self.y},{self.scale:g}"

    def image(self) -> Image.Image:
        """The tile's pixels: a 96 x 96 RGB picture."""
        side_px = TILE_PX * self.scale
        box = (self.x, self.y, self.x + side_px, self.y + side_px)
        return load_photograph(self.photograph).resize((TILE_PX, TILE_PX), Image.Resampling.BICUBIC, box=box)


class Tiles(Classed):
    """About 2,000 tiles of 96 px, 144 from each of 14 photographs, the same on every machine.

    The listing needs no photograph; pixels come from scikit-image and scikit-learn, on first use.

    Raises
    ------
    MissingExtra : scikit-image or scikit-learn is not installed

    Examples
    --------
    >>> tiles = Tiles()
    >>> len(tiles.names), tiles.names[0], tiles.image(0).size
    (2016, 'astronaut/10,57,3', (96, 96))
    """

    name = "demo"

    def __init__(self) -> None:
        absent = [module for module in ("skimage", "sklearn") if importlib.util.find_spec(module) is None]
        if absent:
            raise MissingExtra(
                "the demo photographs come with scikit-image and scikit-learn; not installed: "
                f'{", ".join(absent)}. What would work: pip install "pellucid[demo]"'
            )
        # Python orders strings by code point, which is the order of their UTF-8 bytes.
        self._tiles = tuple(sorted(_spread_tiles(), key=lambda tile: tile.name))
        self.names: tuple[str, ...] = tuple(tile.name for tile in self._tiles)
        self.labels: tuple[str, ...] = tuple(photograph.name for photograph in PHOTOGRAPHS)
        self.credits: tuple[str, ...] = tuple(photograph.credit for photograph in PHOTOGRAPHS)

    @property
    def listing_digest(self) -> str:
        """SHA-256 of all names, each closed by a zero byte."""
        return hashlib.sha256("".join(name + "\0" for name in self.names).encode()).hexdigest()

    def _find_classes(self) -> Classes:
        return classes_by_folder(self.names)

    def label(self, row: int) -> str:
        """The class of an item: the photograph it is from."""
        return self._tiles[row].photograph.name

    def image(self, row: int) -> Image.Image:
        """The item as a 96 x 96 RGB picture."""
        return self._tiles[row].image()


def _spread_tiles() -> Iterator[Tile]:
    draws = random.Random(SEED)
    for photograph in PHOTOGRAPHS:
        x0, y0, x1, y1 = photograph.box
        for scale, count in _counts(photograph.scales):
            u, v = draws.random(), draws.random()
            side_px = TILE_PX * scale
            for _ in range(count):
                u, v = (u + SPREAD[0]) % 1, (v + SPREAD[1]) % 1
                yield Tile(
                    photograph, x0 + int(u * (x1 - x0 - side_px)), y0 + int(v * (y1 - y0 - side_px)), scale
                )


def _counts(scales: tuple[float, ...]) -> Iterator[tuple[float, int]]:
    """How many tiles of each scale: nearly equal, the finest scales first where it does not divide."""
    share, left_over = divmod(TILES_PER_PHOTOGRAPH, len(scales))
    for place, scale in enumerate(scales):
        yield scale, share + (place < left_over)


@functools.cache
def load_photograph(photograph: Photograph) -> Image.Image:
    """The whole photograph as an RGB picture, gray ones with three equal channels.

    Raises
    ------
    InputError : the installed library carries another picture under this name
    """
    if photograph.library == _SKIMAGE:
        pixels = getattr(importlib.import_module("skimage.data"), photograph.file)()
    else:
        pixels = importlib.import_module("sklearn.datasets").load_sample_image(photograph.file)
    picture = Image.fromarray(pixels).convert("RGB")
    if picture.size != photograph.size:
        raise InputError(
            f"{photograph.library}'s {photograph.file} has {picture.size[0]} x {picture.size[1]} px, not the "
            f"{photograph.size[0]} x {photograph.size[1]} of the photograph the demo was made with: "
            'pip install --upgrade "pellucid[demo]"'
        )
    return picture
