# SPDX-License-Identifier: Apache-2.0
"""Objectives as values, and a batch of them read at once against one at a time."""

import numpy as np
import pytest
import torch

from pellucid.ascent.diversity import likeness
from pellucid.ascent.goal import Goal
from pellucid.ascent.objective import Objective
from pellucid.ascent.objectives import (
    OBJECTIVES,
    channel,
    direction,
    excitation,
    interpolation,
    layer,
    logit,
    neuron,
    plain,
    probability,
)
from pellucid.ascent.readings import Scores
from pellucid.errors import InputError
from pellucid.records import Unit, UnitQuery

RANDOM = torch.Generator().manual_seed(0)
RESPONSES = {"a": torch.randn(3, 5, 4, 6, generator=RANDOM), "logits": torch.randn(3, 7, generator=RANDOM)}


def scores_of(*aims, sign=1):
    return Scores([Goal(aim.terms[0].unit, sign, aim) for aim in aims])


def test_a_channel_is_a_mean_over_positions():
    scores = scores_of(*(channel(Unit("a", index)) for index in (4, 0, 4)))
    wanted = [RESPONSES["a"][item, index].mean() for item, index in enumerate((4, 0, 4))]
    torch.testing.assert_close(scores(RESPONSES), torch.stack(wanted))


def test_a_logit_is_the_response_itself():
    scores = scores_of(*(logit(Unit("logits", index)) for index in (6, 5, 0)))
    torch.testing.assert_close(scores(RESPONSES), RESPONSES["logits"][[0, 1, 2], [6, 5, 0]])


def test_excitation_counts_the_other_side_three_tenths():
    aims = [excitation(Unit("a", index)) for index in (4, 0, 2)]
    picked = RESPONSES["a"][[0, 1, 2], [4, 0, 2]].flatten(1)
    above, below = picked.clamp(min=0).mean(1), picked.clamp(max=0).mean(1)
    torch.testing.assert_close(scores_of(*aims)(RESPONSES), above + 0.3 * below)
    torch.testing.assert_close(scores_of(*aims, sign=-1)(RESPONSES), below + 0.3 * above)
    # Raising the negative of a channel lowers the channel.
    torch.testing.assert_close(scores_of(*(-aim for aim in aims))(RESPONSES), -below - 0.3 * above)


def test_a_batch_may_mix_kinds_layers_and_weights():
    aims = [
        2 * channel(Unit("a", 1)) - 0.5 * logit(Unit("logits", 3)),
        -logit(Unit("logits", 2)),
        channel(Unit("a", 0)) + channel(Unit("a", 2)),
    ]
    a, logits = RESPONSES["a"].mean((2, 3)), RESPONSES["logits"]
    wanted = torch.stack([2 * a[0, 1] - 0.5 * logits[0, 3], -logits[1, 2], a[2, 0] + a[2, 2]])
    scores = scores_of(*aims)
    assert scores.layers == ("a", "logits")
    torch.testing.assert_close(scores(RESPONSES), wanted)


def test_each_item_gets_the_gradient_of_its_own_objective():
    responses = RESPONSES["a"].clone().requires_grad_()
    scores_of(*(channel(Unit("a", index)) for index in (4, 0, 2)))({"a": responses}).sum().backward()
    wanted = torch.zeros_like(responses)
    for item, index in enumerate((4, 0, 2)):
        wanted[item, index] = 1 / 24
    torch.testing.assert_close(responses.grad, wanted)


def test_arithmetic_gives_new_values_and_leaves_operands_alone():
    one, two = channel(Unit("a", 1)), channel(Unit("a", 2))
    before = (str(one), str(two))
    assert one + two != one
    assert (one - two).terms == (one + (-two)).terms
    assert (3 * one).terms == (one * 3).terms
    assert (str(one), str(two)) == before
    assert str(3 * one - two) == "3 x channel a:1 + -1 x channel a:2"


def test_a_product_is_read_in_words_in_value_and_in_slope():
    one, two, three = (
        channel(Unit("a", 1)),
        neuron(Unit("a", 2, (1, 3))),
        direction("logits", [1, 0, -1, 0, 2, 0, 0]),
    )
    aims = [one * two, -2 * one * (two + 1) * three + 5, one * one / 2, one - 1, 3 - two, sum([one, two])]
    assert str(aims[0]) == "channel a:1 x neuron a:2@1,3"
    assert str(aims[2]) == "0.5 x channel a:1 x channel a:1"
    assert str(aims[3]) == "channel a:1 + -1"
    assert str(aims[4]) == "-1 x neuron a:2@1,3 + 3"
    assert aims[1].layers == ("a", "logits")
    assert len({*aims}) == len(aims)
    responses = {name: torch.randn(6, *each.shape[1:], generator=RANDOM) for name, each in RESPONSES.items()}
    leaves = {name: each.clone().requires_grad_() for name, each in responses.items()}
    mean, at = leaves["a"][:, 1].mean((1, 2)), leaves["a"][:, 2, 1, 3]
    along = leaves["logits"][:, 0] - leaves["logits"][:, 2] + 2 * leaves["logits"][:, 4]
    by_hand = [mean * at, -2 * mean * (at + 1) * along + 5, mean**2 / 2, mean - 1, 3 - at, mean + at]
    wanted = torch.stack([values[row] for row, values in enumerate(by_hand)])
    seen = {name: each.clone().requires_grad_() for name, each in responses.items()}
    found = scores_of(*aims)(seen)
    torch.testing.assert_close(found, wanted)
    wanted.sum().backward()
    found.sum().backward()
    for name in seen:
        torch.testing.assert_close(seen[name].grad, leaves[name].grad)


def test_a_product_with_a_factor_at_zero_still_has_the_slope_of_the_others():
    responses = torch.tensor([[0.0, 3.0]], requires_grad=True)
    scores_of(logit(Unit("logits", 0)) * logit(Unit("logits", 1)))({"logits": responses}).sum().backward()
    assert responses.grad.tolist() == [[3.0, 0.0]]


def test_what_is_no_finite_number_is_refused_at_once():
    one = channel(Unit("a", 1))
    for wrong in (
        lambda: one * float("nan"),
        lambda: one + float("inf"),
        lambda: one / 0,
        lambda: float("nan") * one,
        lambda: 1e200 * (1e200 * one),
    ):
        with pytest.raises(InputError):
            wrong()
    for wrong in (lambda: one * "2", lambda: one + None, lambda: one / one, lambda: [1] - one):
        with pytest.raises(TypeError):
            wrong()
    assert np.float32(2) * one == 2 * one == one * np.int64(2)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_of_the_table_describes_itself_and_can_be_read(name):
    aim = OBJECTIVES[name](UnitQuery("a") if name == "layer" else Unit("logits", 1))
    assert str(aim).startswith(f"{name} ")
    assert scores_of(aim, aim, aim)({**RESPONSES, "logits": RESPONSES["logits"]}).shape == (3,)


def test_a_neuron_is_one_position_and_the_center_is_lucids():
    # Of 4 x 6 positions the center is (2, 3): below and right of the middle where sides are even.
    aims = [neuron("a:4"), neuron("a", 0), neuron("a:2@1,5")]
    assert str(aims[1]) == "neuron a:0@center"
    a = RESPONSES["a"]
    torch.testing.assert_close(
        scores_of(*aims)(RESPONSES), torch.stack([a[0, 4, 2, 3], a[1, 0, 2, 3], a[2, 2, 1, 5]])
    )
    assert plain(Unit("a", 1, (2, 3))) == neuron("a:1@2,3")
    with pytest.raises(InputError, match=r"a:1@4,0: on pictures of this size a has 4x6, counted from 0"):
        scores_of(neuron("a:1@4,0"))(RESPONSES)


def test_a_layer_is_the_mean_of_its_squares():
    torch.testing.assert_close(
        scores_of(*[layer("a")] * 3)(RESPONSES), (RESPONSES["a"] ** 2).flatten(1).sum(1) / (5 * 4 * 6)
    )
    assert plain(UnitQuery("a")) == layer("a")


def test_a_probability_is_a_share_of_the_softmax():
    raised = RESPONSES["logits"].double().exp()
    wanted = (raised / raised.sum(1, keepdim=True))[[0, 1, 2], [6, 5, 0]].float()
    torch.testing.assert_close(
        scores_of(probability(6), probability("logits:5"), probability(0))(RESPONSES), wanted
    )


@pytest.mark.parametrize("power", [0.0, 1.0, 2.5])
def test_a_direction_is_a_dot_product_times_a_power_of_the_cosine(power):
    vectors = torch.randn(3, 5, generator=RANDOM).double()
    aims = [direction("a", vector.tolist(), power=power) for vector in vectors]
    wanted = []
    for item, v in enumerate(vectors):
        total = 0.0
        for a in RESPONSES["a"][item].double().flatten(1).T:
            cosine = (a @ v) / (a.norm() + 1e-4) / (v.norm() + 1e-4)
            total += float((a @ v) * max(0.1, float(cosine)) ** power) / 24
        wanted.append(total)
    torch.testing.assert_close(scores_of(*aims)(RESPONSES), torch.tensor(wanted), rtol=1e-4, atol=1e-5)


def test_a_direction_may_be_asked_at_one_position_and_of_a_layer_without_any():
    vector = [1.0, -2.0, 0.0, 0.5, 3.0]
    here = direction("a@1,2", vector)
    assert str(here).startswith("direction a@1,2 along ")
    torch.testing.assert_close(
        scores_of(here, here, here)(RESPONSES), RESPONSES["a"][:, :, 1, 2] @ torch.tensor(vector)
    )
    flat = direction("logits", [0, 0, 1, 0, 0, 0, 0], power=2)
    assert scores_of(flat, flat, flat)(RESPONSES).shape == (3,)
    zeros = torch.zeros(1, 5, 2, 2, requires_grad=True)
    scores_of(direction("a", vector, power=2))({"a": zeros}).sum().backward()
    assert zeros.grad.isfinite().all()


def test_a_direction_along_one_unit_is_its_channel():
    aims = [direction("a", torch.eye(5)[index].tolist()) for index in (4, 0, 2)]
    torch.testing.assert_close(
        scores_of(*aims)(RESPONSES), scores_of(*(channel("a", index) for index in (4, 0, 2)))(RESPONSES)
    )
    assert str(aims[0]) != str(aims[1])
    assert aims[0].terms[0].to_json()["vector"] == [0, 0, 0, 0, 1]


def test_an_interpolation_goes_in_even_steps_from_one_to_the_other():
    way = interpolation(channel("a:1"), 2 * logit(3), 5)
    assert (way[0], way[-1]) == (channel("a:1"), 2 * logit(3))
    values = torch.stack([scores_of(each, each, each)(RESPONSES) for each in way])
    torch.testing.assert_close(values.diff(dim=0), values.diff(dim=0)[:1].expand(4, -1))
    with pytest.raises(InputError, match="no two ends"):
        interpolation(channel("a:1"), channel("a:2"), 1)


def test_targets_are_written_as_units_are():
    assert channel("a", 3) == channel("a:3") == channel(Unit("a", 3)) == channel(UnitQuery("a", (3,)))
    assert logit("tabby").terms[0].unit == UnitQuery("logits", label="tabby")
    assert str(logit("logits:tabby, tabby cat")) == "logit logits:tabby, tabby cat"
    assert (channel("a:1") / 2).terms == (0.5 * channel("a:1")).terms


def lucids_diversity(layer):
    """lucid's function, as written there: (B, H, W, C) to one number."""
    batch, _, _, channels = layer.shape
    flattened = layer.reshape(batch, -1, channels)
    grams = np.einsum("bpi,bpj->bij", flattened, flattened)
    grams = grams / np.sqrt(np.maximum((grams**2).sum((1, 2), keepdims=True), 1e-10))
    return sum(sum((grams[i] * grams[j]).sum() for j in range(batch) if j != i) for i in range(batch)) / batch


@pytest.mark.parametrize("shape", [(6, 7, 3, 2), (6, 3, 5, 5), (6, 9)])
def test_likeness_may_move_each_picture_alone(shape):
    responses = torch.randn(shape, generator=torch.Generator().manual_seed(0), requires_grad=True)
    torch.testing.assert_close(likeness(responses, 3, alone=True), likeness(responses, 3))
    (found,) = torch.autograd.grad(likeness(responses, 3, alone=True).sum(), responses)
    for row in range(6):
        fixed = responses.detach().clone()
        (own,) = torch.autograd.grad(
            likeness(torch.cat([fixed[:row], responses[row : row + 1], fixed[row + 1 :]]), 3)[row], responses
        )
        torch.testing.assert_close(found[row], own[row])


@pytest.mark.parametrize("shape", [(8, 5, 4, 6), (8, 30, 2, 3), (8, 7)])
def test_likeness_is_lucids_diversity_times_the_batch(shape):
    responses = torch.randn(shape, generator=RANDOM).abs()
    wide = responses.numpy().reshape(*shape[:2], -1, 1).transpose(0, 2, 3, 1).astype(float)
    found = likeness(responses, 4)
    assert found[:4].sum().item() == pytest.approx(4 * lucids_diversity(wide[:4]), rel=1e-4)
    assert found[4:].sum().item() == pytest.approx(4 * lucids_diversity(wide[4:]), rel=1e-4)
    same = responses[:1].expand(3, *shape[1:])
    torch.testing.assert_close(likeness(same, 3), torch.full((3,), 2.0))


def test_wrong_uses_are_refused_in_one_line():
    with pytest.raises(InputError, match=r"a:1@2,3 names one position.*leave out"):
        channel(Unit("a", 1, (2, 3)))
    with pytest.raises(InputError, match="objective excitation is over all"):
        excitation(Unit("a", 1, "center"))
    with pytest.raises(InputError, match="a:1 is no class; write logits:INDEX"):
        logit(Unit("a", 1))
    with pytest.raises(
        InputError, match=r"a:1 names a unit, objective layer is about all of a layer; write a$"
    ):
        layer("a:1")
    with pytest.raises(InputError, match=r"a names a whole layer.*write a:0"):
        channel("a")
    with pytest.raises(InputError, match="a:0,1,2 names 3 units"):
        channel("a:0-2")
    with pytest.raises(InputError, match="not all zero"):
        direction("a", [0.0, 0.0])
    with pytest.raises(InputError, match="picture 2 of 2 for a:1"):
        Goal(Unit("a", 1), 1, None, 2, 2)
    with pytest.raises(TypeError):
        channel("a:1") + "1"
    with pytest.raises(InputError, match="sign 0 for a:1: 1 raises"):
        Goal(Unit("a", 1), 0)
    with pytest.raises(InputError, match="without terms"):
        Scores([Goal(Unit("a", 1), 1, Objective(()))])({})


def test_a_goal_without_an_objective_takes_the_plain_one():
    assert Goal(Unit("logits", 1)).aim == plain(Unit("logits", 1)) == logit(Unit("logits", 1))
    assert str(Goal(Unit("a", 1), -1)) == "- channel a:1"
