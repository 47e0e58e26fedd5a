# SPDX-License-Identifier: Apache-2.0
"""Constraints against closed forms: linear and quadratic units whose best input is known exactly."""

import io
import json
import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import pellucid as pl
from pellucid.ascent import (
    CONSTRAINTS,
    Box,
    ClimbSettings,
    Goal,
    ImageStatistics,
    Mahalanobis,
    NormBall,
    climb,
)
from pellucid.ascent.canvas import CanvasShape
from pellucid.ascent.constraint import constraint_of
from pellucid.errors import InputError
from pellucid.models import ImageInput, load
from pellucid.records import Unit

# Large enough that eight bits of a picture hold its value to a thousandth; the climb itself is far closer.
SHAPES = [(1, 18, 14), (3, 12, 15), (4, 13, 10), (12, 9, 8)]
UNIT = Unit("logits", 0)
BIAS = 0.7


def linear(weight, image=None):
    """A linear unit w.x + b on the flattened input; `weight` is (C, H, W)."""
    layer = nn.Linear(weight.size, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight.reshape(1, -1)))
        layer.bias.fill_(BIAS)
    return load(
        nn.Sequential(nn.Flatten(), layer), input=image or ImageInput(weight.shape[1:], weight.shape[0])
    )


def weights(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def best(net, constraint, sign=1, **settings):
    asked = {"canvas": "pixels", "transforms": "none", "precision": "float32", **settings}
    return climb(net, [Goal(UNIT, sign)], ClimbSettings(constraint=constraint, **asked))[0]


def assert_reached(found, value, saved=1e-3):
    """The last step met the value as a float, and the saved picture holds it."""
    assert found.history[-1] == pytest.approx(value, rel=2e-4)
    assert found.activation == pytest.approx(value, rel=saved)


def pixels_of(found):
    """(C, H, W) as told by the saved picture and its ends."""
    low, high = found.ends
    return (low + found.picture / 255 * (high - low)).transpose(2, 0, 1)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_linear_unit_in_a_norm_ball(shape, sign):
    weight, radius = weights(shape), 3.0
    found = best(linear(weight), NormBall(radius), sign)
    norm = np.linalg.norm(weight)
    assert_reached(found, sign * radius * norm + BIAS)
    assert np.linalg.norm(pixels_of(found)) == pytest.approx(radius, rel=1e-3)
    np.testing.assert_allclose(pixels_of(found), sign * radius * weight / norm, atol=0.005 * radius)


def test_the_norm_is_of_what_the_module_is_fed():
    """Channels of unlike spread: in pixels the ball is an ellipsoid about the mean color."""
    image = ImageInput((12, 15), mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.5), order="bgr")
    weight = weights((3, 12, 15))
    found = best(linear(weight, image), NormBall(4.0))
    fed = image.normalize(torch.from_numpy(pixels_of(found))[None])[0].numpy()
    # The channel that is divided by least feels the eight bits most.
    assert_reached(found, 4 * np.linalg.norm(weight) + BIAS, saved=2e-3)
    np.testing.assert_allclose(fed, 4 * weight / np.linalg.norm(weight), atol=0.02)


def test_the_radius_of_a_norm_ball_is_the_average_norm_of_the_data():
    pixels = np.random.default_rng(1).random((10, 1, 18, 14))
    statistics = ImageStatistics(ImageInput((18, 14), 1))
    statistics.update(pixels)
    weight = weights((1, 18, 14))
    found = best(linear(weight), NormBall(), statistics=statistics)
    radius = np.mean([np.linalg.norm(each) for each in pixels])
    assert_reached(found, radius * np.linalg.norm(weight) + BIAS)
    with pytest.raises(InputError, match="write norm=RADIUS, or give data with --like, in Python statistics"):
        best(linear(weight), NormBall())


def test_every_step_lies_on_the_sphere():
    space = NormBall(2.5).space(ImageInput((12, 15)), CanvasShape(3, 12, 15))
    start = space.start([np.random.default_rng(item) for item in range(4)])
    for coordinates in (start, space.allowed(start * 1.7), space.allowed(start * 0.2)):
        norms = space.pictures(coordinates).flatten(1).norm(dim=1)
        np.testing.assert_allclose(norms, 2.5, rtol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_linear_unit_in_a_given_mahalanobis_ball(shape):
    size = math.prod(shape)
    random = np.random.default_rng(2)
    factor = random.normal(size=(size, size)) / math.sqrt(size)
    covariance = factor @ factor.T + 0.05 * np.eye(size)
    mean = random.random(shape)
    weight = weights(shape)
    flat = weight.ravel()
    found = best(linear(weight), Mahalanobis(2.0, mean, covariance))
    stretch = math.sqrt(flat @ covariance @ flat)
    # Eight bits hold slow waves best, and these weights have none.
    assert_reached(found, flat @ mean.ravel() + BIAS + 2 * stretch, saved=3e-3)
    wanted = mean + 2 * (covariance @ flat / stretch).reshape(shape)
    np.testing.assert_allclose(pixels_of(found), wanted, atol=0.02)


@pytest.mark.parametrize(("channels", "side"), [(1, (18, 14)), (3, (12, 15)), (4, (13, 10))])
def test_a_linear_unit_in_the_mahalanobis_ball_of_measured_data(channels, side):
    random = np.random.default_rng(3)
    common = random.normal(size=(200, 1, *side)).cumsum(2).cumsum(3)
    pixels = (0.4 + 0.03 * (common + random.normal(size=(200, channels, *side)))).clip(0, 1)
    statistics = ImageStatistics(ImageInput(side, channels))
    statistics.update(pixels)
    shape = (channels, *side)
    size = math.prod(shape)
    space = Mahalanobis(1.0).space(statistics.image, CanvasShape(*shape), statistics=statistics)
    # Each unit vector in turn shows the columns of the root that the canvas applies.
    middle = np.broadcast_to(statistics.mean[:, None, None], shape).ravel()
    unit = torch.eye(size).view(size, *shape) * math.sqrt(size)
    root = space.pictures(unit).flatten(1).numpy().T - middle[:, None]
    covariance = root @ root.T
    # It has the measured covariance of the channels at each place.
    places = covariance.reshape(channels, size // channels, channels, size // channels)
    np.testing.assert_allclose(
        np.einsum("cidi->cd", places) / (size // channels), statistics.covariance, rtol=0.02, atol=1e-4
    )
    flat = weights(shape).ravel()
    found = best(linear(weights(shape)), Mahalanobis(), statistics=statistics)
    stretch = math.sqrt(flat @ covariance @ flat)
    assert_reached(found, flat @ middle + BIAS + 10 * stretch, saved=3e-3)


def test_inside_a_mahalanobis_ball_is_allowed():
    """A unit that wants the mean gets it; on a sphere it could not."""

    class Near(nn.Module):
        def forward(self, x):
            return -(x - 0.3).flatten(1).square().sum(1, keepdim=True)

    net = load(Near(), input=ImageInput(6, 1))
    found = best(net, Mahalanobis(5.0, 0.3, np.eye(36)), steps=200, learning_rate=0.01)
    assert found.activation > -0.05


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("ends", [(0.0, 1.0), (0.2, 0.6), (-1.0, 2.0)])
def test_a_linear_unit_in_a_box(shape, sign, ends):
    weight = weights(shape)
    found = best(linear(weight), Box(*ends), sign)
    wanted = np.where(sign * weight > 0, ends[1], ends[0])
    np.testing.assert_allclose(pixels_of(found), wanted, atol=1e-6 if ends != (0.2, 0.6) else 1e-3)
    assert_reached(found, (weight * wanted).sum() + BIAS)


def test_a_box_may_have_ends_for_each_channel():
    weight = weights((3, 12, 15))
    low, high = (0.0, 0.2, 0.4), (0.2, 0.4, 1.0)
    found = best(linear(weight), Box(low, high))
    wanted = np.where(weight > 0, np.array(high)[:, None, None], np.array(low)[:, None, None])
    np.testing.assert_allclose(pixels_of(found), wanted, atol=1e-6)


class Quadratic(nn.Module):
    """x'Qx of the flattened input."""

    def __init__(self, matrix):
        super().__init__()
        self.matrix = nn.Parameter(torch.from_numpy(matrix.astype(np.float32)))

    def forward(self, x):
        flat = x.flatten(1)
        return ((flat @ self.matrix) * flat).sum(1, keepdim=True)


@pytest.mark.parametrize("shape", [(1, 20, 22), (3, 11, 12), (4, 9, 11), (12, 6, 5)])
def test_nine_starts_on_a_quadratic_give_one_value_and_two_pictures(shape):
    size = math.prod(shape)
    random = np.random.default_rng(4)
    vectors = np.linalg.qr(random.normal(size=(size, size)))[0]
    values = np.concatenate([[4.0, 2.5], random.uniform(-2, 2, size - 2)])
    net = load(Quadratic(vectors * values @ vectors.T), input=ImageInput(shape[1:], shape[0]))
    found = [best(net, NormBall(1.0), seed=seed) for seed in range(9)]
    np.testing.assert_allclose([each.history[-1] for each in found], 4.0, rtol=1e-4)
    np.testing.assert_allclose([each.activation for each in found], 4.0, rtol=1e-3)
    along = np.array([pixels_of(each).ravel() @ vectors[:, 0] for each in found])
    np.testing.assert_allclose(np.abs(along), 1, atol=2e-3)
    assert {-1.0, 1.0} == set(np.sign(along))


@pytest.mark.parametrize("asked", [{}, {"steps": 96}, {"steps": 3000, "stop": "flat"}])
@pytest.mark.parametrize("ratio", [None, 1.01, 1.2, 2.0])
def test_a_quadratic_with_near_eigenvalues_has_one_value_from_every_start(ratio, asked):
    """64 x 64 normal numbers, as they are (the second eigenvalue is at 0.97 of the first) or with the first one moved."""
    half = np.random.default_rng(5).normal(size=(64, 64))
    values, vectors = np.linalg.eigh((half + half.T) / 2)
    if ratio is not None:
        values[-1] = ratio * values[-2]
    net = load(Quadratic(vectors * values @ vectors.T), input=ImageInput(8, 1))
    [found] = pl.consistency(net, "logits:0", constraint=NormBall(1.0), **asked)
    hard = ratio == 1.01 and asked == {"steps": 96}  # which is few steps for so near a second one
    assert np.abs(np.array(found.values) / values[-1] - 1).max() < (1e-2 if hard else 1e-3)
    assert found.found.within_1pct == 1.0
    assert found.found.modes == 2 or hard
    assert set(found.diagnoses) == {None}


def test_a_climb_in_a_ball_stops_when_it_is_there_and_not_before():
    half = np.random.default_rng(6).normal(size=(64, 64))
    values = np.linalg.eigvalsh((half + half.T) / 2)
    net = load(Quadratic((half + half.T) / 2), input=ImageInput(8, 1))
    found = pl.optimize(net, "logits:0", constraint=NormBall(1.0))
    for one, value in zip(found, (values[-1], values[0]), strict=True):
        assert one.history[-1] == pytest.approx(value, rel=1e-5)
        assert one.steps < 400
    assert found[0].provenance.settings["stop"] == "flat"


def test_moving_views_in_a_ball_are_climbed_by_steps_of_one_length():
    """What changes from step to step has no curvature to be read."""
    net = linear(weights((1, 16, 16)))
    settings = {"constraint": NormBall(2.0), "canvas": "pixels", "transforms": "lucid", "steps": 24}
    goals = [Goal(UNIT)]
    [usual], [asked] = (
        climb(net, goals, ClimbSettings(**settings, optimizer=optimizer)) for optimizer in (None, "gradient")
    )
    assert np.array_equal(usual.picture, asked.picture)


def test_the_saved_file_gives_the_activation_again():
    weight = weights((3, 12, 15))
    net = linear(weight)
    [one] = pl.optimize(net, UNIT, sign="+", constraint=NormBall(3.0), transforms="none")
    stamp = Image.open(io.BytesIO(one.png())).info["pellucid"]
    low, high = json.loads(stamp)["settings"]["ends"]
    read = low + np.asarray(Image.open(io.BytesIO(one.png()))) / 255 * (high - low)
    with torch.no_grad():
        again = net.module(torch.from_numpy(read.transpose(2, 0, 1)[None]).float()).item()
    assert again == pytest.approx(one.activation, rel=1e-3)
    assert one.to_json()["ends"] == pytest.approx([low, high])
    assert json.loads(stamp)["settings"]["constraint"] == {"name": "norm", "radius": 3.0}


def test_wrong_constraints_are_refused():
    for wrong in (
        lambda: NormBall(0),
        lambda: NormBall(math.nan),
        lambda: Mahalanobis(1.0, mean=0.5),
        lambda: Box(1.0, 0.0),
        lambda: Box((0.0, 0.0), (1.0, 0.0)),
    ):
        with pytest.raises(InputError):
            wrong()
    net = linear(weights((3, 12, 15)))
    with pytest.raises(InputError, match="ask for canvas pixels"):
        best(net, NormBall(1.0), canvas="maco")
    with pytest.raises(InputError, match="give 1 or 3 numbers"):
        best(net, Box((0.0, 0.0), (1.0, 1.0)))
    with pytest.raises(InputError, match=r"\(540, 540\)"):
        best(net, Mahalanobis(1.0, 0.5, np.eye(9)))
    with pytest.raises(InputError, match=r"\(540, 540\)"):
        best(net, Mahalanobis(1.0, 0.5, -np.eye(540)))


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_constraints_survive_json(name):
    for one in {"norm": (NormBall(2.0), NormBall()), "mahalanobis": (Mahalanobis(3.0),)}.get(
        name, (Box(), Box((0.0, 0.1), (0.5, 0.6)))
    ):
        row = json.loads(json.dumps(one.to_json()))
        assert row["name"] == name
        assert constraint_of(row).to_json() == one.to_json()
    with pytest.raises(InputError, match="covariance of its own"):
        constraint_of(Mahalanobis(3.0, 0.5, np.eye(4)).to_json())


@pytest.mark.gpu
@pytest.mark.parametrize("constraint", [NormBall(3.0), Mahalanobis(2.0, 0.5, np.eye(540)), Box()])
def test_constraints_hold_on_a_gpu(constraint):
    weight = weights((3, 12, 15))
    here, there = linear(weight), linear(weight)
    there.module.to("cuda")
    there.device = torch.device("cuda")
    assert best(there, constraint).activation == pytest.approx(best(here, constraint).activation, rel=1e-3)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_defaults_under_a_constraint_meet_the_closed_forms(channels):
    """What a user gets who names nothing but the constraint."""
    weight = weights((channels, 12, 12), seed=4)
    net = linear(weight)
    norm = float(np.linalg.norm(weight))
    [ball] = pl.optimize(net, "logits:0", sign="+", constraint=NormBall(3.0))
    assert ball.activation == pytest.approx(3 * norm + BIAS, rel=1e-3)
    [box] = pl.optimize(net, "logits:0", sign="+", constraint="box=0.2..0.8")
    exact = float(np.where(weight > 0, 0.8, 0.2).ravel() @ weight.ravel()) + BIAS
    assert box.activation == pytest.approx(exact, rel=1e-3)


@pytest.mark.parametrize("constraint", ["norm=3", "mahalanobis=2"])
@pytest.mark.parametrize("optimizer", ["adam", "nadam"])
def test_an_optimizer_that_settles_short_in_a_ball_is_refused(constraint, optimizer):
    with pytest.raises(InputError, match=f"optimizer {optimizer} in a ball.*leave it out"):
        pl.optimize(linear(weights((1, 8, 8))), "logits:0", constraint=constraint, optimizer=optimizer)


@pytest.mark.parametrize("side", [8, 12, 28])
def test_small_pictures_are_not_shifted_out_of_their_units(side):
    """A linear unit on the whole input, with the transforms that a user gets: at least 0.75 of what it reaches without."""
    smooth = torch.from_numpy(weights((1, 1, side, side)))
    smooth = torch.nn.functional.avg_pool2d(smooth, 3, 1, 1)[0].numpy()
    net = linear(smooth)
    [usual], [plain] = (
        pl.optimize(net, "logits:0", sign="+", **asked) for asked in ({}, {"transforms": "none"})
    )
    assert usual.activation - BIAS > 0.75 * (plain.activation - BIAS)
