# SPDX-License-Identifier: Apache-2.0
"""Records as panels of a page: nothing here knows a kind of evidence by name.

Figures stand in the order of their panel, those of one type side by side. Two habits of naming do the rest: a
number called `X_positive` is the caption of the figure called `positive` in the same panel, and a text called
`positive_note` says why that figure is not there. What no panel names is not shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from markupsafe import Markup

from pellucid.figures import Figure, Number
from pellucid.figures.markup import Link
from pellucid.records import Kind, Panel, Record
from pellucid.views.facts import Fact, provenance_facts

__all__ = ["Cell", "Group", "PanelView", "Source", "panel_views", "sources"]

NOTE, DIAGNOSIS = "_note", "diagnosis"
SHAPES = {"curve": "drawing", "histogram": "drawing", "map": "drawing"}


@dataclass(frozen=True)
class Cell:
    """One figure with the numbers that caption it, or (`html` empty) the reason why it is not there."""

    heading: str
    html: Markup
    captions: tuple[Number, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Group:
    """Neighboring figures of one type; `shape` is that type, and `drawing` for all that is drawn by lines or cells."""

    shape: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class PanelView:
    """A panel as a page shows it."""

    kind: str
    title: str
    note: str
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class Source:
    """How the figures of one kind were made."""

    title: str
    facts: tuple[Fact, ...]


def panel_views(kinds: Iterable[Kind], records: Mapping[str, Record], link: Link) -> list[PanelView]:
    """The panels of all kinds of which there is a record, in order, but for those without any figure."""
    found = []
    for kind in kinds:
        figures = records[kind.name].figures if kind.name in records else {}
        for panel in kind.panels if figures else ():
            if groups := _groups(panel, kind, figures, link):
                found.append(PanelView(kind.name, panel.title, panel.note, groups))
    return found


def sources(kinds: Iterable[Kind], records: Mapping[str, Record]) -> list[Source]:
    """How each record was made, for those that say so."""
    made = ((kind, records[kind.name].provenance) for kind in kinds if kind.name in records)
    return [
        Source(kind.title, tuple(provenance_facts(source))) for kind, source in made if source is not None
    ]


def _groups(panel: Panel, kind: Kind, figures: Mapping[str, Figure], link: Link) -> tuple[Group, ...]:
    shown = [name for name in panel.figures if name in figures or _reason(name, kind, figures)]
    large = [name for name in shown if not isinstance(figures.get(name), Number)]
    captions = {name: _captions(name, panel, figures) for name in large}
    taken = {caption for name in large for caption in captions[name]}
    runs: list[tuple[str, list[Cell]]] = []
    for name in shown:
        figure = figures.get(name)
        if name in taken or name.endswith(NOTE) or _is_well(name, figure):
            continue
        # A figure that is missing keeps its place among its neighbors.
        shape = (
            SHAPES.get(figure.type, figure.type) if figure is not None else runs[-1][0] if runs else "picture"
        )
        if not runs or runs[-1][0] != shape:
            runs.append((shape, []))
        heading = name.replace("_", " ") if name in large and len(large) > 1 else ""
        numbers = tuple(
            found for each in captions.get(name, ()) if isinstance(found := figures[each], Number)
        )
        html = Markup() if figure is None else Markup(figure.html(link))
        runs[-1][1].append(
            Cell(heading, html, numbers, _reason(name, kind, figures) if figure is None else "")
        )
    return tuple(Group(shape, tuple(cells)) for shape, cells in runs)


def _is_well(name: str, figure: Figure | None) -> bool:
    """Whether this is a diagnosis of nothing, which needs no words."""
    return name.startswith(DIAGNOSIS) and isinstance(figure, Number) and figure.value is None


def _captions(name: str, panel: Panel, figures: Mapping[str, Figure]) -> list[str]:
    return [
        each for each in panel.figures if each.endswith(f"_{name}") and isinstance(figures.get(each), Number)
    ]


def _reason(name: str, kind: Kind, figures: Mapping[str, Figure]) -> str:
    """Why a figure is not there: its note; for the picture that stands for a unit, at least that it is not."""
    note = figures.get(name + NOTE)
    if isinstance(note, Number) and isinstance(note.value, str):
        return note.value
    return "no picture" if name == kind.thumbnail else ""
