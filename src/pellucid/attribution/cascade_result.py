# SPDX-License-Identifier: Apache-2.0
"""What a cascade found, as a value: each method's maps while the weights are shuffled, and a verdict on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pellucid.attribution.aim import Aim
from pellucid.attribution.cascade_page import cascade_page
from pellucid.attribution.method import METHODS
from pellucid.figures import Curve, Figure, Picture, Table
from pellucid.kernels import Page
from pellucid.records import Provenance

__all__ = ["Cascade", "CascadeRow"]

# A map that still ranks the pixels so much alike while the upper half of the layers is shuffled does not show what those learned.
KEPT = 0.5


@dataclass(frozen=True, eq=False)
class CascadeRow:
    """One method: Spearman's rank correlation of each stage's map with the first one, None where a map is the same everywhere.

    `signed` of the values, `absolute` of their magnitudes, one for each stage. `maps` (stages + 1, H, W): the network as it
    is, then each stage.
    """

    method: str
    signed: tuple[float | None, ...]
    absolute: tuple[float | None, ...]
    maps: NDArray[np.float32] = field(repr=False)

    @property
    def kept(self) -> float | None:
        """The mean of `correlations` over the upper half of the stages."""
        return _upper_mean(self.correlations)

    @property
    def correlations(self) -> tuple[float | None, ...]:
        """Those that judge the method: of values for signed methods, of magnitudes for others."""
        return self.signed if METHODS[self.method].signed else self.absolute

    @property
    def passes(self) -> bool:
        """Whether less than 0.5 is kept."""
        return self.kept is None or self.kept < KEPT

    @property
    def verdict(self) -> str:
        """What that means, in words."""
        name = METHODS[self.method].title
        if self.kept is None:
            return f"{name}: its map is the same everywhere while the upper half of the layers is shuffled"
        kept = f"mean rank correlation {self.kept:.2f} while the upper half of the layers is shuffled"
        if not self.passes:
            return f"{name} hardly follows the weights: {kept}; it shows the image more than what the network has learned"
        size = _upper_mean(self.absolute)
        also = f"; its magnitudes alone keep {size:.2f} and show the image" if size and size >= KEPT else ""
        return f"{name} follows the weights: {kept}{also}"

    def to_json(self) -> dict[str, Any]:
        return {
            "method": self.method,
            "signed": list(self.signed),
            "absolute": list(self.absolute),
            "kept": self.kept,
            "passes": self.passes,
            "verdict": self.verdict,
        }


@dataclass(frozen=True, eq=False)
class Cascade:
    """The maps of several methods while the weights are shuffled; `stages` names the layers shuffled at each, output first."""

    aim: Aim
    aim_words: str
    stages: tuple[tuple[str, ...], ...]
    rows: tuple[CascadeRow, ...]
    skipped: tuple[tuple[str, str], ...]
    seconds: float
    provenance: Provenance
    picture: NDArray[np.uint8] = field(repr=False)

    def __repr__(self) -> str:
        return "\n".join(row.verdict for row in self.rows)

    @property
    def page(self) -> Page:
        """Every method's maps in a row, stage by stage, with their rank correlations and the verdict."""
        return cascade_page(
            self.picture,
            [
                (row.verdict, METHODS[row.method].signed, row.maps, row.correlations, row.passes)
                for row in self.rows
            ],
            [stage[-1] for stage in self.stages],
            title=f"Cascading randomization: maps of {self.aim_words}",
        )

    def plot(self) -> Image.Image:
        """The page as an image."""
        return self.page.image()

    def save(self, path: str | Path) -> Path:
        """Write the page as PNG or SVG, as the name ends, with its provenance inside."""
        return self.page.save(path, self.provenance.to_json())

    def figures(self) -> dict[str, Figure]:
        """What a page shows: the picture, a table of verdicts, a curve for each method."""
        numbers = tuple(float(place + 1) for place in range(len(self.stages)))
        found: dict[str, Figure] = {
            "picture": Picture.of(self.plot(), self.provenance.to_json(), alt=self.page.alt),
            "verdicts": Table(
                ("method", "kept", "verdict"), tuple((row.method, row.kept, row.verdict) for row in self.rows)
            ),
        }
        for row in self.rows:
            kept = tuple(0.0 if value is None else value for value in row.correlations)
            found[row.method] = Curve(numbers, kept, "stages shuffled, output first", "rank correlation")
        return found

    def to_json(self) -> dict[str, Any]:
        return {
            **self.aim.to_json(),
            "stages": [list(stage) for stage in self.stages],
            "methods": [row.to_json() for row in self.rows],
            "skipped": [{"method": name, "reason": reason} for name, reason in self.skipped],
            "seconds": round(self.seconds, 3),
        }

    def _repr_png_(self) -> bytes:
        return self.page.png(self.provenance.to_json())


def _upper_mean(correlations: Sequence[float | None]) -> float | None:
    """Their mean over the upper half of the stages, as far as there is one."""
    known = [value for value in correlations[: (len(correlations) + 1) // 2] if value is not None]
    return sum(known) / len(known) if known else None
