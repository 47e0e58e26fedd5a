# SPDX-License-Identifier: Apache-2.0
"""Each method against Captum asked directly, a slow loop, or an autograd rule of its own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from captum.attr import (
    Deconvolution,
    GuidedBackprop,
    IntegratedGradients,
    LayerGradCam,
    NoiseTunnel,
    Occlusion,
    Saliency,
)
from counting import ReusedNet, counting_net
from torch import nn

import pellucid as pl
from pellucid.attribution import METHODS

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.3, 0.25)


@pytest.fixture(scope="module")
def pixels() -> torch.Tensor:
    return torch.rand(3, 20, 24, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def plain() -> nn.Sequential:
    """Modules used once, as Captum wants them; it has normalization in front."""
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 6, 3),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, 5),
    ).eval()


@pytest.fixture(scope="module")
def net(plain: nn.Sequential) -> pl.Net:
    return pl.load(plain, input=pl.ImageInput((20, 24), mean=MEAN, std=STD))


class Normalized(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        mean, std = (torch.tensor(each).view(1, 3, 1, 1) for each in (MEAN, STD))
        return self.inner((pixels - mean) / std)


def mapped(net: pl.Net, pixels: torch.Tensor, method: str, **settings: object) -> np.ndarray:
    [found] = pl.attribute(net, pixels, "logits:2", methods=[method], faithfulness=False, **settings)
    return found.values


def largest(gradient: torch.Tensor) -> np.ndarray:
    return gradient[0].abs().amax(0).detach().numpy()


def test_gradients_are_captums(net: pl.Net, plain: nn.Sequential, pixels: torch.Tensor) -> None:
    direct = Normalized(plain)
    asked = pixels[None].clone().requires_grad_()
    np.testing.assert_allclose(
        mapped(net, pixels, "saliency"),
        largest(Saliency(direct).attribute(asked, target=2, abs=False)),
        rtol=1e-5,
    )
    black = torch.tensor(MEAN).view(1, 3, 1, 1).expand(1, 3, 20, 24)
    direct_ig = IntegratedGradients(direct).attribute(pixels[None], black, target=2, n_steps=2000)
    ours = mapped(net, pixels, "integrated_gradients", tolerance=1e-5, max_steps=4000)
    np.testing.assert_allclose(
        ours, direct_ig[0].sum(0).numpy(), atol=2e-4 * float(direct_ig.abs().max()) + 1e-5
    )


def test_smoothgrad_is_captums_noise_tunnel(net: pl.Net, plain: nn.Sequential, pixels: torch.Tensor) -> None:
    spread = 0.15 * float(pixels.max() - pixels.min())
    with torch.random.fork_rng([]):
        torch.manual_seed(7)
        direct = NoiseTunnel(Saliency(Normalized(plain))).attribute(
            pixels[None].clone().requires_grad_(),
            nt_type="smoothgrad",
            nt_samples=25,
            nt_samples_batch_size=5,
            stdevs=spread,
            target=2,
            abs=False,
        )
    np.testing.assert_allclose(
        mapped(net, pixels, "smoothgrad", seed=7, batch=5), largest(direct), rtol=1e-4, atol=1e-7
    )


def test_rules_for_relu_are_captums(net: pl.Net, plain: nn.Sequential, pixels: torch.Tensor) -> None:
    for name, method in (("guided_backprop", GuidedBackprop), ("deconvnet", Deconvolution)):
        with pytest.warns(UserWarning, match="backward hooks"):
            direct = method(Normalized(plain)).attribute(pixels[None].clone().requires_grad_(), target=2)
        ours = mapped(net, pixels, name)
        np.testing.assert_allclose(ours, largest(direct), rtol=1e-5, atol=1e-8)
        assert not np.allclose(ours, mapped(net, pixels, "saliency"))


class Rule(torch.autograd.Function):
    """The two rules as their papers write them."""

    @staticmethod
    def forward(ctx: object, x: torch.Tensor, guided: bool) -> torch.Tensor:
        ctx.save_for_backward(x)
        ctx.guided = guided
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx: object, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        (x,) = ctx.saved_tensors
        passed = gradient.clamp(min=0)
        return passed * (x > 0) if ctx.guided else passed, None


@pytest.mark.parametrize("name", ["guided_backprop", "deconvnet"])
def test_reused_in_place_and_functional_rectifiers_obey_the_rule(name: str, pixels: torch.Tensor) -> None:
    inner = ReusedNet().eval()
    net = pl.load(inner, input=pl.ImageInput((20, 24)))
    ours = mapped(net, pixels, name)
    asked = pixels[None].clone().requires_grad_()

    def rule(x: torch.Tensor) -> torch.Tensor:
        return Rule.apply(x, name == "guided_backprop")

    x = rule(inner.conv1(asked))
    x = rule(inner.conv2(x) + x)
    value = inner.fc((2 * rule(inner.conv3(x))).mean((2, 3)))[0, 2]
    (gradient,) = torch.autograd.grad(value, asked)
    np.testing.assert_allclose(ours, largest(gradient), rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("layer", ["relu", "relu#2", "conv3", "pair[1]"])
def test_gradcam_reads_reused_and_tuple_layers_as_they_were(layer: str, pixels: torch.Tensor) -> None:
    inner = ReusedNet().eval()
    net = pl.load(inner, input=pl.ImageInput((20, 24)))
    [found] = pl.attribute(net, pixels, "logits:2", methods=["gradcam"], layer=layer, faithfulness=False)
    asked = pixels[None]
    first = torch.relu(inner.conv1(asked)).requires_grad_()
    second = torch.relu(inner.conv2(first) + first)
    third = inner.conv3(second)
    last = 2 * torch.relu(third)
    value = inner.fc(last.mean((2, 3)))[0, 2]
    read = {"relu": first, "relu#2": second, "conv3": third, "pair[1]": last}[layer]
    (gradient,) = torch.autograd.grad(value, read)
    cam = (gradient.mean((2, 3), keepdim=True) * read).sum(1)[0].detach().numpy()
    np.testing.assert_allclose(np.array(found.extras["cells"]), cam, rtol=1e-4, atol=1e-7)


def test_gradcam_is_captums(net: pl.Net, plain: nn.Sequential, pixels: torch.Tensor) -> None:
    [found] = pl.attribute(net, pixels, "logits:2", methods=["gradcam"], faithfulness=False)
    assert found.layer == "4"
    direct = LayerGradCam(Normalized(plain), plain[4]).attribute(pixels[None], target=2)
    np.testing.assert_allclose(
        np.array(found.extras["cells"]), direct[0, 0].detach().numpy(), rtol=1e-5, atol=1e-7
    )
    [cut] = pl.attribute(net, pixels, "logits:2", methods=["gradcam"], faithfulness=False, relu=True)
    np.testing.assert_allclose(
        np.array(cut.extras["cells"]), direct[0, 0].detach().numpy().clip(0), rtol=1e-5, atol=1e-7
    )
    assert found.signed
    assert not cut.signed


def test_occlusion_is_captums_and_a_slow_loop(
    net: pl.Net, plain: nn.Sequential, pixels: torch.Tensor
) -> None:
    ours = mapped(net, pixels, "occlusion", window=6, stride=4, baseline="gray", batch=3)
    direct = Normalized(plain)
    captum = Occlusion(direct).attribute(
        pixels[None], (3, 6, 6), strides=(3, 4, 4), baselines=torch.full((1, 3, 20, 24), 0.5), target=2
    )
    np.testing.assert_allclose(ours, captum[0, 0].detach().numpy(), atol=1e-5)
    total, count = np.zeros((20, 24)), np.zeros((20, 24))
    with torch.no_grad():
        whole = direct(pixels[None])[0, 2]
        for y in (0, 4, 8, 12, 16):
            for x in (0, 4, 8, 12, 16, 20):
                if y - 4 + 6 >= 20 or x - 4 + 6 >= 24:
                    continue  # the window before reached the border
                hidden = pixels.clone()
                hidden[:, y : y + 6, x : x + 6] = 0.5
                total[y : y + 6, x : x + 6] += float(whole - direct(hidden[None])[0, 2])
                count[y : y + 6, x : x + 6] += 1
    np.testing.assert_allclose(ours, total / count, atol=1e-5)


def test_rise_is_a_slow_loop_over_its_masks(net: pl.Net, plain: nn.Sequential, pixels: torch.Tensor) -> None:
    ours = mapped(net, pixels, "rise", masks=40, cells=3, shown=0.4, seed=5, batch=7, baseline="zero")
    draws = np.random.Generator(np.random.PCG64(5))
    values, masks = [], []
    cell_y, cell_x = 7, 8  # 20 / 3 and 24 / 3, rounded up
    for _ in range(40):
        coarse = torch.from_numpy((draws.random((4, 4)) < 0.4).astype(np.float32))
        down, across = draws.random(2)
        large = torch.nn.functional.interpolate(coarse[None, None], size=(28, 32), mode="bilinear")[0, 0]
        y, x = int(down * cell_y), int(across * cell_x)
        masks.append(large[y : y + 20, x : x + 24])
        with torch.no_grad():
            values.append(float(Normalized(plain)((pixels * masks[-1])[None])[0, 2]))
    mean = np.mean(values)
    expected = sum((value - mean) * mask.numpy() for value, mask in zip(values, masks, strict=True)) / (
        0.4 * 39
    )
    np.testing.assert_allclose(ours, expected, atol=1e-6)


def test_rise_estimates_the_papers_map_less_its_constant() -> None:
    """On a linear net the paper's map is known: what a pixel adds, and the mean response."""
    linear = nn.Sequential(nn.Flatten(), nn.Linear(64, 1, bias=False))
    weights = torch.zeros(8, 8)
    weights[2:4, 4:6] = 1.0
    with torch.no_grad():
        linear[1].weight.copy_(weights.reshape(1, -1))
    net = pl.load(linear, input=pl.ImageInput(8, 1))
    [found] = pl.attribute(
        net, torch.ones(1, 8, 8), "logits:0", methods=["rise"], masks=4000, cells=8, baseline="zero"
    )
    assert found.extras["mean_response"] == pytest.approx(2.0, abs=0.1)
    inside = found.values[2:4, 4:6]
    assert inside.min() > 5 * np.abs(found.values[5:]).max()


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_map_and_leaves_the_net_alone(method: str, pixels: torch.Tensor) -> None:
    inner = ReusedNet().train()
    inner.conv1.weight.requires_grad_(False)
    net = pl.load(inner, input=pl.ImageInput((20, 24)))
    before = {name: value.clone() for name, value in inner.state_dict().items()}
    torch.manual_seed(11)
    state = torch.get_rng_state()
    first, second = (mapped(net, pixels, method, seed=4) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert torch.equal(torch.get_rng_state(), state)
    assert inner.training
    assert not inner.conv1.weight.requires_grad
    assert inner.conv2.weight.requires_grad
    assert inner.conv2.weight.grad is None
    assert all(torch.equal(value, before[name]) for name, value in inner.state_dict().items())
    for part in inner.modules():
        assert not part._forward_hooks
        assert not part._forward_pre_hooks
        assert not part._backward_hooks
        assert not part._backward_pre_hooks


@pytest.mark.parametrize("batch", [1, 3, 50])
# The noise of SmoothGrad is drawn batch by batch; the batch stands in its provenance.
@pytest.mark.parametrize("method", [name for name in METHODS if name != "smoothgrad"])
def test_the_batch_changes_nothing_but_last_digits(
    net: pl.Net, pixels: torch.Tensor, method: str, batch: int
) -> None:
    whole = mapped(net, pixels, method)
    np.testing.assert_allclose(
        mapped(net, pixels, method, batch=batch), whole, atol=1e-5 * np.abs(whole).max() + 1e-8
    )


def test_every_map_is_finite_where_nothing_matters() -> None:
    net = pl.load(counting_net(), input=pl.ImageInput(32))
    for aim in ("logits:0", "relu:0"):
        found = pl.attribute(net, torch.zeros(3, 32, 32), aim, methods=METHODS, masks=8)
        for one in found:
            # deconvnet passes gradients whatever the image is: one of the reasons to doubt it
            assert one.values.any() == (one.method == "deconvnet"), one.method
            assert one.faithfulness is not None
            assert one.faithfulness.deletion is None or one.aim.class_index == 0
            assert one.page.image().size[0] > 100


class Viewing(nn.Module):
    """Calls `view` on a map, which fails where channels lie last in memory."""

    def __init__(self, body: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.body, self.head = body, head

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        x = self.body(pixels)
        return self.head(x.view(len(x), -1))


@pytest.mark.parametrize("method", METHODS)
def test_a_net_that_views_its_maps_works_as_one_that_reshapes_them(method: str, pixels: torch.Tensor) -> None:
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(3))
    head = nn.Linear(4 * 6 * 7, 3)
    maps = [
        mapped(pl.load(each.eval(), input=pl.ImageInput((20, 24))), pixels, method)
        for each in (Viewing(body, head), nn.Sequential(body, nn.Flatten(), head))
    ]
    np.testing.assert_allclose(maps[0], maps[1], rtol=1e-4, atol=1e-6)
