# SPDX-License-Identifier: Apache-2.0
"""A look as files: the report, all numbers, and figures for papers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from pellucid.figures import Picture
from pellucid.figures.file import folder, write
from pellucid.figures.stamp import write_png
from pellucid.look.report import report

if TYPE_CHECKING:
    from pellucid.look.layer_look import LayerLook
    from pellucid.look.value import Look

__all__ = ["figures_of", "link_to_site", "save_look"]

REPORT, NUMBERS, ARRAYS, FIGURES = "look.html", "look.json", "look.npz", "figures"
MOST_SHEETS = 3  # layers drawn as figures, where that many were asked for


def save_look(
    look: Look, directory: str | Path, *, site: str | None = None, arrays: bool = True, home: str = ""
) -> Path:
    """Write it all; the report comes last, so that where it stands the rest stands too."""
    place = folder(directory)
    with ThreadPoolExecutor(1) as beside:  # packing pictures takes most of both, and lets other threads work
        page = beside.submit(
            report, look, site=None if site is None else link_to_site(site, place), home=home
        )
        pictures = [
            f"{FIGURES}/{name}" for name, data in figures_of(look) if write(place / FIGURES / name, data)
        ]
        write(place / NUMBERS, look.json_text(pictures=pictures).encode())
        if arrays:
            write(place / ARRAYS, look.npz())
        return write(place / REPORT, page.result())


def figures_of(look: Look) -> Iterator[tuple[str, bytes]]:
    """Each figure as a PNG and an SVG file, by name."""
    source = look.provenance.to_json()
    for one in _drawn(look):
        page = look.sheet(one.layer.name)
        yield f"{_file_name(one.layer.name)}.png", page.png(source)
        yield f"{_file_name(one.layer.name)}.svg", page.svg(source).encode()
    for attribution, figures in zip(look.attributions, look.attribution_figures, strict=True):
        source, picture = attribution.provenance.to_json(), figures["picture"]
        if isinstance(picture, Picture):
            yield f"{attribution.method}.png", picture.png()
        yield f"{attribution.method}.svg", attribution.page.svg(source).encode()
    yield from _large(look)
    for extra in look.extras:
        for name, figure in extra.figures.items():
            if isinstance(figure, Picture):
                yield f"{extra.name}-{_file_name(name)}.png", figure.png()


def _drawn(look: Look) -> Sequence[LayerLook]:
    """The layers whose sheets are drawn: those in groups, else the last that the atlas knows, else the last."""
    grouped = [each for each in look.layers if each.groups]
    known = [each for each in look.layers if each.entries]
    return grouped[-MOST_SHEETS:] or known[-1:] or look.layers[-1:]


def _large(look: Look) -> Iterator[tuple[str, bytes]]:
    """The units asked for, as heat map and as mask."""
    for unit in look.units:
        source = {**look.provenance.to_json(), "unit": str(unit)}
        yield f"{_file_name(str(unit))}-heat.png", write_png(look.heat(unit), source)
        at, why = look.layer(unit.layer).threshold(unit.index)
        cut = {**source, "settings": {**source["settings"], "threshold": at, "threshold_is": why}}
        yield f"{_file_name(str(unit))}-mask.png", write_png(look.mask(unit), cut)


def _file_name(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in name)


def link_to_site(site: str, place: Path) -> str:
    """How a report in `place` links to a site: an address as it is, a folder by the way that leads to it."""
    if "://" in site:
        return site
    return Path(os.path.relpath(Path(site).resolve(), place.resolve())).as_posix()
