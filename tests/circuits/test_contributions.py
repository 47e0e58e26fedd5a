# SPDX-License-Identifier: Apache-2.0
"""Contributions: they and the rest sum to the response, in every kind of net; one by one they are what loops find."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import pellucid as pl
from pellucid.circuits import Contributions, contributions, fed_by
from pellucid.data import head, open_source
from pellucid.errors import InputError, NoItems

CLOSE = 1e-5


def check_sums(net: pl.Net, data: object, layer: str, units: range) -> None:
    source = open_source(data)
    sources = fed_by(net, layer)
    found = contributions(net, source, layer, units, sources, batch=4)
    parts = found.rest + sum(each.sum(1) for each in found.below.values())
    size = np.abs(found.rest) + sum(np.abs(each).sum(1) for each in found.below.values())
    np.testing.assert_array_less(np.abs(parts - found.responses), CLOSE * size)
    responses = mean_responses(net, source, layer)[list(units)]  # from the net itself, by another path
    np.testing.assert_allclose(found.responses, responses, rtol=CLOSE, atol=CLOSE * np.abs(size).max())


def mean_responses(net: pl.Net, source, layer: str) -> np.ndarray:
    from pellucid.models import tap

    with tap(net, [layer]) as run:
        every = []
        for row in range(len(source.names)):
            image = np.asarray(source.image(row), np.float32)
            from pellucid.data import fed

            pixels, _ = fed(source.image(row), net.input.recipe)
            assert image.size
            response = run(torch.from_numpy(pixels.astype(np.float32) / 255).permute(2, 0, 1)[None])[layer][0]
            every.append(
                response.flatten(1).double().mean(1).numpy() if response.ndim > 1 else response.numpy()
            )
    return np.mean(every, 0)


@pytest.mark.parametrize("layer", ["norm2", "left", "right", "top", "logits", "deep"])
def test_parts_and_rest_sum_to_the_response(joined: pl.Net, noise: np.ndarray, layer: str) -> None:
    check_sums(joined, noise, layer, range(4))


@pytest.mark.parametrize("layer", ["mix", "fc1", "logits"])
def test_also_where_bends_are_smooth_and_positions_are_tokens(
    smooth: pl.Net, noise: np.ndarray, layer: str
) -> None:
    check_sums(smooth, noise, layer, range(5))


def test_also_of_an_output_that_is_rectified_and_pooled(noise: np.ndarray) -> None:
    torch.manual_seed(4)
    module = torch.nn.Sequential(
        torch.nn.Conv2d(3, 6, 3, stride=2),
        torch.nn.ReLU(inplace=True),
        torch.nn.Conv2d(6, 5, 3),
        torch.nn.ReLU(inplace=True),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
    )
    net = pl.load(module, input=pl.ImageInput(20))
    assert fed_by(net, "logits") == ("0",)
    check_sums(net, noise, "logits", range(5))


def test_on_the_squeezenet(squeezenet: pl.Net, real_data) -> None:
    source = head(open_source(real_data / "photos"), 4)
    for layer in ("features.3.squeeze", "features.7.expand3x3", "features.10.squeeze", "logits"):
        sources = fed_by(squeezenet, layer)
        found = contributions(squeezenet, source, layer, range(3), sources, batch=4)
        parts = found.rest + sum(each.sum(1) for each in found.below.values())
        np.testing.assert_allclose(parts, found.responses, rtol=CLOSE)


def test_each_is_what_a_loop_over_positions_finds(joined: pl.Net, noise: np.ndarray) -> None:
    module, source = joined.module, open_source(noise)
    found = contributions(joined, source, "right", [1], ["norm", "norm2"], batch=4)
    pixels = torch.from_numpy(noise).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        x = module.norm(module.stem(joined.input.normalize(pixels)))
        relu = F.relu(x)
        y = module.norm2(module.deep(relu))
        total = y + relu
        read = F.relu(total)
        pooled, places = F.max_pool2d(read, 2, return_indices=True)
    kernel = F.pad(pooled, (1, 1, 1, 1)).numpy()
    weight = module.right.weight[1].detach().numpy()  # reads the first group: channels 0..2
    height, width = pooled.shape[2:]
    for channel in range(3):
        given = {"norm": 0.0, "norm2": 0.0}
        for item in range(len(noise)):
            for i in range(height):
                for j in range(width):
                    for a in range(3):
                        for b in range(3):
                            if kernel[item, channel, i + a, j + b] <= 0:
                                continue
                            place = int(places[item, channel, i + a - 1, j + b - 1])
                            for name, source_values in (("norm", relu), ("norm2", y)):
                                value = float(source_values[item, channel].flatten()[place])
                                given[name] += float(weight[channel, a, b]) * value
        for name, sum_ in given.items():
            mean = sum_ / (len(noise) * height * width)
            assert found.below[name][0, channel] == pytest.approx(mean, rel=1e-4, abs=1e-7)
    assert not found.below["norm"][0, 3:].any()  # the other group
    assert found.rest[0] == pytest.approx(float(module.right.bias[1].detach()), rel=1e-6)


def test_batches_merges_and_states_give_the_same_to_the_last_bit() -> None:
    rng = np.random.default_rng(0)
    shapes = ((9, 2), (9, 2))
    values = [rng.normal(size=shape).astype(np.float32).astype(float) for shape in shapes]
    below = {"a": rng.normal(size=(9, 2, 3)), "b": rng.normal(size=(9, 2, 1))}

    def made(rows: list[int]) -> Contributions:
        one = Contributions([4, 7], {"a": 3, "b": 1})
        one.update(values[0][rows], values[1][rows], {name: each[rows] for name, each in below.items()})
        return one

    whole = made(list(range(9)))
    split = made([5, 2]).merge(made([8, 0, 1])).merge(made([3, 4, 6, 7]))
    again = Contributions.from_arrays([4, 7], {"a": 3, "b": 1}, split.arrays())
    for other in (split, again):
        np.testing.assert_array_equal(other.result().below["a"], whole.result().below["a"])
        np.testing.assert_array_equal(other.result().responses, whole.result().responses)
        assert other.result().items == 9
    np.testing.assert_allclose(whole.result().below["b"][:, 0], below["b"][:, :, 0].mean(0), rtol=1e-12)
    with pytest.raises(InputError, match="cannot be merged"):
        whole.merge(Contributions([4], {"a": 3, "b": 1}))
    with pytest.raises(InputError, match="do not fit"):
        Contributions.from_arrays([4], {"a": 3}, whole.arrays())
    with pytest.raises(NoItems):
        Contributions([0], {"a": 3}).result()


def test_a_model_that_hides_a_part_from_gradients_is_refused(noise: np.ndarray) -> None:
    class Hiding(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = torch.nn.Conv2d(3, 4, 1), torch.nn.Conv2d(4, 2, 1)

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            x = torch.relu(self.one(pixels))
            return self.two(x + x.detach()).mean((2, 3))

    torch.manual_seed(0)
    net = pl.load(Hiding(), input=pl.ImageInput(20))
    with pytest.raises(InputError, match="does not sum to its responses"):
        contributions(net, open_source(noise), "two", [0], ["one"])
