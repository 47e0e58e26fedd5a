# SPDX-License-Identifier: Apache-2.0
"""Kernels with a name, kernels written out, and the name of a kernel that has one."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import InputError, UnknownName, did_you_mean

__all__ = ["NAMED", "NamedKernel", "kernel_from", "name_of", "parse_kernel"]

Floats = NDArray[np.float64]

NAME = re.compile("[a-z][a-z0-9-]*").fullmatch
MOST_SIDE = 1023
LARGEST = 1e100  # so that no sum of products overflows
SAME = 0.999  # normalized correlation from which two kernels are one; half a gray level of 255


@dataclass(frozen=True)
class NamedKernel:
    """A kernel by name: `make` draws it from the numbers after the colon, `least` to `most` of them."""

    make: Callable[..., Floats]
    least: int = 0
    most: int = 0
    form: str = ""


def _fixed(rows: list[list[float]]) -> NamedKernel:
    return NamedKernel(lambda: np.array(rows, float))


def _gaussian(sigma: float = 1.0) -> Floats:
    x = _places(sigma, "gaussian")
    window = np.exp(-(x**2) / (2 * sigma**2))
    return np.asarray(np.outer(window, window) / window.sum() ** 2)


def _gabor(
    angle: float,
    frequency: float,
    sigma: float | None = None,
    phase: float = 0.0,
    length: float | None = None,
) -> Floats:
    if not 0 < frequency <= 0.5:
        raise InputError(
            f"a gabor of {frequency:g} cycles per pixel was asked; above 0 and at most 0.5 can be sampled"
        )
    width = 0.56 / frequency if sigma is None else sigma  # 0.56: a bandwidth of one octave
    long = width if length is None else length
    x = _places(max(width, long), "gabor")
    turn = math.radians(angle)
    along = x * math.cos(turn) + x[:, None] * math.sin(turn)
    across = x[:, None] * math.cos(turn) - x * math.sin(turn)
    window = np.exp(-(along**2) / (2 * width**2) - across**2 / (2 * long**2))
    wave = window * np.cos(2 * np.pi * frequency * along + math.radians(phase))
    wave -= window * wave.sum() / window.sum()  # nothing on a flat region
    reach = np.abs(wave).sum() / 2
    return wave / reach if reach > 0 else wave


def _box(size: float = 3) -> Floats:
    if size != int(size) or not 1 <= size <= MOST_SIDE:
        raise InputError(f"a box of size {size:g} was asked; whole numbers from 1 to {MOST_SIDE} work")
    return np.full((int(size), int(size)), 1 / size**2)


def _places(sigma: float, name: str) -> Floats:
    """Whole pixels out to three sigma on either side."""
    if not 0 < sigma <= MOST_SIDE // 6:
        raise InputError(f"a {name} of sigma {sigma:g} was asked; above 0 and up to {MOST_SIDE // 6} works")
    reach = max(math.ceil(3 * sigma), 1)
    return np.arange(-reach, reach + 1.0)


NAMED: Mapping[str, NamedKernel] = {
    "laplacian": _fixed([[0, 1, 0], [1, -4, 1], [0, 1, 0]]),
    "laplacian-8": _fixed([[1, 1, 1], [1, -8, 1], [1, 1, 1]]),
    "sobel-x": _fixed([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
    "sobel-y": _fixed([[-1, -2, -1], [0, 0, 0], [1, 2, 1]]),
    "prewitt-x": _fixed([[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]]),
    "prewitt-y": _fixed([[-1, -1, -1], [0, 0, 0], [1, 1, 1]]),
    "identity": _fixed([[1]]),
    "gaussian": NamedKernel(_gaussian, most=1, form="gaussian[:SIGMA]"),
    "box": NamedKernel(_box, most=1, form="box[:SIZE]"),
    "gabor": NamedKernel(_gabor, least=2, most=5, form="gabor:ANGLE,FREQUENCY[,SIGMA[,PHASE[,LENGTH]]]"),
}


def kernel_from(words: str) -> Floats:
    """The kernel that `words` ask for: a name (`laplacian`, `gabor:45,0.2`) or rows of numbers.

    In `gabor:ANGLE,FREQUENCY[,SIGMA[,PHASE[,LENGTH]]]` the angle, in degrees, is the direction the wave runs in:
    0 to the right (its stripes stand upright), 90 down. Frequency is in cycles per pixel, sigma and length (the
    window along and across the wave) in pixels; a phase of 0 is a bright stripe in the middle, 90 a border with
    the bright side against the angle. Its weights sum to 0, the positive ones to 1. A `gaussian` and a `box` sum to 1.

    Raises
    ------
    UnknownName : no kernel has this name
    InputError : numbers that do not fit the name, or rows that are no kernel

    Examples
    --------
    >>> kernel_from("box:2")
    array([[0.25, 0.25],
           [0.25, 0.25]])
    """
    name, colon, rest = words.strip().lower().partition(":")
    if not NAME(name) or name in ("nan", "inf", "infinity"):
        return parse_kernel(words)
    if name not in NAMED:
        raise UnknownName(f"no kernel is named {name!r}; {did_you_mean(name, NAMED)}")
    kernel = NAMED[name]
    numbers = [_number(word, words) for word in rest.replace(",", " ").split()]
    if not kernel.least <= len(numbers) <= kernel.most or (colon and not numbers):
        raise InputError(f"{words.strip()!r} was asked; {kernel.form or name} works")
    return kernel.make(*numbers)


def parse_kernel(words: str) -> Floats:
    """A kernel written out: rows parted by `;` or new lines, numbers by spaces or commas; `1/9` is a number.

    Raises
    ------
    InputError : empty, rows of different lengths, something that is no number or is beyond 1e100, or a side beyond 1023

    Examples
    --------
    >>> parse_kernel("0 1 0; 1 -4 1; 0 1 0")
    array([[ 0.,  1.,  0.],
           [ 1., -4.,  1.],
           [ 0.,  1.,  0.]])
    """
    lines = words.strip().rstrip(";").replace("\n", ";").split(";")
    rows = [line.replace(",", " ").split() for line in lines]
    if rows == [[]]:
        raise InputError('an empty kernel was asked; "0 1 0; 1 -4 1; 0 1 0" is one of three rows')
    lengths = [len(row) for row in rows]
    if len(set(lengths)) > 1:
        raise InputError(
            f"the kernel's rows hold {', '.join(map(str, lengths))} numbers; a kernel needs rows of one length"
        )
    if max(len(rows), lengths[0]) > MOST_SIDE:
        raise InputError(f"a kernel of {len(rows)}x{lengths[0]} was asked; {MOST_SIDE} is the longest side")
    return np.array([[_number(word, words) for word in row] for row in rows])


def _number(word: str, words: str) -> float:
    try:
        number = float(Fraction(word)) if "/" in word else float(word)
    except (ValueError, ZeroDivisionError, OverflowError):
        number = math.nan
    if not abs(number) <= LARGEST:
        shown = words.strip()
        shown = shown if len(shown) <= 60 else shown[:57] + "..."
        raise InputError(f"{word[:30]!r} in the kernel {shown!r} is no number it can hold")
    return number


def name_of(kernel: Floats) -> str | None:
    """The name of a gray kernel (kh, kw) that has one, whatever its scale; `-` before it where it is negated.

    A border of zeros is looked through, so a Sobel in the middle of a 5x5 kernel is one. Recognized are the fixed
    kernels of NAMED and a box; what has free parameters is found by fitting.

    >>> name_of(np.array([[0, -2, 0], [-2, 8, -2], [0, -2, 0.0]]))
    '-laplacian'
    """
    reach = np.abs(kernel).max(initial=0)
    if not reach > 0:
        return None
    rows, columns = (np.flatnonzero((np.abs(kernel) > 1e-3 * reach).any(axis)) for axis in (1, 0))
    inner = kernel[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    fixed = [(name, named.make()) for name, named in NAMED.items() if not named.most]
    for name, known in [*fixed, ("box", np.ones_like(inner))]:
        if known.shape == inner.shape:
            alike = float((inner * known).sum() / np.sqrt((inner**2).sum() * (known**2).sum()))
            if abs(alike) >= SAME:
                return name if alike > 0 else f"-{name}"
    return None
