# SPDX-License-Identifier: Apache-2.0
"""The shipped network is small and plain, knows the photographs as well as it says, and has a first layer that works."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from pellucid.data.tiles import PHOTOGRAPHS, Tile, Tiles
from pellucid.models.embedded import EMBEDDED, EMBEDDED_FILE, embedded_network


@pytest.fixture(scope="module")
def network() -> nn.Module:
    return embedded_network()


@pytest.fixture(scope="module")
def filters(network: nn.Module) -> Tensor:
    return network.get_parameter("conv1.weight").detach()


def fed(tiles: list[Tile]) -> Tensor:
    pixels = np.stack([np.asarray(tile.image(), np.float32) for tile in tiles]) / 255
    return torch.from_numpy((pixels - np.float32(EMBEDDED.mean)) / np.float32(EMBEDDED.std)).permute(
        0, 3, 1, 2
    )


def share_right(network: nn.Module, tiles: list[Tile]) -> float:
    answers = network(fed(tiles)).argmax(1).tolist()
    return float(
        np.mean([EMBEDDED.labels[a] == t.photograph.name for a, t in zip(answers, tiles, strict=True)])
    )


def test_the_file_is_small_half_precision_and_complete(network: nn.Module) -> None:
    stored = load_file(EMBEDDED_FILE)
    assert EMBEDDED_FILE.stat().st_size < 1_000_000
    assert sum(weight.numel() for weight in stored.values()) < 300_000
    assert {weight.dtype for weight in stored.values()} == {torch.float16}
    state = network.state_dict()
    assert state.keys() == stored.keys()
    for name, weight in state.items():
        assert weight.dtype == torch.float32
        assert torch.equal(weight, stored[name].float())


def test_it_is_a_plain_network_in_eval_mode(network: nn.Module) -> None:
    assert not any(module.training for module in network.modules())
    kinds = {type(module) for module in network.children()}
    assert kinds == {nn.Conv2d, nn.ReLU, nn.MaxPool2d, nn.AdaptiveAvgPool2d, nn.Flatten, nn.Linear}
    assert not any(module.inplace for module in network.modules() if isinstance(module, nn.ReLU))


@pytest.mark.parametrize("size", [(96, 96), (64, 64), (128, 128), (97, 160)])
def test_other_canvas_sizes_pass(network: nn.Module, size: tuple[int, int]) -> None:
    logits = network(torch.zeros(2, 3, *size))
    assert logits.shape == (2, 14)
    assert logits.isfinite().all()


def test_its_facts_name_the_photographs_and_their_credits() -> None:
    assert EMBEDDED.labels == tuple(photograph.name for photograph in PHOTOGRAPHS)
    assert EMBEDDED.credits == Tiles().credits
    assert EMBEDDED.input_px == 96


def test_it_names_tiles_of_the_part_it_never_saw(network: nn.Module) -> None:
    # The third quarter from the left, as the training script leaves out; other places than the script's own.
    rights = []
    for photograph in PHOTOGRAPHS:
        x0, y0, x1, y1 = photograph.box
        left, right = int(np.ceil(x0 + (x1 - x0) / 2)), int(x0 + (x1 - x0) * 0.75)
        side = int(96 * photograph.scales[0])
        places = [
            (left + (7 * k) % (right - left - side), y0 + (53 * k) % (y1 - y0 - side)) for k in range(24)
        ]
        rights.append(share_right(network, [Tile(photograph, x, y, photograph.scales[0]) for x, y in places]))
    assert np.mean(rights) > EMBEDDED.accuracy - 0.1


def test_it_names_the_demo_tiles(network: nn.Module) -> None:
    tiles = Tiles()
    by_name = {photograph.name: photograph for photograph in PHOTOGRAPHS}
    chosen = []
    for name in tiles.names[::7]:
        photograph, _, place = name.partition("/")
        x, y, scale = place.split(",")
        chosen.append(Tile(by_name[photograph], int(x), int(y), float(scale)))
    assert share_right(network, chosen) > 0.9


def test_most_first_layer_filters_are_live_and_tell_tiles_apart(network: nn.Module, filters: Tensor) -> None:
    rms = filters.square().mean((1, 2, 3)).sqrt()
    assert int((rms >= 0.01 * rms.median()).sum()) == EMBEDDED.live_filters >= 0.9 * len(filters)
    tiles = [Tile(photograph, *photograph.box[:2], photograph.scales[-1]) for photograph in PHOTOGRAPHS]
    peaks = network.get_submodule("conv1")(fed(tiles)).amax((2, 3))  # (14, K)
    assert (peaks.std(0) > 0.05 * peaks.std(0).median()).all()
    assert ((peaks > 0).sum(0) > 0).all()


def test_first_layer_filters_are_smooth_and_no_two_the_same(filters: Tensor) -> None:
    spectrum = torch.fft.fft2(filters).abs().square().sum(1)
    axis = torch.fft.fftfreq(filters.shape[-1])
    fine = torch.hypot(axis[:, None], axis[None, :]) > 0.3  # white noise has 0.7 of its energy there
    assert (spectrum[:, fine].sum(1) / spectrum.sum((1, 2))).max() < 0.1
    unit = nn.functional.normalize(filters.flatten(1))
    assert (unit @ unit.T - torch.eye(len(unit))).abs().max() < 0.99


def test_gray_filters_stand_among_colored_ones(filters: Tensor) -> None:
    chroma = 1 - 3 * filters.mean(1).square().sum((1, 2)) / filters.square().sum((1, 2, 3))
    assert (chroma < 0.3).sum() >= len(filters) / 4
    assert (chroma > 0.5).sum() >= len(filters) / 8
