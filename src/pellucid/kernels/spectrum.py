# SPDX-License-Identifier: Apache-2.0
"""The waves in a filter: its strongest frequency, the direction it runs in, and where its energy lies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pellucid.kernels.shapes import Grid
from pellucid.kernels.shares import share

__all__ = ["Spectrum", "energy_center", "energy_spread", "spectra", "within_nyquist"]

Floats = NDArray[np.float64]

APART = 0.15  # cycles per pixel between two peaks, about the width of one under a 7 px window


@dataclass(frozen=True, eq=False)
class Spectrum:
    """The waves in each of K filters, all channels together.

    `peaks` (K, n, 2): the n strongest waves fx, fy in cycles per pixel, strongest first, slow ones left out;
    `frequency` (K,): of the strongest wave, the slowest counted, 0 for none;
    `angle` (K,): the direction the strongest wave runs in, radians in 0..pi, from x toward y (down);
    `oriented` (K,): 0 for energy alike in all directions to 1 for stripes (coherence of its second moments).
    """

    peaks: Floats
    frequency: Floats
    angle: Floats
    oriented: Floats


def energy_center(kernels: Floats) -> Floats:
    """x, y of the middle of each filter's energy, in pixels from the kernel's center: (K, 2)."""
    energy = (kernels**2).sum(1).reshape(len(kernels), -1)
    places = np.stack(Grid(*kernels.shape[2:]).pixels(), -1)
    total = energy.sum(1, keepdims=True)
    return share(energy @ places, total)


def energy_spread(kernels: Floats) -> Floats:
    """How far from the kernel's center the energy lies: 0 all in the middle, 1 spread evenly, above 1 at the rim.

    The mean squared distance under the energy, divided by that under an even spread: (K,).
    """
    energy = (kernels**2).sum(1).reshape(len(kernels), -1)
    x, y = Grid(*kernels.shape[2:]).pixels()
    far = x**2 + y**2
    even = energy.sum(1) * far.mean()
    return share(energy @ far, even)


def spectra(kernels: Floats, *, peaks: int = 2) -> Spectrum:
    """The waves in each filter (K, C, kh, kw), read from its padded Fourier transform.

    Examples
    --------
    >>> stripes = np.cos(2 * np.pi * np.arange(8) / 4) * np.ones((1, 1, 8, 8))
    >>> found = spectra(stripes)
    >>> found.frequency, found.angle
    (array([0.25]), array([0.]))
    """
    height, width = kernels.shape[2:]
    down, across = _padded(height), _padded(width)
    power = (np.abs(np.fft.rfft2(kernels, (down, across))) ** 2).sum(1)  # (K, down, across // 2 + 1)
    fy, fx = (np.broadcast_to(f, power.shape[1:]).ravel() for f in _frequencies(down, across))
    power = power.reshape(len(kernels), -1) * ((fx > 0) | (fy >= 0))  # each wave once
    fast = power * (np.hypot(fx, fy) >= 0.5 / max(height, width))
    found = []
    for _ in range(peaks):
        at = fast.argmax(1)
        found.append(np.stack([fx[at], fy[at]], -1))
        fast = fast * (_distance(fx, fy, found[-1]) > APART)
    strongest = power.argmax(1)
    frequency = np.hypot(fx[strongest], fy[strongest])
    angle = np.arctan2(fy[strongest], fx[strongest]) % np.pi
    return Spectrum(np.stack(found, 1), frequency, angle, _coherence(power, fx, fy))


def _padded(length: int) -> int:
    return 1 if length == 1 else 1 << (4 * length - 1).bit_length()


def _frequencies(down: int, across: int) -> tuple[Floats, Floats]:
    return np.asarray(np.fft.fftfreq(down)[:, None]), np.asarray(np.fft.rfftfreq(across)[None, :])


def _distance(fx: Floats, fy: Floats, peak: Floats) -> Floats:
    """From every frequency to a peak or its mirror: (K, F)."""
    near = np.hypot(fx - peak[:, :1], fy - peak[:, 1:])
    return np.minimum(near, np.hypot(fx + peak[:, :1], fy + peak[:, 1:]))


def _coherence(power: Floats, fx: Floats, fy: Floats) -> Floats:
    xx, yy, xy = power @ fx**2, power @ fy**2, power @ (fx * fy)
    whole = xx + yy
    return share(np.hypot(xx - yy, 2 * xy), whole)


def within_nyquist(frequency: Floats, angle: Floats) -> tuple[Floats, Floats]:
    """The same sampled wave with |fx| and |fy| at most half a cycle per pixel, its angle in 0..pi."""
    fx, fy = frequency * np.cos(angle), frequency * np.sin(angle)
    fx, fy = fx - np.round(fx), fy - np.round(fy)
    return np.hypot(fx, fy), np.arctan2(fy, fx) % np.pi
