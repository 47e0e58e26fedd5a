# SPDX-License-Identifier: Apache-2.0
"""Addresses within a site: made of numbers and hashes only, never of a layer's or an item's name."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pellucid.figures import Blob

__all__ = [
    "HOME",
    "MANIFEST",
    "MIMES",
    "UNKNOWN_PICTURE",
    "Address",
    "address_of",
    "blob_path",
    "layer_data_path",
    "layer_path",
    "unit_path",
]

HOME, MANIFEST = "index.html", "manifest.json"

# What a blob may be on a page. SVG and HTML are not here: they could carry scripts.
ENDINGS = {"image/png": "png", "image/webp": "webp", "image/jpeg": "jpg", "image/gif": "gif"}
MIMES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml",
    **{ending: mime for mime, ending in ENDINGS.items()},
}
UNKNOWN_PICTURE = "static/unknown.svg"

# \d would match other scripts' digits, and a leading zero would give one page two addresses.
_NUMBER = "(0|[1-9][0-9]{0,8})"
_FORMS = {
    "layer": re.compile(rf"layer/{_NUMBER}/index\.html"),
    "layer data": re.compile(rf"layer/{_NUMBER}/units\.js"),
    "unit": re.compile(rf"layer/{_NUMBER}/{_NUMBER}\.html"),
    "blob": re.compile(r"blob/([0-9a-f]{64})\.(png|webp|jpg|gif)"),
    "static": re.compile(r"static/([a-z]+\.(?:css|js|svg))"),
}


@dataclass(frozen=True)
class Address:
    """What a path asks for: a form of page, and the numbers or names in it."""

    form: str
    parts: tuple[str, ...] = ()


def address_of(path: str) -> Address | None:
    """What `path` asks for, or None for a path that no site of ours has.

    >>> address_of("layer/3/42.html")
    Address(form='unit', parts=('3', '42'))
    >>> address_of("layer/3/../../../etc/passwd")
    """
    if path in (HOME, MANIFEST):
        return Address(path)
    for form, pattern in _FORMS.items():
        match = pattern.fullmatch(path)
        if match:
            return Address(form, match.groups())
    return None


def layer_path(ordinal: int) -> str:
    """The page of a layer, by its place in call order, counted from 1."""
    return f"layer/{ordinal}/{HOME}"


def layer_data_path(ordinal: int) -> str:
    """The script that holds what a layer's page sorts and filters by."""
    return f"layer/{ordinal}/units.js"


def unit_path(ordinal: int, index: int) -> str:
    """The page of a unit."""
    return f"layer/{ordinal}/{index}.html"


def blob_path(blob: Blob) -> str:
    """The file of a blob; one stand-in picture for whatever is no picture of a known kind."""
    ending = ENDINGS.get(blob.mime)
    return f"blob/{blob.hash}.{ending}" if ending else UNKNOWN_PICTURE
