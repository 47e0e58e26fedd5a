# SPDX-License-Identifier: Apache-2.0
"""A look as a page: what stands on it, in which order, and the words around."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pellucid.attribution import METHODS
from pellucid.figures import Curve, Figure, Table
from pellucid.figures.map import ONE_SIDED, SIGNED
from pellucid.figures.markup import data_uri
from pellucid.look.group_figures import group_figures
from pellucid.look.heat import COOL, VEIL, WARM
from pellucid.look.outputs import percent
from pellucid.look.plate import plate_of
from pellucid.records import Kind, Panel, Record
from pellucid.version import __version__
from pellucid.views.facts import provenance_facts
from pellucid.views.look_page import LookPage, look_page
from pellucid.views.panels import PanelView, Source, panel_views

if TYPE_CHECKING:
    from pellucid.look.value import Look

__all__ = ["panel", "report"]

PALETTES = {
    "oneSided": ONE_SIDED.tolist(),
    "signed": SIGNED.tolist(),
    "warm": WARM.tolist(),
    "cool": COOL.tolist(),
    "veil": VEIL.tolist(),
}


def report(look: Look, *, site: str | None = None, home: str = "") -> bytes:
    """The page of one look, in one file."""
    panels = [*outputs_panel([look]), *attribution_panels(look), *groups_panels(look), *extra_panels(look)]
    return look_page(
        LookPage(
            title=look.image.name,
            net=look.net,
            lede=look.says,
            plates=(plate_of(look, site=site),),
            panels=tuple(panels),
            sources=(
                Source("This look", tuple(provenance_facts(look.provenance))),
                *attribution_sources(look),
            ),
            notes=look.notes,
            version=__version__,
            palettes=PALETTES,
            home=home,
        )
    )


def panel(title: str, note: str, figures: Mapping[str, Figure]) -> list[PanelView]:
    """Figures under a title, as a page of the atlas would show them; nothing without figures."""
    kind = Kind("look", title, "layer", (Panel(title, note, tuple(figures)),))
    return panel_views([kind], {"look": Record("look", "", None, figures)}, data_uri)


def outputs_panel(looks: Sequence[Look]) -> list[PanelView]:
    """The outputs with the largest values; of several looks side by side."""
    figures: dict[str, Figure] = {}
    for place, look in enumerate(looks):
        if look.outputs:
            figures[look.image.name if len(looks) > 1 else "outputs"] = _table(look)
            if len(looks) > 1 and looks[0].image.name == looks[-1].image.name:
                figures[f"{look.net} ({place + 1})"] = figures.pop(look.image.name)
    return panel(
        "Outputs",
        "The largest first, as the net returns them. A probability is the softmax over all outputs: it says how these compare "
        "with one another, not how often the net is right.",
        figures,
    )


def _table(look: Look) -> Table:
    sure = look.outputs[0].probability is not None
    columns = ("output", "label", "value", *(("probability",) if sure else ()))
    rows = tuple(
        (
            one.index,
            one.label,
            one.value,
            *((percent(one.probability),) if one.probability is not None else ()),
        )
        for one in look.outputs
    )
    return Table(columns, rows)


def attribution_panels(look: Look) -> list[PanelView]:
    """One panel for each method, with how it misleads and, where it failed the sanity checks, that."""
    found: list[PanelView] = []
    for one, figures in zip(look.attributions, look.attribution_figures, strict=True):
        caution = f" {one.caution}" if one.caution else ""
        note = f"{one.title}: {METHODS[one.method].reads}. How it misleads: {METHODS[one.method].misleads}.{caution}"
        if one.faithfulness is None:
            note += " How faithful the map is was not measured here; --faithfulness does."
        found += panel(f"What {one.aim_words} rests on: {one.title}", note, _renamed(figures))
    return found


def _renamed(figures: Mapping[str, Figure]) -> dict[str, Figure]:
    """The figures of an attribution under headings that say more on this page; curves stand in the picture already."""
    words = {"picture": "the map, and the map over the image", "facts": "in numbers"}
    return {
        words.get(name, name): figure for name, figure in figures.items() if not isinstance(figure, Curve)
    }


def attribution_sources(look: Look) -> list[Source]:
    """How each attribution was made."""
    return [Source(one.title, tuple(provenance_facts(one.provenance))) for one in look.attributions]


def groups_panels(look: Look) -> list[PanelView]:
    """For each layer taken apart its groups on the photograph, and each group's own map and units."""
    found: list[PanelView] = []
    for one in look.layers:
        if one.groups:
            found += panel(
                f"Units that fire together in {one.layer.name}",
                "Each color is a group of units, found by factoring this layer's responses to this one image; the units that "
                "weigh most name it. The number of groups is chosen, not found, and another image groups units otherwise.",
                group_figures(look, one),
            )
    return found


def extra_panels(look: Look) -> list[PanelView]:
    """What was asked for beside."""
    return [view for extra in look.extras for view in panel(extra.title, extra.note, extra.figures)]
