# SPDX-License-Identifier: Apache-2.0
"""Optimized inputs as values: each shows itself, saves itself, and carries where it comes from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pellucid.ascent import Target, band_sheet, displayed
from pellucid.errors import InputError
from pellucid.figures.animation import write_animation
from pellucid.figures.file import folder, folder_path, picture_path, write
from pellucid.figures.sheet import contact_sheet
from pellucid.figures.stamp import write_png
from pellucid.figures.words import value_words
from pellucid.records import Provenance

__all__ = ["Optima", "Optimum", "PictureFolder"]

# A sum of many terms is cut here; the whole of it is in the provenance.
LONGEST_NAME = 80
MOST_TILES = 1024  # of a sheet that can still be opened and looked at


@dataclass(frozen=True)
class Optimum:
    """One optimized input.

    `pixels` is (H, W, C) uint8, sRGB; `activation` the unit's objective on exactly these pixels, `initial` the same at the
    start, both in the unit's own response, None where that is not finite; `history` one value a step, under
    transforms; `clipped` in 0..1; `advice` says what the diagnosis means or what else would help, empty for a sound picture.
    `label` is the class that the unit stands for, where that is known. `unit` is what the picture is about: a unit, a whole
    layer, or of a sum the first term's; `objective` says all in words.
    `picture` counts the pictures of the same objective from 0; `snapshots` holds (step, pixels); `micro_batch` is set
    where memory ran out and the picture is not bit-reproducible. `ends` are the pixel values that 0 and 255 stand for, other
    than 0 and 1 only under a constraint that lets pixels leave that range. `transparency` is (H, W) float32 in 0..1, low
    where the net did not look, None where the canvas does not tell. `extreme` is the unit's response where it is largest in the
    picture, or of a lowered one smallest: what compares with the peaks of real inputs. `format_note` says where the network did
    not run in the number format planned.
    """

    unit: Target
    objective: str
    sign: str
    pixels: NDArray[np.uint8]
    activation: float | None
    initial: float | None
    history: tuple[float, ...]
    steps: int
    seconds: float
    seed: int
    clipped: float
    diagnosis: str | None
    advice: str
    provenance: Provenance
    label: str | None = None
    picture: int = 0
    snapshots: tuple[tuple[int, NDArray[np.uint8]], ...] = field(default=(), repr=False)
    micro_batch: int | None = None
    ends: tuple[float, float] = (0.0, 1.0)
    transparency: NDArray[np.float32] | None = field(default=None, repr=False)
    extreme: float | None = None
    format_note: str = ""

    @property
    def word(self) -> str:
        """`positive` or `negative`."""
        return "positive" if self.sign == "+" else "negative"

    @property
    def image(self) -> Image.Image:
        """The picture as a Pillow image: RGB or gray; another number of bands in gray, as `band_sheet` lays them out."""
        return _image(self.pixels)

    @property
    def display(self) -> Image.Image | None:
        """The picture stretched in contrast, and transparent where the net did not look; None where that is not known.

        The net was fed `image`, not this.
        """
        if self.transparency is None or self.pixels.shape[2] not in (1, 3):
            return None
        return Image.fromarray(displayed(self.pixels, self.transparency))

    def png(self) -> bytes:
        """The picture as a PNG that carries its provenance."""
        return write_png(self.image, self.provenance.to_json())

    def save(self, path: str | Path) -> Path:
        """Write the picture as a PNG that carries its provenance."""
        return write(picture_path(path), self.png())

    def plot(self) -> Image.Image:
        """The picture under its unit, sign and activation."""
        return contact_sheet(
            [(self.image, self.caption)], tile_px=max(192, self.image.width), title=self.provenance.net
        )

    @property
    def subject(self) -> str:
        """What the picture is about, in the fewest words: the unit, or the objective where that says more."""
        return str(self.unit) if self.objective.isalpha() else self.objective

    @property
    def caption(self) -> str:
        """Two short lines: subject and sign, then what it reached or why it failed."""
        known = f"{self.subject} {self.label.partition(',')[0]}" if self.label else self.subject
        return f"{known} {self.sign}\n{self.diagnosis or value_words(self.activation)}"

    def __repr__(self) -> str:
        return f"<optimum of {self.subject} {self.sign}: {self.diagnosis or value_words(self.activation)}>"

    def save_climb(self, path: str | Path) -> Path:
        """Write the snapshots and the picture as an animated PNG that carries its provenance.

        Raises
        ------
        InputError : no snapshots were asked for
        """
        if not self.snapshots:
            raise InputError(
                f"no snapshots of {self.unit} were kept; optimize with snapshots, as 0,8,32 or all"
            )
        frames = [_image(pixels) for step, pixels in self.snapshots if step < self.steps]
        return write(picture_path(path), write_animation([*frames, self.image], self.provenance.to_json()))

    def to_json(self) -> dict[str, Any]:
        return {
            "unit": str(self.unit),
            **({} if self.label is None else {"label": self.label}),
            "objective": self.objective,
            "sign": self.sign,
            "activation": self.activation,
            "initial": self.initial,
            "extreme": self.extreme,
            "steps": self.steps,
            "seconds": round(self.seconds, 4),
            "seed": self.seed,
            "clipped": self.clipped,
            "diagnosis": self.diagnosis,
            "advice": self.advice or None,
            "bit_reproducible": self.micro_batch is None,
            **({"note": self.format_note} if self.format_note else {}),
            **({} if self.ends == (0.0, 1.0) else {"ends": list(self.ends)}),
        }

    def _repr_png_(self) -> bytes:
        return self.png()


class Optima(Sequence[Optimum]):
    """Optimized inputs in the order asked, each unit's positive one before its negative one."""

    def __init__(self, optima: Iterable[Optimum], seconds: float) -> None:
        self._optima = tuple(optima)
        self.seconds = seconds

    def __len__(self) -> int:
        return len(self._optima)

    @overload
    def __getitem__(self, place: int) -> Optimum: ...
    @overload
    def __getitem__(self, place: slice) -> Optima: ...
    def __getitem__(self, place: int | slice) -> Optimum | Optima:
        return Optima(self._optima[place], self.seconds) if isinstance(place, slice) else self._optima[place]

    def __repr__(self) -> str:
        return f"<{len(self)} optima in {self.seconds:.1f} s>"

    def plot(self) -> Image.Image:
        """The pictures on one sheet, each with its unit, sign and activation; the first 1,024 of them."""
        layers = list(dict.fromkeys(one.unit.layer for one in self))
        side = max((one.image.width for one in self), default=96)
        # The title names the layer where all are of one.
        short = len(layers) == 1 and all(one.subject.startswith(f"{layers[0]}:") for one in self)
        cut = len(layers[0]) + 1 if short else 0
        return contact_sheet(
            [(one.image, one.caption[cut:]) for one in self[:MOST_TILES]],
            tile_px=max(96, min(192, side)),
            title=f"{self[0].provenance.net} {', '.join(layers)}",
        )

    def png(self) -> bytes:
        """The sheet as a PNG that carries what all its pictures have in common, and their units."""
        source = self[0].provenance.to_json()
        return write_png(
            self.plot(), {**source, "unit": None, "units": [f"{one.unit} {one.sign}" for one in self]}
        )

    def sheets(self) -> dict[str, Optima]:
        """The sheets by file name: one for each layer, and for each 1,024 pictures of one."""
        layers: dict[str, list[Optimum]] = {}
        for one in self:
            layers.setdefault(one.unit.layer, []).append(one)
        found: dict[str, Optima] = {}
        for layer, optima in layers.items():
            name = "sheet" if len(layers) == 1 else f"sheet-{_safe(layer)}"
            for start in range(0, len(optima), MOST_TILES):
                part = f"-{start // MOST_TILES + 1}" if len(optima) > MOST_TILES else ""
                found[name + part] = Optima(optima[start : start + MOST_TILES], self.seconds)
        return found

    def save(self, directory: str | Path) -> list[Path]:
        """One PNG for each picture, and `sheet.png` for all, or a sheet for each layer; the paths of the pictures, in order.

        Beside a picture stand `NAME-climb.png` where snapshots were kept, and `NAME-display.png` where the canvas tells where
        the net looked.
        """
        home = PictureFolder(directory)
        paths = [home.add(one) for one in self]
        self.save_sheets(directory)
        return paths

    def save_sheets(self, directory: str | Path) -> list[Path]:
        """The sheets alone; their paths."""
        home = folder(directory)
        return [write(home / f"{name}.png", part.png()) for name, part in self.sheets().items()]

    def _repr_png_(self) -> bytes:
        return self.png()


class PictureFolder:
    """A folder that takes optimized inputs one by one, as they are made, each under a name of its own."""

    def __init__(self, directory: str | Path) -> None:
        self._home = folder_path(directory)
        self._taken: Counter[str] = Counter()
        self.paths: dict[int, Path] = {}

    def add(self, one: Optimum) -> Path:
        """Write the picture, and what comes with it: the climb where snapshots were kept, the picture as MACO shows it."""
        home = folder(self._home)
        name = _file_name(one)
        self._taken[name] += 1
        name += f"-{self._taken[name]}" if self._taken[name] > 1 else ""
        self.paths[id(one)] = one.save(home / f"{name}.png")
        if one.snapshots:
            one.save_climb(home / f"{name}-climb.png")
        if one.display is not None:
            write(home / f"{name}-display.png", write_png(one.display, one.provenance.to_json()))
        return self.paths[id(one)]


def _image(pixels: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(pixels if pixels.shape[2] == 3 else band_sheet(pixels))


def _file_name(one: Optimum) -> str:
    """What a picture is called without its ending: by its unit, or by its objective where that says more."""
    return f"{_safe(one.subject[:LONGEST_NAME])}-{one.word}"


def _safe(name: str) -> str:
    """A name as a part of a file's name."""
    return "".join(c if c.isalnum() or c in "._-" else "-" for c in name)
