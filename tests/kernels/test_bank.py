# SPDX-License-Identifier: Apache-2.0
"""The door of the room: which arrays are kernels, and what their channels are called."""

import numpy as np
import pytest

from pellucid.errors import InputError
from pellucid.kernels.bank import Bank


@pytest.mark.parametrize(
    ("shape", "inside", "channels"),
    [
        ((4, 1, 5, 5), (4, 1, 5, 5), ("gray",)),
        ((4, 3, 5, 7), (4, 3, 5, 7), ("red", "green", "blue")),
        ((4, 2, 9), (4, 2, 1, 9), ("0", "1")),
        ((4, 2, 3, 5, 5), (4, 6, 5, 5), ("0 0", "0 1", "0 2", "1 0", "1 1", "1 2")),
    ],
)
def test_layers_of_every_dimension_become_kernels_over_an_image(shape, inside, channels) -> None:
    weights = np.arange(np.prod(shape), dtype=float).reshape(shape)
    bank = Bank.of(weights)
    assert bank.weights.shape == inside
    assert bank.channels == channels
    assert np.array_equal(bank.weights.ravel(), weights.ravel())


def test_a_bank_keeps_its_own_numbers() -> None:
    weights = np.ones((1, 1, 3, 3), np.float16)
    bank = Bank.of(weights)
    weights[:] = 5
    assert bank.weights.max() == 1
    with pytest.raises(ValueError, match="read-only"):
        bank.weights[:] = 2


@pytest.mark.parametrize("weights", [np.ones((3, 3)), np.ones((0, 3, 3, 3)), np.ones(4), np.ones((1,) * 6)])
def test_what_is_no_bank_is_refused_with_its_shape(weights) -> None:
    with pytest.raises(InputError, match="is no bank of kernels") as refusal:
        Bank.of(weights)
    assert str(weights.shape) in str(refusal.value)


def test_weights_that_are_no_numbers_are_refused_with_the_layer() -> None:
    weights = np.ones((2, 1, 3, 3))
    weights[1, 0, 1, 1] = np.nan
    assert Bank.of(weights).damaged == (1,)
    assert (Bank.of(weights).weights[1] == 0).all()
    weights[0, 0, 0, 0] = np.inf
    with pytest.raises(InputError, match=r"conv1 hold.* no finite numbers"):
        Bank.of(weights, layer="conv1")


def test_as_many_names_as_channels() -> None:
    assert not Bank.of(np.ones((1, 3, 2, 2)), channels=("nir", "red", "green")).is_color
    with pytest.raises(InputError, match="2 channel names were given for kernels with 3"):
        Bank.of(np.ones((1, 3, 2, 2)), channels=("a", "b"))


def test_the_words_of_a_bank() -> None:
    assert Bank.of(np.ones((1, 1, 3, 5))).words == "1 filter of 3x5 on gray"
    assert Bank.of(np.ones((2, 40, 7))).words == "2 filters of 7 on 40 channels"


def test_three_channels_of_a_signal_or_a_deeper_layer_are_no_colors() -> None:
    assert not Bank.of(np.ones((1, 3, 9))).is_color
    assert not Bank.of(np.ones((1, 3, 5, 5)), deeper=True).is_color
    assert Bank.of(np.ones((1, 3, 2, 5, 5))).is_color
