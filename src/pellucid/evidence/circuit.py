# SPDX-License-Identifier: Apache-2.0
"""Circuits as values: what a unit is made of and what it feeds, with pictures where an atlas has them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

from PIL import Image

from pellucid.circuits import PIXELS
from pellucid.data import Data, open_source
from pellucid.errors import InputError
from pellucid.evidence.combination import combined, signed_pixels
from pellucid.evidence.connections import Above, Below, above, below
from pellucid.evidence.job import Held, Progress, by_layer
from pellucid.figures import Item, Items, Partner, Partners, Picture
from pellucid.figures.file import folder, picture_path, write
from pellucid.figures.sheet import PAPER, contact_sheet, stacked
from pellucid.figures.stamp import write_png
from pellucid.models import Model, opened
from pellucid.records import Provenance, Unit, UnitQuery

__all__ = ["Circuit", "Circuits", "circuit"]

# The kinds whose pictures may stand for a unit, the first that there is: of the first layer its filter says more than an optimum.
PICTURES = ("filters", "optimum", "examples")


@dataclass(frozen=True, eq=False)
class Circuit:
    """One unit's connections.

    `below` is what it is made of, `above` what it feeds; `pictures` holds those that an atlas has, by address of the unit.
    """

    unit: Unit
    below: Below
    above: Above
    pictures: Mapping[str, Image.Image] = field(repr=False)
    provenance: Provenance = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        made_of: dict[str, Any] = {
            "sources": list(self.below.sources),
            "by_weight": self.below.weights.to_json(),
            "further_sources": list(self.below.further_sources),
            "by_expanded_weight": self.below.further.to_json(),
        }
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
        return {"unit": str(self.unit), "made_of": made_of, "feeds": feeds}

    def combination(self) -> Image.Image | None:
        """The pictures of the units below, summed by weight; None where there are none."""
        partners = (*self.below.weights.positive, *self.below.weights.negative)
        return combined(
            [(one.value, self.pictures[one.unit]) for one in partners if one.unit in self.pictures]
        )

    def plot(self) -> Image.Image:
        """One sheet: the unit and its sums of parts, then its partners below and above, each with its picture and kernel."""
        rows = [
            *self._parts(),
            ("excited by, one layer further", self.below.further.positive),
            ("inhibited by, one layer further", self.below.further.negative),
        ]
        if self.below.given is not None:
            rows += [("raised by, on data", self.below.given.positive)]
            rows += [("lowered by, on data", self.below.given.negative)]
        rows += [("excites", self.above.fed.positive), ("inhibits", self.above.fed.negative)]
        return self._page(rows)

    def plot_parts(self) -> Image.Image:
        """Only the unit with its sums of parts, and what excites and inhibits it by weight."""
        return self._page(self._parts())

    def _parts(self) -> list[tuple[str, Sequence[Partner]]]:
        weights = self.below.weights
        return [("excited by", weights.positive), ("inhibited by", weights.negative)]

    def _page(self, rows: Sequence[tuple[str, Sequence[Partner]]]) -> Image.Image:
        sheets = [Partners(tuple(few), what).sheet(self.pictures) for what, few in rows if few]
        return stacked([self._head(), *sheets])

    def _head(self) -> Image.Image:
        """The unit's own picture, the sum of the pictures below, and its weights on the pixels."""
        own, sum_of_parts = self.pictures.get(str(self.unit)), self.combination()
        tiles = [(own, "optimum"), (sum_of_parts, "sum of parts")]
        if self.below.pixels is not None and self.below.pixels.maps.ndim == 3:
            tiles.append((signed_pixels(self.below.pixels.maps), "on pixels, if linear"))
        shown = [(image, words) for image, words in tiles if image is not None]
        blank = Image.new("RGB", (8, 8), PAPER)
        while len(shown) < 6:
            shown.append((blank, ""))
        return contact_sheet(shown, columns=6, tile_px=152, title=str(self.unit))

    def png(self) -> bytes:
        """The sheet as a PNG that carries its provenance."""
        return write_png(self.plot(), self.provenance.to_json())

    def save(self, path: str | Path) -> Path:
        """Write the sheet as a PNG that carries its provenance."""
        return write(picture_path(path), self.png())

    def _repr_png_(self) -> bytes:
        return self.png()


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
        return f"<circuits of {len(self)} units in {self.seconds:.1f} s>"

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


def circuit(
    net: Model,
    *units: str | Unit | UnitQuery,
    data: Data | None = None,
    atlas: Held | None = None,
    sources: Sequence[str] | None = None,
    top: int = 8,
    sample: int | None = 64,
    seed: int = 0,
    batch: int = 16,
    progress: Progress | None = None,
) -> Circuits:
    """What each unit is made of and what it feeds: by weight, by expanded weights, and by what each unit below gives on data.

    Weights are those of the linearized net between two layers: its Jacobian where every non-linearity of one number is open and
    the largest of a window is its mean. Where nothing else lies between, they are the layer's kernels, batch norm folded in.

    Parameters
    ----------
    net : what `load` returns, or what it takes
    units : as `features.7:0-15,40`; a bare layer means all its units
    data : for contributions; without it there are none
    atlas : an open `Atlas` whose pictures stand for the units
    sources : the layers below to look at; the nearest before a non-linearity when left out
    top : partners of each sign
    sample : items drawn by `seed` that contributions are means over; None for all

    Raises
    ------
    UnknownName : no such layer or unit
    InputError : what feeds a layer is no sum (a gate, attention, a layer norm), named in the message

    References
    ----------
    Erhan et al. 2009, Visualizing higher-layer features of a deep network (linear combination of previous units); Olah et al.
    2020, Zoom in: an introduction to circuits; Voss et al. 2021, Visualizing weights.

    Examples
    --------
    >>> import pellucid as pl
    >>> [one] = pl.circuit("demo", "conv3:5", top=3)
    >>> one.below.sources, len(one.below.weights.positive), one.above.targets
    (('conv2',), 3, ('conv4',))
    """
    started = time.monotonic()
    seen = opened(net)
    chosen = seen.units(units)
    if not chosen:
        raise InputError("no unit was asked; name some, as features.7:0-15")
    if top < 1:
        raise InputError(f"top {top}: a whole number from 1 on was wanted")
    source = None if data is None else open_source(data)
    how: dict[str, Any] = {
        "top": top,
        "sample": sample,
        "seed": seed,
        "batch": batch,
        "sources": _listed(sources),
    }
    if source is not None:
        how |= {"listing": source.listing_digest}

    def report(done: int, total: int) -> None:
        if progress is not None:
            progress(done, total, "items")

    made: dict[Unit, Circuit] = {}
    for layer, indices in by_layer(chosen).items():
        upward = above(seen, layer, indices, top)
        downward = below(
            seen,
            layer,
            indices,
            source,
            top=top,
            items=sample,
            seed=seed,
            batch=batch,
            sources=sources,
            on_batch=report,
        )
        for one, over in zip(downward, upward, strict=True):
            unit = Unit(layer, one.index)
            stamp = Provenance(
                seen.name, seen.weights_digest, "circuit", how, seed, seen.card()["versions"], str(unit)
            )
            made[unit] = Circuit(unit, one, over, _pictures(atlas, unit, one, over), stamp)
    return Circuits([made[unit] for unit in chosen], time.monotonic() - started)


def _listed(sources: Sequence[str] | None) -> list[str] | None:
    return None if sources is None else [name for name in sources if name != PIXELS]


def _pictures(held: Held | None, unit: Unit, one: Below, over: Above) -> dict[str, Image.Image]:
    """The pictures of a unit and of all its partners that the atlas has."""
    if held is None:
        return {}
    sided = [one.weights, one.further, over.fed, *([] if one.given is None else [one.given])]
    addresses = [str(unit), *(each.unit for some in sided for each in (*some.positive, *some.negative))]
    found = {address: _picture_of(held, address) for address in dict.fromkeys(addresses)}
    return {address: image for address, image in found.items() if image is not None}


def _picture_of(held: Held, address: str) -> Image.Image | None:
    layer, _, index = address.rpartition(":")
    for kind in PICTURES:
        record = held.record(kind, layer, int(index))
        for figure in () if record is None else record.figures.values():
            if isinstance(figure, Picture):
                return held.blob(figure.blob.hash).image()
            if isinstance(figure, Items) and figure.items and figure.items[0].preview is not None:
                return _crop(held, figure.items[0])
    return None


def _crop(held: Held, item: Item) -> Image.Image | None:
    if item.preview is None:
        return None
    whole = held.blob(item.preview.hash).image()
    across, down = whole.width / (item.width or whole.width), whole.height / (item.height or whole.height)
    x0, y0, x1, y1 = item.crop
    return whole.crop((round(x0 * across), round(y0 * down), round(x1 * across), round(y1 * down)))
