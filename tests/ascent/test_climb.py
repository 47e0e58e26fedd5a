# SPDX-License-Identifier: Apache-2.0
"""The climb on networks whose weights are set by hand, so that the right picture is known."""

import io
import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from pellucid.ascent import ClimbSettings, Goal, climb, climbs, excitation
from pellucid.errors import InputError, UnknownName
from pellucid.models import ImageInput, load, tap
from pellucid.records import Unit

SHORT = ClimbSettings(steps=24)


def conv(weight, bias=None):
    """A convolution of that weight (K, C, h, w)."""
    weight = torch.as_tensor(np.asarray(weight), dtype=torch.float32)
    layer = nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[2:])
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.zero_() if bias is None else layer.bias.copy_(torch.tensor(bias))
    return layer


def noise(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def gray_kernel(kernel):
    """The same kernel for each of three colors: (3, h, w)."""
    return np.repeat(np.asarray(kernel, float)[None], 3, 0) / 3


def net_of(*parts, size=32, channels=3):
    return load(nn.Sequential(*parts), input=ImageInput(size, channels))


def picture_of(net, unit, sign=1, settings=None):
    [found] = climb(net, [Goal(unit, sign)], settings)
    return found


def correlation(picture, weight):
    return np.corrcoef(picture.astype(float).ravel(), np.asarray(weight).ravel())[0, 1]


@pytest.fixture(scope="module")
def whole_input():
    """One linear unit that sees the whole input, with smooth weights: (H, W, C)."""
    rng = np.random.default_rng(0)
    coarse = torch.from_numpy(rng.normal(size=(1, 3, 6, 6))).float()
    return F.interpolate(coarse, size=(24, 32), mode="bicubic")


def test_the_optimum_of_a_linear_unit_is_its_weight(whole_input):
    net = net_of(conv(whole_input), nn.Flatten(), nn.Linear(1, 1), size=(24, 32))
    settings = ClimbSettings(transforms="none")
    up, down = climb(net, [Goal(Unit("0", 0)), Goal(Unit("0", 0), -1)], settings)
    weight = whole_input[0].permute(1, 2, 0).numpy()
    assert up.picture.shape == (24, 32, 3)
    assert correlation(up.picture, weight) > 0.7
    assert correlation(down.picture, weight) < -0.7
    # The best of all pictures is 1 where the weight is positive and 0 elsewhere.
    assert 0.75 * weight.clip(0).sum() < up.activation <= weight.clip(0).sum()
    assert 0.75 * weight.clip(None, 0).sum() > down.activation >= weight.clip(None, 0).sum()


def test_the_optimum_of_an_edge_unit_shows_edges():
    edge = gray_kernel([[-1, -1, 0, 1, 1]] * 5)
    upright = picture_of(net_of(conv([edge]), nn.ReLU()), Unit("1", 0)).picture.mean(2)
    lying = picture_of(net_of(conv([edge.swapaxes(1, 2)]), nn.ReLU()), Unit("1", 0)).picture.mean(2)
    for picture, across in ((upright, 1), (lying, 0)):
        assert (
            np.abs(np.diff(picture, axis=across)).mean()
            > 1.7 * np.abs(np.diff(picture, axis=1 - across)).mean()
        )


def test_excitation_shows_edges_also_where_the_edge_filter_is_linear():
    edge = gray_kernel([[-1, -1, 0, 1, 1]] * 5)
    net = net_of(conv([edge]), nn.ReLU())
    plain, *sides = climb(
        net,
        [
            Goal(Unit("0", 0)),
            Goal(Unit("0", 0), 1, excitation(Unit("0", 0))),
            Goal(Unit("0", 0), -1, excitation(Unit("0", 0))),
        ],
    )
    with tap(net, ["0"]) as run:
        above, below, flat = (
            run(torch.from_numpy(each.picture).permute(2, 0, 1)[None] / 255)["0"].flatten()
            for each in (*sides, plain)
        )
    assert above.clamp(min=0).mean() > 2 * flat.clamp(min=0).mean()
    assert above.clamp(min=0).mean() > -above.clamp(max=0).mean()
    assert -below.clamp(max=0).mean() > below.clamp(min=0).mean()
    assert sides[0].activation > sides[0].initial
    assert sides[1].activation < sides[1].initial


def test_the_optimum_of_a_color_unit_has_the_color():
    net = net_of(conv([[[[1.0]], [[-1.0]], [[0.0]]]]))
    up, down = (picture_of(net, Unit("0", 0), sign).picture.mean((0, 1)) / 255 for sign in (1, -1))
    assert up[0] - up[1] > 0.4
    assert down[1] - down[0] > 0.4


def test_a_class_is_climbed_by_its_logit():
    net = net_of(
        conv(torch.eye(3).view(3, 3, 1, 1)),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Softmax(1),
        nn.Identity(),
    )
    blue = picture_of(net, Unit("logits", 2)).picture.mean((0, 1))
    assert blue[2] > 190 > 110 > blue[:2].max()


class Functional(nn.Module):
    """Rectifies by a function: unit 0 is silent for every picture near gray, unit 1 is not."""

    def __init__(self):
        super().__init__()
        self.conv = conv(torch.tensor([[[[1.0]], [[1.0]], [[1.0]]]] * 2), [-1.8, -1.0])

    def forward(self, x):
        return F.relu(self.conv(x))


@pytest.mark.parametrize("rectifier", [nn.ReLU(), nn.ReLU(inplace=True), None])
def test_a_unit_that_is_silent_at_the_start_is_cured(rectifier):
    module = Functional() if rectifier is None else nn.Sequential(Functional().conv, rectifier)
    net = load(module, input=ImageInput(32))
    silent, living = climb(net, [Goal(Unit("logits", 0)), Goal(Unit("logits", 1))])
    assert silent.initial == 0
    assert silent.activation > 0.5
    assert silent.diagnosis in (None, "saturated")  # white is what this unit wants
    assert living.activation > 1


def test_the_cure_of_one_unit_does_not_touch_another():
    net = load(Functional(), input=ImageInput(32))
    pairs = [climb(net, [Goal(Unit("logits", 1)), Goal(Unit("logits", other))], SHORT) for other in (0, 1)]
    assert np.array_equal(pairs[0][0].picture, pairs[1][0].picture)


class Staircase(nn.Module):
    """Answers bright pictures, but its slope is zero everywhere."""

    def forward(self, x):
        return (x > 0.9).float()


class Overflow(nn.Module):
    """Not a number as soon as the picture is redder than gray; channel 1 is sound."""

    def forward(self, x):
        red = torch.log(0.51 - x[:, 0].mean((1, 2), keepdim=True))
        return torch.stack([red.expand_as(x[:, 1]), x[:, 1]], 1)


@pytest.mark.parametrize(
    ("cause", "parts", "settings"),
    [
        ("dead", [conv(torch.zeros(1, 3, 3, 3), [1.0])], SHORT),
        ("dead", [conv(torch.zeros(1, 3, 3, 3), [-1.0]), nn.ReLU()], SHORT),
        ("zero_gradient", [Staircase()], SHORT),
        ("value_range", [conv([[[[1e-4]]] * 3], [100.0])], SHORT),
        ("saturated", [conv([[[[1.0]], [[1.0]], [[-1.0]]]])], ClimbSettings(steps=96, learning_rate=0.5)),
        (
            "small_canvas",
            [conv(noise(1, 3, 15, 15), None), nn.ReLU()],
            ClimbSettings(steps=24, size=(20, 14)),
        ),
        (None, [conv([[[[1.0]], [[0.1]], [[0.0]]]])], SHORT),
    ],
)
def test_a_useless_picture_names_its_cause(cause, parts, settings):
    if cause == "small_canvas":
        parts[0].padding = (2, 2)
    net = net_of(*parts)
    name = net.layers()[-2].name if len(net.layers()) > 1 else "logits"
    assert picture_of(net, Unit(name, 0), settings=settings).diagnosis == cause


def test_numbers_that_are_not_finite_stay_with_their_unit():
    net = load(Overflow(), input=ImageInput(32))
    goals = [Goal(Unit("logits", 0)), Goal(Unit("logits", 0), -1), Goal(Unit("logits", 1))]
    up, down, sound = climb(net, goals, ClimbSettings(steps=40))
    assert down.diagnosis == "diverged"
    assert np.isfinite(down.history).all()
    assert down.picture[..., 0].mean() == pytest.approx(0.51 * 255, abs=3)  # it stays where its numbers end
    assert down.activation is None or np.isfinite(down.activation)
    assert up.diagnosis is None
    assert sound.diagnosis is None
    assert sound.picture[..., 1].mean() > 140


def test_the_activation_is_that_of_the_saved_file():
    net = net_of(conv(noise(4, 3, 5, 5)), nn.ReLU(), size=64)
    for found in climb(net, [Goal(Unit("0", index), sign) for index in range(4) for sign in (1, -1)], SHORT):
        file = io.BytesIO()
        Image.fromarray(found.picture).save(file, "PNG")
        pixels = torch.from_numpy(np.asarray(Image.open(file)) / 255).float().permute(2, 0, 1)[None]
        with tap(net, ["0"]) as run:
            read = run(pixels)["0"][0, found.goal.unit.index].mean().item()
        assert found.activation == pytest.approx(read, rel=1e-3)
        assert found.goal.sign * (found.activation - found.initial) > 0


def test_the_same_climb_gives_the_same_bytes_whatever_else_is_in_the_batch():
    net = net_of(conv(noise(8, 3, 5, 5)), nn.ReLU(), conv(noise(8, 8, 3, 3)), size=48)
    settings = ClimbSettings(steps=12, batch=4)
    goals = [Goal(Unit("2", index), sign) for index in range(4) for sign in (1, -1)]
    whole = climb(net, goals, settings)
    again = climb(net, goals, settings)
    alone = climb(net, goals[5:6], settings)[0]
    assert [each.picture.tobytes() for each in whole] == [each.picture.tobytes() for each in again]
    assert np.array_equal(alone.picture, whole[5].picture)
    assert [each.goal for each in whole] == goals
    assert len({each.picture.tobytes() for each in whole}) == 8


def test_another_seed_or_sign_begins_elsewhere():
    net = net_of(conv(noise(2, 3, 5, 5)), nn.ReLU())
    settings = [ClimbSettings(steps=1, learning_rate=1e-9, seed=seed) for seed in (0, 1)]
    starts = [picture_of(net, Unit("0", 0), sign, each) for each in settings for sign in (1, -1)]
    assert len({each.picture.tobytes() for each in starts}) == 4
    # Seen in 8 bits, the start is gray with the faint spread of lucid's.
    assert all(each.picture.min() > 120 and each.picture.max() < 136 for each in starts)


def test_other_batch_sizes_change_the_last_bits_only():
    net = net_of(conv(noise(4, 3, 5, 5)), nn.ReLU())
    values = [
        [each.activation for each in climb(net, [Goal(Unit("1", index)) for index in range(4)], settings)]
        for settings in (ClimbSettings(steps=24, batch=size) for size in (1, 3, 8))
    ]
    for one, other in itertools.pairwise(values):
        assert one == pytest.approx(other, rel=0.05)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(40, 40), (33, 47), (47, 32)])
def test_every_shape_of_input(channels, size):
    net = net_of(conv(noise(2, channels, 3, 3)), size=size, channels=channels)
    found = picture_of(net, Unit("0", 1), settings=ClimbSettings(steps=4))
    assert found.picture.shape == (*size, channels)
    assert found.activation > found.initial


def test_history_and_progress_count_every_step():
    net = net_of(conv(noise(3, 3, 3, 3)))
    told = []
    goals = [Goal(Unit("0", index)) for index in range(3)]
    found = climb(
        net, goals, ClimbSettings(steps=5, batch=2), on_step=lambda done, total: told.append((done, total))
    )
    assert told == [(step, 10) for step in range(1, 11)]
    assert all(each.history.shape == (5,) and each.history.dtype == np.float32 for each in found)
    assert found[0].history[-1] > found[0].history[0]


def test_a_caller_who_stops_keeps_the_batches_that_are_done():
    net = net_of(conv(noise(3, 3, 3, 3)))
    work = climbs(net, [Goal(Unit("0", index)) for index in range(3)], ClimbSettings(steps=2, batch=1))
    batch, [first] = next(work)
    assert (batch.places, first.goal) == ((0,), Goal(Unit("0", 0)))


@pytest.mark.parametrize("around", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_the_net_is_left_as_it_was(around):
    module = nn.Sequential(nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2), nn.ReLU(inplace=True), nn.Dropout())
    net = load(module, input=ImageInput(32))
    module.train()
    module[0].bias.requires_grad_(False)
    state = {name: value.clone() for name, value in module.state_dict().items()}
    torch.manual_seed(3)
    generator = torch.get_rng_state()
    with around():
        first, _ = climb(net, [Goal(Unit("0", 0)), Goal(Unit("3", 1))], ClimbSettings(steps=4))
    assert first.activation > first.initial
    assert torch.equal(torch.get_rng_state(), generator)
    assert all(torch.equal(value, state[name]) for name, value in module.state_dict().items())
    assert all(part.training and not part._forward_hooks for part in module.modules())
    assert [weight.requires_grad for weight in module.parameters()] == [True, False, True, True]
    assert all(weight.grad is None for weight in module.parameters())


def test_wrong_wishes_are_refused_before_any_work():
    net = net_of(conv(noise(2, 3, 3, 3)), nn.ReLU())
    unit = Unit("0", 0)
    for settings, words in (
        (ClimbSettings(canvas="fourrier"), "no canvas 'fourrier'; did you mean fourier"),
        (ClimbSettings(transforms="lucit"), "no transforms 'lucit'; did you mean lucid"),
        (ClimbSettings(precision="half"), "precision 'half'"),
    ):
        with pytest.raises(InputError, match=words):
            climb(net, [Goal(unit)], settings)
    with pytest.raises(UnknownName, match="2 units, 2 was asked"):
        climb(net, [Goal(unit), Goal(Unit("0", 2))], SHORT)
    assert climb(net, [], SHORT) == []
