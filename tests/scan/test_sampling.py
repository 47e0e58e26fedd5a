# SPDX-License-Identifier: Apache-2.0
"""Between the ranks lies the quantile, 19 times in 20 at least; where too few draws tell, nothing is said."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import binom
from streams import layer, run

from pellucid.scan import QUANTILES, Spots
from pellucid.scan.sampling import quantile_ranks


@pytest.mark.parametrize("draws", [1, 5, 40, 250, 1300, 200_000])
@pytest.mark.parametrize("percent", QUANTILES)
def test_ranks_miss_a_quantile_once_in_twenty_at_most_and_are_not_far_too_careful(draws, percent) -> None:
    low, high = quantile_ranks(draws, percent)
    share = percent / 100
    # Of a continuous quantity: a draw of rank k lies above the quantile where fewer than k draws lie below it.
    too_low = 0.0 if high is None else float(binom.sf(high - 1, draws, share))
    too_high = 0.0 if low is None else float(binom.cdf(low - 1, draws, share))
    assert max(too_low, too_high) <= 0.025
    # No answer only where there can be none: even the outermost draw would miss too often.
    assert high is not None or float(binom.pmf(draws, draws, share)) > 0.025 * (1 - 1e-9)
    assert low is not None or float(binom.pmf(0, draws, share)) > 0.025 * (1 - 1e-9)
    if low is not None and high is not None:
        wide = float(np.sqrt(draws * share * (1 - share)))
        assert high - low <= 6 * wide + 8


def test_intervals_hold_the_quantiles_of_all_responses() -> None:
    generator = torch.Generator().manual_seed(1)
    # Items differ in size, as photographs do: positions of one are more alike than those of two.
    values = torch.randn(400, 300, 25, generator=generator) + torch.randn(400, 300, 1, generator=generator)
    found = run(Spots, layer(300, (25,)), values, [list(range(400))]).result()
    missed = 0
    for unit in range(300):
        truth = np.quantile(values[:, unit].double().numpy(), [each / 100 for each in QUANTILES])
        for (low, high), quantile in zip(found.statistics(unit).intervals.values(), truth, strict=True):
            assert low is not None
            assert high is not None
            missed += not low <= quantile <= high
    assert missed <= 0.05 * 300 * len(QUANTILES)


def test_few_spots_tell_nothing_of_the_outermost_quantiles() -> None:
    found = run(Spots, layer(1, ()), torch.randn(60, 1), [list(range(60))]).result().statistics(0)
    assert found.intervals["p99"][1] is None
    assert found.intervals["p1"][0] is None
    assert None not in found.intervals["p50"]
    none = run(Spots, layer(1, ()), torch.full((3, 1), torch.nan), [[0, 1, 2]]).result().statistics(0)
    assert none.intervals["p50"] == (None, None)
