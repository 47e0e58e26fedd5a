# SPDX-License-Identifier: Apache-2.0
"""The climb on networks whose weights are set by hand, so that the right picture is known."""

import copy
import io
import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

import pellucid as pl
from pellucid.ascent import ClimbSettings, Goal, channel, climb, climbs, direction, excitation, layer, neuron
from pellucid.ascent.regularizers import REGULARIZERS
from pellucid.ascent.relu import Redirected
from pellucid.errors import InputError, NetworkFailure, UnknownName
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


@pytest.mark.parametrize(
    "rectifier", [nn.GELU(), nn.GELU("tanh"), nn.SiLU(), nn.SiLU(inplace=True), nn.Hardswish()]
)
def test_a_smooth_unit_that_is_closed_at_the_start_is_cured(rectifier, monkeypatch):
    # At gray -30, where a GELU's slope is zero and a SiLU's 3e-12 and downhill; at white 120.
    net = net_of(conv([[[[100.0]]] * 3], [-180.0]), rectifier)
    [closed] = climb(net, [Goal(Unit("1", 0))])
    assert abs(closed.initial) < 1e-6
    assert closed.activation > 40
    monkeypatch.setattr("pellucid.ascent.ascend.LAST_REDIRECTED", -1)
    monkeypatch.setattr("pellucid.ascent.ascend.MOST_REDIRECTED", -1.0)
    if not isinstance(rectifier, nn.SiLU):  # whose faint slope is enough once it is scaled
        assert picture_of(net, Unit("1", 0)).activation == 0


def test_an_open_smooth_unit_takes_no_detour(monkeypatch):
    net = net_of(conv([[[[1.0]]] * 3], [-1.8]), nn.SiLU())
    settings = ClimbSettings(steps=8)
    plainly = picture_of(net, Unit("1", 0), settings=settings)
    monkeypatch.setattr("pellucid.ascent.ascend.LAST_REDIRECTED", -1)
    assert np.array_equal(picture_of(net, Unit("1", 0), settings=settings).picture, plainly.picture)


def test_detours_end_after_lucids_seventeen_steps(monkeypatch):
    taken = []

    class Watched(Redirected):
        def __enter__(self):
            taken.append(1)
            return super().__enter__()

    monkeypatch.setattr("pellucid.ascent.ascend.Redirected", Watched)
    picture_of(net_of(conv(torch.zeros(1, 3, 1, 1), [-1.0]), nn.ReLU()), Unit("1", 0), settings=SHORT)
    assert len(taken) == 17  # global steps 0 to 16


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


class Comb(nn.Module):
    """Best exactly at gray: whoever steps too far ends below the start."""

    def forward(self, x):
        return 1 - (x - 0.5).square()


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
        ("dead", [conv(noise(8, 3, 3, 3), [-1e3] + [0.0] * 7), nn.ReLU()], SHORT),
        ("value_range", [conv([[[[1e-4]]] * 3], [100.0])], SHORT),
        # Made for 0..255: fed 0..1, all units stay below their thresholds.
        ("value_range", [conv(torch.ones(8, 3, 3, 3), [-100.0] * 8), nn.ReLU()], SHORT),
        ("saturated", [conv([[[[1.0]]] * 3], [50.0]), nn.Sigmoid()], SHORT),
        ("saturated", [conv([[[[0.1]]] * 3], [12.0]), nn.Sigmoid()], SHORT),
        ("saturated", [conv([[[[0.1]]] * 3], [20.0]), nn.Tanh()], SHORT),
        ("diverged", [conv(np.full((1, 3, 1, 1), np.nan))], SHORT),
        ("zero_gradient", [conv([[[[1.0]]] * 3])], ClimbSettings(steps=24, learning_rate=1e-6)),
        ("diverged", [Comb()], ClimbSettings(steps=48, learning_rate=9.0, transforms="none")),
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
        (ClimbSettings(optimizer="sgd"), "no optimizer 'sgd'; there is adam, nadam, gradient"),
        (ClimbSettings(precision="half"), "precision 'half'"),
        (ClimbSettings(size=(50_000, 50_000)), "one picture of 50000x50000 would take"),
    ):
        with pytest.raises(InputError, match=words):
            climb(net, [Goal(unit)], settings)
    with pytest.raises(UnknownName, match="2 units, 2 was asked"):
        climb(net, [Goal(unit), Goal(Unit("0", 2))], SHORT)
    assert climb(net, [], SHORT) == []


def test_a_sigmoid_that_is_shut_is_climbed_to_its_other_end():
    net = net_of(conv([[[[40.0]]] * 3], [-100.0]), nn.Sigmoid())
    found = picture_of(net, Unit("1", 0))
    assert found.initial < 1e-15
    assert found.activation > 0.5


def test_a_value_range_of_the_other_kind_is_named_too():
    """Made for 0..1 and fed 0..255, all units of this layer saturate for good."""
    module = nn.Sequential(conv(noise(8, 3, 1, 1).abs() + 1, [-0.5] * 8), nn.Hardtanh(), nn.Identity())
    net = load(module, input=ImageInput(32, mean=(-200,) * 3, value_range="0..255"))
    assert picture_of(net, Unit("2", 0), settings=SHORT).diagnosis in ("value_range", "saturated")


def test_a_short_climb_that_is_plainly_below_its_start_says_so():
    settings = ClimbSettings(steps=2, learning_rate=1.0, transforms="none")
    found = picture_of(net_of(Comb()), Unit("logits", 0), settings=settings)
    assert found.activation < found.initial
    assert (found.diagnosis, found.advice.split(";")[1]) == (
        "diverged",
        " ask for more steps, or for a lower learning rate.",
    )


class Bent(nn.Module):
    """A function of brightness y, that runs from `low` at black to `high` at white."""

    def __init__(self, function, low, high):
        super().__init__()
        self.part, self.function = conv([[[[(high - low) / 3]]] * 3], [low]), function

    def forward(self, x):
        return self.function(self.part(x))


@pytest.mark.parametrize("canvas", ["pixels", "fourier"])
@pytest.mark.parametrize("function", [F.gelu, F.silu, F.mish])
def test_a_unit_whose_faint_slope_leads_the_wrong_way_is_cured(function, canvas):
    # At gray -3.5, left of the dip, where each slopes down towards what is bright: 1.75 to 1.95 at white.
    net = load(Bent(function, -9.0, 2.0), input=ImageInput(16))
    settings = ClimbSettings(canvas=canvas, transforms="none")
    up, down = climb(net, [Goal(Unit("logits", 0)), Goal(Unit("logits", 0), -1)], settings)
    assert up.initial < 0 < up.activation
    assert up.activation > 1.5 or canvas == "fourier"  # where even color is slow to come
    assert down.activation < down.initial  # to be lowered it needed no way out
    assert {up.diagnosis, down.diagnosis} <= {None, "saturated"}


@pytest.mark.parametrize(("function", "low", "high"), [(F.gelu, -2.5, -0.8), (F.silu, -6.0, -2.0)])
def test_a_smooth_unit_that_no_picture_opens_still_goes_where_it_is_highest(function, low, high):
    found = picture_of(load(Bent(function, low, high), input=ImageInput(16)), Unit("logits", 0))
    black = function(torch.tensor(low)).item()
    assert found.initial < found.activation <= black + 1e-6
    assert (found.activation - found.initial) > 0.5 * (black - found.initial)


def test_a_unit_held_by_a_flat_end_that_no_detour_knows_is_told_from_one_that_climbs():
    """CLIP's GELU, written out as a product: uphill leads to nothing, and noise is far above."""
    net = load(Bent(lambda x: x * torch.sigmoid(1.702 * x), -9.0, 2.0), input=ImageInput(16))
    found = picture_of(net, Unit("logits", 0))
    assert (found.diagnosis, found.advice.split(":")[0]) == (
        "zero_gradient",
        "Loud noise alone leads much further",
    )


@pytest.mark.parametrize("cut", ["detach", "round"])
def test_a_gradient_that_is_cut_on_the_way_is_told(cut):
    class Cut(nn.Module):
        def forward(self, x):
            return x.detach() * 1 if cut == "detach" else torch.round(4 * x)

    found = picture_of(net_of(conv([[[[1.0]]] * 3]), Cut(), conv([[[[1.0]]]])), Unit("2", 0), settings=SHORT)
    assert found.diagnosis == "zero_gradient"
    assert "detach cuts it" in found.advice


def test_the_least_of_a_unit_behind_a_relu_is_told_to_be_there_already():
    net = net_of(conv(noise(2, 3, 3, 3), [-1.0, -1.0]), nn.ReLU(), conv(torch.eye(2)[:, :, None, None]))
    found = picture_of(net, Unit("2", 0), -1, settings=SHORT)
    assert (found.activation, found.diagnosis) == (0.0, "zero_gradient")
    assert "ask the layer before" in found.advice


@pytest.fixture(scope="module")
def two_layers():
    return net_of(conv(noise(6, 3, 5, 5)), nn.ReLU(), conv(noise(8, 6, 3, 3)), size=48)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    "aim",
    [
        layer("2"),
        neuron("2:3"),
        neuron("2:3@40,2"),
        direction("2", [1, -1, 0, 0, 2, 0, 0, 0], power=1),
        direction("2@center", [0, 0, 0, 1, 0, 0, 0, 0]),
        0.5 * channel("2:3") - channel("0:2"),
        channel("2:3") * channel("0:2") + 2,
        neuron("2:3") * layer("0") - neuron("2:1") * neuron("2:2"),
        excitation("2:3"),
    ],
    ids=str,
)
def test_every_objective_is_climbed_both_ways(two_layers, aim, sign):
    goal = Goal(aim.terms[0].unit, sign, aim)
    [found] = climb(two_layers, [goal], ClimbSettings(steps=24, transforms="none"))
    assert sign * (found.activation - found.initial) > 0
    assert found.goal == goal


def test_a_product_of_rectified_channels_has_no_negative_optimum():
    net = net_of(conv(noise(4, 3, 3, 3)), nn.ReLU())
    aim = channel("1:0") * channel("1:1")
    assert [one.sign for one in pl.optimize(net, aim, steps=2)] == ["+"]
    with pytest.raises(InputError, match="ends in its own ReLU"):
        climb(net, [Goal(Unit("1", 0), -1, aim)], SHORT)
    both = pl.optimize(net, channel("1:0") * channel("0:1"), steps=2)
    assert [one.sign for one in both] == ["+", "-"]
    assert both[0].objective == "channel 1:0 x channel 0:1"


def test_a_neuron_leaves_what_it_does_not_see_alone():
    net = net_of(conv(noise(2, 3, 5, 5)), size=40)
    [found] = climb(net, [Goal(Unit("0", 1, "center"))], ClimbSettings(transforms="none", canvas="fourier"))
    loud = np.abs(found.picture.astype(float) - 127.5).mean(2)
    # 36 positions: the center is 18, which sees 18 to 22.
    assert loud[18:23, 18:23].mean() > 1.5 * loud[:10].mean()
    with tap(net, ["0"]) as run:
        pixels = torch.from_numpy(found.picture / 255).float().permute(2, 0, 1)[None]
        assert found.activation == pytest.approx(run(pixels)["0"][0, 1, 18, 18].item(), rel=1e-4)


def test_pictures_of_one_unit_differ_more_when_they_are_kept_apart():
    net = net_of(conv(noise(6, 3, 5, 5)), nn.ReLU(), conv(noise(4, 6, 3, 3)), nn.ReLU(), size=40)
    goals = [Goal(Unit("3", 1), 1, None, picture, 3) for picture in range(3)]

    def shared(settings):
        found = climb(net, goals, settings)
        with tap(net, ["3"]) as run:
            responses = run(
                torch.from_numpy(np.stack([one.picture for one in found]) / 255).float().permute(0, 3, 1, 2)
            )["3"]
        maps = responses.flatten(2).numpy().astype(float)
        grams = [(each @ each.T).ravel() / np.linalg.norm(each @ each.T) for each in maps]
        return np.mean([a @ b for a, b in itertools.combinations(grams, 2)]), found

    (apart, different), (alike, _) = (
        shared(ClimbSettings(steps=48, diversity=each)) for each in (100.0, 0.0)
    )
    assert apart < alike - 0.02
    assert len({one.picture.tobytes() for one in different}) == 3
    assert all(one.activation > one.initial for one in different)


def test_pictures_of_one_unit_do_not_depend_on_what_else_is_in_the_batch():
    net = net_of(conv(noise(4, 3, 5, 5)), nn.ReLU())
    groups = [[Goal(Unit("1", unit), 1, None, picture, 2) for picture in range(2)] for unit in range(3)]
    settings = ClimbSettings(steps=8, batch=6)
    whole = climb(net, [goal for group in groups for goal in group], settings)
    alone = climb(net, groups[1], settings)
    assert [one.picture.tobytes() for one in whole[2:4]] == [one.picture.tobytes() for one in alone]


def test_copies_are_views_of_one_picture_and_their_mean_is_climbed():
    net = net_of(conv(noise(3, 3, 5, 5)))
    goals = [Goal(Unit("0", unit)) for unit in range(3)]
    once = ClimbSettings(steps=6, transforms="none", precision="float32")
    one, same, plain = (
        climb(net, goals, settings)
        for settings in (replace(once, copies=3, transforms="lucid"), replace(once, copies=3), once)
    )
    # Without transforms all copies see the same, so that their mean is what one sees.
    assert [each.history.tolist() for each in same] == [
        pytest.approx(each.history.tolist(), rel=1e-3) for each in plain
    ]
    assert not np.array_equal(one[0].picture, plain[0].picture)
    assert len({each.picture.tobytes() for each in one}) == 3


def test_more_views_a_step_make_a_steadier_history():
    net = net_of(conv([gray_kernel([[-1, -1, 0, 1, 1]] * 5)]), nn.ReLU())
    jumps = [
        np.abs(
            np.diff(
                picture_of(net, Unit("1", 0), settings=ClimbSettings(steps=64, copies=copies)).history[40:]
            )
        ).mean()
        for copies in (1, 8)
    ]
    assert jumps[1] < 0.6 * jumps[0]


@pytest.mark.parametrize("name", ["tv", "l1", "l2", "blur"])
def test_a_regularizer_lowers_what_it_names(name):
    net = net_of(conv(noise(1, 3, 5, 5)), nn.ReLU())
    free, held = (
        picture_of(net, Unit("1", 0), settings=ClimbSettings(steps=32, regularize=regularize))
        for regularize in ((), ((name, 0.05 if name != "l2" else 1.0),))
    )
    prices = [
        REGULARIZERS[name](torch.from_numpy(one.picture / 255).permute(2, 0, 1)[None]).item()
        for one in (free, held)
    ]
    assert prices[1] < 0.9 * prices[0]
    assert held.activation < free.activation


def test_snapshots_are_pictures_of_the_way():
    net = net_of(conv(noise(2, 3, 5, 5)))
    goals = [Goal(Unit("0", unit)) for unit in range(2)]
    found = climb(net, goals, ClimbSettings(steps=6, snapshots=(0, 3, 6)))
    early = climb(net, goals, ClimbSettings(steps=3))
    for one, shorter in zip(found, early, strict=True):
        assert [step for step, _ in one.snapshots] == [0, 3, 6]
        assert np.array_equal(one.snapshots[1][1], shorter.picture)
        assert np.array_equal(one.snapshots[2][1], one.picture)
        assert np.abs(one.snapshots[0][1].astype(int) - 128).max() < 9


def test_a_picture_that_is_done_stops_and_its_neighbors_go_on():
    net = net_of(conv([[[[1.0]], [[1.0]], [[1.0]]], [[[0.0]], [[0.0]], [[0.0]]]], [-1.8, 0.0]))
    settings = ClimbSettings(steps=300, stop="flat", batch=2)
    living, dead = climb(net, [Goal(Unit("0", unit)) for unit in range(2)], settings)
    alone = climb(net, [Goal(Unit("0", 0))], settings)[0]
    assert len(dead.history) < len(living.history) < 300
    assert np.array_equal(alone.picture, living.picture)
    assert living.activation > 0.6


class Narrow(nn.Module):
    """Runs out of memory with more than two pictures at a time, as torch says it."""

    def __init__(self, most, error):
        super().__init__()
        self.conv, self.most, self.error = conv(noise(4, 3, 5, 5)), most, error

    def forward(self, x):
        if x.requires_grad and len(x) > self.most:
            raise self.error
        return self.conv(x)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: you tried"
        ),
    ],
)
def test_where_memory_runs_out_the_batch_is_cut_and_it_is_said(error):
    net = load(Narrow(2, error), input=ImageInput(24))
    goals = [Goal(Unit("conv", unit)) for unit in range(4)]
    told = []
    cut = climb(
        net, goals, ClimbSettings(steps=8, batch=4), on_step=lambda done, total: told.append(done / total)
    )
    whole = climb(
        net_of(conv(noise(4, 3, 5, 5)), size=24), goals_named("0", goals), ClimbSettings(steps=8, batch=4)
    )
    assert [one.micro_batch for one in cut] == [2] * 4
    assert [one.micro_batch for one in whole] == [None] * 4
    assert [one.goal for one in cut] == goals
    assert [one.activation for one in cut] == pytest.approx(
        [one.activation for one in climb(net, goals, ClimbSettings(steps=8, batch=2))]
    )
    assert told[-1] == 1


def goals_named(layer_name, goals):
    return [Goal(Unit(layer_name, goal.unit.index)) for goal in goals]


def test_where_not_one_picture_fits_it_is_said_in_one_line():
    net = load(Narrow(0, MemoryError()), input=ImageInput(24))
    with pytest.raises(InputError, match="memory ran out with one picture of 24x24; a smaller --size"):
        climb(net, [Goal(Unit("conv", 0))], SHORT)
    other = load(Narrow(0, RuntimeError("shape mismatch")), input=ImageInput(24))
    with pytest.raises(NetworkFailure, match="own code fails: RuntimeError: shape mismatch"):
        climb(other, [Goal(Unit("conv", 0))], SHORT)


@pytest.mark.gpu
@pytest.mark.parametrize(
    "settings", [{}, {"copies": 2, "regularize": (("tv", 0.01),)}, {"optimizer": "nadam"}, {"stop": "flat"}]
)
def test_a_gpu_climbs_as_far(settings):
    module = nn.Sequential(conv(noise(4, 3, 5, 5)), nn.ReLU(), conv(noise(4, 4, 3, 3)))
    aims = [channel("2:0"), neuron("2:1"), layer("2"), direction("2", [1, 0, -1, 0], power=1)]
    goals = [Goal(aim.terms[0].unit, 1, aim) for aim in aims]
    values = []
    for device in ("cpu", "cuda"):
        net = load(copy.deepcopy(module), input=ImageInput(32), device=device)
        values.append(
            [
                one.activation
                for one in climb(net, goals, ClimbSettings(steps=24, precision="float32", **settings))
            ]
        )
    assert values[1] == pytest.approx(values[0], rel=0.1)


@pytest.mark.parametrize("sign", [1, -1])
def test_diversity_left_out_takes_no_more_than_a_picture_can_spare(sign):
    """Unit 0 likes red, green and blue alike, and the other units one of them: many pictures please it equally."""
    colors = 1.5 * torch.eye(3) - 0.5
    weight = torch.cat([torch.ones(1, 3), torch.eye(3)])
    net = net_of(conv(colors[:, :, None, None]), nn.ReLU(), conv(sign * weight[:, :, None, None]), size=40)
    goals = [Goal(Unit("2", 0), sign, None, picture, 4) for picture in range(4)]

    def made(diversity):
        found = climb(net, goals, ClimbSettings(diversity=diversity, precision="float32"))
        with tap(net, ["2"]) as run:
            pixels = (
                torch.from_numpy(np.stack([one.picture for one in found]) / 255).float().permute(0, 3, 1, 2)
            )
            maps = run(pixels)["2"][:, 1:].flatten(2).numpy().astype(float)
        grams = [(each @ each.T).ravel() / np.linalg.norm(each @ each.T) for each in maps]
        return np.mean([a @ b for a, b in itertools.combinations(grams, 2)]), found

    (apart, different), (alike, plain) = made(None), made(0.0)
    assert apart < alike - 0.02
    alone = picture_of(net, Unit("2", 0), sign, settings=ClimbSettings(precision="float32"))
    assert np.abs(different[0].picture.astype(int) - alone.picture).max() <= 1
    for one, other in zip(different, plain, strict=True):
        assert sign * one.activation > 0.85 * sign * other.activation


def test_diversity_left_out_goes_by_the_objectives_scale():
    """A unit that answers a thousand times louder gets the same pictures."""

    def made(scale: float) -> list[np.ndarray]:
        net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 5), torch.nn.ReLU(), torch.nn.Conv2d(4, 2, 3))
        with torch.no_grad():
            generator = torch.Generator().manual_seed(3)
            for weight in net.parameters():
                weight.copy_(torch.randn(weight.shape, generator=generator))
            net[2].weight *= scale
            net[2].bias *= scale
        goals = [Goal(Unit("2", 0), 1, None, picture, 3) for picture in range(3)]
        settings = ClimbSettings(steps=12, size=(24, 24), precision="float32")
        return [one.picture for one in climb(load(net, input=ImageInput(24)), goals, settings)]

    for soft, loud in zip(made(1.0), made(1024.0), strict=True):
        assert np.abs(soft.astype(int) - loud).max() <= 2
