# SPDX-License-Identifier: Apache-2.0
"""A look as a page: what stands on it, in which order, and the words around."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence


from pellucid.figures import Figure, Table
from pellucid.figures.map import ONE_SIDED, SIGNED
from pellucid.figures.markup import data_uri
from pellucid.figures.words import value_words
from pellucid.look.group_figures import group_figures
from pellucid.look.heat import COOL, VEIL, WARM
from pellucid.look.plate import plate_of
from pellucid.look.value import Look
from pellucid.records import Kind, Panel, Record
from pellucid.version import __version__
from pellucid.views.facts import provenance_facts
from pellucid.views.look_page import LookPage, look_page
from pellucid.views.panels import PanelView, Source, panel_views

__all__ = ["panel", "report", "says"]

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
            lede=says(look),
            plates=(plate_of(look, site=site),),
            panels=tuple(panels),
            sources=(Source("This look", tuple(provenance_facts(look.provenance))), *attribution_sources(look)),
            notes=look.notes,
            version=__version__,
            palettes=PALETTES,
            home=home,
        )
    )


def says(look: Look) -> str:
    """In one line what the net says of the image."""
    if not look.outputs:
        return f"through {look.net}"
    words = [_said(look, place) for place in range(min(3, len(look.outputs)))]
    return f"{look.net} says {', then '.join(words)}"


def _said(look: Look, place: int) -> str:
    one = look.outputs[place]
    name = (one.label or f"output {one.index}").partition(",")[0]
    sure = value_words(one.value) if one.probability is None else _percent(one.probability)
    return f"{name} ({sure})"


def _percent(share: float) -> str:
    return value_words(float(f"{100 * share:.3g}"), "%")


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
            *((_percent(one.probability),) if one.probability is not None else ()),
        )
        for one in look.outputs
    )
    return Table(columns, rows)


def attribution_panels(look: Look) -> list[PanelView]:
    """One panel for each method."""
    return []


def attribution_sources(look: Look) -> Iterable[Source]:
    """How each attribution was made."""
    return ()


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


