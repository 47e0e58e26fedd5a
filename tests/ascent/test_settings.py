# SPDX-License-Identifier: Apache-2.0
"""Settings go through JSON and refuse numbers that make no sense."""

import json

import numpy as np
import pytest

from pellucid.ascent import Box, Held, ImageStatistics
from pellucid.ascent.precision import arithmetic, best_precision
from pellucid.ascent.settings import ClimbSettings
from pellucid.errors import InputError
from pellucid.models import ImageInput


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


def test_values_are_told_by_their_words_and_digests():
    statistics = ImageStatistics(ImageInput(8))
    statistics.update(np.full((1, 3, 8, 8), 0.5))
    held = Held(np.zeros((8, 8, 3), np.uint8), channels=(1,))
    values = {"constraint": Box(0.1, 0.9), "held": held, "statistics": statistics}
    settings = ClimbSettings(size=(8, 8), canvas="pixels", **values)
    row = json.loads(json.dumps(settings.to_json()))
    assert row["constraint"] == {"name": "box", "low": 0.1, "high": 0.9}
    assert row["statistics"] == {"items": 1, "digest": statistics.digest}
    again = ClimbSettings.from_json(row, values)
    assert (again.held, again.statistics) == (held, statistics)
    assert again.to_json() == row
    with pytest.raises(InputError, match="held is not kept with the settings"):
        ClimbSettings.from_json(row)
    statistics.update(np.full((1, 3, 8, 8), 0.25))
    with pytest.raises(InputError, match="give the same statistics again"):
        ClimbSettings.from_json(row, values)
    alone = {"constraint": row["constraint"], **ClimbSettings(canvas="pixels").to_json()}
    assert ClimbSettings.from_json(alone).constraint == Box(0.1, 0.9)
    assert not {"constraint", "held", "statistics"} & set(ClimbSettings().to_json())


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"steps": "a"}, "steps 'a': a whole number is needed"),
        ({"steps": 2.5}, "steps 2.5: a whole number"),
        ({"learning_rate": "fast"}, "learning rate 'fast': a number is needed"),
        ({"size": ("a", 3)}, "size .* two whole numbers"),
        ({"copies": None}, "copies None: a whole number"),
    ],
)
def test_words_for_numbers_are_refused(asked, told):
    with pytest.raises(InputError, match=told):
        ClimbSettings(**asked)
