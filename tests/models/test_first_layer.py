# SPDX-License-Identifier: Apache-2.0
"""The first layer's filters as they act on pixels, against the weights they are made of."""

from __future__ import annotations

import pytest
import torch
from nets import COLOR, planted_net
from torch import Tensor, nn
from torch.nn import functional as F

from pellucid.errors import InputError
from pellucid.models import ImageInput, load, tap
from pellucid.models.first_layer import sees_its_kernel


def test_the_planted_filters() -> None:
    first = load(planted_net(), input="3x32x32", normalize="none").first_layer()
    assert first.layer.name == "conv"
    torch.testing.assert_close(first.weight, planted_net().conv.weight.detach())
    torch.testing.assert_close(first.bias, torch.tensor([0.0, 0.0, 0.0, -1.0]), atol=1e-5, rtol=0)


def test_normalization_and_channel_order_are_folded_in() -> None:
    net = load(planted_net(), input="3x32x32", normalize="100,110,120/50,25,10 0..255 bgr")
    first = net.first_layer()
    # the filter's first channel reads blue; one step of a pixel in 0..1 is 255 / std
    torch.testing.assert_close(first.weight[COLOR, 2], torch.full((5, 5), 255 / 50))
    torch.testing.assert_close(first.weight[COLOR, 1], torch.full((5, 5), -255 / 25))
    torch.testing.assert_close(first.bias[COLOR], torch.tensor(25 * (-100 / 50 + 110 / 25)))


def test_weight_and_bias_foretell_the_response() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 70, (3, 2), stride=2, padding=1, dilation=2), nn.ReLU())
    net = load(module, input="3x24x24", normalize="imagenet")
    first = net.first_layer()
    assert first.weight.shape == (70, 3, 5, 3)  # a dilated filter with its holes
    pixels = torch.rand(1, 3, 24, 24)
    with tap(net, ["0"]) as run:
        response = run(pixels)["0"]
    x0, y0, x1, y1 = net.fields("0").box(7, (4, 5))
    patch = pixels[0, :, y0:y1, x0:x1]
    torch.testing.assert_close(response[0, 7, 4, 5], (patch * first.weight[7]).sum() + first.bias[7])


def test_a_network_that_changes_its_own_input() -> None:
    models = pytest.importorskip("torchvision.models")
    net = load("torchvision/googlenet", weights="random")
    first = net.first_layer()
    weight = net.module.conv1.conv.weight.detach()
    # GoogLeNet turns torchvision's normalization into (x - 0.5) / 0.5
    torch.testing.assert_close(first.weight, weight / 0.5, atol=1e-4, rtol=1e-3)
    assert models


def test_a_linear_first_layer_reads_the_whole_image() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 9, 5), nn.ReLU())
    first = load(module, input="3x8x9", normalize="none").first_layer()
    torch.testing.assert_close(first.weight.flatten(1), module[1].weight.detach())
    torch.testing.assert_close(first.bias, module[1].bias.detach())


def test_standardized_weights_are_seen_as_they_act() -> None:
    class Standardized(nn.Conv2d):
        def forward(self, x: Tensor) -> Tensor:
            return F.conv2d(x, self.weight - self.weight.mean((1, 2, 3), keepdim=True), self.bias)

    module = Standardized(3, 4, 3)
    for name, net in (("0", nn.Sequential(module)), ("logits", module)):
        first = load(net, input="3x16x16", normalize="none").first_layer()
        assert first.layer.name == name
        torch.testing.assert_close(first.weight.mean((1, 2, 3)), torch.zeros(4), atol=1e-6, rtol=0)


def test_layers_that_do_not_read_pixels_linearly_are_refused() -> None:
    class Squared(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * x

    net = load(nn.Sequential(Squared(), nn.Conv2d(3, 2, 3)), input="3x16x16", normalize="none")
    with pytest.raises(InputError, match="does not read the pixels linearly"):
        net.first_layer()
    net = load(nn.Sequential(nn.ReLU()), input="3x16x16", normalize="none")
    with pytest.raises(InputError, match="no convolution"):
        net.first_layer()


def test_a_filter_larger_than_the_image_is_told() -> None:
    net = load(nn.Sequential(nn.Conv2d(3, 2, 9, padding=4)), input="3x8x8", normalize="none")
    with pytest.raises(InputError, match="no position reads a patch"):
        net.first_layer()


def test_a_lookup_and_weights_that_are_no_numbers_are_refused() -> None:
    class Lookup(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(256, 6)
            self.fc = nn.Linear(6, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.table((x * 255).long()).mean((1, 2, 3)))

    with pytest.raises(InputError, match="bends them or looks them up"):
        load(Lookup(), input="3x8x8", normalize="none").first_layer()
    module = nn.Sequential(nn.Conv2d(3, 2, 3))
    with torch.no_grad():
        module[0].weight[:, 0, 0, 0] = float("nan")
    with pytest.raises(InputError, match="weights of 0 hold NaN"):
        load(module, input="3x8x8", normalize="none").first_layer()


def test_the_second_of_two_stems_looks_at_the_image_too() -> None:
    class Stems(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.small, self.large, self.deep = nn.Conv2d(3, 2, 3), nn.Conv2d(3, 4, 7), nn.Conv2d(2, 2, 3)

        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([self.deep(self.small(x)).mean((2, 3)), self.large(x).mean((2, 3))], 1)

    module = Stems()
    net = load(module, input="3x16x16", normalize="0,0,0/0.5,0.5,0.5")
    assert net.first_layer().layer.name == "small"
    torch.testing.assert_close(net.first_layer("large").weight, module.large.weight.detach() * 2)
    assert sees_its_kernel(net, net.layer("large"))
    assert not sees_its_kernel(net, net.layer("deep"))


def test_as_many_channels_as_the_network_has() -> None:
    module = nn.Sequential(nn.Conv2d(12, 3, 5, groups=3))
    first = load(module, input="12x16x16", normalize="none").first_layer()
    assert first.weight.shape == (3, 12, 5, 5)
    torch.testing.assert_close(first.weight[1, 4:8], module[0].weight.detach()[1])
    assert (first.weight[1, :4] == 0).all()


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_borders_that_mirror_the_image_do_not_hide_the_filter(mode: str) -> None:
    conv = torch.nn.Conv2d(3, 4, 5, padding=2, padding_mode=mode)
    found = load(torch.nn.Sequential(conv), input=ImageInput(32)).first_layer()
    torch.testing.assert_close(found.weight, conv.weight.detach(), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_one_filter_that_is_no_numbers_does_not_hide_the_others(value: float) -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(3, 5, (3, 4), stride=2, padding=1)
    with torch.no_grad():
        conv.weight[2, 0, 1, 1] = value
        conv.bias[4] = value
    found = load(nn.Sequential(conv, nn.ReLU()), input="3x16x16", normalize="0.5/0.2").first_layer()
    assert found.damaged == (2, 4)
    sound = [0, 1, 3]
    torch.testing.assert_close(found.weight[sound], conv.weight.detach()[sound] / 0.2, atol=1e-4, rtol=1e-4)
    black = conv.bias.detach() - 2.5 * conv.weight.detach().sum((1, 2, 3))
    torch.testing.assert_close(found.bias[sound], black[sound], atol=1e-4, rtol=1e-4)
    assert found.weight[[2, 4]].isnan().all()
    assert found.bias[[2, 4]].isnan().all()


def test_without_a_way_back_the_filters_are_measured_forward() -> None:
    class NoWayBack(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.conv, self.fc = nn.Conv2d(3, 4, 5, stride=2, padding=2), nn.Linear(4, 2)

        @torch.no_grad()
        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.conv(x).relu().mean((2, 3)))

    net = load(NoWayBack(), input="3x20x20", normalize="imagenet")
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    wanted = net.module.conv.weight.detach() / std
    torch.testing.assert_close(net.first_layer().weight, wanted, atol=1e-4, rtol=1e-4)
