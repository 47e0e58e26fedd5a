# SPDX-License-Identifier: Apache-2.0
"""Several climbs of one objective, held against each other: how alike are the values, how alike the pictures?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Agreement", "agreement", "likeness", "modes"]

SAME_PICTURE = 0.9  # pictures that correlate at least so much show one thing
NEARLY_BEST = 0.01


@dataclass(frozen=True)
class Agreement:
    """What several starts came to.

    Parameters
    ----------
    value_cv : standard deviation (ddof 1) of the values over the size of their mean; None where it is not defined
    image_similarity : mean over all pairs of starts of `likeness`, in -1..1; None for one start
    baseline_similarity : mean `likeness` of the first start's picture with those of other units; None without any
    modes : groups of pictures that chains of pairs with a likeness of at least 0.9 hold together
    within_1pct : share of starts whose value is within 1 % of the best, in 0..1; None where no value is finite
    """

    value_cv: float | None
    image_similarity: float | None
    baseline_similarity: float | None
    modes: int
    within_1pct: float | None


def agreement(
    values: Sequence[float | None],
    pictures: Sequence[NDArray[np.uint8]],
    others: Sequence[NDArray[np.uint8]],
    *,
    sign: int,
) -> Agreement:
    """How well the starts of one climb agree.

    Parameters
    ----------
    values : what each start reached; None where that is not finite
    pictures : (H, W, C) of each start, all of one size
    others : first starts of other units, for what pictures of this kind have in common anyway
    sign : 1 where the value was to rise, -1 where to fall

    References
    ----------
    Erhan et al. 2009, section on consistency: nine random starts for each unit, judged there by eye.

    Examples
    --------
    >>> ramp = np.arange(64, dtype=np.uint8).reshape(8, 8, 1)
    >>> agreement([2.0, 2.0], [ramp, np.roll(ramp, 3, 1)], [], sign=1).modes
    1
    """
    pairs = likeness(pictures, pictures)
    count = len(pictures)
    upper = pairs[np.triu_indices(count, 1)]
    return Agreement(
        value_cv=_cv(values),
        image_similarity=float(upper.mean()) if count > 1 else None,
        baseline_similarity=float(likeness(pictures[:1], others).mean()) if len(others) else None,
        modes=modes(pairs),
        within_1pct=_within(values, sign),
    )


def likeness(ones: Sequence[NDArray[np.uint8]], others: Sequence[NDArray[np.uint8]]) -> NDArray[np.float64]:
    """Normalized cross-correlation of each of `ones` with each of `others` after the best circular shift: (n, m) in -1..1.

    Each picture has its mean over all pixels and channels taken away and its norm made 1; channels are shifted together.
    Two flat pictures are alike (1), a flat one is like no other (0).
    """
    if not len(ones) or not len(others):
        return np.zeros((len(ones), len(others)))
    left, right = _spectra(ones), _spectra(others)
    size = ones[0].shape[:2]
    found = np.empty((len(ones), len(others)))
    for row, spectrum in enumerate(left):
        correlations = np.fft.irfft2((spectrum * right.conj()).sum(-1), size, axes=(1, 2))
        found[row] = correlations.max((1, 2))
    flat = [np.array([not each.any() for each in side]) for side in (left, right)]
    found[np.logical_and.outer(*flat)] = 1.0
    return np.clip(found, -1.0, 1.0)


def _spectra(pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.complex128]:
    """(n, H, W//2+1, C) of the pictures without their mean and with norm 1; zeros where a picture is flat."""
    pixels = np.stack(pictures).astype(np.float64)
    pixels -= pixels.mean((1, 2, 3), keepdims=True)
    norms = np.sqrt((pixels**2).sum((1, 2, 3), keepdims=True))
    spectra: NDArray[np.complex128] = np.fft.rfft2(
        np.divide(pixels, norms, out=np.zeros_like(pixels), where=norms > 0), axes=(1, 2)
    )
    return spectra


def modes(pairs: NDArray[np.float64], least: float = SAME_PICTURE) -> int:
    """Number of single-linkage clusters: pictures are together where a chain of pairs of at least `least` joins them.

    >>> modes(np.array([[1, 0.95, 0.2], [0.95, 1, 0.91], [0.2, 0.91, 1]])), modes(np.eye(3))
    (1, 3)
    """
    left, groups = set(range(len(pairs))), 0
    while left:
        groups += 1
        reached = [left.pop()]
        while reached:
            one = reached.pop()
            near = {other for other in left if pairs[one, other] >= least}
            left -= near
            reached += near
    return groups


def _cv(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None and math.isfinite(value)]
    mean = float(np.mean(known)) if known else 0.0
    return float(np.std(known, ddof=1)) / abs(mean) if len(known) > 1 and mean else None


def _within(values: Sequence[float | None], sign: int) -> float | None:
    known = [value for value in values if value is not None and math.isfinite(value)]
    if not known:
        return None
    best = sign * max(sign * value for value in known)
    near = [value for value in known if abs(value - best) <= NEARLY_BEST * abs(best)]
    return len(near) / len(values)
