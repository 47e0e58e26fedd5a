# SPDX-License-Identifier: Apache-2.0
"""Regularizers: what a picture pays for being loud, rough or far from gray."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from pellucid.errors import InputError, UnknownName, did_you_mean

__all__ = ["REGULARIZERS", "Regularize", "price", "regularize_as", "regularize_in_words"]

# Names of `REGULARIZERS` with their weights, in the order of the table.
Regularize = tuple[tuple[str, float], ...]

GRAY = 0.5
# Of pixel values in 0..1, about as in photographs.
PHOTOGRAPH_SD = 0.25
# lucid's, which keeps the root's slope finite at gray.
ROOT_EPSILON = 1e-6


def total_variation(pictures: Tensor) -> Tensor:
    """The sum of absolute differences between neighbors, down and across: (N,)."""
    down, across = (pictures.diff(dim=axis).abs().flatten(1).sum(1) for axis in (-2, -1))
    return down + across


def l1(pictures: Tensor) -> Tensor:
    """The sum of absolute distances from gray: (N,)."""
    return (pictures - GRAY).abs().flatten(1).sum(1)


def l2(pictures: Tensor) -> Tensor:
    """The distance from gray, the root of 1e-6 plus the sum of squares: (N,)."""
    return (ROOT_EPSILON + (pictures - GRAY).square().flatten(1).sum(1)).sqrt()


def blur(pictures: Tensor) -> Tensor:
    """Half the squared distance to the picture blurred, which stands still: (N,).

    A weight of k then moves each step's picture by k of the way to its blurred self, where the canvas is pixels.
    """
    return (pictures - blurred(pictures).detach()).square().flatten(1).sum(1) / 2


def roughness(pictures: Tensor) -> Tensor:
    """The sum of squared differences between neighbors, over what squared distances from the mean sum to in photographs: (N,).

    Whatever its size, a picture of the roughness of photographs costs about 0.1, one of noise of their contrast 4.
    """
    down, across = (pictures.diff(dim=axis).square().flatten(1).sum(1) for axis in (-2, -1))
    return (down + across) / (pictures[0].numel() * PHOTOGRAPH_SD**2)


def blurred(pictures: Tensor) -> Tensor:
    """A mean over 3 by 3 pixels with 1 at the center and 0.5 around it, of those inside: (N, C, H, W)."""
    channels = pictures.shape[1]
    kernel = torch.full((channels, 1, 3, 3), 0.5, dtype=pictures.dtype, device=pictures.device)
    kernel[:, :, 1, 1] = 1.0
    inside = F.conv2d(torch.ones_like(pictures[:1]), kernel, padding=1, groups=channels)
    return F.conv2d(pictures, kernel, padding=1, groups=channels) / inside


# Each from pictures (N, C, H, W) in 0..1, as on the canvas and before any transform, to what is subtracted of the objective.
REGULARIZERS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "tv": total_variation,
    "l1": l1,
    "l2": l2,
    "blur": blur,
    "roughness": roughness,
}


def price(regularize: Regularize, pictures: Tensor) -> Tensor:
    """The sum of weights times regularizers, (N,).

    References
    ----------
    `roughness` is Mahendran and Vedaldi 2015, eq. 6 with beta = 2, in units of a photograph's variance; the others are those of
    lucid `optvis/objectives.py`: `total_variation`, `L1`, `L2` with the constant 0.5, `blur_input_each_step`. Differs: lucid
    takes the picture after its transforms.

    Examples
    --------
    >>> price((("l1", 0.5), ("tv", 1.0)), torch.tensor([[[[0.5, 1.0]]]]))
    tensor([0.7500])
    """
    total = torch.zeros(len(pictures), device=pictures.device)
    for name, weight in regularize:
        total = total + weight * REGULARIZERS[name](pictures)
    return total


def regularize_as(asked: str | Mapping[str, float]) -> Regularize:
    """The setting that `tv=0.25,l2=1` or a mapping says.

    Raises
    ------
    UnknownName : a regularizer that does not exist
    InputError : a weight that is no number above 0

    Examples
    --------
    >>> regularize_as("l2=1, tv=0.25")
    (('tv', 0.25), ('l2', 1.0))
    """
    parts = asked.items() if isinstance(asked, Mapping) else _parts(asked)
    weights: dict[str, float] = {}
    for name, weight in parts:
        if name not in REGULARIZERS:
            raise UnknownName(f"no regularizer is called {name!r}; {did_you_mean(name, REGULARIZERS, 9)}")
        if not 0 < weight < math.inf:
            raise InputError(f"regularizer {name} has the weight {weight:g}; above 0 is needed")
        weights[name] = float(weight)
    return tuple((name, weights[name]) for name in REGULARIZERS if name in weights)


def _parts(text: str) -> list[tuple[str, float]]:
    found = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, weight = part.partition("=")
        try:
            found.append((name.strip(), float(weight)))
        except ValueError:
            raise InputError(f"regularize {part!r}: write NAME=WEIGHT, as tv=0.25,l2=1") from None
    return found


def regularize_in_words(regularize: Regularize) -> str:
    """As captions say it: `0.25 x tv + 1 x l2`; empty where there is none."""
    return " + ".join(f"{weight:g} x {name}" for name, weight in regularize)
