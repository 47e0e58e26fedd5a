# SPDX-License-Identifier: Apache-2.0
"""Settings go through JSON and refuse numbers that make no sense."""

import json

import pytest

from pellucid.ascent.precision import arithmetic, best_precision
from pellucid.ascent.settings import ClimbSettings
from pellucid.errors import InputError


def test_settings_survive_json():
    for settings in (ClimbSettings(), ClimbSettings(size=(96, 120), batch=8, precision="float32")):
        assert ClimbSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"steps": 0}, "steps 0: at least 1"),
        ({"size": (96, 0)}, "size .*at least 1 pixel"),
        ({"learning_rate": 0.0}, "learning rate 0.0"),
        ({"learning_rate": float("nan")}, "learning rate nan"),
        ({"batch": 0}, "batch 0"),
        ({"memory": 0}, "memory 0"),
    ],
)
def test_numbers_out_of_range_are_refused(wrong, words):
    with pytest.raises(InputError, match=words):
        ClimbSettings(**wrong)


def test_the_best_precision_is_one_that_works():
    with arithmetic(best_precision("cpu"), "cpu"):
        pass
    with pytest.raises(InputError, match="precision 'half': there is float32"):
        arithmetic("half", "cpu")
