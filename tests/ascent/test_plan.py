# SPDX-License-Identifier: Apache-2.0
"""Batches, sizes and refusals, from the net, the goals and the settings alone."""

import re

import pytest
import torch
from torch import nn

from pellucid.ascent.goal import Goal
from pellucid.ascent.memory import picture_bytes
from pellucid.ascent.objectives import channel, direction, logit
from pellucid.ascent.plan import batch_size, batches, checked, has_room, picture_size
from pellucid.ascent.settings import ClimbSettings
from pellucid.errors import InputError, UnknownName
from pellucid.models import ImageInput, load
from pellucid.records import Unit, UnitQuery


def net_of(*parts, side=128, channels=3, names=None):
    labeled = zip(names or map(str, range(len(parts))), parts, strict=True)
    module = nn.Sequential()
    for name, part in labeled:
        module.add_module(name, part)
    return load(module, input=ImageInput(side, channels))


@pytest.fixture(scope="module")
def fully_convolutional():
    # Receptive fields: 5, then 5 + 2 * 60 = 125 of 160 pixels, then everything.
    return net_of(
        nn.Conv2d(3, 4, 5, 2),
        nn.ReLU(),
        nn.Conv2d(4, 6, 61, padding=30),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, 2),
        side=160,
    )


@pytest.fixture(scope="module")
def one_size_only():
    return net_of(nn.Conv2d(3, 4, 5), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 24 * 24, 3), side=28)


def goals_of(layer, count, sign=1):
    return [Goal(Unit(layer, index % 4), sign) for index in range(count)]


def test_the_size_follows_the_receptive_field(fully_convolutional):
    net = fully_convolutional
    assert net.layer("2").receptive_field == (125, 125)
    assert picture_size(net, ["0"]) == (96, 96)
    assert picture_size(net, ["2"]) == (128, 128)
    assert picture_size(net, ["0", "2"]) == (128, 128)
    assert picture_size(net, ["logits"]) == (128, 128)
    assert picture_size(net, ["logits"], (160, 112)) == (160, 112)


def test_a_net_of_one_size_gets_that_size_at_every_layer(one_size_only):
    for layer in ("0", "1", "logits"):
        assert picture_size(one_size_only, [layer]) == (28, 28)
    assert picture_size(one_size_only, ["0"], (28, 28)) == (28, 28)
    with pytest.raises(InputError, match="64x48; it accepts 28x28 only"):
        picture_size(one_size_only, ["logits"], (64, 48))


def test_a_small_input_is_never_enlarged_and_keeps_its_shape():
    net = load(nn.Sequential(nn.Conv2d(3, 2, 3)), input=ImageInput((32, 120)))
    assert picture_size(net, ["0"]) == (32, 96)
    assert picture_size(net, ["0"], (50, 40)) == (50, 40)


def test_a_picture_smaller_than_the_receptive_field_has_no_room(fully_convolutional):
    assert has_room(fully_convolutional, "2", (125, 130))
    assert not has_room(fully_convolutional, "2", (130, 124))
    assert has_room(fully_convolutional, "logits", (128, 160))
    assert not has_room(fully_convolutional, "logits", (128, 127))


def test_goals_are_shared_out_evenly_within_the_memory(fully_convolutional):
    settings = ClimbSettings()
    assert batch_size(fully_convolutional, ["0"], settings) == 32
    planned = batches(fully_convolutional, goals_of("0", 33), settings)
    assert [batch.capacity for batch in planned] == [17, 17]
    assert [len(batch.goals) for batch in planned] == [17, 16]
    assert len(planned[1].padded) == 17


def test_less_memory_gives_smaller_batches(fully_convolutional):
    # The picture is what the cut at 0 keeps, twice at the peak; the canvas and its optimizer hold sixteen more.
    picture = 3 * 96 * 96 * 4
    for settings in (
        ClimbSettings(memory=10 * 18 * picture),
        ClimbSettings(memory=30 * 18 * picture, copies=3),
    ):
        assert 8 <= batch_size(fully_convolutional, ["0"], settings) <= 10
        with torch.inference_mode():
            assert 8 <= batch_size(fully_convolutional, ["0"], settings) <= 10
    with pytest.raises(
        InputError, match=r"one picture of 96x96 .* allowed is 7 bytes; give more with --memory$"
    ):
        batch_size(fully_convolutional, ["0"], ClimbSettings(memory=7))
    assert (
        batch_size(fully_convolutional, ["0"], ClimbSettings(memory=1, batch=1)) == 1
    )  # as planned elsewhere


def test_a_batch_asked_for_is_always_full(fully_convolutional):
    planned = batches(fully_convolutional, goals_of("0", 5), ClimbSettings(batch=4))
    assert [(batch.places, len(batch.padded)) for batch in planned] == [((0, 1, 2, 3), 4), ((4,), 4)]
    assert planned[1].padded == planned[1].goals * 4


def groups_of(units, pictures):
    return [
        Goal(Unit("0", unit), 1, None, picture, pictures)
        for unit in range(units)
        for picture in range(pictures)
    ]


def test_pictures_of_one_objective_stay_in_one_batch(fully_convolutional):
    planned = batches(fully_convolutional, groups_of(4, 3), ClimbSettings(batch=8))
    assert [(batch.capacity, batch.places) for batch in planned] == [
        (6, (0, 1, 2, 3, 4, 5)),
        (6, (6, 7, 8, 9, 10, 11)),
    ]
    [odd] = batches(fully_convolutional, groups_of(1, 3), ClimbSettings(batch=8))
    assert odd.padded == odd.goals * 2
    assert [batch.places for batch in planned[0].halves()] == [(0, 1, 2), (3, 4, 5)]
    mixed = [*groups_of(2, 3), Goal(Unit("0", 3))]
    assert [batch.places for batch in batches(fully_convolutional, mixed, ClimbSettings())] == [
        (0, 1, 2, 3, 4, 5),
        (6,),
    ]
    with pytest.raises(InputError, match="a batch of 2 does not hold 3 pictures"):
        batches(fully_convolutional, groups_of(1, 3), ClimbSettings(batch=2))
    with pytest.raises(InputError, match="its 3 pictures must stand one after another"):
        checked(fully_convolutional, groups_of(2, 3)[1:])


def test_a_huge_picture_is_refused_before_it_is_allocated(fully_convolutional):
    # 40000 pixels a side would take 19 GB for the bare pixels.
    with pytest.raises(
        InputError, match=r"one picture of 40000x40000 .* about [\d.]+ GiB, .* 4 GiB; about \d+x\d+ fits"
    ):
        picture_size(fully_convolutional, ["2"], (40000, 40000), memory=4 << 30)
    with pytest.raises(InputError, match=r"one picture of 160x160 .* memory allowed is 1 MiB"):
        batch_size(fully_convolutional, ["0"], ClimbSettings(size=(160, 160), memory=1 << 20))
    with pytest.raises(InputError, match=r"a batch of 100000 pictures of 96x96 .* [\d.]+ GiB, .* \d+ fit$"):
        batch_size(fully_convolutional, ["0"], ClimbSettings(batch=100_000))


def test_the_size_named_in_a_refusal_does_fit(fully_convolutional):
    with pytest.raises(InputError) as refused:
        picture_size(fully_convolutional, ["2"], (30000, 20000), memory=1 << 29)
    height, width = map(int, re.search(r"about (\d+)x(\d+) fits", str(refused.value)).groups())
    assert height / width == pytest.approx(1.5, rel=0.05)
    assert picture_bytes(fully_convolutional, ["2"], (height, width)) < 1 << 29
    assert picture_bytes(fully_convolutional, ["2"], (2 * height, width)) > 1 << 29


def test_what_a_huge_picture_takes_grows_with_its_pixels(fully_convolutional):
    own = picture_bytes(fully_convolutional, ["2"], (160, 160))
    assert picture_bytes(fully_convolutional, ["2"], (3200, 1600)) == pytest.approx(200 * own, rel=1e-3)


def test_a_position_in_numbers_counts_on_the_nets_own_grid(fully_convolutional):
    goals = [Goal(Unit("0", 1, at)) for at in ("center", (70, 70))]
    assert [batch.size for batch in batches(fully_convolutional, goals, ClimbSettings())] == [
        (96, 96),
        (160, 160),
    ]


def test_a_batch_holds_goals_of_one_cut_only(fully_convolutional):
    goals = [Goal(Unit("0", 1)), Goal(Unit("2", 1)), Goal(Unit("0", 2)), Goal(Unit("0", 1), -1)]
    planned = batches(fully_convolutional, goals, ClimbSettings())
    assert [batch.places for batch in planned] == [(0, 2, 3), (1,)]
    assert [batch.size for batch in planned] == [(96, 96), (128, 128)]


def test_lowering_a_rectified_layer_names_the_layers_before_it(fully_convolutional):
    with pytest.raises(
        InputError, match=r"^1:2 has no negative optimum: 1 ends in its own ReLU.*feed it: 0$"
    ):
        checked(fully_convolutional, [Goal(Unit("0", 1), -1), Goal(Unit("1", 2), -1)])
    assert checked(fully_convolutional, [Goal(Unit("1", 2))])
    # Lowering the negative of a rectified channel raises it.
    assert checked(fully_convolutional, [Goal(Unit("1", 2), -1, -channel(Unit("1", 2)))])


def test_labels_vectors_and_layers_are_resolved_by_the_net():
    module = nn.Sequential(nn.Conv2d(3, 4, 5), nn.Flatten(), nn.Linear(4 * 24 * 24, 2))
    net = load(module, input=ImageInput(28), labels=["cat", "dog"])
    [goal] = checked(net, [Goal(UnitQuery("logits", label="dog"), 1, 2 * logit("dog"))])
    assert (goal.unit, str(goal.aim)) == (Unit("logits", 1), "2 x logit logits:1")
    with pytest.raises(UnknownName, match="no label 'cow'"):
        checked(net, [Goal(Unit("logits", 1), 1, logit("cow"))])
    with pytest.raises(InputError, match="0 has 4 units, the vector has 3 numbers"):
        checked(net, [Goal(UnitQuery("0"), 1, direction("0", [1, 0, 0]))])
    assert str(checked(net, [Goal(UnitQuery("module.0"))])[0].aim) == "layer 0"
    with pytest.raises(UnknownName, match="no layer"):
        checked(net, [Goal(UnitQuery("1x"))])


def test_names_are_those_of_the_net_and_unknown_ones_are_refused():
    net = net_of(nn.Conv2d(3, 4, 5), names=["first_conv"])
    assert checked(net, [Goal(Unit("module.first_conv", 3))]) == [Goal(Unit("first_conv", 3))]
    with pytest.raises(UnknownName, match="4 units, 4 was asked"):
        checked(net, [Goal(Unit("first_conv", 4))])
    with pytest.raises(UnknownName, match="did you mean first_conv"):
        checked(net, [Goal(Unit("first_con", 0))])


def test_the_plan_leaves_no_trace_in_the_net(fully_convolutional):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    batch_size(fully_convolutional, ["2"], ClimbSettings())
    assert torch.equal(torch.get_rng_state(), before)
    assert all(
        weight.requires_grad and weight.grad is None for weight in fully_convolutional.module.parameters()
    )
    assert not any(part._forward_hooks for part in fully_convolutional.module.modules())
