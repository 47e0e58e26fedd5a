# SPDX-License-Identifier: Apache-2.0
"""The families of first-layer filters, and which one a filter belongs to, with the reason in words.

One ordered list of rules, each with one number of its own, so that a reader can disagree with a single line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pellucid.kernels.opponency import COLORED

__all__ = ["FAMILIES", "GROUPS", "Signs", "family_of"]

# Each with the group it falls into in the published counts for InceptionV1's first layer (Olah et al. 2020,
# "An Overview of Early Vision": Gabor 44 %, color contrast 42 %, other 14 %).
GROUPS: Mapping[str, str] = {
    "gabor": "gabor",
    "edge": "gabor",
    "line": "gabor",
    "color contrast": "color contrast",
    "blob": "other",
    "other": "other",
    "noise": "other",
    "dead": "other",
    "damaged": "other",
    "deeper": "other",
}
FAMILIES = tuple(GROUPS)

FOUND = 0.6  # of R², adjusted for the freedom of the fit; noise of 5x5 and up stays below
STRIPES = 1.5  # cycles over a kernel; color with fewer shows two sides or a center, not stripes
AT_THE_RIM = 1.2  # of energy spread; 1 is even, so only what shuns the middle is above
UNDOUBTED = 0.9  # an R² from which a shape counts wherever it lies
MAIN_PART = 0.5  # of a small kernel's energy
LINE_SHARE = 0.3  # of line in what a small kernel holds of lines and centers; a bar has 0.5, a Laplacian 0

SHAPE_FAMILY = {
    "gabor": "gabor",
    "edge": "edge",
    "line": "line",
    "blob": "blob",
    "center-surround": "blob",
    "center": "blob",
    "average": "blob",
}


@dataclass(frozen=True)
class Signs:
    """What a filter's family is decided from.

    `shape` is the one that Akaike's criterion chose, `r2` the share of energy it explains, `adjusted_r2` the same
    less what its free parameters would explain of noise; `cycles` of the found frequency go over the kernel. For a
    kernel too small for fits, `shape` is its largest part and both shares are that part's. `chroma` is None where
    the channels are no colors. `deeper`: of a layer that reads responses, not the input.
    """

    dead: bool
    noisy: bool
    chroma: float | None
    shape: str
    r2: float
    adjusted_r2: float
    cycles: float
    spread: float
    small: bool
    deeper: bool = False


def family_of(signs: Signs) -> tuple[str, str]:
    """The family and its evidence in words.

    >>> family_of(Signs(False, False, 0.1, "gabor", 0.95, 0.94, cycles=2.1, spread=0.5, small=False))
    ('gabor', 'a gabor explains 95 % of it')
    """
    explained = f"{'an' if signs.shape[0] in 'ae' else 'a'} {signs.shape} explains {_percent(signs.r2)} of it"
    if signs.dead:
        return "dead", "its weights are below 1 % of the layer's median"
    if signs.deeper:
        return "deeper", "it weighs responses, not pixels: shown, not read"
    if signs.noisy and signs.small:
        return "noise", "nothing tells the layer's weights from random ones"
    if signs.noisy:
        return "noise", f"neighboring weights hardly agree, and at best {explained}"
    found = signs.adjusted_r2 >= (MAIN_PART if signs.small else FOUND)
    if signs.chroma is not None and signs.chroma >= COLORED:
        color = f"{_percent(signs.chroma)} of its energy is color"
        striped = found and signs.shape == "gabor" and signs.cycles >= STRIPES
        return "gabor" if striped else "color contrast", f"{color}; {explained}" if found else color
    if not found:
        return "other", f"no shape explains enough of it; at best, {explained}"
    if signs.spread > AT_THE_RIM and signs.r2 < UNDOUBTED and not signs.small:
        return "other", f"its energy lies at the rim, as of a broad gradient; {explained}"
    return SHAPE_FAMILY[signs.shape], explained


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"
