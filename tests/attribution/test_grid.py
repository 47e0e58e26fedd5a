# SPDX-License-Identifier: Apache-2.0
"""Where cells lie on the image: valid convolutions, shuffled tokens, windows that are no grid, real transformers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from counting import TokenNet
from torch import nn
from torch.nn import functional as F

import pellucid as pl
from pellucid.attribution import cell_grid


def test_even_cells_are_spread_as_bilinear_resizing_does() -> None:
    net = pl.load(nn.Sequential(nn.Conv2d(3, 2, 8, stride=8), nn.ReLU()), input=pl.ImageInput((32, 48)))
    grid = cell_grid(net, net.layer("0"))
    assert grid is not None
    assert grid.shape == (4, 6)
    cells = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
    resized = F.interpolate(
        torch.from_numpy(cells)[None, None], (32, 48), mode="bilinear", align_corners=False
    )
    np.testing.assert_allclose(grid.spread(cells, (32, 48)), resized[0, 0].numpy(), atol=1e-6)


def test_cells_of_valid_convolutions_lie_over_the_middle_of_what_they_see() -> None:
    net = pl.load(
        nn.Sequential(nn.Conv2d(1, 2, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(2, 2, 5)),
        input=pl.ImageInput(28, 1),
    )
    grid = cell_grid(net, net.layer("3"))
    assert grid is not None
    # conv 5, pool 2, conv 5: field 14, step 2, so the first cell is over pixels 0..13
    np.testing.assert_allclose(grid.rows, 7 + 2 * np.arange(8))
    np.testing.assert_allclose(grid.columns, grid.rows)


class Backwards(nn.Module):
    """Patches as tokens in reverse order, two class tokens at their end."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, 4, 8, stride=8)
        self.order = nn.Identity()

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        tokens = self.embed(pixels).flatten(2).transpose(1, 2).flip(1)
        tokens = torch.cat([tokens, torch.zeros(len(tokens), 2, 4)], 1)
        return self.order(tokens).mean(1)


def test_tokens_in_any_order_find_their_patch() -> None:
    net = pl.load(Backwards(), input=pl.ImageInput((32, 24)))
    grid = cell_grid(net, net.layer("order"))
    assert grid is not None
    np.testing.assert_array_equal(grid.places, np.arange(12)[::-1].reshape(4, 3))
    np.testing.assert_allclose(grid.rows, [4, 12, 20, 28])


def test_what_is_no_grid_is_none() -> None:
    net = pl.load(TokenNet(), input=pl.ImageInput(32))
    assert cell_grid(net, net.layer("head")) is None
    pooled = pl.load(nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1)), input=pl.ImageInput(9))
    assert cell_grid(pooled, pooled.layer("1")) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "layer", "shape"),
    [
        ("torchvision/vit_b_16", "encoder.layers.encoder_layer_11.ln_1", (14, 14)),
        ("torchvision/swin_t", "permute", (7, 7)),
        ("timm/vit_tiny_patch16_224", "blocks.11.norm1", (14, 14)),
        ("timm/swin_tiny_patch4_window7_224", "norm", (7, 7)),
        ("torchvision/resnet18", "layer4", (7, 7)),
        ("torchvision/densenet121", "features", (7, 7)),
    ],
)
def test_real_architectures(model: str, layer: str, shape: tuple[int, int]) -> None:
    net = pl.load(model, weights="random")
    if model == "torchvision/vit_b_16":
        nn.init.normal_(net.module.heads.head.weight)  # zero until it is trained
    pixels = torch.rand(3, 224, 224, generator=torch.Generator().manual_seed(0))
    [found] = pl.attribute(net, pixels, "logits:7", methods="gradcam", faithfulness=False)
    assert found.layer == layer
    assert tuple(found.extras["grid"]) == shape
    assert found.values.shape == (224, 224)
    assert found.values.any()
    grid = cell_grid(net, net.layer(layer))
    assert grid is not None
    step = 224 / shape[0]
    np.testing.assert_allclose(grid.rows, (np.arange(shape[0]) + 0.5) * step, atol=step / 2)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["torchvision/vit_b_16", "timm/swin_tiny_patch4_window7_224"])
def test_a_transformers_patch_embedding_lights_the_patch_that_changes(model: str) -> None:
    """Token (row 3, column 9) as the aim in the first layers: its map is its own patch."""
    net = pl.load(model, weights="random")
    pixels = torch.rand(3, 224, 224, generator=torch.Generator().manual_seed(0))
    name = {
        "torchvision/vit_b_16": "encoder.dropout",
        "timm/swin_tiny_patch4_window7_224": "patch_embed.norm",
    }[model]
    layer = net.layer(name)
    grid = cell_grid(net, layer)
    assert grid is not None
    place = int(grid.places[3, 9])
    at = ",".join(map(str, np.unravel_index(place, layer.grid)))
    [found] = pl.attribute(net, pixels, f"{name}:5@{at}", methods="saliency", faithfulness=False)
    rows, columns = np.nonzero(found.values)
    side = 224 // grid.shape[0]
    assert (rows.min() // side, rows.max() // side) == (3, 3)
    assert (columns.min() // side, columns.max() // side) == (9, 9)
