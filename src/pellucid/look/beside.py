# SPDX-License-Identifier: Apache-2.0
"""Two looks on one page: two images through one net, or one image through two."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import InputError
from pellucid.figures import Figure, Table
from pellucid.figures.file import folder, write
from pellucid.look.layer_look import LayerLook
from pellucid.look.plate import plate_of
from pellucid.look.report import (
    PALETTES,
    attribution_panels,
    attribution_sources,
    extra_panels,
    groups_panels,
    outputs_panel,
    panel,
)
from pellucid.look.saving import FIGURES, REPORT, figures_of, link_to_site
from pellucid.version import __version__
from pellucid.views.facts import provenance_facts
from pellucid.views.look_page import LookPage, look_page
from pellucid.views.panels import PanelView, Source

if TYPE_CHECKING:
    from pellucid.look.value import Look

__all__ = ["Beside"]

SHOWN = 12  # units that differ most


@dataclass(frozen=True, eq=False)
class Beside:
    """Two looks side by side: where both went through one net, layers turn together and a unit is shown on both images."""

    looks: tuple[Look, Look]

    def __post_init__(self) -> None:
        if not self.one_net and self.looks[0].image.name != self.looks[1].image.name:
            raise InputError(
                "two images through two nets were put side by side; what differs could not be told: keep one of them the same"
            )

    @property
    def one_net(self) -> bool:
        """Whether both looks are through the same network with the same weights."""
        one, other = (look.provenance.weights_digest for look in self.looks)
        return one == other

    @property
    def names(self) -> tuple[str, str]:
        """What to call each: the image, or where both show one image the net."""
        first, second = self.looks
        if first.image.name != second.image.name:
            return first.image.name, second.image.name
        if first.net != second.net:
            return first.net, second.net
        return f"{first.net} (1)", f"{second.net} (2)"

    @property
    def says(self) -> str:
        """In one line what is said of each."""
        return "; ".join(look.says for look in self.looks)

    def similarity(self) -> list[tuple[str, float]]:
        """For each layer that both looked at, how alike it answers: the cosine between its units' mean responses.

        Only within one net: units of different nets have nothing to do with one another.
        """
        if not self.one_net:
            return []
        return [
            (one.layer.name, _cosine(one.maps.mean(1), other.maps.mean(1))) for one, other in self._pairs()
        ]

    def differences(self, layer: str) -> list[tuple[int, float, float]]:
        """The units of a layer whose peaks differ most between the two, each with both peaks.

        With an atlas that knows them all by the share of their own peaks over the data, so that loud units do not come first for
        being loud; else by the peaks themselves.
        """
        one, other = (look.layer(layer) for look in self.looks)
        gap = np.abs(_telling(one) - _telling(other))
        order = np.argsort(-gap, kind="stable")[:SHOWN]
        return [(int(unit), float(one.peaks[unit]), float(other.peaks[unit])) for unit in order]

    def _pairs(self) -> list[tuple[LayerLook, LayerLook]]:
        first, second = self.looks
        known = {each.layer.name: each for each in second.layers}
        return [(one, known[one.layer.name]) for one in first.layers if one.layer.name in known]

    def to_json(self) -> dict[str, Any]:
        """JSON values: both looks, how alike layers answer, and the units that differ most in each."""
        return {**self._summary(), "looks": [look.to_json() for look in self.looks]}

    def _summary(self) -> dict[str, Any]:
        row: dict[str, Any] = {"names": list(self.names), "one_net": self.one_net}
        if self.one_net:
            row["similarity"] = [{"layer": name, "cosine": value} for name, value in self.similarity()]
            row["differences"] = [
                {"unit": f"{one.layer.name}:{unit}", "peaks": [first, second]}
                for one, _ in self._pairs()
                for unit, first, second in self.differences(one.layer.name)
            ]
        return row

    def report(self, *, site: str | None = None) -> bytes:
        """The page of both."""
        first, second = self.looks
        panels: list[PanelView] = [*outputs_panel(self.looks), *self._differing()]
        for look, name in zip(self.looks, self.names, strict=True):
            for view in (*attribution_panels(look), *groups_panels(look), *extra_panels(look)):
                panels.append(PanelView(view.kind, f"{name}: {view.title}", view.note, view.groups))
        return look_page(
            LookPage(
                title=f"{first.image.name} and {second.image.name}" if self.one_net else first.image.name,
                net=first.net if self.one_net else f"{first.net} and {second.net}",
                lede=self.says,
                plates=tuple(
                    plate_of(look, site=site, title=name)
                    for look, name in zip(self.looks, self.names, strict=True)
                ),
                panels=tuple(panels),
                sources=tuple(
                    source
                    for look, name in zip(self.looks, self.names, strict=True)
                    for source in (
                        Source(name, tuple(provenance_facts(look.provenance))),
                        *attribution_sources(look),
                    )
                ),
                notes=tuple(dict.fromkeys((*first.notes, *second.notes))),
                version=__version__,
                palettes=PALETTES,
                together=self.one_net,
            )
        )

    def _differing(self) -> list[PanelView]:
        if not self.one_net or not self._pairs():
            return []
        layer = self.looks[0].telling.layer.name
        figures: dict[str, Figure] = {
            "how alike layers answer": Table(("layer", "cosine of mean responses"), tuple(self.similarity())),
        }
        if layer in [one.layer.name for one, _ in self._pairs()]:
            figures[f"units of {layer} that differ most"] = Table(
                ("unit", *(f"peak on {name}" for name in self.names)), tuple(self.differences(layer))
            )
        return panel(
            "What differs",
            "1 is alike, 0 unrelated. Mean responses forget where things are: two images of the same things in other places "
            "answer alike. A unit that differs need not be one that the outputs rest on.",
            figures,
        )

    def save(self, directory: str | Path, *, site: str | None = None, arrays: bool = True) -> Path:
        """Write the report, all numbers and the figures of both; the report's path."""
        place = folder(directory)
        pictures: list[str] = []
        for number, look in enumerate(self.looks, start=1):
            for name, data in figures_of(look):
                pictures.append(f"{FIGURES}/{number}-{name}")
                write(place / pictures[-1], data)
            if arrays:
                write(place / f"look-{number}.npz", look.npz())
        write(place / "look.json", self.json_text(pictures=pictures).encode())
        return write(place / REPORT, self.report(site=None if site is None else link_to_site(site, place)))

    def json_text(self, **more: Any) -> str:
        """All numbers as JSON text; see `Look.json_text`."""
        row = json.dumps({**self._summary(), **more}, allow_nan=False)
        looks = ",".join(look.json_text() for look in self.looks)
        return f'{row[:-1]},"looks":[{looks}]}}'

    def _repr_png_(self) -> bytes:
        return self.looks[0]._repr_png_()


def _telling(one: LayerLook) -> NDArray[np.float64]:
    peaks = one.peaks.astype(np.float64)
    shares = np.full(len(peaks), np.nan)
    for index, entry in one.entries.items():
        if entry.spread is not None and entry.spread.items:
            shares[index] = float(entry.spread.peaks_below(peaks[index]))
    # A unit that the atlas does not know can only be compared by its peak: then all are.
    return peaks if np.isnan(shares).any() else shares


def _cosine(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    size = float(np.linalg.norm(one.astype(float)) * np.linalg.norm(other.astype(float)))
    return float(one.astype(float) @ other.astype(float)) / size if size else 0.0
