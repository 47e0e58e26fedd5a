# SPDX-License-Identifier: Apache-2.0
"""Which layers feed which, in nets joined in every way, and what is refused by name."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.circuits import PIXELS, fed_by, wiring
from pellucid.errors import InputError


def test_sums_concatenations_pools_and_functional_calls_are_followed(joined: pl.Net) -> None:
    paths = wiring(joined).paths
    assert {name: path.sources for name, path in paths.items()} == {
        "norm": (PIXELS,),
        "norm2": ("norm",),
        "left": ("norm", "norm2"),
        "right": ("norm", "norm2"),
        "top": ("left", "right"),
        "logits": ("top",),
    }
    assert all(path.obstacle is None for path in paths.values())
    assert wiring(joined).above(["norm"]) == ("norm2", "left", "right")


def test_tokens_and_smooth_bends_are_followed(smooth: pl.Net) -> None:
    paths = wiring(smooth).paths
    assert {name: path.sources for name, path in paths.items()} == {
        "patch": (PIXELS,),
        "mix": ("patch",),
        "fc1": ("mix",),
        "logits": ("fc1",),
    }


def test_a_gate_and_a_layer_norm_are_refused_by_name(gated: pl.Net) -> None:
    with pytest.raises(
        InputError, match="top is fed by conv, gate through a product of two computed tensors"
    ):
        fed_by(gated, "top")
    with pytest.raises(InputError, match="layer norm"):
        fed_by(gated, "last")
    with pytest.raises(InputError, match=r"a layer norm \(norm\), which divides"):
        fed_by(gated, "last")
    assert (
        "(top)" not in wiring(gated).paths["top"].obstacle
    )  # the product is the net's own, not that of the layer it goes to
    assert fed_by(gated, "logits") == ("last",)
    assert fed_by(gated, "gate") == ("conv",)


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        (lambda x: x.softmax(1), "softmax"),
        (lambda x: x / x.sum(1, keepdim=True), "division by a computed tensor"),
        (lambda x: x.pow(2), "a power"),
        (lambda x: x.exp(), "an exponential"),
        (lambda x: torch.bmm(x.flatten(2), x.flatten(2).transpose(1, 2)).unsqueeze(3), "product"),
        (lambda x: x.amax((2, 3), keepdim=True), "maximum over an axis"),
    ],
)
def test_other_operations_are_refused_by_name(operation, words: str) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1)

        def forward(self, pixels: Tensor) -> Tensor:
            return self.two(operation(torch.relu(self.one(pixels)))).relu().mean((2, 3))

    net = pl.load(Net(), input=pl.ImageInput(8))
    with pytest.raises(InputError, match=words):
        fed_by(net, "two")


def test_a_batch_norm_without_statistics_is_refused() -> None:
    norm = nn.BatchNorm2d(4, track_running_stats=False)
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Conv2d(4, 4, 1), norm, nn.ReLU(), nn.Flatten())
    with pytest.raises(InputError, match="batch norm that keeps no statistics"):
        fed_by(pl.load(module, input=pl.ImageInput(4)), "3")


def test_of_a_rectified_layer_what_feeds_it_before_it_is_rectified(planted: pl.Net) -> None:
    assert fed_by(planted, "logits") == ("conv",)
    assert fed_by(planted, "relu") == (PIXELS,)


def test_sources_asked_for_must_lead_there(joined: pl.Net) -> None:
    assert fed_by(joined, "top", ["norm2"]) == ("norm2",)
    with pytest.raises(InputError, match="nothing leads from top to left"):
        fed_by(joined, "left", ["top"])
    with pytest.raises(pl.PellucidError, match="no layer"):
        fed_by(joined, "left", ["nothere"])


@pytest.fixture
def planted() -> pl.Net:
    from nets import planted_net

    return pl.load(planted_net(), input=pl.ImageInput(32))


def test_a_layer_whose_batch_norm_is_listed_feeds_what_reads_that(joined: pl.Net) -> None:
    assert wiring(joined, "deep").above(["deep"]) == ("left", "right")
    assert wiring(joined, "stem").above(["stem"]) == ("norm2", "left", "right")
    assert wiring(joined, "norm").above(["norm"]) == ("norm2", "left", "right")


def test_operations_that_nobody_knows_are_said_in_plain_words_with_their_module() -> None:
    class Odd(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.special.i0(x)

    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), Odd(), nn.Conv2d(4, 2, 1), nn.ReLU(), nn.Flatten())
    with pytest.raises(
        InputError, match=r"an operation \(special i 0|i 0\) that is not known to be linear \(2\)"
    ):
        fed_by(pl.load(module, input=pl.ImageInput(4)), "3")


def test_a_softmax_at_the_end_stands_for_the_layer_before_it() -> None:
    module = nn.Sequential(
        nn.Conv2d(3, 4, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3), nn.Softmax(1)
    )
    net = pl.load(module, input=pl.ImageInput(4))
    assert wiring(net).paths["4"].sources == ("0",)
    assert "logits" not in wiring(net).paths
    with pytest.raises(InputError, match=r"softmax \(5\).*ask for the units of 4"):
        fed_by(net, "logits")
