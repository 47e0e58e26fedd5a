# SPDX-License-Identifier: Apache-2.0
"""Examples as values: each shows itself, saves itself, and carries where it comes from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

from PIL import Image

from pellucid.evidence.shown import Shown
from pellucid.figures import Figure, Items
from pellucid.figures.file import folder, write
from pellucid.figures.lettering import broken
from pellucid.figures.sheet import PAPER, contact_sheet, letters_px, stacked
from pellucid.figures.stamp import write_png
from pellucid.figures.words import counted, value_words
from pellucid.records import Provenance, Unit
from pellucid.scan import Bars, SpotStatistics, Statistics

__all__ = [
    "BAND_WORDS",
    "ClassExamples",
    "Example",
    "Examples",
    "LevelExamples",
    "UnitExamples",
    "UnitStatistics",
]

# From the strongest inputs to the most opposite, as a page and a sheet show them.
BAND_WORDS = {
    "max": "excited most",
    "slightly_positive": "slightly above zero",
    "near_zero": "near zero",
    "slightly_negative": "slightly below zero",
    "min": "excited least",
}
MOST_ROWS = 40  # of a sheet that is still looked at
SHEET_ITEMS = 3  # of each band, where a sheet shows several
TILE_PX, BLANK = 96, "#e9e6de"


@dataclass(frozen=True)
class Example:
    """One item in a band: `box` is the receptive field in the upright item's pixels, None where it was not found again."""

    item: str
    response: float
    position: tuple[int, ...]
    box: tuple[int, int, int, int] | None

    def to_json(self) -> dict[str, Any]:
        box = None if self.box is None else list(self.box)
        return {"item": self.item, "response": self.response, "position": list(self.position), "box": box}


@dataclass(frozen=True)
class LevelExamples:
    """How many spots of a unit lie in `low <= response < high`, and nine of them at most, the strongest first."""

    low: float
    high: float
    count: int
    examples: tuple[Example, ...]

    def to_json(self) -> dict[str, Any]:
        items = [example.to_json() for example in self.examples]
        return {"low": self.low, "high": self.high, "count": self.count, "items": items}


@dataclass(frozen=True)
class ClassExamples:
    """What a unit answers to the classes of the data.

    `top` holds (class, mean peak) of the five classes that excite it most; `selectivity` is None where no class does, or there is
    one only; `best` is the item of highest peak of each class, where that was asked.
    """

    top: tuple[tuple[str, float], ...]
    selectivity: float | None
    best: Mapping[str, Example]

    def to_json(self) -> dict[str, Any]:
        row: dict[str, Any] = {
            "top": [{"class": name, "mean_peak": mean} for name, mean in self.top],
            "selectivity": self.selectivity,
        }
        if self.best:
            row["best"] = [{"class": name, **example.to_json()} for name, example in self.best.items()]
        return row


@dataclass(frozen=True)
class UnitStatistics(SpotStatistics, Statistics):
    """All numbers of one unit: those of all responses, and those of one position of each item."""

    @classmethod
    def of(cls, stats: Statistics, spots: SpotStatistics) -> UnitStatistics:
        return cls(**vars(stats), **vars(spots))


@dataclass(frozen=True)
class UnitExamples(Shown):
    """One unit's bands, levels and statistics over the data.

    Parameters
    ----------
    bands : by name, from the strongest inputs to the most opposite; of a rectified layer the positive ones and `near_zero`
    stats : over all positions of all items; and, as `quantiles`, `sparsity` and what says how far they can be relied on, over one
        position of each
    levels : from the lowest response to the highest; `histogram` counts them, empty ones too
    peaks : histograms of the items' `peaks` and `troughs`
    classes : None where the data has no classes
    figures : all of it as figures, by the names that a page shows
    """

    unit: Unit
    bands: Mapping[str, tuple[Example, ...]]
    stats: UnitStatistics
    histogram: Bars
    levels: tuple[LevelExamples, ...]
    peaks: Mapping[str, Bars]
    classes: ClassExamples | None
    figures: Mapping[str, Figure]
    provenance: Provenance

    @property
    def items(self) -> dict[str, Items]:
        """The bands as figures."""
        found = {name: self.figures.get(name) for name in self.bands}
        return {name: figure for name, figure in found.items() if isinstance(figure, Items)}

    def to_json(self) -> dict[str, Any]:
        row: dict[str, Any] = {
            "unit": str(self.unit),
            "stats": self.stats.to_json(),
            "bands": {name: [example.to_json() for example in band] for name, band in self.bands.items()},
            "histogram": _counts(self.histogram),
            "levels": [level.to_json() for level in self.levels],
            **{end: _counts(bars) for end, bars in self.peaks.items()},
        }
        return row if self.classes is None else {**row, "classes": self.classes.to_json()}

    def plot(self) -> Image.Image:
        """The bands one below the other: of each item the crop, the whole with the receptive field boxed, and the map."""
        sheets = [
            items.sheet(f"{self.unit}, {BAND_WORDS[name]}")
            for name, items in self.items.items()
            if items.items
        ] or [contact_sheet([(Image.new("RGB", (TILE_PX, TILE_PX), BLANK), "no item")], title=str(self.unit))]
        return stacked(sheets)

    def __repr__(self) -> str:
        shown = ", ".join(f"{len(band)} {name}" for name, band in self.bands.items())
        return f"<examples of {self.unit}: {shown}>"


def _counts(bars: Bars) -> dict[str, Any]:
    return {"edges": list(bars.edges), "counts": list(bars.counts)}


class Examples(Sequence[UnitExamples]):
    """The examples of several units, in the order asked.

    `items` counts all of the data, the `skipped` items too. `notes` are lines about how far all of it can be relied on.
    """

    def __init__(
        self,
        units: Iterable[UnitExamples],
        items: int,
        skipped: Sequence[tuple[str, str]],
        notes: Sequence[str] = (),
    ) -> None:
        self.units = tuple(units)
        self.items = items
        self.skipped = tuple(skipped)
        self.notes = tuple(notes)

    def __len__(self) -> int:
        return len(self.units)

    @overload
    def __getitem__(self, place: int) -> UnitExamples: ...
    @overload
    def __getitem__(self, place: slice) -> Examples: ...
    def __getitem__(self, place: int | slice) -> UnitExamples | Examples:
        return (
            Examples(self.units[place], self.items, self.skipped, self.notes)
            if isinstance(place, slice)
            else self.units[place]
        )

    def __repr__(self) -> str:
        notes = "".join(f"; {note}" for note in self.notes)
        return f"<examples of {len(self)} units from {self.items} items, {len(self.skipped)} skipped{notes}>"

    @property
    def over(self) -> str:
        """How many items were looked at: `15 items`, or `13 of 15 items` where some were skipped."""
        used = self.items - len(self.skipped)
        return counted(self.items, "item") if not self.skipped else f"{used} of {counted(self.items, 'item')}"

    def to_json(self) -> dict[str, Any]:
        return {
            "items": self.items,
            "skipped": [{"item": item, "reason": reason} for item, reason in self.skipped],
            **({"notes": list(self.notes)} if self.notes else {}),
            "units": [unit.to_json() for unit in self.units],
        }

    def plot(self, *bands: str) -> Image.Image:
        """For each unit a row of crops, at most 40 units: three of every band, as a scale from strong to opposite.

        With names of bands only these: of a single one all nine.
        """
        names = [name for name in BAND_WORDS if not bands or name in bands]
        share = 9 if len(names) == 1 else SHEET_ITEMS
        tiles = [
            tile for unit in self.units[:MOST_ROWS] for name in names for tile in _row_part(unit, name, share)
        ]
        if not any(caption for _, caption in tiles):
            return contact_sheet([(Image.new("RGB", (TILE_PX, TILE_PX), BLANK), "no item")], title="Examples")
        shown = counted(len(self), "unit")
        shown = f"{MOST_ROWS} of {shown}" if len(self) > MOST_ROWS else shown
        what = BAND_WORDS[names[0]] if len(names) == 1 else "From what excites most to its opposite"
        title = f"{what[0].upper()}{what[1:]}, {shown} over {self.over}"
        return contact_sheet(tiles, columns=share * len(names), tile_px=TILE_PX, title=title)

    def save(self, directory: str | Path) -> Path:
        """One sheet for each unit, `sheet.png` with all of them, and all numbers as `examples.json`; the path of that."""
        home = folder(directory)
        for unit in self.units:
            unit.save(home / f"{_file_name(unit.unit)}.png")
        write(home / "sheet.png", self._repr_png_())
        numbers = json.dumps(self.to_json(), allow_nan=False, indent=1)
        return write(home / "examples.json", numbers.encode())

    def _repr_png_(self) -> bytes:
        return write_png(self.plot(), {"units": [str(unit.unit) for unit in self.units]})


def _row_part(unit: UnitExamples, band: str, share: int) -> list[tuple[Image.Image, str]]:
    """A unit's first crops of a band, with blanks for those that are not there."""
    figure = unit.items.get(band)
    items = () if figure is None else figure.items[:share]
    blank = (Image.new("RGB", (TILE_PX, TILE_PX), PAPER), "")
    name = broken(str(unit.unit), letters_px(TILE_PX), TILE_PX)
    tiles = [(item.tiles()[0], f"{name}\n{value_words(item.response)}") for item in items]
    return [*tiles, *[blank] * (share - len(items))]


def _file_name(unit: Unit) -> str:
    return "".join(c if c.isalnum() or c in "._-" else "-" for c in str(unit))
