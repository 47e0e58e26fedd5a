# SPDX-License-Identifier: Apache-2.0
"""Filters: the first layer's weights as pictures, in the colors of the user's image, and what each looks for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pellucid.errors import InputError
from pellucid.evidence.job import Given, Job, Settings
from pellucid.figures import Figure, Number, Picture
from pellucid.kernels import (
    Bank,
    LayerReading,
    Page,
    SheetStyle,
    filter_order,
    filter_sheet,
    filter_tiles,
    read,
)
from pellucid.models import BareNet, Model, Net, opened_or_bare
from pellucid.models.first_layer import FirstLayer, sees_its_kernel
from pellucid.models.net import versions
from pellucid.records import Kind, Panel, Provenance, Record, Unit

__all__ = ["KIND", "NEEDS", "READS", "SETTINGS", "Filters", "filters", "plan", "run", "settings", "units"]

KIND = Kind(
    name="filters",
    title="Filters",
    scope="unit",
    panels=(
        Panel(
            "Filter",
            "Gray is zero; a color is what the filter adds up where it is bright, its complement where it "
            "is dark. Each filter has its own scale, so a weak and a strong one look alike: compare norms.",
            ("filter", "family", "why", "norm"),
        ),
        Panel(
            "Reading",
            "Measured on the weights alone. The family is the best of a few simple shapes; a low share "
            "explained means that none of them is right.",
            (
                "orientation",
                "frequency",
                "chroma",
                "opponent_axis",
                "dc",
                "gabor_r2",
                "edge_r2",
                "blob_r2",
                "center_surround_r2",
                "symmetry",
                "negated_by",
                "duplicate_of",
                "untrained",
                "dead",
                "damaged",
            ),
        ),
        Panel(
            "The filters together",
            "How many of each family there are, and how many look untrained, dead, or are there twice.",
            ("verdict", "family_place", "likeness_place"),
        ),
    ),
    thumbnail="filter",
    sortable=("family_place", "orientation", "frequency", "norm", "likeness_place", "chroma"),
)
NEEDS = "weights"
READS = ()
SETTINGS: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Filters:
    """The filters of a layer.

    `bank.weights` is (K, C, kh, kw); of the first layer as they apply to an image in 0..1, the net's normalization folded in;
    of a deeper layer as they are, one map for each channel they read.
    """

    layer: str
    bank: Bank
    provenance: Provenance

    @property
    def units(self) -> tuple[int, ...]:
        """The indices of the filters in their layer."""
        return tuple(range(self.bank.count))

    @cached_property
    def reading(self) -> LayerReading:
        """What each filter looks for: family with its evidence, orientation, frequency, color, fits, flags, pairs."""
        return read(self.bank)

    def picture(self, unit: int) -> Image.Image:
        """One filter on its own scale: zero is middle gray, its largest weight black or full color; kw x kh pixels."""
        return Image.fromarray(filter_tiles(self.bank)[unit])

    def page(self, style: SheetStyle | None = None) -> Page:
        """All filters on one page, as PNG or SVG."""
        title = f"{self.provenance.net} {self.layer}"
        return filter_sheet(self.bank, self.reading, style=style, title=title)

    def plot(self, style: SheetStyle | None = None) -> Image.Image:
        """All filters on one sheet, by family."""
        return self.page(style).image()

    def save(self, path: str | Path, style: SheetStyle | None = None) -> Path:
        """Write the sheet as PNG, with its provenance inside, or as SVG."""
        return self.page(style).save(path, self.provenance.to_json())

    def to_json(self) -> dict[str, Any]:
        """The reading of every filter, of the layer, and its verdict in words."""
        row = self.reading.to_json()
        return {
            **row,
            "filters": [{**each, "unit": f"{self.layer}:{each['unit']}"} for each in row["filters"]],
        }

    def __repr__(self) -> str:
        return f"<{self.bank.words} of {self.layer}>"

    def _repr_png_(self) -> bytes:
        return self.page().png(self.provenance.to_json())


def filters(net: Model | BareNet, layer: str | None = None) -> Filters:
    """The filters of the first layer, as they apply to an image in 0..1, and what each looks for.

    Parameters
    ----------
    net : what `load` returns, or what it takes; of a net of signals or volumes, which cannot be fed yet, the weights as they
        are
    layer : another layer with kernels; one that looks at the image too is read like the first, a deeper one's weights are
        shown as they are, channel by channel

    Raises
    ------
    UnknownName : no such layer
    InputError : no layer of the net looks at the image itself, the layer has no kernels, or all of them hold NaN

    References
    ----------
    Krizhevsky et al. 2012, ImageNet classification with deep convolutional neural networks, figure 3.

    Examples
    --------
    >>> import pellucid as pl
    >>> found = pl.filters(pl.load("demo"))
    >>> found.bank.weights.shape[1]
    3
    >>> len(found.reading.filters) == len(found.units)
    True
    """
    seen = opened_or_bare(net)
    bank = _bare_bank(seen, layer) if isinstance(seen, BareNet) else _bank(seen, layer)
    source = Provenance(seen.name, seen.weights_digest, "filters", {}, None, versions(), bank.layer)
    return Filters(bank.layer, bank, source)


def _bare_bank(net: BareNet, layer: str | None) -> Bank:
    found = net.kernels(layer)
    return Bank.of(found.weight.numpy(), layer=found.layer, deeper=not found.first)


def _bank(net: Net, layer: str | None) -> Bank:
    asked = None if layer is None else net.layer(layer)
    first = _first_or_none(net) if asked is not None else net.first_layer()
    if asked is not None and (first is None or asked.name != first.layer.name):
        first = net.first_layer(asked.name) if sees_its_kernel(net, asked) else None
    if first is not None:
        return Bank.of(first.weight.cpu().numpy(), layer=first.layer.name)
    name = asked.name if asked is not None else ""
    return Bank.of(_kernels(net, name), layer=name, deeper=True)


def _first_or_none(net: Net) -> FirstLayer | None:
    try:
        return net.first_layer()
    except InputError:
        return None


def _kernels(net: Net, layer: str) -> np.ndarray[Any, Any]:
    """The kernels of a deeper layer as they are."""
    weight = (
        getattr(net.module.get_submodule(layer.split("#")[0]), "weight", None) if layer != "logits" else None
    )
    if weight is None or weight.ndim not in (3, 4, 5):
        first = _first_or_none(net)
        there = first.layer.name if first else "another layer"
        raise InputError(f"{layer} has no kernels to show; a convolution has, {there} for one")
    return np.asarray(weight.detach().float().cpu().numpy())


def settings(net: Net, asked: Settings) -> dict[str, Any]:
    """There is nothing to set."""
    return {}


def units(net: Net, asked: Sequence[Unit]) -> list[Unit]:
    """All filters of the first layer, whatever was asked: the home page shows them. None where they are no pictures."""
    try:
        first = net.first_layer()
    except InputError:
        return []
    return [Unit(first.layer.name, index) for index in range(first.layer.units)]


def plan(net: Net, units: Sequence[Unit], settings: Settings) -> list[Job]:
    """One job: weights are only looked at."""
    if not units:
        return []
    return [Job(f"filters/{units[0].layer}", units[0].layer, tuple(unit.index for unit in units), len(units))]


def run(net: Net, job: Job, settings: Settings, given: Given) -> Iterable[Record]:
    """One record for each filter."""
    found = filters(net, job.layer)
    tiles, places = filter_tiles(found.bank), _places(found)
    source = found.provenance.to_json()
    for index in job.indices:
        what = (
            "no picture, its weights hold NaN or infinity" if index in found.bank.damaged else "gray is zero"
        )
        picture = Picture.of(tiles[index], source, alt=f"filter {job.layer}:{index}, {what}", pixelated=True)
        verdict = {"verdict": Number(found.reading.verdict, "of all filters")}
        numbers = {**_numbers(found, index), **verdict, **places[index]}
        yield Record(KIND.name, job.layer, index, {"filter": picture, **numbers}, found.provenance)


def _places(found: Filters) -> list[dict[str, Figure]]:
    """Where each filter stands by family and beside its like, for sorting."""
    places: list[dict[str, Figure]] = [{} for _ in found.units]
    orders = (
        ("family", "family_place", "place by family"),
        ("cluster", "likeness_place", "place by likeness"),
    )
    for by, name, label in orders:
        for place, unit in enumerate(filter_order(found.bank, found.reading, by)):
            places[unit][name] = Number(place, label)
    return places


def _finite(value: float | None) -> float | None:
    """A number, or None for one that a damaged filter does not have."""
    return None if value is None or np.isnan(value) else value


def _numbers(found: Filters, index: int) -> dict[str, Figure]:
    """What the reading says of one filter."""
    row = found.reading.filters[index]
    frequency = None if row.orientation_deg is None else row.frequency
    return {
        "family": Number(row.family, "family"),
        "why": Number(row.why, "why"),
        **({"damaged": Number(True, "damaged: NaN or infinity")} if row.family == "damaged" else {}),
        "norm": Number(_finite(row.norm), "norm"),
        "orientation": Number(row.stripes_deg, "direction of the stripes", "°"),
        "frequency": Number(frequency, "frequency", "cycles/px"),
        "chroma": Number(None if row.chroma is None else 100 * row.chroma, "energy off the gray axis", "%"),
        "opponent_axis": Number(row.opponent_axis, "opponent axis"),
        "dc": Number(_finite(row.dc), "response to white minus black"),
        "gabor_r2": Number(row.gabor_r2, "R² of a Gabor"),
        "blob_r2": Number(row.blob_r2, "R² of a blob"),
        "center_surround_r2": Number(row.center_surround_r2, "R² of a center with surround"),
        "symmetry": Number(_finite(row.symmetry), "symmetry, −1 odd to 1 even"),
        "edge_r2": Number(row.edge_r2, "R² of an edge"),
        "untrained": Number(row.noisy, "looks untrained"),
        "dead": Number(row.dead, "dead"),
        "negated_by": Number(row.negated_by, "its negative is filter"),
        "duplicate_of": Number(row.duplicate_of, "its double is filter"),
    }
