# SPDX-License-Identifier: Apache-2.0
"""A look kept in an atlas, so that the atlas's site shows it on the pages of the layers that were looked at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pellucid.errors import InputError
from pellucid.figures import Figure, Picture, Table
from pellucid.look.group_figures import groups_over
from pellucid.look.layer_look import LayerLook
from pellucid.records import Kind, Panel, Record
from pellucid.store import Atlas, AtlasWriter

if TYPE_CHECKING:
    from pellucid.look.value import Look

__all__ = ["keep_look"]


def keep_look(look: Look, path: str | Path) -> list[str]:
    """Put a look into the atlas file at `path`: a record about each layer that has pages there; the names of these layers.

    A look at an image of the same name takes the place of an earlier one. Exporting the site again shows it.

    Raises
    ------
    InputError : the atlas is of another net, or has no page about any layer that was looked at
    AtlasInUse : another process writes it
    """
    kind = _kind(look)
    with Atlas.open(path) as atlas:
        if atlas.card.get("weights_digest") != look.provenance.weights_digest:
            raise InputError(
                f"{path} is an atlas of another net than {look.net}; a look is kept with its own"
            )
        known = {layer.name for layer in atlas.layers() if atlas.units(layer.name)}
        kinds = [each for each in atlas.kinds() if each.name != kind.name]
    shown = [one for one in look.layers if one.layer.name in known]
    if not shown:
        names = ", ".join(one.layer.name for one in look.layers[:3])
        raise InputError(f"{path} has no pages about {names}; survey units of these layers first")
    records = [Record(kind.name, one.layer.name, None, _figures(look, one), look.provenance) for one in shown]
    with AtlasWriter.open(path, create=False) as writer:
        writer.put_kinds([*kinds, kind])
        writer.commit_job(kind.name, records)
    return [one.layer.name for one in shown]


def _kind(look: Look) -> Kind:
    title = f"A look at {look.image.name}"
    note = (
        "One image of a user's own: the units whose answer is rarest for them, or highest, each where it fires. Every map has a "
        "scale of its own, and that a unit fires does not say that an output rests on it."
    )
    return Kind(f"look/{look.image.name}", title, "layer", (Panel(title, note, ("where", "groups", "says")),))


def _figures(look: Look, one: LayerLook) -> dict[str, Figure]:
    source, name = look.provenance.to_json(), one.layer.name
    page = look.sheet(name)
    figures: dict[str, Figure] = {"where": Picture.of(page.image(), source, alt=page.alt)}
    if one.groups:
        alt = f"{len(one.groups)} groups of units of {name} on {look.image.name}, each in its color"
        figures["groups"] = Picture.of(groups_over(look, one, one.groups), source, alt=alt)
    if look.outputs:
        rows = tuple((each.label or each.index, each.value) for each in look.outputs[:5])
        figures["says"] = Table(("output", "value"), rows)
    return figures
