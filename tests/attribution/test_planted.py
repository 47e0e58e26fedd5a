# SPDX-License-Identifier: Apache-2.0
"""Networks that count red squares: each sound method finds the square, and says what it is worth."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from counting import BOX, GREEN, RED, ChannelsLastNet, TokenNet, counting_net, square

import pellucid as pl
from pellucid.attribution import METHODS, Aim

SOUND = [name for name, method in METHODS.items() if method.sound]
X0, Y0, X1, Y1 = BOX
AREA = (X1 - X0) * (Y1 - Y0) / 32**2


@pytest.fixture(scope="module")
def net() -> pl.Net:
    return pl.load(counting_net(), input=pl.ImageInput(32), labels=["red squares", "green squares"])


def share_in(values: np.ndarray, box: tuple[int, int, int, int] = BOX) -> float:
    """How much of a map's magnitude lies in a box."""
    x0, y0, x1, y1 = box
    return float(np.abs(values[y0:y1, x0:x1]).sum() / np.abs(values).sum())


# A map of four cells runs linearly from one center to the next, so that a quarter of a cell's mass leaves it on each axis;
# windows of 3 px straddle the border of the square; in any mask of RISE half is hidden, in cells smaller than the square.
LEAST = {"gradcam": 0.55, "occlusion": 0.7, "rise": 0.2}


@pytest.mark.parametrize("method", SOUND)
def test_each_sound_method_puts_its_mass_on_the_square(net: pl.Net, method: str) -> None:
    [found] = pl.attribute(net, square(), "logits:red squares", methods=[method])
    assert found.values.shape == (32, 32)
    assert found.values.dtype == np.float32
    assert found.response == pytest.approx(1.0, abs=1e-5)
    y, x = found.peak
    assert Y0 <= y < Y1
    assert X0 <= x < X1
    assert share_in(found.values) >= LEAST.get(method, 0.99), share_in(found.values)
    assert share_in(found.values) >= 3 * AREA


def test_hiding_the_square_removes_exactly_its_value(net: pl.Net) -> None:
    pixels = torch.maximum(square(), square(RED, (24, 0, 32, 8)))
    [found] = pl.attribute(net, pixels, "logits:0", methods=["occlusion"], window=8)
    assert found.response == pytest.approx(2.0, abs=1e-5)
    expected = np.zeros((32, 32))
    expected[Y0:Y1, X0:X1] = expected[0:8, 24:32] = 1.0
    np.testing.assert_allclose(found.values, expected, atol=1e-5)


def test_integrated_gradients_add_up_to_the_count(net: pl.Net) -> None:
    [found] = pl.attribute(net, square(), "logits:0", methods=["integrated_gradients"])
    assert abs(found.values.sum() - 1.0) <= 1e-3
    assert found.extras["complete"] is True
    assert found.extras["relative_residual"] <= 1e-3
    assert found.extras["residual"] == pytest.approx(
        float(found.values.sum(dtype=np.float64)) - 1.0, abs=1e-5
    )


def test_the_difference_of_two_classes_is_red_for_one_and_blue_for_the_other(net: pl.Net) -> None:
    green = (0, 0, 8, 8)
    pixels = torch.maximum(square(), square(GREEN, green))
    [found] = pl.attribute(
        net, pixels, "logits:red squares - logits:green squares", methods=["occlusion"], window=8
    )
    assert str(found.aim) == "logits:0 - logits:1"
    assert found.response == pytest.approx(0.0, abs=1e-5)
    assert found.values[20, 12] == pytest.approx(1.0, abs=1e-5)
    assert found.values[4, 4] == pytest.approx(-1.0, abs=1e-5)
    assert found.aim_words == "logits:0 red squares - logits:1 green squares"


@pytest.mark.parametrize("method", SOUND)
def test_the_difference_is_what_separates_two_classes_for_every_method(net: pl.Net, method: str) -> None:
    pixels = torch.maximum(square(), square(GREEN, (0, 0, 8, 8)))
    [found] = pl.attribute(net, pixels, "logits:0 - logits:1", methods=[method])
    if found.signed:
        assert found.values[20, 12] > 0 > found.values[4, 4]
    else:
        both = share_in(found.values) + share_in(found.values, (0, 0, 8, 8))
        assert both >= 0.99


@pytest.mark.parametrize("aim", ["conv:0@2,1", "conv:0", "relu:0", "pool:0"])
@pytest.mark.parametrize("method", ["saliency", "integrated_gradients", "occlusion"])
def test_any_unit_of_any_layer_can_be_the_aim(net: pl.Net, aim: str, method: str) -> None:
    settings = {"window": 8} if method == "occlusion" else {}
    [found] = pl.attribute(net, square(), aim, methods=[method], **settings)
    assert share_in(found.values) >= 0.99


def test_a_unit_without_a_position_is_read_where_it_is_strongest_and_that_is_said(net: pl.Net) -> None:
    [found] = pl.attribute(net, square(), "conv:0", methods=["saliency"])
    assert str(found.aim) == "conv:0@2,1"
    assert found.response == pytest.approx(0.5, abs=1e-6)
    [mean] = pl.attribute(net, square(), "conv:0", over="mean", methods=["saliency"])
    assert str(mean.aim) == "conv:0"
    assert mean.response == pytest.approx((0.5 - 15 * 0.5) / 16, abs=1e-6)
    np.testing.assert_allclose(mean.values, 1 / 64 / 16, rtol=1e-5)  # every pixel counts alike in a mean


def test_without_an_aim_the_top_class_is_taken(net: pl.Net) -> None:
    [found] = pl.attribute(net, square(GREEN), methods=["saliency"])
    assert str(found.aim) == "logits:1"


@pytest.mark.parametrize("box", [(8, 16, 16, 24), (0, 0, 8, 8), (24, 8, 32, 16)])
def test_a_token_nets_map_lands_on_the_right_patch(box: tuple[int, int, int, int]) -> None:
    net = pl.load(TokenNet(), input=pl.ImageInput(32))
    [found] = pl.attribute(net, square(RED, box), "logits:0", methods=["gradcam"])
    assert found.layer == "norm"  # behind it only the class token reaches the class
    x0, y0, x1, y1 = box
    y, x = found.peak
    assert y0 <= y < y1
    assert x0 <= x < x1
    cells = np.array(found.extras["cells"])
    assert np.argwhere(cells > 1e-6).tolist() == [[y0 // 8, x0 // 8]]


@pytest.mark.parametrize("box", [(8, 16, 16, 24), (24, 8, 32, 16)])
def test_channels_last_are_recognized(box: tuple[int, int, int, int]) -> None:
    net = pl.load(ChannelsLastNet(), input=pl.ImageInput(32))
    [found] = pl.attribute(net, square(RED, box), "logits:0", methods=["gradcam"])
    assert found.layer == "mix"
    assert np.argwhere(np.array(found.extras["cells"]) > 1e-6).tolist() == [[box[1] // 8, box[0] // 8]]


def test_gradcam_of_a_linear_head_adds_up_to_the_response(net: pl.Net) -> None:
    [found] = pl.attribute(net, square(), "logits:0", methods=["gradcam"])
    assert np.sum(found.extras["cells"]) == pytest.approx(found.response, rel=1e-5)


def test_an_aim_is_a_value() -> None:
    aim = Aim.parse("logits:3") - 0.5 * Aim.parse("features.7:2@1,1")
    assert str(aim) == "logits:3 - 0.5 * features.7:2@1,1"
    assert Aim.parse(str(aim)) == aim
    assert str(Aim.parse("logits:black - and white")) == "logits:black - and white"
    assert str(-1 * Aim.parse("conv:1")) == "-conv:1"
    assert Aim.parse("-conv:1") == -1 * Aim.parse("conv:1")
