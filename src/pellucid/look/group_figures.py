# SPDX-License-Identifier: Apache-2.0
"""Groups of units as pictures: all on the photograph, each in its color, and the units that weigh most in each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor

from pellucid.figures import Figure, Number, Picture
from pellucid.figures.words import value_words
from pellucid.look.groups import Group
from pellucid.look.heat import drawn_photo, laid_over, spread_over
from pellucid.look.layer_look import LayerLook

if TYPE_CHECKING:
    from pellucid.look.value import Look

__all__ = ["group_figures", "groups_over"]

UNITS, TILE_PX, LARGEST_PX = 4, 96, 640

Floats = NDArray[np.float64]


def group_figures(look: Look, one: LayerLook) -> dict[str, Figure]:
    """All groups over the photograph, then for each its map and a strip of its heaviest units."""
    source = look.provenance.to_json()
    figures: dict[str, Figure] = {
        "all groups": Picture.of(
            groups_over(look, one, one.groups),
            source,
            alt=f"{len(one.groups)} groups of units of {one.layer.name} on {look.image.name}, each in its color",
        )
    }
    for group in one.groups:
        name = f"group {group.number + 1}"
        figures[name] = Picture.of(_group(look, one, group), source, alt=_words(one, group))
        figures[f"units_{name}"] = Number(_words(one, group), "units by weight")
    return figures


def _words(one: LayerLook, group: Group) -> str:
    return ", ".join(f"{unit} ({value_words(float(f'{weight:.2g}'))})" for unit, weight in group.units(UNITS))


def groups_over(look: Look, one: LayerLook, groups: tuple[Group, ...]) -> Image.Image:
    """The photograph in gray, each place in the color of the group that is strongest there, the more the stronger it is.

    Strength is counted in shares of a group's own peak.
    """
    fields = np.stack([_share(look, one, group) for group in groups])
    colors = np.array([ImageColor.getrgb(group.color) for group in groups], float)
    strongest = fields.argmax(0)
    cover = 0.9 * fields.max(0) ** 0.8
    return laid_over(drawn_photo(look.image.item, LARGEST_PX), look.image.placement, colors[strongest], cover)


def _share(look: Look, one: LayerLook, group: Group) -> Floats:
    field = spread_over(one.places, group.map, look.image.placement.size)
    return field / (field.max() or 1.0)


def _group(look: Look, one: LayerLook, group: Group) -> Image.Image:
    """One group's map over the photograph, and the pictures of its heaviest units where there are some."""
    over = groups_over(look, one, (group,))
    name = one.layer.name
    units = [(name, unit) for unit, _ in group.units(UNITS)]
    made = {} if look.dictionary is None else look.dictionary.thumbnails(units, TILE_PX)
    side = UNITS * TILE_PX
    whole = over.resize((side, max(round(side * over.height / over.width), 1)), Image.Resampling.LANCZOS)
    if not made:
        return whole
    page = Image.new("RGB", (side, whole.height + TILE_PX), "#fdfcf9")
    page.paste(whole, (0, 0))
    for place, image in enumerate(made.values()):
        page.paste(image, (place * TILE_PX, whole.height))
    return page
