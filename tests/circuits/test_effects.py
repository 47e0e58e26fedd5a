# SPDX-License-Identifier: Apache-2.0
"""Effects of ablation against nets whose weights are zero, with the batch growing at the layer and without."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from wired import SIZE

import pellucid as pl
from pellucid.circuits import effects, mean_responses
from pellucid.data import open_source
from pellucid.errors import NoItems
from pellucid.models import tap
from pellucid.records import Unit


def answers(net: pl.Net, noise: np.ndarray, layer: str = "logits") -> np.ndarray:
    with tap(net, [layer]) as run:
        found = run(torch.from_numpy(noise).permute(0, 3, 1, 2).float() / 255)[layer]
    return (found.flatten(2).double().mean(2) if found.ndim > 2 else found.double()).numpy()


def without(net: pl.Net, layer: str, unit: int) -> pl.Net:
    module = copy.deepcopy(net.module)
    with torch.no_grad():
        for weight in module.get_submodule(layer).parameters():
            weight[unit] = 0
    return pl.load(module, input=net.input)


@pytest.mark.parametrize("layer", ["norm", "norm2", "left", "right", "top"])
def test_they_are_those_of_zeroed_weights(joined: pl.Net, noise: np.ndarray, layer: str) -> None:
    variants = [{Unit(layer, unit): 0.0} for unit in range(3)]
    found = effects(joined, open_source(noise), variants, above=["top"], batch=4, at_once=2)
    assert found.from_layer  # also where branches lead around it
    before = answers(joined, noise)
    for unit, effect in enumerate(found.effects):
        net = without(joined, layer, unit)
        after = answers(net, noise)
        np.testing.assert_allclose(effect.before, before.mean(0), rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(effect.after, after.mean(0), rtol=1e-5, atol=1e-7)
        np.testing.assert_array_equal(effect.firsts, [before.argmax(1), after.argmax(1)])
        drops = before.max(1) - after[np.arange(len(after)), before.argmax(1)]
        np.testing.assert_allclose(effect.drops, drops, atol=1e-6)
        change = answers(net, noise, "top") - answers(joined, noise, "top")
        np.testing.assert_allclose(effect.above["top"][0], change.mean(0), atol=1e-6)
        np.testing.assert_allclose(effect.above["top"][1], np.abs(change).mean(0), atol=1e-6)


def test_sets_over_several_layers_take_whole_passes(joined: pl.Net, noise: np.ndarray) -> None:
    found = effects(joined, open_source(noise), [{Unit("left", 0): 0.0, Unit("norm", 1): 0.0}], batch=4)
    assert not found.from_layer
    module = copy.deepcopy(joined.module)
    with torch.no_grad():
        for weight in module.left.parameters():
            weight[0] = 0
        for weight in module.norm.parameters():
            weight[1] = 0
    after = answers(pl.load(module, input=joined.input), noise)
    np.testing.assert_allclose(found.effects[0].after, after.mean(0), rtol=1e-5, atol=1e-7)


class Counting(nn.Module):
    """Its head remembers how many items it was fed, so a batch that grows midway comes out wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.top = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 3, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        items = len(pixels)
        return self.top(torch.relu(self.conv(pixels))).reshape(items, 3, -1).mean(2)


def test_a_net_that_counts_its_items_gets_whole_passes(noise: np.ndarray) -> None:
    torch.manual_seed(0)
    net = pl.load(Counting(), input=pl.ImageInput(SIZE))
    found = effects(net, open_source(noise), [{Unit("conv", 0): 0.0}], batch=4)
    assert not found.from_layer
    np.testing.assert_allclose(
        found.effects[0].after, answers(without(net, "conv", 0), noise).mean(0), rtol=1e-5, atol=1e-7
    )


def test_mean_responses(joined: pl.Net, noise: np.ndarray) -> None:
    found = mean_responses(joined, open_source(noise), ["left"], batch=4)
    np.testing.assert_allclose(found["left"], answers(joined, noise, "left").mean(0), rtol=1e-5)


def test_broken_items_are_told_and_left_out(joined: pl.Net, noise: np.ndarray, tmp_path) -> None:
    from PIL import Image

    for row in range(3):
        Image.fromarray(noise[row]).save(tmp_path / f"{row}.png")
    (tmp_path / "1b.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing")
    found = effects(joined, open_source(tmp_path), [{Unit("left", 0): 0.0}], batch=2)
    assert found.rows.tolist() == [0, 1, 3]
    assert [row for row, _ in found.skipped] == [2]
    np.testing.assert_allclose(found.effects[0].before, answers(joined, noise[:3]).mean(0), rtol=1e-5)
    for file in tmp_path.glob("*.png"):
        file.write_bytes(b"\x89PNG\r\n\x1a\n nothing")
    with pytest.raises(NoItems):
        effects(joined, open_source(tmp_path), [{Unit("left", 0): 0.0}])


def test_accuracy_counts_the_items_of_known_class(joined: pl.Net, noise: np.ndarray, tmp_path) -> None:
    from PIL import Image

    first = answers(joined, noise).argmax(1)
    net = pl.load(joined.module, input=joined.input, labels=["ant", "bee, insect", "cat", "dog"])
    names = ["ant", "bee", "cat", "dog"]
    for row in range(8):
        right = row % 2 == 0
        name = names[first[row]] if right else names[(first[row] + 1) % 4]
        folder = tmp_path / ("elk" if row == 7 else name)
        folder.mkdir(exist_ok=True)
        Image.fromarray(noise[row]).save(folder / f"{row}.png")
    found = effects(net, open_source(tmp_path), [{Unit("top", 0): 0.0}], batch=4)
    assert int(found.known.sum()) == 7  # nobody knows an elk
    assert found.accuracy(found.effects[0].firsts[0]) == pytest.approx(4 / 7)
