# SPDX-License-Identifier: Apache-2.0
"""The page of a look: one file that holds all it shows, so that it opens anywhere and asks for nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup

from pellucid.figures import Blob, Picture
from pellucid.figures.markup import data_uri
from pellucid.views.panels import PanelView, Source
from pellucid.views.typeset import typeset_alone

__all__ = ["LookPage", "LookPlate", "PlateLayer", "look_page", "page_assets"]

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class PlateLayer:
    """A layer as the page's script shows it.

    `data` are JSON values: `rows`, `columns` of cells; `across`, `down` where these part the photograph and `fields` what each
    cell sees, all in the photograph's own pixels; `tops` and `rare`, for each cell the first units; `maps` of the units drawn;
    `pictures` of units.
    """

    name: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class LookPlate:
    """One photograph on the page.

    Parameters
    ----------
    photo : the upright item, reduced; `width` and `height` are the item's own pixels, `fed` the part that the net was fed
    first : the layer to begin with
    pictured : whether an atlas gives units their pictures
    """

    title: str
    alt: str
    photo: Picture
    width: int
    height: int
    fed: tuple[int, int, int, int]
    layers: tuple[PlateLayer, ...]
    first: int
    pictured: bool = False


@dataclass(frozen=True)
class LookPage:
    """What the page says: one photograph or two, panels of figures, and how all was made."""

    title: str
    net: str
    lede: str
    plates: tuple[LookPlate, ...]
    panels: tuple[PanelView, ...]
    sources: tuple[Source, ...]
    notes: tuple[str, ...]
    version: str
    palettes: Mapping[str, Any]
    together: bool = False
    home: str = ""


def look_page(page: LookPage) -> bytes:
    """The page as HTML with everything in it; `together`: both photographs went through one net, and turn layers together."""
    return typeset_alone(
        "look.html",
        page=page,
        data=_script(
            {
                "palettes": page.palettes,
                "together": page.together,
                "plates": [
                    {
                        "width": plate.width,
                        "height": plate.height,
                        "fed": list(plate.fed),
                        "pictured": plate.pictured,
                        "layers": [{"name": layer.name, **layer.data} for layer in plate.layers],
                    }
                    for plate in page.plates
                ],
            }
        ),
        assets=page_assets(),
    )


def _script(value: object) -> Markup:
    """A value inside a script: ASCII, and without a sign that could end the script."""
    words = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return Markup(words.replace("<", "\\u003c"))


@cache
def page_assets() -> dict[str, Markup]:
    """The site's own style and scripts, to stand inside the page."""
    static, report = _HERE / "static", _HERE / "report"
    style = (static / "style.css").read_text() + (report / "look.css").read_text()
    icon = Blob.of((static / "icon.svg").read_bytes(), "image/svg+xml")
    return {
        "style": Markup(style),
        "theme": Markup((static / "theme.js").read_text()),
        "keyboard": Markup((static / "keys.js").read_text()),
        "look": Markup("".join((report / name).read_text() for name in ("drawing.js", "look.js"))),
        "icon": Markup(data_uri(icon)),
    }
