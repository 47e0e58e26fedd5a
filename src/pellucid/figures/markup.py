# SPDX-License-Identifier: Apache-2.0
"""HTML as figures write it: no style or script attribute, so that it holds under a strict content policy."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from html import escape

from pellucid.figures.blob import Blob

__all__ = ["Link", "data_uri", "for_notebook", "text"]

Link = Callable[[Blob], str]

_SPECIAL = re.compile("[&<>\"']").search

# What a notebook needs to show a figure decently; pages bring their own, fuller style sheet.
NOTEBOOK_STYLE = """
.pellucid .pixelated{image-rendering:pixelated;min-width:96px;height:auto}
.pellucid .items{display:flex;flex-wrap:wrap;gap:8px;padding:0;margin:0;list-style:none}
.pellucid .item{width:104px;font-size:12px}
.pellucid .item svg{display:block;width:104px;height:104px;margin-bottom:4px}
.pellucid .item p{margin:0;overflow-wrap:anywhere}
.pellucid .partners{display:flex;flex-wrap:wrap;gap:8px;padding:0;margin:0;list-style:none}
.pellucid .partner{width:96px;font-size:12px}
.pellucid .partner p{margin:0;overflow-wrap:anywhere}
.pellucid .response{font-weight:600}
.pellucid .box{fill:none;stroke:#fff;stroke-width:1.5}
.pellucid .box-edge{fill:none;stroke:#111;stroke-width:3.5}
"""


def text(words: object) -> str:
    """Words as HTML text, or as the value of a double-quoted attribute."""
    plain = str(words)
    # Most words are numbers and names without any of these; to look is faster than to replace.
    return escape(plain) if _SPECIAL(plain) else plain


def data_uri(blob: Blob) -> str:
    """A link that holds the blob itself; empty for a blob known by name only."""
    if blob.data is None:
        return ""
    return f"data:{blob.mime};base64,{base64.b64encode(blob.data).decode()}"


def for_notebook(html: str) -> str:
    """A figure's HTML as a notebook shows it, where no style sheet of ours is loaded."""
    return f'<div class="pellucid"><style>{NOTEBOOK_STYLE}</style>{html}</div>'
