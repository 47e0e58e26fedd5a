# SPDX-License-Identifier: Apache-2.0
"""Expanded weights against the Jacobian of a net that is linear by construction, and against kernels folded by hand."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from wired import SIZE, joined_net

import pellucid as pl
from pellucid.circuits import PIXELS, expanded_weights


def linear_twin() -> torch.nn.Module:
    """The joined net with an identity for each ReLU and a mean for each maximum."""
    twin = joined_net().double()
    twin.bend = lambda x: x.clone()
    twin.pool = F.avg_pool2d
    return twin


def jacobian(below: str, above: str, unit: int, position: tuple[int, ...]) -> np.ndarray:
    """(K, h, w): the derivative of one response by the output of a layer below, by torch's own jacobian over hooks."""
    twin = linear_twin()
    held: dict[str, Tensor] = {}

    def response(given: Tensor) -> Tensor:
        one = twin.get_submodule(below).register_forward_hook(lambda *_: given + 0)
        two = twin.get_submodule(above).register_forward_hook(lambda *call: held.update(out=call[-1] + 0))
        twin(torch.full((1, 3, SIZE, SIZE), 0.3, dtype=torch.float64))
        one.remove()
        two.remove()
        return held["out"][0, unit][position]

    caught: list[Tensor] = []
    hook = twin.get_submodule(below).register_forward_hook(lambda *call: caught.append(call[-1].clone()))
    twin(torch.full((1, 3, SIZE, SIZE), 0.3, dtype=torch.float64))
    hook.remove()
    return torch.autograd.functional.jacobian(response, caught[0])[0].numpy()


@pytest.mark.parametrize(
    ("above", "below"),
    [
        ("norm2", "norm"),
        ("left", "norm2"),
        ("right", "norm"),
        ("top", "left"),
        ("top", "norm"),
        ("head", "stem"),
    ],
)
def test_they_are_the_jacobian_of_the_linearized_net(joined: pl.Net, above: str, below: str) -> None:
    grid = joined.layer(above).grid
    middle = tuple(size // 2 for size in grid)
    for unit, found in expanded_weights(joined, above, [0, 3], [below]):
        whole = jacobian(below, above, unit, middle)
        kernels = found[below]
        spans = tuple(
            slice(first, first + size)
            for first, size in zip(kernels.corner, kernels.maps.shape[1:], strict=True)
        )
        np.testing.assert_allclose(kernels.maps, whole[(slice(None), *spans)], rtol=1e-4, atol=1e-6)
        outside = whole.copy()
        outside[(slice(None), *spans)] = 0
        assert not outside.any()


def test_next_to_a_layer_they_are_its_kernels_with_batch_norm_folded(joined: pl.Net) -> None:
    module = joined.module
    scale = module.norm2.weight / (module.norm2.running_var + module.norm2.eps).sqrt()
    folded = (module.deep.weight * scale[:, None, None, None]).detach().numpy()
    for unit, found in expanded_weights(joined, "norm2", range(6), ["norm"]):
        # the sum after the norm is not part of it, so only the kernel is
        np.testing.assert_allclose(found["norm"].maps, folded[unit], rtol=1e-5, atol=1e-7)


def test_other_groups_have_no_weight(joined: pl.Net) -> None:
    [(_, found)] = expanded_weights(joined, "right", [0], ["norm2"])
    strengths = found["norm2"].strengths
    assert (strengths[3:] == 0).all()  # unit 0 reads the first of two groups
    assert (strengths[:3] != 0).all()


def test_on_pixels_the_normalization_is_folded_in() -> None:
    net = pl.load(joined_net(), input=pl.ImageInput(SIZE, mean=(0.4, 0.5, 0.6), std=(0.1, 0.2, 0.5)))
    [(_, found)] = expanded_weights(net, "stem", [2], [PIXELS])
    own = net.module.stem.weight[2, 0].detach().numpy()
    np.testing.assert_allclose(found[PIXELS].maps[1], own / 0.2, rtol=1e-5)  # group 1 reads green
    assert not found[PIXELS].maps[[0, 2]].any()


def test_strength_is_the_length_with_the_sign_of_the_sum(joined: pl.Net) -> None:
    [(_, found)] = expanded_weights(joined, "norm2", [1], ["norm"])
    kernels = found["norm"]
    for unit, maps in enumerate(kernels.maps):
        assert abs(kernels.strengths[unit]) == pytest.approx(float(np.linalg.norm(maps)), rel=1e-6)
        assert np.sign(kernels.strengths[unit]) == np.sign(maps.sum())


def test_every_function_and_spelling_of_a_bend_is_opened() -> None:
    spellings = [
        torch.relu, F.relu, Tensor.relu, partial(F.relu, inplace=True), torch.relu_, Tensor.relu_, F.gelu, F.silu, torch.tanh,
        torch.sigmoid, F.hardswish, F.relu6, partial(torch.clamp, min=0), lambda x: x.clamp(0, 6), lambda x: x.clamp_min_(0),
        F.elu, F.mish, partial(F.leaky_relu, negative_slope=0.2), F.softplus, torch.nn.PReLU(4), torch.nn.Hardtanh(inplace=True),
    ]  # fmt: skip
    for bend in spellings:

        class Net(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.one, self.two = torch.nn.Conv2d(3, 4, 1), torch.nn.Conv2d(4, 2, 1)
                self.bend = bend  # noqa: B023

            def forward(self, pixels: Tensor) -> Tensor:
                return self.two(self.bend(self.one(pixels)))

        net = pl.load(Net(), input=pl.ImageInput(4))
        [(_, found)] = expanded_weights(net, "two", [1], ["one"])
        expected = net.module.two.weight[1].detach().numpy()
        np.testing.assert_array_equal(found["one"].maps, expected, err_msg=str(bend))


def test_the_net_is_as_it_was_between_two_units(joined: pl.Net) -> None:
    stream = expanded_weights(joined, "top", [0, 1], ["left"])
    next(stream)
    assert all(not part._forward_hooks for part in joined.module.modules())
    assert all(weight.requires_grad for weight in joined.module.parameters())
