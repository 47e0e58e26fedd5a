# SPDX-License-Identifier: Apache-2.0
"""Layers as one observed pass tells them: names, order, shapes, rectification, what feeds what, what is refused."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
from nets import Prediction, planted_net, residual_net
from torch import Tensor, nn
from torch.nn import functional as F

from pellucid.errors import InputError
from pellucid.models import Net, load, tap

TIMM = ["test_resnet", "test_vit", "test_byobnet", "test_efficientnet", "test_convnext", "test_nfnet"]
TORCHVISION = [
    "squeezenet1_1",
    "shufflenet_v2_x0_5",
    "mobilenet_v3_small",
    "resnet18",
    "densenet121",
    "googlenet",
    "inception_v3",
    "vgg11",
    "efficientnet_b0",
    "convnext_tiny",
    "vit_b_16",
    "swin_t",
    "swin_v2_t",
    "maxvit_t",
    "regnet_y_400mf",
    "mobilenet_v2",
    "alexnet",
]


def plain(module: nn.Module, size: int = 32) -> Net:
    return load(module, input=f"3x{size}x{size}", normalize="none")


def names(net: Net) -> list[str]:
    return [layer.name for layer in net.layers()]


def defaults(net: Net) -> list[str]:
    return [layer.name for layer in net.default_layers()]


def library(name: str) -> Net:
    pytest.importorskip("torchvision")
    return load(name, weights="random")


def assert_sane(net: Net) -> None:
    """Every listed layer can be read in another batch size, with the units and grid it is listed with."""
    layers = net.layers()
    assert len(set(names(net))) == len(layers)
    assert layers[-1].name == "logits"
    channels, (height, width) = net.input.channels, net.input.size
    generator = torch.Generator().manual_seed(0)
    with tap(net, names(net)) as run:
        read = run(torch.rand(3, channels, height, width, generator=generator))
    for layer in layers:
        assert read[layer.name].shape == (3, layer.units, *layer.grid), layer
        if layer.rectified:
            assert read[layer.name].min() >= 0, layer
            assert not set(layer.fed_by) & {other.name for other in layers if other.rectified}, layer
        assert set(layer.fed_by) <= set(names(net)), layer
        assert layer.receptive_field is None or len(layer.receptive_field) == len(layer.grid), layer
        assert layer.stride is None or len(layer.stride) == len(layer.grid), layer
        if len(layer.grid) == 2:
            net.fields(layer.name).box(layer.units - 1, tuple(size - 1 for size in layer.grid))
    assert defaults(net)[-1] == "logits"


def test_layers_of_the_planted_net() -> None:
    net = plain(planted_net())
    conv, relu, pool, flatten, fc, logits = net.layers()
    assert (conv.name, conv.kind, conv.units, conv.grid) == ("conv", "Conv2d", 4, (28, 28))
    assert (conv.receptive_field, conv.stride, conv.rectified, conv.fed_by) == ((5, 5), (1, 1), False, ())
    assert (relu.rectified, relu.fed_by) == (True, ("conv",))
    assert (pool.grid, pool.rectified, pool.fed_by, pool.receptive_field) == ((1, 1), True, ("conv",), None)
    assert (flatten.grid, flatten.units, flatten.rectified) == ((), 4, True)
    assert (fc.grid, fc.units, fc.rectified, fc.fed_by, fc.stride) == ((), 2, False, (), ())
    assert (logits.name, logits.kind, logits.units) == ("logits", "output", 2)
    assert defaults(net) == ["conv", "logits"]


def test_a_reused_relu_is_one_layer_for_each_call() -> None:
    net = plain(residual_net())
    assert names(net) == ["conv1", "relu", "conv2", "relu#2", "conv3", "relu#3", "fc", "logits"]
    # the sum is conv2 and what conv1's relu gave; the latter is rectified, so the search ends there
    assert [net.layer(f"relu{call}").fed_by for call in ("", "#2", "#3")] == [
        ("conv1",),
        ("conv2",),
        ("conv3",),
    ]
    assert defaults(net) == ["conv1", "conv2", "conv3", "logits"]


def test_squeezenet() -> None:
    net = library("torchvision/squeezenet1_0")
    fire = net.layer("features.7")
    assert (fire.kind, fire.units, fire.grid, fire.rectified) == ("Fire", 256, (27, 27), True)
    assert fire.fed_by == ("features.7.expand1x1", "features.7.expand3x3")
    assert net.layer("logits").rectified
    assert net.layer("logits").fed_by == ("classifier.1",)
    convolutions = [name for name, part in net.module.named_modules() if isinstance(part, nn.Conv2d)]
    assert defaults(net) == [*convolutions, "logits"]


def test_resnet18() -> None:
    net = library("torchvision/resnet18")
    assert len(net.layers()) == 76
    assert defaults(net) == [
        name
        for name in names(net)
        if name.startswith("bn1") or ".bn" in name or name.endswith("downsample.1") or name == "logits"
    ]
    assert net.layer("layer1.0.relu#2").fed_by == ("layer1.0.bn2",)
    assert net.layer("layer2.0").fed_by == ("layer2.0.bn2", "layer2.0.downsample.1")
    assert net.layer("layer2.0.bn2").fed_by == ()
    assert not net.layer("fc").rectified


@pytest.mark.parametrize("name", ["squeezenet1_1", "shufflenet_v2_x0_5", "mobilenet_v3_small", "googlenet"])
def test_small_torchvision_networks(name: str) -> None:
    assert_sane(library(f"torchvision/{name}"))


@pytest.mark.slow
@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvision_networks(name: str) -> None:
    assert_sane(library(f"torchvision/{name}"))


@pytest.mark.parametrize("name", TIMM)
def test_timm_networks(name: str) -> None:
    pytest.importorskip("timm")
    assert_sane(library(f"timm/{name}"))


def test_tokens() -> None:
    models = pytest.importorskip("torchvision.models")
    module = models.VisionTransformer(32, 8, 2, 2, 12, 24, num_classes=5)
    net = plain(module)
    assert (net.layer("conv_proj").grid, net.layer("conv_proj").receptive_field) == ((4, 4), (8, 8))
    tokens = net.layer("encoder.layers.encoder_layer_0.ln_1")
    assert (tokens.grid, tokens.units) == ((17,), 12)
    fields = net.fields(tokens.name)
    assert fields.boxes([0, 3, 3], [[0], [1], [6]]).tolist() == [[0, 0, 0, 0], [0, 0, 8, 8], [8, 8, 16, 16]]
    attended = net.fields("encoder.layers.encoder_layer_0.self_attention")
    assert attended.box(0, (6,)) == (0, 0, 32, 32)
    assert defaults(net) == [*(f"encoder.layers.encoder_layer_{i}.mlp.0" for i in (0, 1)), "logits"]


def test_windows_of_attention_see_their_window() -> None:
    models = pytest.importorskip("torchvision.models")
    net = plain(models.SwinTransformer([4, 4], 8, [2, 2], [2, 2], [4, 4], num_classes=3), 64)
    first = net.layer("features.1.0.attn")
    assert (first.units, first.grid, first.receptive_field, first.stride) == (8, (16, 16), (16, 16), (4, 4))
    assert net.fields("features.1.0.attn").box(0, (5, 2)) == (0, 16, 16, 32)
    # the second block's windows are shifted by two tokens, and see what the first block's windows saw
    assert net.fields("features.1.1.attn").box(0, (5, 2)) == (0, 0, 32, 32)
    assert net.fields("features.1.1.attn").box(0, (9, 13)) == (32, 16, 64, 48)
    merged = net.layer("features.2")
    assert (merged.units, merged.grid, merged.stride) == (16, (8, 8), (8, 8))


class Heads(nn.Module):
    """Attention written out: two heads of three features over twelve tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 18, 4, 4)
        self.weights, self.mixed = nn.Identity(), nn.Identity()

    def forward(self, pixels: Tensor) -> Tensor:
        x = self.patches(pixels).flatten(2).transpose(1, 2)  # N T 18
        query, key, value = x.unflatten(2, (3, 2, 3)).permute(2, 0, 3, 1, 4)  # N heads T features
        weights = self.weights((query @ key.transpose(2, 3)).softmax(-1))
        return self.mixed(weights @ value).transpose(1, 2).flatten(2).mean(1)


def test_attention_written_out() -> None:
    torch.manual_seed(0)
    module = Heads()
    net = plain(module, 16)
    raw: dict[str, Tensor] = {}
    module.mixed.register_forward_hook(lambda *call: raw.update(mixed=call[-1]))
    assert (net.layer("mixed").units, net.layer("mixed").grid) == (6, (16,))
    assert (net.layer("weights").units, net.layer("weights").grid) == (2, (16, 16))
    assert (net.layer("logits").units, net.layer("logits").grid) == (6, ())
    assert net.fields("mixed").box(4, (3,)) == (0, 0, 16, 16)
    assert_sane(net)
    with tap(net, ["mixed"]) as run:
        read = run(torch.rand(3, 3, 16, 16))["mixed"]
    torch.testing.assert_close(read, raw["mixed"].permute(0, 1, 3, 2).flatten(1, 2))


class Kinds(nn.Module):
    """Rectified or not, in as many ways."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.relu6 = nn.ReLU6()
        self.leaky = nn.LeakyReLU()
        self.gate = nn.Sigmoid()
        self.max = nn.MaxPool2d(2)
        self.drop = nn.Dropout()
        self.scaled = Scaled()
        self.negated = Negated()
        self.shift = Shift()
        self.cat = Cat()
        self.mixed = Cat()
        self.up = nn.Upsample(scale_factor=2, mode="bilinear")
        self.cubic = nn.Upsample(scale_factor=2, mode="bicubic")

    def forward(self, pixels: Tensor) -> Tensor:
        y = self.norm(self.conv(pixels))
        x = self.drop(self.max(self.relu6(y)))
        self.leaky(y)
        x = self.scaled(x, self.gate(y[:, :1].mean((2, 3), keepdim=True)))
        (
            self.negated(x),
            self.shift(x),
            self.cat(x, F.relu(x)),
            self.mixed(x, y[:, :, :16, :16]),
            self.cubic(x),
        )
        return self.up(x)


class Scaled(nn.Module):
    def forward(self, x: Tensor, scale: Tensor) -> Tensor:
        return 2 * (x * scale) / 3 + 1


class Negated(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * -1


class Shift(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(4, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bias


class Cat(nn.Module):
    def forward(self, *parts: Tensor) -> Tensor:
        return torch.cat(parts, 1)


def test_what_is_rectified() -> None:
    net = plain(Kinds())
    rectified = {layer.name for layer in net.layers() if layer.rectified}
    assert rectified == {"relu6", "max", "drop", "scaled", "cat", "up", "logits"}
    assert all(net.layer(name).fed_by == ("norm",) for name in rectified)
    assert defaults(net) == ["norm", "logits"]


def test_default_layers_without_a_final_layer_of_their_own() -> None:
    net = plain(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(3600, 5), nn.Softmax(1)))
    assert defaults(net) == ["0", "logits"]
    net = plain(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(3600, 1), nn.Sigmoid()))
    assert defaults(net) == ["2", "logits"]


def test_the_layer_that_gives_the_output_is_not_listed_twice() -> None:
    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.fc, self.gate = nn.Conv2d(3, 4, 1), nn.Linear(4, 5), nn.Sigmoid()

        def forward(self, pixels: Tensor) -> Tensor:
            x = self.fc(self.body(pixels).tanh().mean((2, 3)))
            self.gate(x)
            return x

    assert defaults(plain(Gated())) == ["body", "logits"]


class Named(nn.Module):
    """A module called `logits` that is not the output."""

    def __init__(self) -> None:
        super().__init__()
        self.logits = nn.Linear(3, 5)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.logits(pixels.mean((2, 3))).softmax(1)


def test_logits_is_always_the_output() -> None:
    net = plain(Named())
    assert names(net) == ["logits#1", "logits"]
    with tap(net, ["logits", "logits#1"]) as run:
        read = run(torch.rand(2, 3, 32, 32))
    torch.testing.assert_close(read["logits"].sum(1), torch.ones(2))
    assert read["logits#1"].sum() != 2


class Returns(nn.Module):
    def __init__(self, wrap: object) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 5)
        self.wrap = wrap

    def forward(self, pixels: Tensor) -> object:
        return self.wrap(self.fc(pixels.mean((2, 3))))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda x: x,
        lambda x: (x,),
        lambda x: [x, None, 3],
        lambda x: {"logits": x, "hidden": x + 1},
        lambda x: OrderedDict(out=x, aux=x + 1),
        lambda x: Prediction(x, x + 1),
    ],
)
def test_outputs_that_are_understood(wrap: object) -> None:
    module = Returns(wrap)
    with tap(plain(module), ["logits"]) as run:
        pixels = torch.rand(2, 3, 32, 32)
        torch.testing.assert_close(run(pixels)["logits"], module.fc(pixels.mean((2, 3))).detach())


@pytest.mark.parametrize(
    ("wrap", "told"),
    [
        (lambda x: (x, x + 1), r"tuple with 2 tensors \(0: 2x5, 1: 2x5\)"),
        (lambda x: {"boxes": x, "scores": x}, r"dict with 2 tensors \(boxes: 2x5, scores: 2x5\)"),
        (lambda x: None, "NoneType with 0 tensors; one tensor"),
        (lambda x: {"a": {"b": x}, "c": (x, x)}, r"dict with 3 tensors \(a.b: .*, c.0: .*, c.1: "),
    ],
)
def test_outputs_that_are_refused_by_name(wrap: object, told: str) -> None:
    with pytest.raises(InputError, match=told):
        plain(Returns(wrap))


def test_a_module_that_fails_is_told_in_one_line() -> None:
    with pytest.raises(
        InputError,
        match=r"^Sequential does not run on an input of 3x32x32 \(a convolution in it takes 5 channels and met 3\); "
        r"give --input 5x32x32$",
    ):
        plain(nn.Sequential(nn.Conv2d(5, 2, 1)))


class Raises(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("my own bug")


@pytest.mark.parametrize(
    ("module", "told"),
    [
        (nn.Conv2d(1, 2, 3), r"takes 1 channel and met 3\); give --input 1x32x32$"),
        (
            nn.Conv2d(3, 2, 40),
            r"the picture becomes too small on its way through it\); give a larger --input$",
        ),
        (
            nn.Sequential(nn.Conv2d(3, 2, 1), nn.Flatten(), nn.Linear(99, 2)),
            r"\(a linear layer in it takes 99 numbers and met 2048\); give the size it takes with --input$",
        ),
        (Raises(), r"\(RuntimeError: my own bug\); its own code says so: mend it there, or"),
    ],
)
def test_what_misfits_and_what_would_work(module: nn.Module, told: str) -> None:
    with pytest.raises(InputError, match=told):
        plain(module)


class OneItem(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        assert len(x) == 1, "one at a time"
        return x.mean((2, 3))


class Halved(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.part = nn.Conv2d(3, 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.part(x.half())


@pytest.mark.parametrize(
    ("module", "words"),
    [(OneItem(), "one at a time.*takes one item at a time.*any number"), (Halved(), "one number format")],
)
def test_what_is_no_matter_of_size_is_told_as_what_it_is(module: nn.Module, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        plain(module)
    assert "--input" not in str(caught.value)


def test_layers_that_know_nothing_of_the_input_are_left_out() -> None:
    """Also where their first axis is as long as the batch that is traced."""

    class Tables(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.many, self.two = nn.Embedding(7, 3), nn.Embedding(2, 3)
            self.head = nn.Conv2d(3, 2, 1)

        def forward(self, pixels: Tensor) -> Tensor:
            tables = self.many(torch.arange(7)).mean() + self.two(torch.arange(2)).mean()
            return self.head(pixels) + tables

    assert names(plain(Tables())) == ["head", "logits"]


def test_an_output_without_items_is_refused() -> None:
    class Mean(nn.Module):
        def forward(self, pixels: Tensor) -> Tensor:
            return pixels.mean(0)

    with pytest.raises(InputError, match="no axis for the items"):
        plain(Mean())


def test_what_no_rule_knows_keeps_its_items() -> None:
    class Strange(nn.Module):
        def forward(self, pixels: Tensor) -> Tensor:
            return torch.cumsum(pixels, 3).sort(2).values

    class Outside(nn.Module):
        def forward(self, pixels: Tensor) -> Tensor:
            return torch.from_numpy(pixels.mean((2, 3)).numpy().copy())

    net = plain(nn.Sequential(Strange(), Outside()))
    assert (net.layer("0").units, net.layer("0").grid, net.layer("0").receptive_field) == (3, (32, 32), None)
    assert (net.layer("1").units, net.layer("1").receptive_field) == (3, None)
    assert_sane(net)


def test_one_channel_and_one_unit() -> None:
    net = load(
        nn.Sequential(nn.Conv2d(1, 1, 3), nn.Flatten(), nn.Linear(36, 1)), input="1x8x8", normalize="none"
    )
    assert (net.layer("0").units, net.layer("0").grid) == (1, (6, 6))
    assert (net.layer("logits").units, net.layer("logits").grid) == (1, ())
    assert_sane(net)
