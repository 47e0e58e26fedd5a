# SPDX-License-Identifier: Apache-2.0
"""A unit's own pictures turned, shifted and scaled, and what it still answers: how far it is invariant."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from pellucid.models import tap
from pellucid.models.net import Net
from pellucid.records import Unit
from pellucid.stimuli import GROUND, Axis, AxisTuning
from pellucid.stimuli.axis_tuning import axis_tuning
from pellucid.stimuli.half_height import falls

__all__ = ["MOVES", "Moved", "Subject", "moved"]

Sides = tuple[float | None, float | None]

TURNS, SHIFTS, SCALES = 24, 4, 4  # steps around the circle, and to each side
OCTAVES = 1.0  # of scaling, to each side


@dataclass(frozen=True)
class Subject:
    """A picture that excites a unit: (H, W, C) uint8, or float32 in 0..1, as the net is fed it; `name` says which it is."""

    name: str
    pixels: NDArray[Any] = field(repr=False)


def _line(frame: object) -> tuple[float, ...]:
    return ()


MOVES: dict[str, Axis] = {
    "turn": Axis("turn", "deg", _line, period=360, label="turned (right goes down)"),
    "shift_x": Axis("shift_x", "px", _line, label="shifted to the right"),
    "shift_y": Axis("shift_y", "px", _line, label="shifted down"),
    "scale": Axis("scale", "times", _line, log=True, label="scaled"),
}


@dataclass(frozen=True)
class Moved:
    """One unit's answers to one of its pictures moved about.

    All is read at one position, where the picture as it is excites the unit most; `response` is what it gives there,
    `gray` what middle gray gives there. The picture is moved about the middle of the receptive field at that
    position, `center` (x, y). `curves` by the names of `MOVES`; `kept` by the same names (low, high): how far the picture can be
    moved to each side until half of what it gives above gray is lost, in the unit of the move; None for a side to which it never
    is, as far as was shown. A curve's bandwidth goes from low to high, in octaves of the scale; None where one side has no
    end. Of a picture that gives no more than gray `kept` is empty.
    """

    name: str
    position: tuple[int, ...]
    center: tuple[float, float]
    response: float
    gray: float
    curves: dict[str, AxisTuning]
    kept: dict[str, Sides] = field(default_factory=dict)

    @property
    def turn_range(self) -> float | None:
        """Degrees over which half is kept when it is turned; None for a picture that gives no more than gray."""
        if "turn" not in self.kept:
            return None
        low, high = self.kept["turn"]
        return (180.0 if high is None else high) - (-180.0 if low is None else low)

    def to_json(self) -> dict[str, Any]:
        return {
            "picture": self.name,
            "position": list(self.position),
            "center": list(self.center),
            "response": self.response,
            "gray": self.gray,
            "curves": {
                name: {**curve.to_json(), "half_kept": list(self.kept[name]) if name in self.kept else None}
                for name, curve in self.curves.items()
            },
        }


def moved(net: Net, unit: Unit, subject: Subject, *, batch: int) -> Moved:
    """Turn a picture in 24 steps, shift it by up to half a field in 4 steps to each side, scale it by half to double in 9.

    Resampled bicubically (twice as finely where it is made smaller), mirrored at the picture's border; where nothing is moved
    the pixels are as they were.
    """
    picture = _tensor(subject.pixels, net)
    gray = torch.full_like(picture, GROUND)
    with tap(net, [unit.layer]) as run:

        def responses(pixels: Tensor) -> Tensor:
            """(N, positions) of the unit, in batches of one size."""
            rows = []
            for start in range(0, len(pixels), batch):
                part = pixels[start : start + batch]
                filled = torch.cat([part, part[-1:].expand(batch - len(part), -1, -1, -1)])
                rows.append(run(filled)[unit.layer][: len(part), unit.index].cpu())
            return torch.cat(rows)

        both = responses(torch.stack([picture, gray]))
        grid = tuple(both.shape[1:])
        flat = both.reshape(len(both), -1)  # one column where there are no positions
        place = int(flat[0].argmax())
        at = tuple(int(one) for one in np.unravel_index(place, grid)) if grid else ()
        center, side = _field(net, unit, at, (picture.shape[1], picture.shape[2]))
        steps = _steps(side)
        views = [_view(picture, center, name, value) for name, values in steps.items() for value in values]
        read = responses(torch.stack(views)).reshape(len(views), -1)[:, place].double().numpy()
    own, base = float(flat[0, place]), float(flat[1, place])
    curves, kept, first = dict[str, AxisTuning](), dict[str, Sides](), 0
    for name, values in steps.items():
        part = read[first : first + len(values)]
        first += len(values)
        curve = axis_tuning(MOVES[name], values, part, base)
        if own > base:
            kept[name] = _half_kept(MOVES[name], values, part - base)
        curves[name] = replace(curve, bandwidth=_width(MOVES[name], *kept.get(name, (None, None))))
    return Moved(subject.name, at, center, own, base, curves, kept)


def _half_kept(axis: Axis, values: tuple[float, ...], above: NDArray[np.float64]) -> Sides:
    """Where half of what the picture as it is gives above gray is lost, to each side of it."""
    places = np.log2(values) if axis.log else np.array(values)
    ends = falls(places, np.maximum(above, 0), values.index(1.0 if axis.log else 0.0), axis.period)
    low, high = (None if end is None else 2.0**end if axis.log else end for end in ends)
    return low, high


def _width(axis: Axis, low: float | None, high: float | None) -> float | None:
    if low is None or high is None:
        return None
    return float(np.log2(high / low)) if axis.log else high - low


def _tensor(pixels: NDArray[Any], net: Net) -> Tensor:
    values = torch.from_numpy(np.array(pixels)).to(net.device)
    scaled = values.float() / 255 if values.dtype == torch.uint8 else values.float()
    return scaled.permute(2, 0, 1)


def _field(
    net: Net, unit: Unit, position: tuple[int, ...], size: tuple[int, int]
) -> tuple[tuple[float, float], float]:
    """The middle (x, y) and the shorter side of the unit's field at a position; of what sees all, of the picture."""
    layer = net.layer(unit.layer)
    whole = ((size[1] / 2, size[0] / 2), float(min(size)))
    if len(position) != 2 or layer.receptive_field is None or not layer.stride:
        return whole
    # A picture of another size has another grid: from its corner on, fields lie as in the net's own input.
    known = tuple(min(at, length - 1) for at, length in zip(position, layer.grid, strict=True))
    x0, y0, x1, y1 = net.fields(unit.layer).box(unit.index, known)
    if x1 <= x0 or y1 <= y0:
        return whole
    down, across = ((at - one) * step for at, one, step in zip(position, known, layer.stride, strict=True))
    return ((x0 + x1) / 2 + across, (y0 + y1) / 2 + down), float(min(x1 - x0, y1 - y0, *size))


def _steps(side: float) -> dict[str, tuple[float, ...]]:
    shifts = tuple(side / 2 * step / SHIFTS for step in range(-SHIFTS, SHIFTS + 1))
    scales = tuple(2.0 ** (OCTAVES * step / SCALES) for step in range(-SCALES, SCALES + 1))
    # The circle starts opposite, so that the picture as it is stands in the middle of the curve.
    turns = tuple(360.0 * step / TURNS - 180 for step in range(TURNS))
    return {"turn": turns, "shift_x": shifts, "shift_y": shifts, "scale": scales}


def _view(picture: Tensor, center: tuple[float, float], name: str, value: float) -> Tensor:
    """The picture (C, H, W) moved about a center."""
    turn = np.radians(value) if name == "turn" else 0.0
    scale = value if name == "scale" else 1.0
    shift = (value if name == "shift_x" else 0.0, value if name == "shift_y" else 0.0)
    if (turn, scale, shift) == (0.0, 1.0, (0.0, 0.0)):
        return picture
    finer = 2 if scale < 1 else 1
    height, width = picture.shape[1] * finer, picture.shape[2] * finer
    x = (torch.arange(width, dtype=torch.float64) + 0.5) / finer - center[0] - shift[0]
    y = (torch.arange(height, dtype=torch.float64) + 0.5) / finer - center[1] - shift[1]
    across, down = x[None, :] / scale, y[:, None] / scale
    from_x = np.cos(turn) * across + np.sin(turn) * down + center[0]
    from_y = -np.sin(turn) * across + np.cos(turn) * down + center[1]
    grid = torch.stack([2 * from_x / picture.shape[2] - 1, 2 * from_y / picture.shape[1] - 1], -1)
    sampled = F.grid_sample(
        picture[None],
        grid[None].to(picture.device, picture.dtype),
        mode="bicubic",
        padding_mode="reflection",
        align_corners=False,
    )
    return F.avg_pool2d(sampled, finer)[0].clamp(0, 1)
