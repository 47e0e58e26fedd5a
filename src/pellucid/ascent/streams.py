# SPDX-License-Identifier: Apache-2.0
"""Random streams: one for each goal and purpose, so that a picture never depends on what else is in its batch."""

from __future__ import annotations

import hashlib

import numpy as np

from pellucid.records import canonical_json

__all__ = ["stream"]


def stream(seed: int, *names: str) -> np.random.Generator:
    """The random stream that belongs to `seed` and `names`, the same on every machine and in every process.

    NumPy's generators promise the same numbers on every processor; torch's normal numbers differ in the last bit between
    vector widths.

    Examples
    --------
    >>> int(stream(0, "features.7:42", "start").integers(1000))
    101
    """
    digest = hashlib.sha256(canonical_json([seed, *names]).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16])))
