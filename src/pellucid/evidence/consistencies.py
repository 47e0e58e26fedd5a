# SPDX-License-Identifier: Apache-2.0
"""What several starts of one climb came to, as values: each shows itself, saves itself, and carries where it comes from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pellucid.ascent import Target
from pellucid.evidence.shown import Shown
from pellucid.evidence.starts import Agreement
from pellucid.figures import Table
from pellucid.figures.file import folder, write
from pellucid.figures.sheet import contact_sheet
from pellucid.figures.stamp import write_png
from pellucid.figures.words import value_words
from pellucid.records import Provenance

__all__ = ["Consistencies", "Consistency", "start_image"]


@dataclass(frozen=True, eq=False)
class Consistency(Shown):
    """One unit's climbs from several starts.

    `pictures` are (H, W, C) uint8, start by start; `values` what each reached, None where not finite; `diagnoses` None or the
    cause why one failed; `found` the figures as `pellucid.evidence.starts.Agreement` defines them.
    """

    unit: Target
    objective: str
    sign: str
    pictures: tuple[NDArray[np.uint8], ...] = field(repr=False)
    values: tuple[float | None, ...]
    diagnoses: tuple[str | None, ...]
    found: Agreement
    provenance: Provenance = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        return {
            "unit": str(self.unit),
            "objective": self.objective,
            "sign": self.sign,
            "starts": len(self.values),
            "value_cv": self.found.value_cv,
            "image_similarity": self.found.image_similarity,
            "baseline_similarity": self.found.baseline_similarity,
            "modes": self.found.modes,
            "within_1pct": self.found.within_1pct,
            "values": list(self.values),
            "diagnoses": list(self.diagnoses),
        }

    def plot(self) -> Image.Image:
        """The pictures of all starts on one sheet, each with its value, under what they have in common."""
        captions = [
            f"start {number}\n{diagnosis or value_words(value)}"
            for number, (value, diagnosis) in enumerate(zip(self.values, self.diagnoses, strict=True))
        ]
        tiles = [
            (start_image(pixels), caption) for pixels, caption in zip(self.pictures, captions, strict=True)
        ]
        columns = int(np.ceil(np.sqrt(len(tiles))))
        similar, baseline = (
            value_words(self.found.image_similarity),
            value_words(self.found.baseline_similarity),
        )
        distinct = f"{self.found.modes} distinct picture{'s' * (self.found.modes != 1)}"
        said = f"{self.unit} {self.sign}\nlikeness {similar}, of other units {baseline}; {distinct}"
        return contact_sheet(tiles, columns=columns, tile_px=max(144, tiles[0][0].width), title=said)

    def save_pictures(self, directory: str | Path) -> list[Path]:
        """Write the picture of each start; the paths, start by start."""
        home, source = folder(directory), self.provenance.to_json()
        name = "".join(c if c.isalnum() or c in "._-" else "-" for c in f"{self.unit}")
        name += "-negative" if self.sign == "-" else ""
        return [
            write(
                home / f"{name}-start-{number}.png",
                write_png(
                    start_image(pixels), {**source, "settings": {**source["settings"], "start": number}}
                ),
            )
            for number, pixels in enumerate(self.pictures)
        ]


class Consistencies(Sequence[Consistency]):
    """The consistency of several units, in the order asked; `seconds` is the time all took."""

    def __init__(self, units: Iterable[Consistency], seconds: float) -> None:
        self._units = tuple(units)
        self.seconds = seconds

    def __len__(self) -> int:
        return len(self._units)

    @overload
    def __getitem__(self, place: int) -> Consistency: ...
    @overload
    def __getitem__(self, place: slice) -> Consistencies: ...
    def __getitem__(self, place: int | slice) -> Consistency | Consistencies:
        return (
            Consistencies(self._units[place], self.seconds)
            if isinstance(place, slice)
            else self._units[place]
        )

    def __repr__(self) -> str:
        return f"<consistency of {len(self)} units in {self.seconds:.1f} s>"

    def table(self) -> Table:
        """One row for each unit."""
        rows: list[tuple[str | int | None, ...]] = []
        for one in self:
            found = one.found
            numbers = (found.value_cv, found.image_similarity, found.baseline_similarity)
            within = value_words(found.within_1pct)
            rows.append((str(one.unit), one.sign, *map(value_words, numbers), found.modes, within))
        columns = ("unit", "sign", "value cv", "likeness", "baseline", "distinct", "within 1 %")
        return Table(columns, tuple(rows))

    def save(self, directory: str | Path) -> list[list[Path]]:
        """The picture of each start, a sheet for each unit and all numbers as `consistency.json`; the paths of the pictures."""
        home = folder(directory)
        paths = []
        for one in self:
            paths.append(one.save_pictures(home))
            one.save(paths[-1][0].with_name(paths[-1][0].name.replace("-start-0", "-starts")))
        numbers = json.dumps([one.to_json() for one in self], allow_nan=False, indent=1)
        write(home / "consistency.json", numbers.encode())
        return paths

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()


def start_image(pixels: NDArray[np.uint8]) -> Image.Image:
    """(H, W, C) as a picture: gray for one channel, otherwise the first three."""
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels[..., :3])
