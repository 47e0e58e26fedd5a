# SPDX-License-Identifier: Apache-2.0
"""Methods that hide parts of the image and read what the aim loses: occlusion by windows, RISE by random masks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from captum.attr import Occlusion
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from pellucid.attribution.scene import Found, Scene, baseline, over_channels
from pellucid.errors import InputError

__all__ = ["occlusion", "rise"]

WINDOWS = 14  # along the longer side where no window is asked for: 16 px of 224


def occlusion(scene: Scene, settings: Mapping[str, Any]) -> Found:
    """The response lost when a window is hidden, for each pixel the mean of the windows over it (Zeiler and Fergus 2014)."""
    channels, height, width = scene.pixels.shape[1:]
    window = settings["window"] or max(min(-(-max(height, width) // WINDOWS), height, width), 1)
    stride = settings["stride"] or window
    if window > min(height, width) or stride > window:
        raise InputError(
            f"a window of {window} px with a stride of {stride} was asked; the window fits into {height}x{width}, and a "
            "stride up to the window leaves no pixel out"
        )
    lost = Occlusion(scene.readout).attribute(
        scene.pixels,
        sliding_window_shapes=(channels, window, window),
        strides=(channels, stride, stride),
        baselines=baseline(str(settings["baseline"]), scene.pixels, scene.net),
        perturbations_per_eval=scene.batch,
    )
    # Captum gives each channel of a window the whole loss.
    return Found(over_channels(lost[:, :1], "sum"), extras={"window_px": window, "stride_px": stride})


def rise(scene: Scene, settings: Mapping[str, Any]) -> Found:
    """How much higher the response is where a pixel is shown than on average, over random masks (Petsiuk 2018, eq. 6).

    Differs: the mean response is taken off before the sum, S = sum_i (f_i - mean f) M_i / (p (n - 1)). That estimates, without
    bias, the paper's map less its constant, and does not let a large constant drown the map in the masks' own unevenness.
    """
    count, cells, shown = int(settings["masks"]), int(settings["cells"]), float(settings["shown"])
    hidden = baseline(str(settings["baseline"]), scene.pixels, scene.net)
    size = (scene.pixels.shape[2], scene.pixels.shape[3])
    total, weighed, mean = np.zeros(size), np.zeros(size), 0.0
    seen = 0
    for masks in _masks(count, cells, shown, size, scene):
        mixed = masks[:, None].to(scene.pixels) * (scene.pixels - hidden) + hidden
        values = scene.readout.values(mixed).double().numpy()
        own = masks.double().numpy()
        weighed += np.tensordot(values, own, 1)
        total += own.sum(0)
        mean += float(values.sum())
        seen += len(values)
    mean /= seen
    found: NDArray[np.float64] = (weighed - mean * total) / (shown * (seen - 1))
    return Found(found.astype(np.float32), extras={"mean_response": mean})


def _masks(count: int, cells: int, shown: float, size: tuple[int, int], scene: Scene) -> Iterator[Tensor]:
    """(n, H, W) masks in 0..1, in batches: random cells enlarged linearly, shifted by up to a cell; a stream of their own."""
    height, width = size
    cell = (-(-height // cells), -(-width // cells))
    draws = np.random.Generator(np.random.PCG64(scene.seed))
    for start in range(0, count, scene.batch):
        some = min(scene.batch, count - start)
        # Drawn mask by mask, so that the masks do not depend on the batch.
        drawn = [(draws.random((cells + 1, cells + 1)), draws.random(2)) for _ in range(some)]
        coarse = torch.from_numpy(np.stack([grid for grid, _ in drawn]) < shown).float()
        large = F.interpolate(
            coarse[:, None],
            size=((cells + 1) * cell[0], (cells + 1) * cell[1]),
            mode="bilinear",
            align_corners=False,
        )[:, 0]
        masks = [
            mask[int(down * cell[0]) :, int(across * cell[1]) :][:height, :width]
            for mask, (_, (down, across)) in zip(large, drawn, strict=True)
        ]
        yield torch.stack(masks)
