# SPDX-License-Identifier: Apache-2.0
"""Objectives as values, and a batch of them read at once against one at a time."""

import pytest
import torch

from pellucid.ascent.objective import OBJECTIVES, Goal, Objective, Scores, channel, excitation, logit, plain
from pellucid.errors import InputError
from pellucid.records import Unit

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


def test_every_objective_of_the_table_describes_itself_and_can_be_read():
    for name, make in OBJECTIVES.items():
        aim = make(Unit("logits", 1))
        assert name in str(aim)
        assert scores_of(aim, aim, aim)(RESPONSES).shape == (3,)


def test_wrong_uses_are_refused_in_one_line():
    with pytest.raises(InputError, match=r"a:1@2,3 names one position.*leave out"):
        channel(Unit("a", 1, (2, 3)))
    with pytest.raises(InputError, match="objective excitation is over all"):
        excitation(Unit("a", 1, "center"))
    with pytest.raises(InputError, match="a:1 is no class; write logits:INDEX"):
        logit(Unit("a", 1))
    with pytest.raises(InputError, match="sign 0 for a:1: 1 raises"):
        Goal(Unit("a", 1), 0)
    with pytest.raises(InputError, match="without terms"):
        Scores([Goal(Unit("a", 1), 1, Objective(()))])({})


def test_a_goal_without_an_objective_takes_the_plain_one():
    assert Goal(Unit("logits", 1)).aim == plain(Unit("logits", 1)) == logit(Unit("logits", 1))
    assert str(Goal(Unit("a", 1), -1)) == "- channel a:1"
