# SPDX-License-Identifier: Apache-2.0
"""Small random shifts, turns and changes of size between canvas and net: what survives them is no accident of pixels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["TRANSFORMS", "Draws", "Transforms", "view_maps", "warped"]

GRAY = 0.5


@dataclass(frozen=True)
class Draws:
    """What was drawn, one entry for each view; shifts are [y, x] in pixels away from the center, angles in degrees."""

    first_shift: NDArray[np.float64]
    scale: NDArray[np.float64]
    angle: NDArray[np.float64]
    second_shift: NDArray[np.float64]


@dataclass(frozen=True)
class Transforms:
    """The steps between canvas and view, in their order: pad, jitter, scale, rotate, jitter.

    A jitter of d crops d pixels from the height and the width, with 0 to d of them before the picture: every whole
    number is equally likely, so a view lies at most d/2 off its center. Scales and angles (degrees, counterclockwise)
    are drawn from lists, where an entry may stand several times.

    The view has the size of the canvas: what padding adds, the last crop takes off (as Distill's article does, and
    lucid's recipes), so a net that accepts one size needs no other path, and no time goes into pixels outside the
    canvas. `pad` pixels of gray surround it, and gray goes on where a turned view reaches farther; without padding the
    border's color goes on.
    """

    name: str
    pad: int = 0
    first_jitter: int = 0
    scales: tuple[float, ...] = (1.0,)
    angles: tuple[float, ...] = (0.0,)
    second_jitter: int = 0

    @property
    def identity(self) -> bool:
        """Whether every view is the canvas itself."""
        return (self.first_jitter, self.scales, self.angles, self.second_jitter) == (0, (1.0,), (0.0,), 0)

    def draws(self, stream: np.random.Generator, views: int) -> Draws:
        """The first `views` draws of a stream; a longer run begins with the same ones."""
        chance = stream.random((views, 6))
        first, second = (
            np.floor(chance[:, at : at + 2] * (jitter + 1)) - jitter / 2
            for at, jitter in ((0, self.first_jitter), (4, self.second_jitter))
        )
        scale = np.array(self.scales)[np.floor(chance[:, 2] * len(self.scales)).astype(int)]
        angle = np.array(self.angles)[np.floor(chance[:, 3] * len(self.angles)).astype(int)]
        return Draws(first, scale, angle, second)

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "pad": self.pad,
            "first_jitter": self.first_jitter,
            "scales": list(self.scales),
            "angles": list(self.angles),
            "second_jitter": self.second_jitter,
        }


def affine(draws: Draws) -> NDArray[np.float64]:
    """Where each view's pixels lie on the canvas: (views, 2, 3), from centered [x, y, 1] to centered [x, y], in pixels.

    The steps undone from last to first: the second shift, the turn, the scale, the first shift. With y pointing down, a
    counterclockwise turn of the picture by a reads the canvas at the point turned clockwise by a.
    """
    turn = np.radians(draws.angle)
    cos, sin = np.cos(turn) / draws.scale, np.sin(turn) / draws.scale
    linear = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)
    shift = np.einsum("vab,vb->va", linear, draws.second_shift[:, ::-1]) + draws.first_shift[:, ::-1]
    return np.concatenate([linear, shift[..., None]], -1)


def view_maps(transforms: Transforms, streams: Sequence[np.random.Generator], steps: int) -> Tensor:
    """The maps of all steps, as `warped` takes them, from one stream for each view: (steps, N, 2, 3) float32."""
    each = [affine(transforms.draws(stream, steps)) for stream in streams]
    return torch.from_numpy(np.stack(each, 1).astype(np.float32))


def warped(pictures: Tensor, matrices: Tensor, *, gray: bool) -> Tensor:
    """Each picture seen through its own affine map, in one bilinear sampling.

    Parameters
    ----------
    pictures : (N, C, H, W) float32
    matrices : (N, 2, 3) float32, from a view's centered pixels [x, y, 1] to the picture's [x, y], as `affine` gives
    gray : outside the picture is 0.5; otherwise the border's color goes on

    Returns
    -------
    (N, C, H, W) float32
    """
    grid = _grid(matrices, *pictures.shape[-2:])
    if not gray:
        return F.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
    return F.grid_sample(pictures - GRAY, grid, padding_mode="zeros", align_corners=False) + GRAY


def _grid(matrices: Tensor, height: int, width: int) -> Tensor:
    """Where each pixel of a view lies on the picture, as grid_sample counts: (N, H, W, 2), -1 to 1 from edge to edge.

    The same as `affine_grid` in one pass over memory: what x adds and what y adds, summed.
    """
    across, down = (
        torch.arange(side, dtype=matrices.dtype, device=matrices.device) - (side - 1) / 2
        for side in (width, height)
    )
    half = torch.tensor([width / 2, height / 2], dtype=matrices.dtype, device=matrices.device)
    of_x, of_y, shift = (matrices / half[:, None]).unbind(-1)  # each (N, 2)
    along_row = across[:, None] * of_x[:, None] + shift[:, None]  # (N, W, 2)
    along_column = down[:, None] * of_y[:, None]  # (N, H, 2)
    return along_row[:, None] + along_column[:, :, None]


def _angles(reach: int, zeros: int) -> tuple[float, ...]:
    return tuple(map(float, range(-reach, reach + 1))) + (0.0,) * zeros


# lucid's `standard_transforms`: eleven scales, and 26 angles of which six are zero.
LUCID = Transforms("lucid", 12, 8, tuple(1 + (i - 5) / 50 for i in range(11)), _angles(10, 5), 4)
# The footnote of the article of 2017, whose pictures were made with other settings than lucid's.
DISTILL2017 = Transforms("distill2017", 16, 16, (1.0, 0.975, 1.025, 0.95, 1.05), _angles(5, 0), 8)
NONE = Transforms("none")

# The receptive field, or the side of the picture, in pixels, from which on `auto` and `fitted` are as strong as lucid.
FULL_SIDE = 96


def auto(field: int, side: int) -> Transforms:
    """lucid's transforms in proportion to what the unit sees: at most a jitter of one pixel for the first layers.

    What is lost by a shift or a turn is lost in pixels: one that an object survives wipes out a fine grating.
    """
    return _lucid_share("auto", min(field, side))


def fitted(field: int, side: int) -> Transforms:
    """lucid's transforms themselves, in proportion where the picture is smaller: shifts meant for 96 pixels ruin one of 28."""
    return _lucid_share("fitted", side)


def _lucid_share(name: str, side: int) -> Transforms:
    share = min(1.0, side / FULL_SIDE)
    first, second = (max(1, round(share * jitter)) for jitter in (LUCID.first_jitter, LUCID.second_jitter))
    return Transforms(
        name,
        max(1, round(share * LUCID.pad)),
        first,
        tuple(1 + share * (scale - 1) for scale in LUCID.scales),
        tuple(share * angle for angle in LUCID.angles),
        second,
    )


# Each from the receptive field of what is climbed and the shorter side of the picture, in pixels.
TRANSFORMS: Mapping[str, Callable[[int, int], Transforms]] = {
    "fitted": fitted,
    "lucid": lambda field, side: LUCID,
    "distill2017": lambda field, side: DISTILL2017,
    "auto": auto,
    "none": lambda field, side: NONE,
}
