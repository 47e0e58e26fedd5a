# SPDX-License-Identifier: Apache-2.0
"""What a unit's responses to all the stimuli say: its tuning in each family, its opponency, and a verdict in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.stimuli.axis_tuning import AxisTuning, axis_tuning
from pellucid.stimuli.family import Battery, Stimulus, Where
from pellucid.stimuli.opponency import Opponency, hue_opponency, opponency
from pellucid.stimuli.phrases import phrase
from pellucid.stimuli.wave_fit import PreferredWave, preferred_wave, wave_widths

__all__ = ["FamilyTuning", "Flat", "Reading", "reading_of"]

Floats = NDArray[np.float64]

NOISE = 1e-5  # of all responses' span: what may be rounding
OPPONENT_NOISE = 0.01  # of the same: what is too little to be called opponent

EQUAL = 0.99  # of the best excess: families as good as the best, of which the first in the table is named
# What a line that bends a little, or an edge off its place, is nearly: it is named only where these give less than a share of it.
SIMPLER = {"curve": ("bar", "edge"), "corner": ("edge", "bar")}
NEARLY = 0.9
WORTH_SAYING = 0.25  # the index from which the verdict speaks of opponency


@dataclass(frozen=True)
class Flat:
    """A unit's responses to uniform fields: middle gray by where it is read, and black at the center."""

    gray: Mapping[Where, float]
    black: float


@dataclass(frozen=True)
class FamilyTuning:
    """A unit's answers to one family.

    `best` is the stimulus that excites it most, `place` its index in the battery, `response` what it gives, `excess` that above
    middle gray read in the same way; `lowest` the least response of the family.
    """

    battery: Battery
    place: int
    response: float
    lowest: float
    excess: float
    curves: Mapping[str, AxisTuning]

    @property
    def best(self) -> Stimulus:
        return self.battery.at(self.place)

    def to_json(self) -> dict[str, Any]:
        return {
            "best": dict(self.best.values),
            "response": self.response,
            "lowest": self.lowest,
            "above_gray": self.excess,
            "curves": {name: curve.to_json() for name, curve in self.curves.items()},
        }


@dataclass(frozen=True)
class Reading:
    """A unit's tuning.

    Parameters
    ----------
    flat : responses to uniform fields
    families : in the order of the table, those that could be shown
    wave : the grating it prefers, None where none excites it above gray or gratings were not shown
    spectral, spatial : opponency over the hues and over the gratings, None where these were not shown
    best : the family that excites it most above gray, the first in the table of those within 1 %; a bar or an edge instead of a
        curve or a corner that it gives nine tenths of; None where none excites it
    leads : for each family (excess - best excess of the others) / the larger of both, -1..1, what does not excite counting as
        0: 0.5 is twice all others, 0 as much, -0.5 half the best one; None where nothing excites
    dead : whether it answers all stimuli alike
    """

    flat: Flat
    families: Mapping[str, FamilyTuning]
    wave: PreferredWave | None
    spectral: Opponency | None
    spatial: Opponency | None
    best: str | None
    leads: Mapping[str, float | None]
    dead: bool

    @property
    def double_opponent(self) -> bool | None:
        """Spatially and spectrally opponent."""
        if self.spectral is None or self.spatial is None:
            return None
        return self.spectral.opponent and self.spatial.opponent

    def curve(self, family: str, axis: str) -> AxisTuning | None:
        """One tuning curve, None where the family was not shown."""
        return self.families[family].curves[axis] if family in self.families else None

    def preferred(self, family: str, axis: str) -> float | None:
        """The preferred number on an axis, from the fit for gratings."""
        if family == "grating" and self.wave is not None and axis != "phase":
            return self.wave.orientation_deg if axis == "orientation" else self.wave.frequency
        curve = self.curve(family, axis)
        return curve.preferred if curve is not None and isinstance(curve.preferred, float) else None

    @property
    def verdict(self) -> str:
        """What it prefers, by how much, and its opponency, in one sentence."""
        if self.dead:
            return "answers all these stimuli alike"
        if self.best is None:
            return "nothing here excites it above middle gray"
        found = self.families[self.best]
        parts = [f"prefers {phrase(found.best, self.wave)}", *self._compared()]
        if ends := [name for name, curve in found.curves.items() if curve.at_end]:
            parts.append(
                f"the {' and '.join(ends)} at the end of what was shown: the true one may lie beyond"
            )
        if self.spectral is not None and self.spectral.words and self.spectral.index >= WORTH_SAYING:
            sort = "double-opponent" if self.double_opponent else "color-opponent"
            parts.append(f"{sort}, flat {self.spectral.words}")
        return "; ".join(parts)

    def _compared(self) -> list[str]:
        """How the best family stands to gratings, or gratings to the next family."""
        others = {name: each.excess for name, each in self.families.items() if name != self.best}
        if self.best is None or not others:
            return []
        other = "grating" if "grating" in others else max(others, key=others.__getitem__)
        if others[other] <= 0:
            return [f"no {_SINGULAR[other]} excites it"]
        times = self.families[self.best].excess / others[other]
        if 0.95 < times < 1.05:
            return [f"as much as its best {_SINGULAR[other]}"]
        return [f"{_times(times)} times its best {_SINGULAR[other]}"]

    def to_json(self) -> dict[str, Any]:
        spectral = None if self.spectral is None else self.spectral.to_json()
        spatial = None if self.spatial is None else self.spatial.to_json()
        return {
            "verdict": self.verdict,
            "best_family": self.best,
            "gray": dict(self.flat.gray),
            "orientation_deg": None if self.wave is None else self.wave.orientation_deg,
            "frequency": None if self.wave is None else self.wave.frequency,
            "phase_deg": None if self.wave is None else self.wave.phase_deg,
            "fitted": None if self.wave is None else self.wave.fitted,
            "opponency": {
                "baseline": self.flat.black,
                "spectral": spectral,
                "spatial": spatial,
                "double_opponent": self.double_opponent,
            },
            "leads": dict(self.leads),
            "dead": self.dead,
            "families": {name: family.to_json() for name, family in self.families.items()},
        }


_SINGULAR = {
    "grating": "grating",
    "gray": "flat gray",
    "color": "flat color",
    "color_grating": "grating of two colors",
    "edge": "edge",
    "bar": "bar",
    "corner": "corner",
    "curve": "curve",
    "disk": "gray disk",
    "color_disk": "colored disk",
    "high_low": "border of fine and coarse",
}


def _times(ratio: float) -> str:
    return f"{ratio:.2g}" if ratio < 100 else "over 100"


def reading_of(batteries: list[Battery], responses: Mapping[str, Floats], flat: Flat) -> Reading:
    """The tuning of one unit from its responses, one array (stimuli,) for each battery by its family's name."""
    every = [*(responses[battery.family.name] for battery in batteries), np.array([*flat.gray.values()])]
    span = max(float(np.ptp(np.concatenate(every))), 0.0)
    largest = max(float(np.abs(one).max(initial=0)) for one in every)
    noise = max(NOISE * span, 1e-7 * largest)
    families = {
        battery.family.name: _family(battery, responses[battery.family.name], flat, noise)
        for battery in batteries
    }
    excesses = {name: each.excess for name, each in families.items()}
    top = max(excesses.values(), default=0.0)
    best = (
        next((name for name, excess in excesses.items() if excess >= EQUAL * top), None)
        if top > noise
        else None
    )
    best = _simplest(best, excesses)
    wave = None
    if "grating" in families:
        wave = _wave(families["grating"].battery, responses["grating"], flat.gray["center"], noise)
        if wave is not None:
            families["grating"] = _with_widths(
                families["grating"], responses["grating"], flat.gray["center"], wave
            )
    less = OPPONENT_NOISE * span
    spectral = spatial = None
    if "color" in families:
        hues = np.array(families["color"].battery.values[0], float)
        spectral = hue_opponency(hues, responses["color"], flat.black, less)
    if "grating" in families:
        spatial = opponency(responses["grating"], flat.black, less)
    dead = span <= 1e-6 * largest
    return Reading(flat, families, wave, spectral, spatial, best, _leads(excesses, noise), dead)


def _simplest(best: str | None, excesses: Mapping[str, float]) -> str | None:
    if best is None:
        return None
    near = [name for name in SIMPLER.get(best, ()) if excesses.get(name, 0) >= NEARLY * excesses[best]]
    return max(near, key=excesses.__getitem__, default=best)


def _family(battery: Battery, responses: Floats, flat: Flat, noise: float) -> FamilyTuning:
    gray = flat.gray[battery.family.read]
    place = int(responses.argmax())
    grid = responses.reshape(battery.shape)
    at = np.unravel_index(place, battery.shape)
    axes = battery.family.axes
    curves = {}
    for number, (axis, values) in enumerate(zip(axes, battery.values, strict=True)):
        along: Floats = grid
        for other in reversed(range(len(axes))):
            if other != number:
                part = along.max(other) if axes[other].free else along.take(int(at[other]), axis=other)
                along = np.asarray(part)
        curves[axis.name] = axis_tuning(axis, values, along, gray, noise)
    top = float(responses[place])
    return FamilyTuning(battery, place, top, float(responses.min()), top - gray, curves)


def _wave(battery: Battery, responses: Floats, gray: float, noise: float) -> PreferredWave | None:
    if responses.max() - gray <= noise:
        return None
    orientations, frequencies, phases = (np.array(values, float) for values in battery.values)
    return preferred_wave(orientations, frequencies, phases, responses.reshape(battery.shape), gray)


def _with_widths(found: FamilyTuning, responses: Floats, gray: float, wave: PreferredWave) -> FamilyTuning:
    """The same with the bandwidths through the preferred grating, which lies between those shown."""
    orientations, frequencies = (np.array(values, float) for values in found.battery.values[:2])
    grid = responses.reshape(found.battery.shape)
    across, along = wave_widths(orientations, frequencies, grid, gray, wave)
    widths = {"orientation": across, "frequency": along}
    curves = {
        name: replace(curve, bandwidth=widths.get(name, curve.bandwidth))
        for name, curve in found.curves.items()
    }
    return replace(found, curves=curves)


def _leads(excesses: Mapping[str, float], noise: float) -> dict[str, float | None]:
    leads: dict[str, float | None] = {}
    for name, excess in excesses.items():
        own = max(excess, 0.0)
        other = max((max(each, 0.0) for one, each in excesses.items() if one != name), default=0.0)
        leads[name] = None if max(own, other) <= noise else (own - other) / max(own, other)
    return leads
