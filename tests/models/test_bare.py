# SPDX-License-Identifier: Apache-2.0
"""A module that is only looked at: whose kernels come out, and what they read."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.errors import InputError, UnknownName
from pellucid.models import BareNet, load_bare

SIGNAL = nn.Sequential(nn.Conv1d(2, 16, 9), nn.ReLU(), nn.Conv1d(16, 4, 3))


def test_the_first_convolution_and_a_named_one() -> None:
    bare = BareNet("signal", SIGNAL)
    assert (bare.first_reads(), bare.kernels().layer, bare.kernels().first) == ("a signal", "0", True)
    assert torch.equal(bare.kernels("2").weight, SIGNAL[2].weight)
    assert not bare.kernels("2").first
    assert BareNet("volume", nn.Conv3d(1, 2, 3)).first_reads() == "a volume"


def test_what_is_not_there_is_told() -> None:
    with pytest.raises(UnknownName, match="there is 0, 2"):
        BareNet("signal", SIGNAL).kernels("1")
    with pytest.raises(InputError, match="no convolution"):
        BareNet("table", nn.Linear(3, 4)).kernels()
    assert BareNet("table", nn.Linear(3, 4)).first_reads() is None


def test_the_digest_is_that_of_the_net() -> None:
    net = pl.load("demo")
    bare = load_bare("demo")
    assert bare.weights_digest == net.weights_digest


def test_filters_of_a_module_of_signals_and_of_volumes() -> None:
    found = pl.filters(SIGNAL)
    assert np.array_equal(found.bank.weights[:, :, 0], SIGNAL[0].weight.detach().numpy())
    assert found.bank.is_signal
    assert all(row.orientation_deg is None for row in found.reading.filters)
    assert pl.filters(SIGNAL, "2").bank.deeper
    assert pl.filters(nn.Conv3d(3, 4, (2, 7, 7))).bank.slices == 2
