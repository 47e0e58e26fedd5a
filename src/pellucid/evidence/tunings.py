# SPDX-License-Identifier: Apache-2.0
"""Tunings as values: each shows itself, saves itself, and carries where it comes from."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pellucid.ascent import band_sheet
from pellucid.evidence.moved import Moved
from pellucid.evidence.shown import Shown
from pellucid.evidence.tuning_curves import curve_figure, shown_curves
from pellucid.figures import Table, TuningCurve
from pellucid.figures.file import folder, write
from pellucid.figures.lettering import fitted, typeface
from pellucid.figures.sheet import INK, PAPER, contact_sheet, letters_px, wrapped
from pellucid.figures.stamp import write_png
from pellucid.figures.words import counted, value_words
from pellucid.records import Provenance, Unit
from pellucid.stimuli import Frame, Reading, phrase

__all__ = ["Tuning", "Tunings"]

Box = tuple[int, int, int, int]

TILE_PX, SHEET_TILE_PX, IN_A_STRIP = 128, 132, 11
CURVE_SHARPNESS, IN_A_ROW = 1.25, 3
DRAWN_AT_ONCE = 4  # sheets: encoding a picture lets others go on


@dataclass(frozen=True, eq=False)
class Tuning(Shown):
    """One unit's answers to stimuli.

    Parameters
    ----------
    reading : preferred values, bandwidths, selectivities, opponency, and the verdict in words
    frame : where the stimuli were drawn, and for which receptive field
    boxes : of each family the part of its best stimulus that the unit saw, (x0, y0, x1, y1) half-open
    left_out : families that could not be shown, with the reason
    moved : the unit's own pictures turned, shifted and scaled, where there were some
    nonfinite : how many responses were no finite numbers, and were taken for the response to gray
    """

    unit: Unit
    reading: Reading
    frame: Frame
    boxes: Mapping[str, Box]
    left_out: Mapping[str, str]
    moved: tuple[Moved, ...]
    provenance: Provenance = field(repr=False)
    nonfinite: int = 0

    @property
    def verdict(self) -> str:
        """What the unit prefers, in one sentence."""
        return self.reading.verdict

    def pixels(self, family: str) -> NDArray[np.uint8]:
        """The best stimulus of a family as the unit saw it, (h, w, C) uint8."""
        drawn = self.reading.families[family].best.pixels(self.frame)
        x0, y0, x1, y1 = self.boxes[family]
        part = drawn[:, y0:y1, x0:x1]
        return np.ascontiguousarray(np.round(part * 255).astype(np.uint8).transpose(1, 2, 0))

    def image(self, family: str) -> Image.Image:
        """The same as an image; of channels that are no colors one, for all are alike."""
        pixels = self.pixels(family)
        return Image.fromarray(pixels if pixels.shape[2] == 3 else band_sheet(pixels[..., :1]))

    def curve(self, family: str, axis: str) -> TuningCurve:
        """One tuning curve as a figure.

        Raises
        ------
        KeyError : no such family was shown, or it has no such axis
        """
        found = self.reading.families[family]
        preferred = self.reading.preferred(family, axis)
        gray = self.reading.flat.gray[found.battery.family.read]
        return curve_figure(found.curves[axis], gray, preferred)

    def plot(self) -> Image.Image:
        """The best stimulus of each family, and below the curves that matter most, those of the best family first."""
        families = self.reading.families
        order = sorted(families, key=lambda name: -families[name].excess)
        tiles = [(self.image(name), self._caption(name)) for name in order]
        title = (
            f"{self.unit} {self.provenance.net}\nbest of each family, and how far it lies above middle gray"
        )
        top = contact_sheet(tiles, columns=IN_A_STRIP, tile_px=SHEET_TILE_PX, title=title)
        curves = [
            (
                families[family].battery.family.title,
                self.curve(family, axis).drawing().image(CURVE_SHARPNESS),
            )
            for family, axis in shown_curves(self.reading)
        ]
        return _page(top, self.verdict, curves)

    def _caption(self, family: str) -> str:
        """How far it lies above gray, and the best stimulus in words."""
        found = self.reading.families[family]
        words = wrapped(phrase(found.best), letters_px(SHEET_TILE_PX), SHEET_TILE_PX)
        return "\n".join([_three(found.excess), *words])

    def save_pictures(self, directory: str | Path) -> dict[str, Path]:
        """Write the best stimulus of each family, whole; the paths by family."""
        home, source = folder(directory), self.provenance.to_json()
        paths = {}
        for name, found in self.reading.families.items():
            drawn = np.round(found.best.pixels(self.frame) * 255).astype(np.uint8).transpose(1, 2, 0)
            pixels = drawn if drawn.shape[2] == 3 else drawn[..., :1]
            stamp = {**source, "stimulus": {"family": name, **found.best.values}}
            paths[name] = write(home / f"{_safe(str(self.unit))}-{name}.png", write_png(pixels, stamp))
        return paths

    def to_json(self) -> dict[str, Any]:
        row = {"unit": str(self.unit), **self.reading.to_json()}
        for name, family in row["families"].items():
            family["box"] = list(self.boxes[name])
            family["words"] = phrase(self.reading.families[name].best)
        row["left_out"] = dict(self.left_out)
        row["invariance"] = [one.to_json() for one in self.moved]
        return {**row, "nonfinite": self.nonfinite} if self.nonfinite else row

    def __repr__(self) -> str:
        return f"<tuning of {self.unit}: {self.verdict}>"


def _page(top: Image.Image, verdict: str, curves: Sequence[tuple[str, Image.Image]]) -> Image.Image:
    """The tiles, the verdict under them, and the curves three in a row, each under the name of its family."""
    margin, letters = 36, 24
    widest = max((one.width for _, one in curves), default=0)
    width = max(top.width, IN_A_ROW * widest + 2 * margin)
    rows = [curves[first : first + IN_A_ROW] for first in range(0, len(curves), IN_A_ROW)]
    height = top.height + 3 * letters + sum(row[0][1].height + 3 * letters for row in rows)
    page = Image.new("RGB", (width, height), PAPER)
    page.paste(top, (0, 0))
    pen, face = ImageDraw.Draw(page), typeface(letters)
    pen.text((margin, top.height), fitted(verdict, letters, width - 2 * margin), INK, face, anchor="la")
    down = top.height + 3 * letters
    for row in rows:
        for place, (name, one) in enumerate(row):
            left = margin + place * ((width - 2 * margin) // IN_A_ROW)
            pen.text((left, down), name, INK, face, anchor="la")
            page.paste(one, (left - 8, down + round(1.5 * letters)))
        down += row[0][1].height + 3 * letters
    return page


class Tunings(Sequence[Tuning]):
    """The tuning of several units, in the order asked; `seconds` is the time all took, `stimuli` how many each was shown."""

    def __init__(self, units: Iterable[Tuning], seconds: float, stimuli: int) -> None:
        self._units = tuple(units)
        self.seconds = seconds
        self.stimuli = stimuli

    def __len__(self) -> int:
        return len(self._units)

    @overload
    def __getitem__(self, place: int) -> Tuning: ...
    @overload
    def __getitem__(self, place: slice) -> Tunings: ...
    def __getitem__(self, place: int | slice) -> Tuning | Tunings:
        return (
            Tunings(self._units[place], self.seconds, self.stimuli)
            if isinstance(place, slice)
            else self._units[place]
        )

    def __repr__(self) -> str:
        return f"<tuning of {counted(len(self), 'unit')} to {self.stimuli} stimuli in {self.seconds:.1f} s>"

    def table(self) -> Table:
        """One row for each unit: its verdict."""
        return Table(("unit", "verdict"), tuple((str(one.unit), one.verdict) for one in self))

    def plot(self) -> Image.Image:
        """Each unit's best stimulus on one sheet, with the family and how far it lies above gray; the first 400 units."""
        tiles = []
        for one in self[:400]:
            best = one.reading.best
            if best is None:
                tiles.append(
                    (Image.new("RGB", (TILE_PX, TILE_PX), "#e9e6de"), f"{one.unit}\nnothing excites it")
                )
                continue
            above = _three(one.reading.families[best].excess)
            tiles.append((one.image(best), f"{one.unit}\n{best.replace('_', ' ')}, {above}"))
        return contact_sheet(tiles, tile_px=TILE_PX, title="Best stimuli")

    def png(self) -> bytes:
        """The sheet as a PNG that carries what all have in common, and the units."""
        source = self[0].provenance.to_json()
        return write_png(self.plot(), {**source, "unit": None, "units": [str(one.unit) for one in self]})

    def to_json(self) -> dict[str, Any]:
        return {
            "units": [one.to_json() for one in self],
            "stimuli": self.stimuli,
            "seconds": round(self.seconds, 3),
        }

    def save(self, directory: str | Path) -> list[Path]:
        """A sheet for each unit, `sheet.png` with the best stimulus of each, and all numbers as `tuning.json`; the paths."""
        home = folder(directory)
        with ThreadPoolExecutor(min(DRAWN_AT_ONCE, os.cpu_count() or 1)) as pool:
            paths = list(pool.map(lambda one: one.save(home / f"{_safe(str(one.unit))}.png"), self))
        write(home / "sheet.png", self.png())
        write(home / "tuning.json", json.dumps(self.to_json(), allow_nan=False, indent=1).encode())
        return paths

    def _repr_png_(self) -> bytes:
        return self.png()


def _three(value: float) -> str:
    """A number with three digits that count."""
    return value_words(float(f"{value:.3g}"))


def _safe(name: str) -> str:
    return "".join(c if c.isalnum() or c in "._-" else "-" for c in name)
