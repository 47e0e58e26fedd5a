# SPDX-License-Identifier: Apache-2.0
"""A few values out of long JSON text that Pellucid wrote, without parsing the rest."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["peek"]

_DECODER = json.JSONDecoder()


def peek(text: str, *keys: str) -> Any:
    """The value that follows the first of `keys`, then the next one after it, and so on; None where one does not come.

    Canonical JSON has no spaces, and within a string a quotation mark never follows a comma or brace without a backslash, so a
    key is found by looking for it. Depth is not looked at: the keys must be ones that come first where they are meant.

    >>> peek('{"a":{"names":["x"],"n":[1,2]},"b":3}', "a", "n"), peek('{"a":1}', "c")
    ([1, 2], None)
    """
    at = 0
    for key in keys:
        at = text.find(f'"{key}":', at)
        while at > 0 and text[at - 1] not in "{,":  # the end of some text, as in "a \\"key\\":"
            at = text.find(f'"{key}":', at + 1)
        if at <= 0:
            return None
        at += len(key) + 3
    # The value itself; a nested key is looked for from within it.
    return _DECODER.raw_decode(text, at)[0]
