# SPDX-License-Identifier: Apache-2.0
"""Filters: the first layer's weights as pictures, in the colors of the user's image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pellucid.errors import InputError
from pellucid.evidence.job import Job, Settings
from pellucid.figures import Figure, Number, Picture
from pellucid.figures.sheet import contact_sheet
from pellucid.figures.stamp import write_png
from pellucid.models.net import Net
from pellucid.records import Kind, Panel, Provenance, Record, Unit
from pellucid.scan import Scanned

__all__ = ["KIND", "NEEDS", "Filters", "filters", "plan", "run", "settings", "units"]

KIND = Kind(
    name="filters",
    title="Filter",
    scope="unit",
    panels=(
        Panel(
            "Filter",
            "Gray is zero; a color is what the filter adds up where it is bright, its complement where it"
            " is dark. Each filter has its own scale, so a weak and a strong one look alike: compare "
            "their norms.",
            ("filter", "norm"),
        ),
    ),
    thumbnail="filter",
    sortable=("norm",),
)
NEEDS = "weights"


@dataclass(frozen=True)
class Filters:
    """The filters of a layer that looks at the image itself.

    `weights` is (K, C, kh, kw) float32, as they apply to an image in 0..1: the net's normalization is folded in.
    """

    layer: str
    units: tuple[int, ...]
    weights: NDArray[np.float32]
    provenance: Provenance

    def picture(self, place: int) -> Image.Image:
        """One filter on its own scale: zero is middle gray, its largest weight black or full color; kw x kh pixels."""
        return Image.fromarray(_pixels(self.weights[place]))

    @property
    def norms(self) -> NDArray[np.float64]:
        """(K,) the root of the sum of squares of each filter's weights."""
        flat = self.weights.reshape(len(self.weights), -1).astype(np.float64)
        return np.asarray(np.sqrt((flat**2).sum(1)))

    def plot(self) -> Image.Image:
        """All filters on one sheet, each on its own scale."""
        tiles = [(self.picture(place), f"{unit}") for place, unit in enumerate(self.units)]
        title = f"{self.provenance.net} {self.layer}: each filter on its own scale, gray is zero"
        return contact_sheet(tiles, tile_px=88, title=title)

    def png(self) -> bytes:
        """The sheet as a PNG that carries its provenance."""
        return write_png(self.plot(), self.provenance.to_json())

    def save(self, path: str | Path) -> Path:
        """Write the sheet as a PNG that carries its provenance."""
        target = Path(path)
        target.write_bytes(self.png())
        return target

    def to_json(self) -> dict[str, Any]:
        return {"layer": self.layer, "filters": [{"unit": f"{self.layer}:{unit}"} for unit in self.units]}

    def __repr__(self) -> str:
        count, channels, height, width = self.weights.shape
        return f"<{count} filters of {self.layer}, {channels}x{height}x{width}>"

    def _repr_png_(self) -> bytes:
        return self.png()


def _pixels(weight: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(C, kh, kw) weights as (kh, kw, 3) colors: zero is middle gray, the largest magnitude reaches an end."""
    largest = float(np.abs(weight).max())
    scaled = 0.5 + 0.5 * weight / largest if largest > 0 else np.full_like(weight, 0.5)
    return np.asarray(
        np.broadcast_to(np.rint(255 * scaled.transpose(1, 2, 0)), (*weight.shape[1:], 3)), np.uint8
    )


def filters(net: Net, layer: str | None = None) -> Filters:
    """The first layer's filters, as they apply to an image in 0..1.

    Parameters
    ----------
    net : what `load` returns
    layer : a layer that looks at the image itself; the first one when left out

    Raises
    ------
    UnknownName : no such layer
    InputError : the layer does not look at the image itself, or has no kernels of 1 or 3 channels

    References
    ----------
    Krizhevsky et al. 2012, ImageNet classification with deep convolutional neural networks, figure 3.

    Examples
    --------
    >>> import pellucid as pl
    >>> pl.filters(pl.load("demo")).weights.shape[1]
    3
    """
    first = net.first_layer()
    if layer is not None and net.layer(layer).name != first.layer.name:
        raise InputError(
            f"{layer} does not look at the image itself; {first.layer.name} does, and only its weights are pictures"
        )
    name, weights = first.layer.name, first.weight.cpu().numpy()
    source = Provenance(net.name, net.weights_digest, "filters", {}, None, net.card()["versions"], name)
    return Filters(name, tuple(range(len(weights))), weights, source)


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


def run(net: Net, job: Job, settings: Settings, scanned: Scanned | None) -> Iterable[Record]:
    """One record for each filter."""
    found = filters(net, job.layer)
    norms = found.norms
    for index in job.indices:
        picture = Picture.of(
            _pixels(found.weights[index]),
            found.provenance.to_json(),
            alt=f"filter {job.layer}:{index}, gray is zero",
            pixelated=True,
        )
        figures: dict[str, Figure] = {"filter": picture, "norm": Number(float(norms[index]), "norm")}
        yield Record(KIND.name, job.layer, index, figures, found.provenance)
