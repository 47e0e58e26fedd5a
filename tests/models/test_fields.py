# SPDX-License-Identifier: Apache-2.0
"""Receptive fields against brute force: the pixels whose gradient is not zero when all weights are positive."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from nets import dilated_net, residual_net, strided_net
from torch import nn
from torch.nn import functional as F

from pellucid.errors import UnknownName
from pellucid.models import load


def positive(module: nn.Module) -> nn.Module:
    """A copy in which every pixel that can matter does: weights above zero, no bias, averages for maxima."""
    module = copy.deepcopy(module).eval()
    for parent in list(module.modules()):
        for name, part in list(parent.named_children()):
            if isinstance(part, nn.MaxPool2d):
                mean = nn.AvgPool2d(part.kernel_size, part.stride, part.padding, ceil_mode=part.ceil_mode)
                setattr(parent, name, mean)
            elif isinstance(part, nn.BatchNorm2d):
                setattr(parent, name, nn.Identity())
    with torch.no_grad():
        for name, weight in module.named_parameters():
            weight.fill_(0.0 if name.endswith("bias") else 1.0)
            weight /= max(weight[0].numel(), 1)
    return module


def support(module: nn.Module, layer: str, unit: int, position: tuple[int, ...], size: int) -> list[int]:
    """The smallest box [x0, y0, x1, y1] around all pixels that change the unit at the position; [] for none."""
    seen = []
    name, _, number = layer.partition("#")
    part = module.get_submodule(name) if name != "logits" else module
    handle = part.register_forward_hook(lambda *call: seen.append(call[-1]))
    channels = next(p for p in module.parameters() if p.ndim == 4).shape[1]
    pixels = torch.ones(1, channels, size, size, dtype=torch.float64, requires_grad=True)
    module.double()(pixels)
    handle.remove()
    seen[int(number or 1) - 1][(0, unit, *position)].backward()
    y, x = np.nonzero(pixels.grad[0].sum(0).numpy())
    return [x.min(), y.min(), x.max() + 1, y.max() + 1] if len(x) else []


def assert_fields_match(module: nn.Module, layer: str, size: int, places: int = 5) -> None:
    """Exactly inside the image; at its edge the box is what the field would be there, so it holds the support."""
    net = load(module, input=f"3x{size}x{size}", normalize="none")
    facts, fields, bright = net.layer(layer), net.fields(layer), positive(module)
    random = np.random.default_rng(0)
    tried = [tuple(int(length) // 2 for length in facts.grid)]
    tried += [tuple(int(random.integers(length)) for length in facts.grid) for _ in range(places)]
    for unit in {0, facts.units - 1}:
        for position in tried:
            box, true = list(fields.box(unit, position)), support(bright, layer, unit, position, size)
            clipped = [*(max(edge, 0) for edge in box[:2]), *(min(edge, size) for edge in box[2:])]
            if not true:
                assert box == [0, 0, 0, 0] or box != clipped, (layer, unit, position, box)
            elif box == clipped:
                assert box == true, (layer, unit, position)
            else:
                assert all(np.array(clipped[:2]) <= true[:2]), (layer, unit, position, clipped, true)
                assert all(np.array(clipped[2:]) >= true[2:]), (layer, unit, position, clipped, true)


@pytest.mark.parametrize("layer", ["0", "2", "3", "5", "logits"])
def test_fields_of_a_dilated_odd_net(layer: str) -> None:
    assert_fields_match(dilated_net(), layer, 41)


@pytest.mark.parametrize("layer", ["stem", "pool", "narrow", "wide", "up", "head", "logits"])
def test_fields_of_a_strided_odd_net(layer: str) -> None:
    assert_fields_match(strided_net(), layer, 83)


@pytest.mark.parametrize("layer", ["relu", "relu#2", "conv3", "relu#3"])
def test_fields_of_a_residual_net(layer: str) -> None:
    assert_fields_match(residual_net(), layer, 9)


@pytest.mark.parametrize("layer", ["features.0", "features.3", "features.6", "features.7.expand3x3"])
def test_fields_of_squeezenet(layer: str) -> None:
    models = pytest.importorskip("torchvision.models")
    assert_fields_match(models.squeezenet1_0(), layer, 97, places=1)


@pytest.mark.parametrize("layer", ["maxpool", "layer1.1", "layer2.0.downsample.1", "layer2.0"])
def test_fields_of_resnet18(layer: str) -> None:
    models = pytest.importorskip("torchvision.models")
    assert_fields_match(models.resnet18(), layer, 96, places=1)


def test_published_figures() -> None:
    """SqueezeNet's are the issue's; ResNet-18's last stage is the 435 px of Araujo et al. 2019, distill.pub."""
    pytest.importorskip("torchvision")
    squeezenet = load("torchvision/squeezenet1_0", weights="random")
    fields = squeezenet.fields("features.7")
    assert fields.size(0) == (43, 43)  # the 1x1 branch
    assert fields.size(128) == (59, 59)  # the 3x3 branch
    assert squeezenet.layer("features.7").receptive_field == (59, 59)
    assert squeezenet.layer("features.7").stride == (8, 8)
    resnet = load("torchvision/resnet18", weights="random", input="3x512x512")
    assert resnet.layer("layer4.1").receptive_field == (435, 435)
    assert resnet.layer("layer4.1").stride == (32, 32)
    assert resnet.layer("layer3.1.conv1").receptive_field == (179, 179)


def test_the_whole_input_is_none() -> None:
    net = load(residual_net(), input="3x8x8", normalize="none")
    assert net.layer("logits").receptive_field is None
    assert net.fields("logits").size(0) is None
    assert net.fields("logits").box(0) == (-1, -1, 9, 9)


def test_boxes_are_vectorized_and_unclipped() -> None:
    net = load(dilated_net(), input="3x41x41", normalize="none")
    fields = net.fields("0")
    boxes = fields.boxes([0, 3], [(0, 0), (5, 7)])
    assert boxes.tolist() == [[-2, -1, 2, 6], [5, 4, 9, 11]]
    assert boxes.dtype == np.int64
    with pytest.raises(UnknownName, match="no layer"):
        net.fields("nope")


class Odd(nn.Module):
    """Branches, padding, slices, views and shuffles between convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv2d(3, 4, 3, padding=1)
        self.b = nn.Conv2d(3, 4, 5, stride=2)
        self.c = nn.Conv2d(8, 4, 3, groups=2)
        self.d = nn.Conv2d(1, 4, 2)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        left = F.avg_pool2d(self.a(F.pad(pixels, (2, 1, 0, 3))), 2)[:, :, :16, :16]
        right = F.interpolate(self.b(pixels), (16, 16), mode="bilinear")
        joined = torch.cat([left, right], 1).transpose(2, 3)
        joined = joined.unflatten(1, (2, 4)).transpose(1, 2).flatten(1, 2)  # a channel shuffle
        x = self.c(joined)
        x = F.pixel_shuffle(x, 2).flip(3)
        return self.d(F.pad(x, (1, 1, 1, 1), mode="reflect")[:, :, ::2])


@pytest.mark.parametrize("layer", ["a", "b", "c", "d"])
def test_fields_through_whatever_moves_pixels_about(layer: str) -> None:
    torch.manual_seed(0)
    assert_fields_match(Odd().eval(), layer, 36)


class Groups(nn.Module):
    """A grouped convolution keeps branches of unlike reach apart; an ordinary one joins them."""

    def __init__(self) -> None:
        super().__init__()
        self.narrow, self.wide = nn.Conv2d(3, 2, 1), nn.Conv2d(3, 2, 7, padding=3)
        self.apart = nn.Conv2d(4, 6, 3, groups=2)
        self.each = nn.Conv2d(6, 12, 3, groups=6)
        self.all = nn.Conv2d(12, 2, 1)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        x = torch.cat([self.narrow(pixels), self.wide(pixels)], 1)
        return self.all(self.each(self.apart(x)))


@pytest.mark.parametrize(("layer", "sizes"), [("apart", (3, 9)), ("each", (5, 11)), ("all", (11, 11))])
def test_fields_by_unit(layer: str, sizes: tuple[int, int]) -> None:
    torch.manual_seed(0)
    assert_fields_match(Groups().eval(), layer, 20)
    net = load(Groups().eval(), input="3x20x20", normalize="none")
    for unit, size in zip((0, net.layer(layer).units - 1), sizes, strict=True):
        assert net.fields(layer).size(unit) == (size, size)


@pytest.mark.parametrize("norm", [nn.GroupNorm(2, 4), nn.InstanceNorm2d(4), nn.LayerNorm([4, 12, 12])])
def test_normalizing_over_positions_reaches_everything(norm: nn.Module) -> None:
    net = load(nn.Sequential(nn.Conv2d(3, 4, 1), norm), input="3x12x12", normalize="none")
    assert net.layer("0").receptive_field == (1, 1)
    assert net.layer("1").receptive_field is None
    assert (net.layer("1").units, net.layer("1").grid, net.layer("1").stride) == (4, (12, 12), (1, 1))


def test_what_is_overwritten_with_a_constant_reaches_nothing() -> None:
    class Blanked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wide, self.narrow = nn.Conv2d(3, 2, 7, padding=3), nn.Conv2d(3, 2, 1)

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            blank = self.wide(pixels).zero_()
            mask = torch.zeros_like(self.wide(pixels))
            return blank + self.narrow(pixels) + mask

    net = load(Blanked(), input="3x20x20", normalize="none")
    assert net.layer("wide").receptive_field == (7, 7)
    assert net.layer("logits").receptive_field == (1, 1)


def _stage(kind: str, kernel: int, stride: int, edge: int, dilation: int) -> nn.Module:
    if kind == "conv":
        return nn.Conv2d(2, 2, kernel, stride, edge, dilation)
    if kind == "depthwise":
        return nn.Conv2d(2, 2, (kernel, 1), stride, (edge, 0), dilation, groups=2)
    if kind == "transposed":
        return nn.ConvTranspose2d(2, 2, kernel, stride, min(edge, kernel - 1), dilation=dilation)
    if kind == "adaptive":
        return nn.AdaptiveAvgPool2d((3 * kernel, 2 * stride + 3))
    if kind == "pool":
        return nn.AvgPool2d(kernel, stride, min(edge, kernel // 2), ceil_mode=dilation == 2)
    return nn.Upsample(scale_factor=stride, mode="nearest" if dilation == 1 else "bilinear")


stages = st.tuples(
    st.sampled_from(["conv", "depthwise", "transposed", "pool", "adaptive", "upsample"]),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(0, 2),
    st.integers(1, 2),
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(stages, min_size=1, max_size=4))
def test_fields_of_random_stacks(rows: list[tuple[str, int, int, int, int]]) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 2, 1), *[_stage(*row) for row in rows]).eval()
    try:
        out = module(torch.zeros(1, 3, 30, 30))
    except RuntimeError:
        return  # the stack leaves no pixel
    if out.shape[-1] <= 400:
        assert_fields_match(module, str(len(rows)), 30, places=3)


def test_a_view_that_is_written_carries_what_is_written_to_it() -> None:
    """`x[..., 1:] = y`, as in models that shift or wrap their maps by hand."""

    class Shifted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Conv2d(3, 2, 3, padding=1), nn.Conv2d(2, 2, 1)

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            seen = self.a(pixels)
            moved = torch.zeros_like(seen)
            moved[..., 4:] = seen[..., :-4]
            return self.b(moved)

    net = load(Shifted(), input="3x16x16", normalize="none")
    # Position x of the second layer holds what the first has at x - 4: columns x - 5 to x - 3 of the input.
    [box] = net.fields("b").boxes([0], [(8, 9)])
    assert box.tolist() == [4, 7, 7, 10]
    assert net.layer("b").receptive_field == (3, 3)
