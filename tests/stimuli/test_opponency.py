# SPDX-License-Identifier: Apache-2.0
"""Opponency of linear units over the hue circle, by the sign of their weights."""

import numpy as np
import pytest

from pellucid.stimuli import hue_color
from pellucid.stimuli.opponency import hue_opponency, opponency

HUES = np.arange(0, 360, 10.0)
COLORS = np.array([hue_color(hue) for hue in HUES])


@pytest.mark.parametrize(
    ("weights", "axis", "words"),
    [
        ((2, -1, -1), "red-cyan", "red against cyan"),
        ((-2, 1, 1), "red-cyan", "cyan against red"),
        ((1, -1, 0), "red-green", "red against green"),
        ((-1, 1, 0), "red-green", "green against red"),
        ((-1, -1, 2), "blue-yellow", "blue against yellow"),
        ((1, -2, 1), "magenta-green", "magenta against green"),
        ((0, 1, -1), "green-blue", "green against blue"),
        ((1, 0, -1), "red-blue", "red against blue"),
    ],
)
def test_linear_units_are_opponent_on_their_axis(weights, axis, words):
    found = hue_opponency(HUES, COLORS @ np.array(weights, float) + 3.0, 3.0, 0.01)
    assert (found.kind, found.axis, found.words) == ("opponent", axis, words)
    assert abs((found.excites_deg - found.inhibits_deg) % 360 - 180) < 1e-9
    assert 0 <= found.excites_deg < 360


@pytest.mark.parametrize(
    ("weights", "kind"),
    [((1, 1, 1), "non-opponent"), ((1, 0, 0), "non-opponent"), ((0, 0, 0), "unresponsive")],
)
def test_weights_of_one_sign_are_not_opponent(weights, kind):
    found = hue_opponency(HUES, COLORS @ np.array(weights, float) - 1.0, -1.0, 0.01)
    assert (found.kind, found.axis) == (kind, None)


def test_the_index_weighs_rise_and_fall():
    assert opponency(np.array([1.0, 5.0, 0.0]), 1.0, 0.01).index == pytest.approx(0.25)
    assert opponency(np.array([1.0, 5.0, 0.995]), 1.0, 0.01).kind == "non-opponent"
