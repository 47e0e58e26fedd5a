# SPDX-License-Identifier: Apache-2.0
"""Which layers are looked at, and which of them says most."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.errors import InputError
from pellucid.models import OUTPUT, Net, Places, places_of
from pellucid.records import Layer

__all__ = ["chosen_layers", "grouped_layers", "telling_layer"]

LEAST_CELLS = 16  # of a layer that is worth taking apart into groups, or drawing cell by cell


def chosen_layers(net: Net, asked: Sequence[str] | None) -> list[tuple[Layer, Places]]:
    """The layers to look at, each with where its cells lie."""
    if asked is not None:
        named = list(dict.fromkeys(net.layer(name).name for name in asked))
        if not named:
            raise InputError("no layer was asked; name some, as --layers features.7, or leave it out")
        return [(net.layer(name), _placed(net, name)) for name in named]
    found = [(layer, places_of(net, layer)) for layer in net.default_layers()]
    known = [(layer, places) for layer, places in found if places is not None]
    if not known:
        raise InputError(
            f"no layer of {net.name} has positions, so there is no spot to stand on; `pellucid layers` lists them"
        )
    return known


def _placed(net: Net, name: str) -> Places:
    layer = net.layer(name)
    places = places_of(net, layer)
    if places is None:
        listed = [*net.default_layers(), *net.layers()]
        some = list(dict.fromkeys(each.name for each in listed if places_of(net, each) is not None))
        with_some = f"; {', '.join(some[:3])} {'has' if len(some) == 1 else 'have'} some" if some else ""
        grid = "x".join(map(str, layer.grid))
        what = f"positions ({grid}) that are no parts of the image" if layer.grid else "no positions"
        raise InputError(f"{name} has {what}, there is nothing to stand on{with_some}")
    return places


def telling_layer(net: Net, chosen: Sequence[tuple[Layer, Places]]) -> str | None:
    """The last layer with a grid worth it, before there is a unit for each class."""
    classes = net.layer(OUTPUT).units
    inner = [layer.name for layer, places in chosen if layer.units != classes and len(places) >= LEAST_CELLS]
    return inner[-1] if inner else None


def grouped_layers(net: Net, chosen: Sequence[tuple[Layer, Places]], *, asked: bool) -> frozenset[str]:
    """The layers whose units are grouped: those asked for; else the last one before there is a unit for each class."""
    if asked:
        return frozenset(layer.name for layer, _ in chosen)
    telling = telling_layer(net, chosen)
    return frozenset() if telling is None else frozenset([telling])
