# SPDX-License-Identifier: Apache-2.0
"""A look as a value: all numbers, and the figures it shows itself by."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pellucid.attribution import Attribution
from pellucid.errors import UnknownName, did_you_mean
from pellucid.figures import Figure
from pellucid.figures.stamp import write_png
from pellucid.figures.words import value_words
from pellucid.kernels import Page
from pellucid.look.beside import Beside
from pellucid.look.dictionary import Dictionary
from pellucid.look.extras import Extra
from pellucid.look.heat import heated, masked
from pellucid.look.keeping import keep_look
from pellucid.look.layer_look import LayerLook
from pellucid.look.outputs import Output
from pellucid.look.saving import save_look
from pellucid.look.sheet import layer_sheet
from pellucid.models import FedImage
from pellucid.records import Layer, Provenance, Unit, UnitQuery

__all__ = ["Look"]


@dataclass(frozen=True, eq=False)
class Look:
    """What one image excites in one net, and where.

    Parameters
    ----------
    net : its name
    image : as the net was fed it, and the upright item
    layers : of each layer looked at the response maps, the units at each cell, and groups
    outputs : those with the largest values; empty for a net with positions at its end
    attributions : which parts of the image an output or unit rests on, one by each method
    dictionary : the atlas that names the units; None without one
    notes : what a reader should know
    extras : pictures that were asked for beside, as an inversion
    labels : the names of the classes
    units : to be drawn large as files, as heat map and as mask
    """

    net: str
    image: FedImage = field(repr=False)
    layers: tuple[LayerLook, ...] = field(repr=False)
    outputs: tuple[Output, ...]
    attributions: tuple[Attribution, ...] = field(repr=False)
    dictionary: Dictionary | None = field(repr=False)
    notes: tuple[str, ...]
    provenance: Provenance = field(repr=False)
    seconds: float = 0.0
    extras: tuple[Extra, ...] = field(default=(), repr=False)
    labels: tuple[str, ...] | None = field(default=None, repr=False)
    units: tuple[Unit, ...] = ()

    def labels_of(self, layer: Layer) -> tuple[str, ...] | None:
        """The names of a layer's units, where they are those of classes: the layer has as many and is one of the last."""
        last = self.layers[-1].layer.name if self.layers else ""
        known = self.labels is not None and layer.units == len(self.labels) and layer.name in (last, "logits")
        return self.labels if known else None

    @property
    def says(self) -> str:
        """In one line what the net says of the image."""
        return f"{self.net} says {self.answer}" if self.outputs else f"through {self.net}"

    @property
    def answer(self) -> str:
        """The same without the net's name; empty for a net with positions at its end."""
        return ", then ".join(one.words for one in self.outputs[:3])

    def layer(self, name: str) -> LayerLook:
        """What the layer of that name answers.

        Raises
        ------
        UnknownName : it was not looked at
        """
        for one in self.layers:
            if one.layer.name == name:
                return one
        names = [one.layer.name for one in self.layers]
        raise UnknownName(f"{name} was not looked at; {did_you_mean(name, names)}")

    def heat(self, unit: str | Unit) -> Image.Image:
        """The response map of one unit over the whole image: where signs differ, blue over white to red."""
        layer, index = self._unit(unit)
        return heated(self.image.item, self.image.placement, layer.places, layer.maps[index])

    def mask(self, unit: str | Unit, share: float | None = None) -> Image.Image:
        """The image seen only where it excites one unit.

        With an atlas: where the response is among the highest `share` (0.01) of all that the unit does over the data; without
        one: where it reaches `share` (0.5) of the unit's peak on this image.
        """
        layer, index = self._unit(unit)
        at, _ = layer.threshold(index, share)
        return masked(self.image.item, self.image.placement, layer.places, layer.maps[index], at)

    def _unit(self, unit: str | Unit) -> tuple[LayerLook, int]:
        query = UnitQuery(unit.layer, (unit.index,)) if isinstance(unit, Unit) else UnitQuery.parse(unit)
        layer = self.layer(query.layer)
        indices = query.indices or ()
        if len(indices) != 1 or not indices[0] < layer.layer.units:
            raise UnknownName(
                f"{query} is no single unit of {layer.layer.name}; they run from 0 to {layer.layer.units - 1}"
            )
        return layer, indices[0]

    @cached_property
    def attribution_figures(self) -> tuple[Mapping[str, Figure], ...]:
        """What each attribution shows itself by: drawn once, for the page and for the files."""
        return tuple(one.figures() for one in self.attributions)

    def sheet(self, layer: str, most: int = 11) -> Page:
        """One layer's most telling units on a page: picture, map over the image, peak, and how rare that is."""
        return layer_sheet(
            self.layer(layer), self.image, self.dictionary, most=most, title=f"{self.net} {layer}"
        )

    def plot(self) -> Image.Image:
        """The sheet of the last layer looked at that is not the output."""
        return self.sheet(self.telling.layer.name).image()

    @property
    def telling(self) -> LayerLook:
        """The layer to begin with: the last with units that a picture can stand for, else the last but the output."""
        inner = [one for one in self.layers if one.layer.name != "logits"] or list(self.layers)
        known = [one for one in inner if one.entries]
        return (known or inner)[-1]

    def arrays(self) -> dict[str, Any]:
        """All numbers as arrays by name: `maps/LAYER` (K, *positions), `units/LAYER` and `responses/LAYER` (P, n),
        `attributions/METHOD` (H, W)."""
        found: dict[str, Any] = {"image": self.image.values.astype(np.float32)}
        for one in self.layers:
            name = one.layer.name
            found[f"maps/{name}"] = one.maps.reshape(len(one.maps), *one.layer.grid)
            found[f"units/{name}"], found[f"responses/{name}"] = one.tops.units, one.tops.responses
            for group in one.groups:
                found[f"groups/{name}/{group.number}/map"] = group.map
                found[f"groups/{name}/{group.number}/weights"] = group.weights
        for attribution in self.attributions:
            found[f"attributions/{attribution.method}"] = attribution.values
        return found

    def npz(self) -> bytes:
        """The same as a `.npz` file."""
        file = io.BytesIO()
        np.savez(file, **self.arrays())
        return file.getvalue()

    def to_json(self) -> dict[str, Any]:
        """JSON values: every cell of every layer with its units, the outputs, the attributions, the provenance."""
        return {**self._head(), "layers": [one.to_json() for one in self.layers]}

    def json_text(self, **more: Any) -> str:
        """The same as text, with `more` values: much faster, for every cell of every layer is in it."""
        layers = ",".join(one.json_text() for one in self.layers)
        return f'{json.dumps({**self._head(), **more}, allow_nan=False)[:-1]},"layers":[{layers}]}}'

    def _head(self) -> dict[str, Any]:
        height, width = self.image.placement.size
        return {
            "image": self.image.name,
            "net": self.net,
            "weights_digest": self.provenance.weights_digest,
            "size": list(self.image.item.size),
            "fed": list(self.image.placement.to_item_box(0, 0, width, height)),
            "outputs": [one.to_json() for one in self.outputs],
            "attributions": [one.to_json() for one in self.attributions],
            **({"extras": {one.name: one.numbers for one in self.extras}} if self.extras else {}),
            "notes": list(self.notes),
            "provenance": self.provenance.to_json(),
            "seconds": round(self.seconds, 3),
        }

    def save(self, directory: str | Path, *, site: str | None = None, arrays: bool = True) -> Path:
        """Write the report `look.html`, all numbers as `look.json` and `look.npz`, and figures as PNG and SVG; the report's path.

        Parameters
        ----------
        site : where the atlas's pages are, an exported folder or an address; units then link to their pages
        arrays : whether to write the response maps as `look.npz`
        """
        return save_look(self, directory, site=site, arrays=arrays)

    def keep(self, atlas: str | Path) -> list[str]:
        """Put this look into an atlas of the same net, whose site then shows it on its layers' pages; the layers' names."""
        return keep_look(self, atlas)

    def beside(self, other: Look) -> Beside:
        """This look and another, of another image or another net, on one page."""
        return Beside((self, other))

    def __repr__(self) -> str:
        first = self.outputs[0] if self.outputs else None
        said = "" if first is None else f": {first.label or first.index} {value_words(first.value)}"
        return f"<look at {self.image.name} through {self.net}, {len(self.layers)} layers{said}>"

    def _repr_png_(self) -> bytes:
        return write_png(self.plot(), self.provenance.to_json())
