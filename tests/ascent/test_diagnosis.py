# SPDX-License-Identifier: Apache-2.0
"""Each cause is named for the facts that show it, and a sound climb has none."""

from dataclasses import replace

import pytest

from pellucid.ascent.diagnosis import DIAGNOSES, Facts, diagnosis

SOUND = Facts(
    initial=1.0, final=20.0, sign=1, finite=True, reached=True, answers=True, clipped=0.1, room=True
)


@pytest.mark.parametrize(
    ("cause", "facts"),
    [
        (None, {}),
        (None, {"final": -20.0, "sign": -1}),
        ("dead", {"reached": False, "answers": False, "final": 1.0}),
        ("zero_gradient", {"reached": False, "final": 1.0}),
        ("diverged", {"finite": False}),
        ("diverged", {"final": float("nan")}),
        ("diverged", {"final": float("inf")}),
        ("diverged", {"final": 0.5}),
        ("diverged", {"final": 20.0, "sign": -1}),
        ("value_range", {"initial": 100.0, "final": 100.5}),
        ("value_range", {"initial": -100.0, "final": -100.5, "sign": -1}),
        ("saturated", {"clipped": 0.6}),
        ("small_canvas", {"room": False}),
    ],
)
def test_the_cause_that_fits_is_named(cause, facts):
    assert diagnosis(replace(SOUND, **facts)) == cause
    assert cause is None or cause in DIAGNOSES


def test_the_words_say_what_to_do():
    assert set(DIAGNOSES) == {"dead", "zero_gradient", "saturated", "value_range", "small_canvas", "diverged"}
    assert all(words.endswith(".") and len(words) < 140 for words in DIAGNOSES.values())
