# SPDX-License-Identifier: Apache-2.0
"""A look as files: the report, all numbers, and figures for papers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from pellucid.figures.file import folder, write
from pellucid.look.report import report
from pellucid.look.value import Look

__all__ = ["figures_of", "link_to_site", "save_look"]

REPORT, NUMBERS, ARRAYS, FIGURES = "look.html", "look.json", "look.npz", "figures"
MOST_SHEETS = 2  # layers drawn as figures, the last ones of those with pictures or groups


def save_look(
    look: Look, directory: str | Path, *, site: str | None = None, arrays: bool = True, home: str = ""
) -> Path:
    """Write it all; the report comes last, so that where it stands the rest stands too."""
    place = folder(directory)
    pictures = [f"{FIGURES}/{name}" for name, data in figures_of(look) if write(place / FIGURES / name, data)]
    write(place / NUMBERS, look.json_text(pictures=pictures).encode())
    if arrays:
        write(place / ARRAYS, look.npz())
    page = report(look, site=None if site is None else link_to_site(site, place), home=home)
    return write(place / REPORT, page)


def figures_of(look: Look) -> Iterator[tuple[str, bytes]]:
    """Each figure as a PNG and an SVG file, by name."""
    source = look.provenance.to_json()
    for one in [each for each in look.layers if each.entries or each.groups][-MOST_SHEETS:] or look.layers[-1:]:
        page = look.sheet(one.layer.name)
        yield f"{_file_name(one.layer.name)}.png", page.png(source)
        yield f"{_file_name(one.layer.name)}.svg", page.svg(source).encode()


def _file_name(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in name)


def link_to_site(site: str, place: Path) -> str:
    """How a report in `place` links to a site: an address as it is, a folder by the way that leads to it."""
    if "://" in site:
        return site
    return Path(os.path.relpath(Path(site).resolve(), place.resolve())).as_posix()
