# SPDX-License-Identifier: Apache-2.0
"""Pictures remade from one image: what all ways of remaking have in common, and how they are shown beside the image."""

from __future__ import annotations

import abc
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pellucid.ascent import band_sheet
from pellucid.errors import InputError
from pellucid.figures.file import folder, picture_path, write
from pellucid.figures.sheet import contact_sheet
from pellucid.figures.stamp import write_png
from pellucid.records import Provenance

__all__ = ["Remade", "RemadePictures", "file_name", "shown_image"]

TILE_PX = 240


@dataclass(frozen=True, eq=False, kw_only=True)
class Remade(abc.ABC):
    """One picture remade from an image.

    Parameters
    ----------
    subject : the layer or unit that it is about
    pixels : (H, W, C) uint8, sRGB; all values told of it are of exactly these
    original : (H, W, C) uint8, the image as the net is fed it
    history : the objective at each step, as the net saw it then
    clipped : share of channel values at the ends of the range
    diagnosis, advice : what may be wrong with the picture, as for optima; None and empty for a sound one
    micro_batch : set where memory ran out on the way, and the picture is not bit-reproducible
    """

    subject: str
    pixels: NDArray[np.uint8] = field(repr=False)
    original: NDArray[np.uint8] = field(repr=False)
    history: tuple[float, ...] = field(repr=False)
    seconds: float
    seed: int
    clipped: float
    diagnosis: str | None
    advice: str
    provenance: Provenance = field(repr=False)
    micro_batch: int | None = None

    @property
    def image(self) -> Image.Image:
        """The picture: RGB or gray; another number of bands side by side in gray."""
        return shown_image(self.pixels)

    @property
    @abc.abstractmethod
    def caption(self) -> str:
        """Two or three short lines: what it is about, and its values."""

    @abc.abstractmethod
    def values(self) -> dict[str, Any]:
        """What is particular to it, as JSON values."""

    def __repr__(self) -> str:
        return f"<{self.provenance.method} of {' '.join(self.caption.split())}>"

    def png(self) -> bytes:
        """The picture as a PNG that carries its provenance."""
        return write_png(self.image, self.provenance.to_json())

    def save(self, path: str | Path) -> Path:
        """Write the picture as a PNG that carries its provenance."""
        return write(picture_path(path), self.png())

    def plot(self) -> Image.Image:
        """The image and the picture side by side, each with its caption."""
        return _sheet([self], self.provenance.net)

    def to_json(self) -> dict[str, Any]:
        return {
            **self.values(),
            "steps": len(self.history),
            "seconds": round(self.seconds, 4),
            "seed": self.seed,
            "clipped": self.clipped,
            "diagnosis": self.diagnosis,
            "advice": self.advice or None,
            "bit_reproducible": self.micro_batch is None,
        }

    def _repr_png_(self) -> bytes:
        return write_png(self.plot(), self.provenance.to_json())


Made = TypeVar("Made", bound=Remade)


class RemadePictures(Sequence[Made], Generic[Made]):
    """Pictures remade from one image, in the order asked."""

    def __init__(self, pictures: Iterable[Made], seconds: float) -> None:
        self._pictures = tuple(pictures)
        self.seconds = seconds

    def __len__(self) -> int:
        return len(self._pictures)

    @overload
    def __getitem__(self, place: int) -> Made: ...
    @overload
    def __getitem__(self, place: slice) -> RemadePictures[Made]: ...
    def __getitem__(self, place: int | slice) -> Made | RemadePictures[Made]:
        found = self._pictures[place]
        return RemadePictures(found, self.seconds) if isinstance(found, tuple) else found

    def __repr__(self) -> str:
        return f"<{len(self)} pictures remade from one image in {self.seconds:.1f} s>"

    def plot(self) -> Image.Image:
        """The image and all pictures on one sheet, each with its caption."""
        return _sheet(self, self[0].provenance.net)

    def png(self) -> bytes:
        """The sheet as a PNG that carries what all its pictures have in common, and what they are about."""
        source = self[0].provenance.to_json()
        return write_png(self.plot(), {**source, "unit": None, "units": [one.subject for one in self]})

    def save(self, directory: str | Path) -> list[Path]:
        """One PNG for each picture, `image.png` as the net is fed it, and `sheet.png`; the paths of the pictures, in order."""
        home = folder(directory)
        names = [file_name(one.subject) for one in self]
        if len(set(names)) < len(names):
            names = [f"{name}-{number}" for number, name in enumerate(names)]
        paths = [one.save(home / f"{name}.png") for one, name in zip(self, names, strict=True)]
        write(home / "image.png", write_png(shown_image(self[0].original), {}))
        write(home / "sheet.png", self.png())
        return paths

    def to_json(self) -> dict[str, Any]:
        return {"pictures": [one.to_json() for one in self], "seconds": round(self.seconds, 3)}

    def _repr_png_(self) -> bytes:
        return self.png()


def shown_image(pixels: NDArray[np.uint8]) -> Image.Image:
    """(H, W, C) uint8 to look at: RGB, or gray, another number of bands side by side."""
    return Image.fromarray(pixels if pixels.shape[2] == 3 else band_sheet(pixels))


def file_name(subject: str) -> str:
    """A layer or unit as a part of a file's name."""
    return "".join(c if c.isalnum() or c in "._-" else "-" for c in subject)


def _sheet(pictures: Sequence[Remade], title: str) -> Image.Image:
    if not pictures:
        raise InputError("no picture is there to be shown")
    tiles = [(one.image, one.caption) for one in pictures]
    whole = shown_image(pictures[0].original)
    columns = min(len(tiles) + 1, 5)
    return contact_sheet([(whole, "the image"), *tiles], tile_px=TILE_PX, columns=columns, title=title)
