# SPDX-License-Identifier: Apache-2.0
"""Circuits as values: what a unit is made of and what it feeds, with the pictures of its partners."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

from PIL import Image

from pellucid.evidence.combination import combined, signed_pixels
from pellucid.evidence.connections import Above, Below
from pellucid.evidence.portraits import Portraits
from pellucid.evidence.shown import Shown
from pellucid.figures import Partner, Partners
from pellucid.figures.file import folder, write
from pellucid.figures.sheet import PAPER, contact_sheet, paragraphs, stacked
from pellucid.figures.words import counted
from pellucid.records import Provenance, Unit

__all__ = ["Circuit", "Circuits"]


@dataclass(frozen=True, eq=False)
class Circuit(Shown):
    """One unit's connections.

    `below` is what it is made of, `above` what it feeds; `portraits` holds the pictures of the unit and its partners, as many as
    there are, `steps` says for how many steps those were climbed that were made for this, and `needed` how many `pictures` would
    have to be asked so that no partner goes without; 0 where none does, or none could have more.
    """

    unit: Unit
    below: Below
    above: Above
    portraits: Portraits = field(repr=False)
    provenance: Provenance = field(repr=False)
    steps: int = 0
    needed: int = 0

    @property
    def pictures(self) -> Mapping[str, Image.Image]:
        """The pictures by address of the unit."""
        return self.portraits.images

    @property
    def without_picture(self) -> tuple[str, ...]:
        """The partners that have none, by address, each once."""
        return self._bare(self._rows())

    def to_json(self) -> dict[str, Any]:
        made_of: dict[str, Any] = {
            "sources": list(self.below.sources),
            "by_weight": self.below.weights.to_json(),
            "further_sources": list(self.below.further_sources),
            "by_expanded_weight": self.below.further.to_json(),
        }
        if self.below.refused is not None:
            made_of["refused"] = self.below.refused
        if self.below.given is not None:
            made_of["by_contribution"] = {
                **self.below.given.to_json(),
                "items": self.below.items,
                "response": self.below.response,
                "rest": self.below.rest,
            }
        feeds = {
            "targets": list(self.above.targets),
            **self.above.fed.to_json(),
            "left_out": [{"layer": layer, "reason": reason} for layer, reason in self.above.left_out],
        }
        return {
            "unit": str(self.unit),
            "made_of": made_of,
            "feeds": feeds,
            "without_picture": list(self.without_picture),
            "pictures_needed": self.needed,
        }

    def combination(self) -> Image.Image | None:
        """The pictures of the units below, summed by weight; None where there are none.

        None as well where these are weights on pixels: their sum is what the unit's own weights on the pixels are.
        """
        pictures = {unit: one for unit, one in self.pictures.items() if unit not in self.portraits.filters}
        return combined(
            [(one.value, pictures[one.unit]) for one in self.below.weights.both if one.unit in pictures]
        )

    def plot(self) -> Image.Image:
        """One sheet: the unit and its sums of parts, then its partners below and above, each with its picture and kernel."""
        return self._page(self._rows())

    def _rows(self) -> list[tuple[str, Sequence[Partner]]]:
        """All partners, by what they are to the unit."""
        rows = [
            *self._parts(),
            ("excited by, one layer further", self.below.further.positive),
            ("inhibited by, one layer further", self.below.further.negative),
        ]
        if self.below.given is not None:
            rows += [("raised by, on data", self.below.given.positive)]
            rows += [("lowered by, on data", self.below.given.negative)]
        return [*rows, ("excites", self.above.fed.positive), ("inhibits", self.above.fed.negative)]

    def plot_parts(self) -> Image.Image:
        """Only the unit with its sums of parts, and what excites and inhibits it by weight."""
        return self._page(self._parts())

    def _parts(self) -> list[tuple[str, Sequence[Partner]]]:
        weights = self.below.weights
        return [("excited by", weights.positive), ("inhibited by", weights.negative)]

    def _page(self, rows: Sequence[tuple[str, Sequence[Partner]]]) -> Image.Image:
        sheets = [Partners(tuple(few), what).sheet(self.pictures) for what, few in rows if few]
        told = list(filter(None, [*self._told(), self._bare_words(rows)]))
        width = max(640, *(each.width for each in sheets)) if sheets else 640
        return stacked([self._head(), *([paragraphs(told, width)] if told else []), *sheets])

    def _bare(self, rows: Sequence[tuple[str, Sequence[Partner]]]) -> tuple[str, ...]:
        units = dict.fromkeys(one.unit for _, few in rows for one in few if one.picture is None)
        return tuple(unit for unit in units if unit not in self.pictures)

    def _bare_words(self, rows: Sequence[tuple[str, Sequence[Partner]]]) -> str | None:
        """How many partners have no picture, and what would draw them."""
        bare = len(self._bare(rows))
        if not bare:
            return None
        said = f"{counted(bare, 'partner')} without a picture"
        if not self.needed:
            return f"{said}: none can be made."
        how = f"--pictures {self.needed}{'' if self.steps else ' --steps 32'}"
        return f"{said}: {how} would draw {'it' if bare == 1 else 'them'}."

    def _told(self) -> list[str | None]:
        """What has no picture, in words."""
        left_out = self.above.left_out_words
        return [
            self.below.refused and f"Made of: {self.below.refused}.",
            self.above.why_not and f"Feeds: {self.above.why_not}.",
            left_out and f"Left out of what it feeds, for no sum describes it: {left_out}.",
        ]

    def _head(self) -> Image.Image:
        """The unit's own picture, the sum of the pictures below, and its weights on the pixels."""
        own, sum_of_parts = self.pictures.get(str(self.unit)), self.combination()
        sort = "weights on pixels" if str(self.unit) in self.portraits.filters else "its own picture"
        tiles = [(own, sort), (sum_of_parts, "sum of its parts")]
        if self.below.pixels is not None and self.below.pixels.maps.ndim == 3:
            tiles.append((signed_pixels(self.below.pixels.maps), "on pixels, if linear"))
        shown = [(image, words) for image, words in tiles if image is not None]
        blank = Image.new("RGB", (8, 8), PAPER)
        while len(shown) < 6:
            shown.append((blank, ""))
        how = f"\npictures: optima after {self.steps} steps" if self.steps else ""
        return contact_sheet(shown, columns=6, tile_px=152, title=f"{self.unit}{how}")


class Circuits(Sequence[Circuit]):
    """The circuits of several units, in the order asked; `seconds` is the time all took."""

    def __init__(self, units: Iterable[Circuit], seconds: float) -> None:
        self._units = tuple(units)
        self.seconds = seconds

    def __len__(self) -> int:
        return len(self._units)

    @overload
    def __getitem__(self, place: int) -> Circuit: ...
    @overload
    def __getitem__(self, place: slice) -> Circuits: ...
    def __getitem__(self, place: int | slice) -> Circuit | Circuits:
        return Circuits(self._units[place], self.seconds) if isinstance(place, slice) else self._units[place]

    def __repr__(self) -> str:
        return f"<circuits of {counted(len(self), 'unit')} in {self.seconds:.1f} s>"

    def to_json(self) -> dict[str, Any]:
        return {"units": [one.to_json() for one in self], "seconds": round(self.seconds, 3)}

    def plot(self) -> Image.Image:
        """The sheet of the first unit; each has its own."""
        return self[0].plot()

    def save(self, directory: str | Path) -> list[Path]:
        """A sheet for each unit, and all numbers as `circuit.json`; the paths of the sheets."""
        home = folder(directory)
        names = ("".join(c if c.isalnum() or c in "._-" else "-" for c in str(one.unit)) for one in self)
        paths = [one.save(home / f"{name}.png") for one, name in zip(self, names, strict=True)]
        numbers = json.dumps(self.to_json(), allow_nan=False, indent=1)
        write(home / "circuit.json", numbers.encode())
        return paths

    def _repr_png_(self) -> bytes:
        return self[0].png()
