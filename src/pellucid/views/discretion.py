# SPDX-License-Identifier: Apache-2.0
"""What must not leave a machine with a page: the folders that lead to a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["discreet"]

_ABSOLUTE = re.compile(r"(?:file:|~|[A-Za-z]:[\\/]|[\\/])")
# Within a sentence: a separator that follows no word, and folders up to the last one. A model's name, as
# torchvision/resnet18, has a word before its first separator.
_WITHIN = re.compile(
    r"(?<![\w.:/\\<])(?:file:/*|~|[A-Za-z]:)?(?:[\\/]+[^\s\\/'\"<>]+)+[\\/]+(?=[^\s\\/'\"<>])"
)


def discreet(value: Any) -> Any:
    """`value` with every absolute path in it cut to its last part: texts, and texts within lists and tables.

    >>> discreet("/home/ann/my nets/net.py:build")
    'net.py:build'
    >>> discreet(["weights read from /home/ann/w.safetensors", "torchvision/resnet18", 3])
    ['weights read from w.safetensors', 'torchvision/resnet18', 3]
    """
    if isinstance(value, str):
        whole = re.split(r"[\\/]", value.rstrip("\\/"))[-1] if _ABSOLUTE.match(value) else value
        return _WITHIN.sub("", whole)
    if isinstance(value, Mapping):
        return {discreet(key): discreet(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [discreet(part) for part in value]
    return value
