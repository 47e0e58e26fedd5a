# SPDX-License-Identifier: Apache-2.0
"""The grating a unit prefers, between the gratings it was shown: orientation, frequency and phase by a fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pellucid.stimuli.circle import wrapped
from pellucid.stimuli.half_height import between, half_height

__all__ = ["PreferredWave", "preferred_wave", "wave_widths"]

Floats = NDArray[np.float64]

FINER = 60  # phases between those shown
FEWEST = 6  # numbers that a paraboloid over two axes has


@dataclass(frozen=True)
class PreferredWave:
    """The grating at the top of the fit.

    `orientation_deg` is the direction across the stripes, 0..180, as `orientation_deg` of filters; `frequency` cycles per
    pixel; `phase_deg` 0..360, 0 for a light crest at the field's center; `fitted` whether the paraboloid had its top
    between the neighbors of the best grating shown, and not the grating as shown stands here.
    """

    orientation_deg: float
    frequency: float
    phase_deg: float
    fitted: bool


def preferred_wave(
    orientations: Floats, frequencies: Floats, phases: Floats, responses: Floats, gray: float
) -> PreferredWave | None:
    """The preferred grating of responses (orientation, frequency, phase), or None where none excites above gray.

    The height over phases is the top of the wave with the fewest harmonics through them. The logarithm of heights above gray at
    the best grating and its eight neighbors is fitted by a paraboloid over the plane of frequencies (fx, fy), each weighed by
    its height: exact where the unit's spectrum is a Gaussian, as a Gabor's is, whatever its width and tilt.

    Examples
    --------
    >>> angles, speeds = np.arange(0, 180, 15.0), np.geomspace(0.05, 0.4, 7)
    >>> turns = np.arange(0, 360, 60.0)
    >>> f, a = np.meshgrid(speeds, np.radians(angles))
    >>> far = (f * np.cos(a) - 0.12) ** 2 + (f * np.sin(a) - 0.09) ** 2
    >>> wave = np.exp(-far / (2 * 0.05**2))[..., None] * np.cos(np.radians(turns - 40))
    >>> found = preferred_wave(angles, speeds, turns, wave, 0.0)
    >>> round(found.orientation_deg, 1), round(found.frequency, 3), round(found.phase_deg)
    (36.9, 0.15, 40)
    """
    heights = _tops(responses) - gray
    if not heights.max(initial=0) > 0:
        return None
    turn, speed = (int(at) for at in np.unravel_index(heights.argmax(), heights.shape))
    phase = _phase(responses[turn, speed], phases)
    shown = PreferredWave(float(orientations[turn]), float(frequencies[speed]), phase, False)
    if len(orientations) < 3:
        return shown
    step = 180 / len(orientations)
    rows = []
    for across in (-1, 0, 1):
        for along in (-1, 0, 1):
            if 0 <= speed + along < len(frequencies):
                height = float(heights[(turn + across) % len(orientations), speed + along])
                if height > 0:
                    angle = np.radians(orientations[turn] + across * step)
                    fast = frequencies[speed + along]
                    rows.append((fast * np.cos(angle), fast * np.sin(angle), height))
    peak = _top(np.array(rows)) if len(rows) >= FEWEST else None
    if peak is None:
        return shown
    fast, angle = float(np.hypot(*peak)), float(np.degrees(np.arctan2(peak[1], peak[0])))
    turned = (angle - orientations[turn] + 90) % 180 - 90
    near = frequencies[max(speed - 1, 0)], frequencies[min(speed + 1, len(frequencies) - 1)]
    if abs(turned) > step or not near[0] <= fast <= near[1]:
        return shown
    return PreferredWave(wrapped(angle, 180), fast, phase, True)


def wave_widths(
    orientations: Floats, frequencies: Floats, responses: Floats, gray: float, wave: PreferredWave
) -> tuple[float | None, float | None]:
    """Full widths at half height through the preferred grating: over orientation in degrees, over frequency in octaves.

    Heights at the preferred frequency, and at the preferred orientation, lie between those shown; they are read off parabolas
    through logarithms, over frequency itself, as those of a Gabor run.
    """
    heights = np.maximum(_tops(responses) - gray, 0)
    turns, speeds = len(orientations), len(frequencies)
    over_turn, over_speed = heights.max(1), heights.max(0)
    if speeds >= 3:
        middle = int(np.clip(np.abs(frequencies - wave.frequency).argmin(), 1, speeds - 2))
        near = slice(middle - 1, middle + 2)
        over_turn = np.array([between(frequencies[near], row[near], wave.frequency) for row in heights])
    if turns >= 3:
        step = 180 / turns
        first = round(wave.orientation_deg / step) - 1
        angles = np.arange(first, first + 3, dtype=np.float64) * step
        rows = heights[np.arange(first, first + 3) % turns]
        over_speed = np.array([between(angles, column, wave.orientation_deg) for column in rows.T])
    across = half_height(orientations, over_turn, 180) if over_turn.max() > 0 and turns >= 3 else None
    along = half_height(frequencies, over_speed) if over_speed.max() > 0 and speeds >= 3 else None
    return (
        None if across is None else across[1] - across[0],
        None if along is None else float(np.log2(along[1] / along[0])),
    )


def _tops(responses: Floats) -> Floats:
    """The highest value over the last axis of the wave with the fewest harmonics through evenly spaced values."""
    count = responses.shape[-1]
    if count < 3:
        return np.asarray(responses.max(-1))
    spectrum = np.fft.rfft(responses, axis=-1)
    if count % 2 == 0:
        spectrum[..., -1] /= 2  # it stands for itself and its mirror
    fine = np.fft.irfft(spectrum, count * FINER, axis=-1) * FINER
    return np.asarray(fine.max(-1))


def _phase(responses: Floats, phases: Floats) -> float:
    turned = (responses * np.exp(1j * np.radians(phases))).sum()
    return wrapped(float(np.degrees(np.angle(turned))), 360)


def _top(rows: Floats) -> Floats | None:
    """The top of the paraboloid through the logarithms of heights, rows of (fx, fy, height); None where it has none."""
    weights = rows[:, 2] / rows[:, 2].max()
    middle = rows[rows[:, 2].argmax(), :2]
    fx, fy = (rows[:, :2] - middle).T
    terms = np.stack([np.ones_like(fx), fx, fy, fx**2, fx * fy, fy**2], -1)
    found, _, rank, _ = np.linalg.lstsq(terms * weights[:, None], np.log(weights) * weights, rcond=1e-9)
    _, x, y, xx, xy, yy = found
    bend = np.array([[2 * xx, xy], [xy, 2 * yy]])
    if rank < FEWEST or np.linalg.eigvalsh(bend)[1] >= 0:
        return None
    return np.asarray(middle - np.linalg.solve(bend, np.array([x, y])))
