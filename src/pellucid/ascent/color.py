# SPDX-License-Identifier: Apache-2.0
"""Decorrelated color: a canvas varies along the main axes of color in photographs, not along R, G and B."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["COLOR_AXES", "mixed"]

# Square root of the covariance of RGB in ImageNet photographs as lucid ships it (rows R, G, B; columns lightness,
# blue-yellow, green-magenta), divided by its longest column.
_ROOT = torch.tensor([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]], dtype=torch.float64)
COLOR_AXES = (_ROOT / _ROOT.norm(dim=0).max()).float()


def mixed(planes: Tensor) -> Tensor:
    """RGB from three decorrelated planes; any other number of channels is returned as it is, with no invented color.

    Parameters
    ----------
    planes : (N, C, H, W) float32

    Returns
    -------
    (N, C, H, W) float32

    References
    ----------
    Olah, Mordvintsev, Schubert 2017, "Feature Visualization"; lucid `optvis/param/color.py`.
    """
    if planes.shape[1] != len(COLOR_AXES):
        return planes
    return torch.einsum("rp,nphw->nrhw", COLOR_AXES.to(planes), planes)
