# SPDX-License-Identifier: Apache-2.0
"""Taps read what a plain forward pass computes, stop early, and leave the module as it was."""

from __future__ import annotations

import pytest
import torch
from nets import edge_picture, object_net, planted_net, residual_net
from torch import Tensor, nn
from torch.nn import functional as F

from pellucid.errors import InputError, NetworkFailure, UnknownName
from pellucid.models import ImageInput, Net, load, tap, watch


def plain(module: nn.Module, size: int = 16) -> Net:
    return load(module, input=f"3x{size}x{size}", normalize="none")


class InPlace(nn.Module):
    """All the ways of writing over a convolution's result."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv2d(3, 4, 3)
        self.b = nn.Conv2d(4, 4, 1)
        self.c = nn.Conv2d(4, 4, 1)
        self.d = nn.Conv2d(4, 4, 1)
        self.act = nn.ReLU(inplace=True)

    def forward(self, pixels: Tensor) -> Tensor:
        x = self.act(self.a(pixels))
        y = F.relu(self.b(x), inplace=True)
        z = self.c(y)
        z += y
        w = self.d(z)
        w.view(-1).mul_(0)
        return w


@pytest.mark.parametrize("grad", [False, True])
def test_in_place_operations_do_not_change_what_was_read(grad: bool) -> None:
    torch.manual_seed(0)
    module = InPlace().eval()
    pixels = torch.rand(2, 3, 16, 16)
    with torch.no_grad():
        a = module.a(pixels)
        b = module.b(a.relu())
        c = module.c(b.relu())
        d = module.d(c + b.relu())
    with tap(plain(module), ["a", "act", "b", "c", "d", "logits"], grad=grad) as run:
        read = run(pixels)
    for name, expected in {"a": a, "act": a.relu(), "b": b, "c": c, "d": d, "logits": d * 0}.items():
        torch.testing.assert_close(read[name].detach(), expected, msg=name)
    assert (read["a"] < 0).any()


def test_calls_of_a_reused_module_are_kept_apart() -> None:
    module = residual_net()
    pixels = torch.rand(2, 3, 8, 8)
    red = pixels.clone()
    with tap(plain(module, 8), ["relu", "relu#2", "relu#3", "conv2"]) as run:
        read = run(pixels)
    rgb0 = torch.cat([red, torch.zeros(2, 1, 8, 8)], 1)
    torch.testing.assert_close(read["relu"], rgb0)
    torch.testing.assert_close(read["conv2"], -0.5 * rgb0)
    torch.testing.assert_close(read["relu#2"], 0.5 * rgb0)
    total = F.avg_pool2d(rgb0.sum(1, keepdim=True) / 2, 3, 1, padding=1) * 9
    torch.testing.assert_close(read["relu#3"], total.expand(2, 4, 8, 8))


def test_the_pass_stops_after_the_last_layer_needed() -> None:
    module = planted_net()
    late = []
    module.pool.register_forward_hook(lambda *_: late.append("pool"))
    module.relu.register_forward_hook(lambda *_: late.append("relu"))
    net = plain(module, 32)
    late.clear()
    with tap(net, ["conv"]) as run:
        run(torch.rand(1, 3, 32, 32))
    assert late == []
    with watch(net, ["relu"], lambda *_: None) as run:
        run(torch.rand(1, 3, 32, 32))
    assert late == ["relu"]
    with tap(net, ["conv", "logits"]) as run:
        run(torch.rand(1, 3, 32, 32))
    assert late == ["relu", "relu", "pool"]


def test_code_that_swallows_exceptions_cannot_swallow_the_stop() -> None:
    class Careless(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 2, 1)
            self.went_on = False

        def forward(self, pixels: Tensor) -> Tensor:
            try:
                x = self.conv(pixels)
            except Exception:
                x = pixels
            self.went_on = True
            return x

    module = Careless().eval()
    net = plain(module)
    module.went_on = False
    with tap(net, ["conv"]) as run:
        run(torch.rand(1, 3, 16, 16))
    assert not module.went_on


def test_gradients_reach_the_pixels_and_nothing_else() -> None:
    module = planted_net()
    module.fc.weight.requires_grad_(False)
    pixels = edge_picture()[None].requires_grad_()
    with tap(load(module, input=ImageInput(32, std=(0.5,))), ["conv"], grad=True) as run:
        assert not any(weight.requires_grad for weight in module.parameters())
        run(pixels)["conv"][0, 2, 0, 0].backward()
    assert pixels.grad is not None
    assert pixels.grad[0, :, 0, 0].tolist() == [2.0, -2.0, 0.0]
    assert [weight.requires_grad for weight in module.parameters()] == [True, True, False, True]
    assert all(weight.grad is None for weight in module.parameters())


def test_a_clone_for_a_tap_does_not_cut_the_gradient() -> None:
    pixels = torch.rand(1, 3, 16, 16).requires_grad_()
    module = InPlace().eval()
    with tap(plain(module), ["b", "logits"], grad=True) as run:
        run(pixels)["b"].sum().backward()
    assert pixels.grad is not None
    other = pixels.detach().clone().requires_grad_()
    module.b(module.a(other).relu()).sum().backward()
    torch.testing.assert_close(pixels.grad, other.grad)


class Noisy(nn.Module):
    """Batch norm, dropout that is on even in evaluation mode, and a layer that can fail."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
        self.norm = nn.BatchNorm2d(4)
        self.last = nn.Identity()
        self.fail = False

    def forward(self, pixels: Tensor) -> Tensor:
        x = F.dropout(self.norm(self.conv(pixels)))
        if self.fail:
            raise RuntimeError("asked to")
        return self.last(x)


def state_of(module: nn.Module) -> tuple[object, ...]:
    return (
        [part.training for part in module.modules()],
        [weight.requires_grad for weight in module.parameters()],
        {name: value.clone() for name, value in module.state_dict().items()},
        [len(part._forward_hooks) + len(part._forward_pre_hooks) for part in module.modules()],
        torch.get_rng_state(),
        torch.backends.mha.get_fastpath_enabled(),
    )


def assert_same_state(before: tuple[object, ...], after: tuple[object, ...]) -> None:
    for old, new in zip(before, after, strict=True):
        if isinstance(old, dict):
            assert all(torch.equal(old[name], new[name]) for name in old)
        elif isinstance(old, Tensor):
            assert torch.equal(old, new)
        else:
            assert old == new


@pytest.mark.parametrize("fail", [False, True])
@pytest.mark.parametrize("grad", [False, True])
def test_the_module_is_left_as_it_was(fail: bool, grad: bool) -> None:
    module = Noisy().train()
    module.last.eval()
    assert torch.backends.mha.get_fastpath_enabled()
    module.norm.weight.requires_grad_(False)
    before = state_of(module)
    net = plain(module)
    module.fail = fail
    if fail:
        with pytest.raises(NetworkFailure, match="asked to"), tap(net, ["last"], grad=grad) as run:
            run(torch.zeros(4, 3, 16, 16))
    else:
        with tap(net, ["norm", "last"], grad=grad) as run:
            assert not module.training
            run(torch.zeros(4, 3, 16, 16))
        with watch(net, ["norm"], lambda *_: None) as run:
            run(torch.zeros(4, 3, 16, 16))
    assert_same_state(before, state_of(module))
    assert "random numbers" in net.notes[-1]


def test_a_module_in_training_mode_answers_as_in_evaluation() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Dropout(0.9)).train()
    module[1].running_mean.fill_(3.0)
    pixels = torch.rand(2, 3, 16, 16)
    with tap(plain(module), ["2"]) as run:
        read = run(pixels)["2"]
    assert module.training
    torch.testing.assert_close(read, module.eval()(pixels).detach())


def test_watch_hands_out_the_tensor_itself_in_order() -> None:
    module = planted_net()
    pointers, order = {}, []
    module.conv.register_forward_hook(lambda *call: pointers.update(conv=call[-1].data_ptr()))

    def look(layer: str, response: Tensor) -> None:
        order.append(layer)
        if layer == "conv":
            assert response.data_ptr() == pointers["conv"]
            assert response.shape == (2, 4, 28, 28)
            assert not response.requires_grad

    with watch(plain(module, 32), ["fc", "conv", "relu", "fc"], look) as run:
        run(torch.rand(2, 3, 32, 32))
        run(torch.rand(2, 3, 32, 32))
    assert order == ["conv", "relu", "fc"] * 2


def test_normalization_and_autocast() -> None:
    module = planted_net()
    with (
        torch.autocast("cpu", torch.bfloat16),
        tap(load(module, input=ImageInput(32, mean=(1.0,))), ["conv"]) as run,
    ):
        read = run(edge_picture()[None])["conv"]
    torch.testing.assert_close(read, module.conv(edge_picture()[None] - 1).detach())
    assert read.dtype == torch.float32


def test_responses_are_float32_whatever_a_layer_gives() -> None:
    class Half(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.to(torch.bfloat16)

    with tap(plain(nn.Sequential(Half())), ["0", "logits"]) as run:
        assert {read.dtype for read in run(torch.rand(1, 3, 16, 16)).values()} == {torch.float32}


def test_outputs_of_many_tensors() -> None:
    class Pair(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 2, 1)

        def forward(self, x: Tensor) -> dict[str, object]:
            y = self.conv(x)
            return {"plus": y + 1, "more": (y + 2, [y + 3]), "count": 7, "rows": torch.arange(3)}

    class Outer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.pair = Pair()

        def forward(self, x: Tensor) -> Tensor:
            found = self.pair(x)
            return found["plus"] * found["more"][1][0]

    module = Outer().eval()
    net = plain(module)
    assert [layer.name for layer in net.layers()] == [
        "pair.conv",
        "pair[plus]",
        "pair[more][0]",
        "pair[more][1][0]",
        "logits",
    ]
    pixels = torch.rand(3, 3, 16, 16)
    with tap(net, ["pair[more][1][0]", "pair[plus]"]) as run:
        read = run(pixels)
    y = module.pair.conv(pixels).detach()
    torch.testing.assert_close(read["pair[plus]"], y + 1)
    torch.testing.assert_close(read["pair[more][1][0]"], y + 3)


def test_output_objects() -> None:
    pixels = edge_picture()[None]
    with tap(plain(object_net(), 32), ["logits"]) as run:
        torch.testing.assert_close(run(pixels)["logits"], planted_net()(pixels).detach())


def test_layers_that_do_not_run_are_named() -> None:
    class Moody(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Conv2d(3, 2, 1), nn.Conv2d(2, 2, 1)

        def forward(self, x: Tensor) -> Tensor:
            x = self.a(x)
            return self.b(x) if len(x) == 2 else x

    with tap(plain(Moody().eval()), ["b"]) as run, pytest.raises(InputError, match="b did not run"):
        run(torch.rand(1, 3, 16, 16))


@pytest.mark.parametrize(
    "pixels", [torch.rand(3, 16, 16), torch.rand(1, 1, 16, 16), torch.zeros(1, 3, 16, 16, dtype=torch.uint8)]
)
def test_wrong_pixels_are_refused(pixels: Tensor) -> None:
    with tap(plain(planted_net()), ["conv"]) as run, pytest.raises(InputError, match=r"\(N, 3, H, W\)"):
        run(pixels)


def test_unknown_layers_are_refused_before_anything_runs() -> None:
    with pytest.raises(UnknownName, match="did you mean conv"), tap(plain(planted_net()), ["cnv"]):
        pass


def test_answers_go_by_the_names_asked_for() -> None:
    pixels = edge_picture()[None].double()
    with tap(plain(planted_net(), 32), ["module.conv", "conv"]) as run:
        read = run(pixels)
    assert list(read) == ["module.conv", "conv"]
    assert read["conv"].max() == read["module.conv"].max() == 11.25


def test_hooks_cost_little() -> None:
    """A tap on one of many modules must not hook the others."""
    module = nn.Sequential(*[nn.Identity() for _ in range(50)], nn.Conv2d(3, 1, 1))
    net = plain(module)
    with tap(net, ["50"]):
        assert sum(len(part._forward_hooks) for part in module.modules()) == 1


def test_channels_last_tokens_and_windows_become_units_and_positions() -> None:
    models = pytest.importorskip("torchvision.models")
    torch.manual_seed(0)
    module = models.SwinTransformer([4, 4], 8, [2], [2], [4, 4], num_classes=3).eval()
    raw = {}
    module.features[1][1].mlp.register_forward_hook(lambda *call: raw.update(mlp=call[-1]))
    pixels = torch.rand(3, 3, 32, 32)
    with tap(plain(module, 32), ["features.1.1.mlp"]) as run:
        read = run(pixels)["features.1.1.mlp"]
    assert read.shape == (3, 8, 8, 8)
    torch.testing.assert_close(read, raw["mlp"].permute(0, 3, 1, 2))


class Windows(nn.Module):
    """A layer that works on windows, items and windows folded into one axis, items first or last."""

    def __init__(self, items_first: bool) -> None:
        super().__init__()
        self.items_first = items_first
        self.inner = nn.Linear(3, 5)

    def forward(self, pixels: Tensor) -> Tensor:
        x = (
            pixels.unflatten(3, (2, -1)).permute(0, 3, 2, 4, 1)
            if self.items_first
            else pixels.unflatten(3, (2, -1))
        )
        if not self.items_first:
            x = x.permute(3, 0, 2, 4, 1)  # windows, items, h, w, channels
        x = self.inner(x.flatten(0, 1))
        return (
            x.flatten(1)
            .sum(1)
            .reshape(*((-1, 2) if self.items_first else (2, -1)))
            .mean(int(self.items_first))[:, None]
        )


@pytest.mark.parametrize("items_first", [True, False])
def test_items_folded_with_windows_are_unfolded(items_first: bool) -> None:
    module = Windows(items_first).eval()
    net = plain(module, 8)
    assert (net.layer("inner").units, net.layer("inner").grid) == (5, (2, 8, 4))
    pixels = torch.rand(3, 3, 8, 8)
    with tap(net, ["inner"]) as run:
        read = run(pixels)["inner"]
    expected = module.inner(pixels.permute(0, 2, 3, 1)).detach()  # N h w K
    for window in (0, 1):
        torch.testing.assert_close(
            read[:, :, window], expected[:, :, 4 * window : 4 * window + 4].permute(0, 3, 1, 2)
        )
