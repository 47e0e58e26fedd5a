# SPDX-License-Identifier: Apache-2.0
"""SqueezeNet's features.7 beside Lucent 0.1.8 with its own defaults: as strong, no more clipped, and never gray."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from pellucid.ascent import Goal, climb
from pellucid.models import load, tap
from pellucid.records import Unit

pytestmark = pytest.mark.real

# Lucent's robust channel means for channels 10 to 17, and the share of clipped values of its pictures of 10 to 12.
LUCENT = np.array([4517, 4042, 3016, 3588, 3306, 3721, 3823, 4781])
LUCENT_CLIPPED = np.mean([0.314, 0.132, 0.238])
# Rectified to silence at the start, and gray to the end without redirected rectifiers.
SILENT = (20, 46, 100, 116, 122)


@pytest.fixture(scope="module")
def squeezenet(real_data):
    return load("torchvision/squeezenet1_0", weights=real_data / "squeezenet" / "squeezenet1_0.safetensors")


@pytest.fixture(scope="module")
def pictures(squeezenet):
    found = climb(squeezenet, [Goal(Unit("features.7", channel)) for channel in (*range(10, 18), *SILENT)])
    return found[:8], found[8:]


def robust_mean(net, found, views=16):
    """The channel's mean over fresh turns to 10 degrees, scales 0.9 to 1.1 and shifts to 8 pixels, mirrored at the border."""
    random = torch.Generator().manual_seed(123)
    angle, scale = (
        (torch.rand(views, generator=random) * 2 - 1) * reach for reach in (math.radians(10), 0.1)
    )
    shift = (torch.rand(views, 2, generator=random) * 2 - 1) * 8 * 2 / found.picture.shape[0]
    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], 1).view(views, 2, 2)
    maps = torch.cat([turn / (1 + scale).view(-1, 1, 1), shift[:, :, None]], 2)
    picture = torch.from_numpy(found.picture / 255).float().permute(2, 0, 1).expand(views, -1, -1, -1)
    grid = F.affine_grid(maps, list(picture.shape), align_corners=False)
    with tap(net, ["features.7"]) as run:
        response = run(F.grid_sample(picture, grid, padding_mode="reflection", align_corners=False))[
            "features.7"
        ]
    return response[:, found.goal.unit.index].mean().item()


def test_pictures_are_as_strong_as_lucents_and_no_more_clipped(squeezenet, pictures):
    ratios = np.array([robust_mean(squeezenet, found) for found in pictures[0]]) / LUCENT
    assert ratios.mean() > 1
    assert ratios.min() > 0.8
    assert np.mean([found.clipped for found in pictures[0]]) < LUCENT_CLIPPED + 0.05
    assert all(found.picture.shape == (96, 96, 3) and found.diagnosis is None for found in pictures[0])


def test_units_that_are_silent_at_the_start_are_not_gray(pictures):
    for found in pictures[1]:
        assert found.diagnosis is None
        assert found.activation > 500
        assert found.picture.std() > 30
