# SPDX-License-Identifier: Apache-2.0
"""Records as panels of a page: nothing here knows a kind of evidence by name.

Figures stand in the order of their panel, those of one type side by side. Two habits of naming do the rest: a
number called `X_positive` is the caption of the figure called `positive` in the same panel, and a text called
`positive_note` says why that figure is not there. What no panel names is not shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import groupby

from markupsafe import Markup

from pellucid.figures import Figure, Histogram, Number, Partners, Picture
from pellucid.figures.markup import Link
from pellucid.figures.partners import Look
from pellucid.records import Kind, Panel, Record
from pellucid.views.facts import Fact, provenance_facts

__all__ = ["Cell", "Group", "PanelView", "Source", "panel_views", "sources"]

NOTE, DIAGNOSIS = "_note", "diagnosis"
SHAPES = {
    **dict.fromkeys(("curve", "histogram", "levels", "map", "tuning_curve"), "drawing"),
    "partners": "partner",
}


@dataclass(frozen=True)
class Cell:
    """One figure with the numbers that caption it, or (`html` empty) the reason why it is not there."""

    heading: str
    html: Markup
    captions: tuple[Figure, ...] = ()
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


def panel_views(
    kinds: Iterable[Kind], records: Mapping[str, Record], link: Link, look: Look | None = None
) -> list[PanelView]:
    """The panels of all kinds of which there is a record, in order, but for those without any figure.

    `look` tells what the page knows of other units, by address.
    """
    found = []
    for kind in kinds:
        own = records[kind.name].figures if kind.name in records else {}
        figures = {name: _placed(figure, records) for name, figure in own.items()}
        for panel in kind.panels if figures else ():
            if groups := _groups(panel, kind, figures, link, look):
                found.append(PanelView(kind.name, panel.title, panel.note, groups))
    return found


def _placed(figure: Figure, records: Mapping[str, Record]) -> Figure:
    """The figure; a histogram with the numbers that other records of the unit place on it."""
    if not isinstance(figure, Histogram) or not figure.placed:
        return figure
    values: dict[str, float] = {}
    for name, kind, number in figure.placed:
        found = records[kind].figures.get(number) if kind in records else None
        if isinstance(found, Number) and isinstance(found.value, int | float):
            values[name] = float(found.value)
    return figure.placing(values)


def sources(kinds: Iterable[Kind], records: Mapping[str, Record]) -> list[Source]:
    """How each record was made, for those that say so."""
    made = ((kind, records[kind.name].provenance) for kind in kinds if kind.name in records)
    return [
        Source(kind.title, tuple(provenance_facts(source))) for kind, source in made if source is not None
    ]


def _groups(
    panel: Panel, kind: Kind, figures: Mapping[str, Figure], link: Link, look: Look | None
) -> tuple[Group, ...]:
    """The figures of a panel that are there, or say why they are not, in runs of one shape."""
    cells: list[tuple[str, Cell]] = []
    captions = {caption for name in panel.figures for caption in _captions(name, panel, figures)}
    for name in panel.figures:
        figure, reason = figures.get(name), _reason(name, kind, figures)
        if name in captions or name.endswith(NOTE) or _is_well(name, figure):
            continue
        if figure is not None:
            shape = SHAPES.get(figure.type, figure.type)
            heading = "" if isinstance(figure, Number) else name.replace("_", " ")
            numbers = tuple(figures[caption] for caption in _captions(name, panel, figures))
            cells.append((shape, Cell(heading, Markup(_html(figure, link, look)), numbers)))
        elif reason:  # it keeps its place among its like
            shape = next((shape for shape, _ in reversed(cells) if shape != Number.type), Picture.type)
            cells.append((shape, Cell(name.replace("_", " "), Markup(), reason=reason)))
    if sum(bool(cell.heading) for _, cell in cells) == 1:  # the panel's title is enough
        cells = [(shape, replace(cell, heading="")) for shape, cell in cells]
    runs = groupby(cells, lambda cell: cell[0])
    return tuple(Group(shape, tuple(cell for _, cell in run)) for shape, run in runs)


def _html(figure: Figure, link: Link, look: Look | None) -> str:
    return figure.html(link, look) if isinstance(figure, Partners) else figure.html(link)


def _is_well(name: str, figure: Figure | None) -> bool:
    """Whether this is a diagnosis of nothing, which needs no words."""
    return name.startswith(DIAGNOSIS) and isinstance(figure, Number) and figure.value is None


def _captions(name: str, panel: Panel, figures: Mapping[str, Figure]) -> list[str]:
    """The numbers of a panel that are named after one of its figures (which is itself no number)."""
    if isinstance(figures.get(name), Number):
        return []
    return [
        each for each in panel.figures if each.endswith(f"_{name}") and isinstance(figures.get(each), Number)
    ]


def _reason(name: str, kind: Kind, figures: Mapping[str, Figure]) -> str:
    """Why a figure is not there: its note; for the picture that stands for a unit, at least that it is not."""
    note = figures.get(name + NOTE)
    if isinstance(note, Number) and isinstance(note.value, str):
        return note.value
    return "no picture" if name == kind.thumbnail else ""
