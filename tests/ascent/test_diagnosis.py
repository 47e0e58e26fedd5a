# SPDX-License-Identifier: Apache-2.0
"""Each cause is named for the facts that show it, and a sound climb has none."""

from dataclasses import replace

import pytest

from pellucid.ascent.diagnosis import CAUSES, DIAGNOSES, Facts, advice, diagnosis
from pellucid.ascent.probes import Probed

SOUND = Facts(
    initial=1.0,
    final=20.0,
    sign=1,
    finite=True,
    reached=True,
    probed=None,
    clipped=0.1,
    departure=0.2,
    room=True,
    steps=96,
)
ALIVE, MUTE = Probed(True, 0.5), Probed(False, 0.0)


@pytest.mark.parametrize(
    ("cause", "facts"),
    [
        (None, {}),
        (None, {"final": -20.0, "sign": -1}),
        ("dead", {"reached": False, "probed": MUTE, "final": 1.0}),
        ("zero_gradient", {"reached": False, "probed": ALIVE, "final": 1.0}),
        ("zero_gradient", {"departure": 0.01}),
        ("value_range", {"probed": replace(MUTE, elsewhere=True), "reached": False}),
        ("saturated", {"probed": replace(ALIVE, squashed=True), "final": 1.0}),
        ("saturated", {"probed": replace(MUTE, squashed=True), "reached": False}),
        ("diverged", {"initial": float("nan"), "probed": MUTE}),
        ("diverged", {"finite": False}),
        ("diverged", {"final": float("nan")}),
        ("diverged", {"final": float("inf")}),
        ("diverged", {"final": 0.5}),
        ("diverged", {"final": 20.0, "sign": -1}),
        ("value_range", {"initial": 100.0, "final": 100.5}),
        ("value_range", {"initial": -100.0, "final": -100.5, "sign": -1}),
        ("saturated", {"clipped": 0.6}),
        ("small_canvas", {"room": False}),
        # The climb came from 1 to 1.2, and loud noise is at 20; or the noise is no better than the climb.
        ("zero_gradient", {"final": 1.2, "probed": replace(ALIVE, best=20.0)}),
        ("zero_gradient", {"initial": -1.0, "final": -1.2, "sign": -1, "probed": replace(ALIVE, best=-20.0)}),
        (None, {"final": 1.2, "probed": replace(ALIVE, best=1.1)}),
        (None, {"initial": -9.0, "final": -3.0, "probed": replace(ALIVE, best=20.0)}),
        ("zero_gradient", {"reached": False, "final": 1.0, "probed": replace(ALIVE, best=1.0)}),
        ("small_canvas", {"room": False, "reached": False, "final": 1.0, "probed": ALIVE}),
        ("small_canvas", {"room": False, "departure": 0.0}),
        ("zero_gradient", {"departure": 0.05, "final": 1.1, "steps": 2}),
        (None, {"departure": 0.07, "final": 1.1, "steps": 4}),
        # A box may be narrow.
        (None, {"departure": 0.05, "boxed": True}),
        # The corners of a box are what was asked for.
        (None, {"clipped": 1.0, "boxed": True}),
        # Few steps prove nothing, unless the fault is plain to see, or loud pictures move the unit as little.
        ("diverged", {"final": 0.5, "steps": 3}),
        (None, {"final": 0.995, "steps": 3}),
        (None, {"final": 1.0, "steps": 3, "probed": ALIVE}),
        ("value_range", {"final": 1.0, "steps": 3, "probed": Probed(True, 0.001)}),
    ],
)
def test_the_cause_that_fits_is_named(cause, facts):
    assert diagnosis(replace(SOUND, **facts)) == cause
    assert cause is None or cause in DIAGNOSES


def test_the_words_say_what_to_do():
    assert {cause for cause, _, _ in CAUSES} == set(DIAGNOSES)
    assert all(words.endswith(".") and len(words) < 140 for _, words, _ in CAUSES)
    assert advice(SOUND) == ""
    lost = replace(SOUND, reached=False, final=1.0)
    assert "another seed" in advice(replace(lost, probed=replace(ALIVE, best=5.0)))
    assert "ask the layer before" in advice(replace(lost, probed=replace(ALIVE, best=1.0)))
    assert "detach" in advice(replace(lost, probed=replace(ALIVE, best=5.0, slopes=False)))
    assert "outweigh" in advice(replace(SOUND, final=0.5, priced=True))
    assert "NaN" in advice(replace(SOUND, initial=float("nan")))
    assert "learning rate" in advice(replace(SOUND, final=float("inf")))
