# SPDX-License-Identifier: Apache-2.0
"""Transparency: from how strongly each pixel was asked for on the way to how solidly it is to be shown."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["transparency_of"]

# Horama's, where a picture is fully opaque, in percent.
OPAQUE_PERCENT = 80.0


def transparency_of(looked: Tensor) -> Tensor:
    """Sums of absolute gradients (N, H, W), full at their 80th percentile and above: (N, H, W) in 0..1.

    Where most of a picture was never asked for, full is the largest sum; of one never asked for at all, everything.

    >>> transparency_of(torch.tensor([[[0.0, 1.0, 2.0, 4.0, 4.0, 4.0]]]))
    tensor([[[0.0000, 0.2500, 0.5000, 1.0000, 1.0000, 1.0000]]])
    """
    flat = looked.flatten(1)
    most = torch.quantile(flat, OPAQUE_PERCENT / 100, dim=1)
    full = torch.where(most > 0, most, flat.amax(1))[:, None, None]
    return torch.where(full > 0, looked.clamp(max=full) / full, 1.0)
