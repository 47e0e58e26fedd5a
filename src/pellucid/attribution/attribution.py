# SPDX-License-Identifier: Apache-2.0
"""A map of which parts of an image matter, as a value: it shows itself, saves itself, and carries where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pellucid.attribution.aim import Aim
from pellucid.attribution.faithfulness import Faithfulness
from pellucid.attribution.method import METHODS
from pellucid.attribution.page import attribution_page
from pellucid.figures import Figure, Number, Picture, Table
from pellucid.figures.words import value_words
from pellucid.kernels import Page
from pellucid.records import Provenance

__all__ = ["Attribution"]


@dataclass(frozen=True, eq=False)
class Attribution:
    """Which parts of one image matter for an aim, by one method.

    `values` (H, W) float32, one for each pixel as fed, not rescaled, in the units that `unit_words` says; below zero,
    where `signed`, is what counts against the aim. `response` is the aim's value on the image, `aim` with the positions
    that were read. `layer` is set for Grad-CAM. `sound` is False for methods that failed the published sanity checks; then
    `caution` says so. `extras` holds what the method has to say beside its map, as JSON values: of integrated gradients
    the `residual` by which the map's sum misses the difference to the baseline.
    """

    method: str
    aim: Aim
    values: NDArray[np.float32]
    response: float
    unit_words: str
    signed: bool
    sound: bool
    caution: str
    layer: str | None
    faithfulness: Faithfulness | None
    extras: Mapping[str, Any]
    seconds: float
    provenance: Provenance
    picture: NDArray[np.uint8] = field(repr=False)
    aim_words: str = ""

    def __repr__(self) -> str:
        y, x = self.peak
        return f"<{self.method} of {self.aim_words}: strongest at y {y}, x {x}>"

    @property
    def title(self) -> str:
        """The method's name as people write it."""
        return METHODS[self.method].title

    @property
    def enlarged(self) -> str:
        """In one line how far the image had to be enlarged; nothing where it was not."""
        return str(self.provenance.settings.get("enlarged", ""))

    @property
    def peak(self) -> tuple[int, int]:
        """(y, x) of the highest value, the first of several."""
        y, x = np.unravel_index(int(self.values.argmax()), self.values.shape)
        return int(y), int(x)

    @property
    def page(self) -> Page:
        """The image, the map with its scale, the map over the image, and the faithfulness curves."""
        return attribution_page(
            self.picture,
            self.values,
            signed=self.signed,
            title=f"{self.title} of {self.aim_words}",
            lines=self._lines(),
            unit_words=self.unit_words,
            fine=METHODS[self.method].fine,
            games=self.faithfulness,
            caution=self.caution,
        )

    def _lines(self) -> list[str]:
        lines = [f"{self.provenance.net}, response {value_words(self.response)}"]
        if self.provenance.settings.get("baseline") is not None:
            lines[0] += f", baseline {self.provenance.settings['baseline']}"
        if self.layer is not None:
            lines[0] += f", read at {self.layer}"
        if self.extras.get("relative_residual") is not None:
            missed = value_words(100 * self.extras["relative_residual"], "%")
            lines.append(f"the map's sum misses the difference to the baseline by {missed}")
        lines += [f"{self.enlarged}."] if self.enlarged else []
        method = METHODS[self.method]
        lines += [f"Shows {method.reads}.", f"How it misleads: {method.misleads}."]
        return lines

    def plot(self) -> Image.Image:
        """The page as an image."""
        return self.page.image()

    def save(self, path: str | Path) -> Path:
        """Write the page as PNG or SVG, as the name ends, with its provenance inside."""
        return self.page.save(path, self.provenance.to_json())

    def figures(self) -> dict[str, Figure]:
        """What a page shows: the picture, the facts, and the curves with their areas."""
        said = f"{self.title} of {self.aim_words}: {self.unit_words}"
        found: dict[str, Figure] = {
            "picture": Picture.of(self.plot(), self.provenance.to_json(), alt=said),
            "facts": Table(("", "value"), tuple(self._facts())),
        }
        if self.faithfulness is not None:
            found |= self.faithfulness.curves()
            found["insertion_auc"] = Number(self.faithfulness.insertion_auc, "insertion AUC")
            found["deletion_auc"] = Number(self.faithfulness.deletion_auc, "deletion AUC")
        return found

    def _facts(self) -> list[tuple[str, str | float]]:
        rows: list[tuple[str, str | float]] = [
            ("of", self.aim_words),
            ("response", self.response),
            ("values are", self.unit_words),
            ("lowest", float(self.values.min())),
            ("highest", float(self.values.max())),
        ]
        if (
            "residual" in self.extras
        ):  # of a map enlarged from cells or windows a sum over pixels says nothing
            rows.append(("sum", float(self.values.sum(dtype=np.float64))))
        rows += [("layer", self.layer)] if self.layer else []
        rows += [("caution", self.caution)] if self.caution else []
        return rows

    def to_json(self) -> dict[str, Any]:
        """JSON values; the map itself, as large as the image, is left to `values`."""
        y, x = self.peak
        return {
            "method": self.method,
            **self.aim.to_json(),
            "response": self.response,
            "unit_words": self.unit_words,
            "signed": self.signed,
            "sound": self.sound,
            **({"caution": self.caution} if self.caution else {}),
            **({"layer": self.layer} if self.layer else {}),
            "shape": list(self.values.shape),
            "min": float(self.values.min()),
            "max": float(self.values.max()),
            "sum": float(self.values.sum(dtype=np.float64)),
            "peak": [y, x],
            **({} if self.faithfulness is None else {"faithfulness": self.faithfulness.to_json()}),
            **self.extras,
            "seconds": round(self.seconds, 4),
        }

    def _repr_png_(self) -> bytes:
        return self.page.png(self.provenance.to_json())
