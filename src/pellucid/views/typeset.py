# SPDX-License-Identifier: Apache-2.0
"""Page values into HTML: every text that is not one of our templates is escaped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pellucid.figures import Blob, Item
from pellucid.figures.markup import Link, data_uri, text
from pellucid.figures.words import value_words
from pellucid.views.addresses import blob_path
from pellucid.views.facts import layer_words
from pellucid.views.tile import Tile

__all__ = ["link_from", "typeset", "typeset_alone"]

_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    auto_reload=False,
    trim_blocks=True,
    lstrip_blocks=True,
)


def link_from(path: str) -> Link:
    """How a page at `path` links to a blob: relatively, so that a site works from any folder."""
    root = root_from(path)

    def link(blob: Blob) -> str:
        return root + blob_path(blob)

    return link


def root_from(path: str) -> str:
    """The way from a page to the site's own folder."""
    return "../" * path.count("/")


def thumbnail(tile: Tile, link: Link) -> Markup:
    """The picture of a tile; a designed blank with the reason where there is none."""
    if tile.picture is None:
        return Markup(f'<span class="blank">{text(tile.reason.partition(":")[0])}</span>')
    picture = tile.picture
    if isinstance(picture, Item):
        return Markup(picture.thumbnail(link))
    shape = ' class="pixelated"' if picture.pixelated else ""
    # The link around it says which unit this is; a second text would only be read out twice.
    return Markup(
        f'<img{shape} src="{text(link(picture.blob))}" width="{picture.width:d}" height="{picture.height:d}" '
        'alt="" loading="lazy" decoding="async">'
    )


def typeset(template: str, path: str, **values: Any) -> bytes:
    """The page at `path`, made from a template by name."""
    link = link_from(path)
    html = _PAGES.get_template(template).render(root=root_from(path), link=link, **values)
    return html.encode("utf-8", "backslashreplace")


def typeset_alone(template: str, **values: Any) -> bytes:
    """A page that belongs to no site: every blob is held in it."""
    html = _PAGES.get_template(template).render(root="", link=data_uri, **values)
    return html.encode("utf-8", "backslashreplace")


_PAGES.globals |= {"thumbnail": thumbnail, "value_words": value_words, "layer_words": layer_words}
