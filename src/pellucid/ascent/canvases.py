# SPDX-License-Identifier: Apache-2.0
"""The canvases by name: what a picture is made of, and so what it can easily show."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch

from pellucid.ascent.canvas import Canvas, CanvasShape
from pellucid.ascent.fourier import FourierCanvas
from pellucid.ascent.given import Given
from pellucid.ascent.held import HeldCanvas
from pellucid.ascent.maco import MacoCanvas
from pellucid.ascent.pixels import PixelCanvas
from pellucid.ascent.pyramid import PyramidCanvas
from pellucid.ascent.settings import ClimbSettings
from pellucid.ascent.spaces import ConstrainedCanvas
from pellucid.errors import InputError
from pellucid.models.inputs import ImageInput

__all__ = ["CANVASES", "begin", "canvas_of"]

# Each is called with (shape, streams, statistics=, device=).
CANVASES: Mapping[str, Callable[..., Canvas]] = {
    "fourier": FourierCanvas,
    "pixels": PixelCanvas,
    "pyramid": PyramidCanvas,
    "maco": MacoCanvas,
}


def canvas_of(
    image: ImageInput,
    size: tuple[int, int],
    streams: Sequence[np.random.Generator],
    settings: ClimbSettings,
    *,
    device: torch.device | str = "cpu",
) -> Canvas:
    """The canvas that the settings ask for, for inputs of that kind, one item from each stream.

    Raises
    ------
    InputError : statistics, a constraint or a held picture of another shape
    """
    shape = CanvasShape(image.channels, *size)
    statistics = settings.statistics
    if statistics is not None and statistics.image.channels != shape.channels:
        raise InputError(
            f"statistics of {statistics.image.channels} channels for an input of {shape.channels}; measure with this net"
        )
    canvas: Canvas
    if settings.constraint is not None:
        space = settings.constraint.space(image, shape, statistics=statistics)
        canvas = ConstrainedCanvas(space, streams, device=device)
    else:
        canvas = CANVASES[settings.canvas](shape, streams, statistics=statistics, device=device)
    return canvas if settings.held is None else HeldCanvas(canvas, settings.held, shape, device)


@torch.no_grad()
def begin(canvas: Canvas, starts: Sequence[Given | None]) -> None:
    """Let the items that have a picture to start from show it.

    Raises
    ------
    InputError : this canvas cannot show any picture
    """
    rows = [row for row, start in enumerate(starts) if start is not None]
    if rows:
        pictures = np.stack([start.pixels for start in starts if start is not None])
        shown = canvas.showing(torch.from_numpy(pictures).to(canvas.variables[0].device))
        for variable, values in zip(canvas.variables, shown, strict=True):
            variable[rows] = values
