# SPDX-License-Identifier: Apache-2.0
"""Spots and all that is made of them, against a slow restatement item by item, for every split, order and merge."""

from __future__ import annotations

import bisect
import hashlib
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from streams import AWKWARD, batch, layer, run, splits, streams

from pellucid.errors import InputError
from pellucid.scan import EDGES, Entry, Given, Spots
from pellucid.scan.bins import ZERO, bins_of
from pellucid.scan.draw import places, rows_of, tickets

MASK, LONG = (1 << 32) - 1, (1 << 64) - 1


def key(words: str) -> int:
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "little")


def place_of(seed: int, name: str, row: int, positions: int) -> int:
    """SplitMix64 of the row's place on the golden ladder, and of its upper half a fair share of the positions."""
    z = ((row + 1) * 0x9E3779B97F4A7C15 & LONG) ^ key(f"spot {seed} {name}")
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & LONG
    z = (z ^ z >> 27) * 0x94D049BB133111EB & LONG
    return ((z ^ z >> 31) >> 32) * positions >> 32


def ticket_of(seed: int, row: int) -> int:
    """MurmurHash3's last steps, twice."""
    drawn, mixed = key(f"ticket {seed}"), 0
    mixed = row ^ drawn & MASK
    for turn in (drawn >> 32, 0):
        mixed = (mixed ^ mixed >> 16) * 0x85EBCA6B & MASK
        mixed = (mixed ^ mixed >> 13) * 0xC2B2AE35 & MASK
        mixed = mixed ^ mixed >> 16 ^ turn
    return mixed


def bin_of(value: float) -> int:
    return bisect.bisect_right(EDGES.tolist(), value) - 1


def spots_of(values: np.ndarray, seed: int) -> list[tuple[int, int, float, int]]:
    """(ticket, row, response, place) of one unit's finite spots, from (items, positions) responses."""
    found = []
    for row, responses in enumerate(values.tolist()):
        at = place_of(seed, "layer", row, len(responses))
        if math.isfinite(responses[at]):
            found.append((ticket_of(seed, row), row, responses[at] + 0.0, at))
    return sorted(found)


def entries(spots: list[tuple[int, int, float, int]], grid: tuple[int, ...]) -> list[Entry]:
    return [
        Entry(row, response, tuple(map(int, np.unravel_index(at, grid)))) for _, row, response, at in spots
    ]


def strongest(spots: list[tuple[int, int, float, int]]) -> list[tuple[int, int, float, int]]:
    return sorted(spots, key=lambda spot: (-abs(spot[2]), spot[0]))


def median_band(spots: list[tuple[int, int, float, int]], sign: int) -> list[tuple[int, int, float, int]]:
    side = [spot for spot in spots if sign * (bin_of(spot[2]) - ZERO) > 0]
    if not side:
        return []
    middle = bin_of(sorted(side, key=lambda spot: abs(spot[2]))[(len(side) - 1) // 2][2])
    return strongest([spot for spot in side if bin_of(spot[2]) == middle][:9])


def assert_spots(running: Spots, values: torch.Tensor) -> None:
    """Each unit's bands, levels and numbers are those of its spots, one by one."""
    found, seed, grid = running.result(), running.given.seed, tuple(values.shape[2:])
    flat = values.double().numpy().reshape(*values.shape[:2], -1)
    for unit in range(values.shape[1]):
        spots = spots_of(flat[:, unit], seed)
        nearest = sorted(spots, key=lambda spot: (abs(spot[2]), spot[0]))[:9]
        wanted = {
            "slightly_positive": median_band(spots, 1),
            "near_zero": nearest,
            "slightly_negative": median_band(spots, -1),
        }
        for name, band in wanted.items():
            assert list(found.bands[name].entries(unit)) == entries(band, grid)
        assert sum(level.count for level in found.levels(unit)) == len(spots)
        for level in found.levels(unit):
            inside = [spot for spot in spots if level.low <= spot[2] < level.high]
            assert level.count == len(inside)
            assert list(level.entries) == entries(strongest(inside[:9]), grid)
        assert_numbers(found.statistics(unit), [spot[2] for spot in spots])


def assert_numbers(found, responses: list[float]) -> None:
    assert found.spots == len(responses)
    above = [max(each, 0.0) for each in responses]
    ordered = sorted(responses)
    for name, value in found.quantiles.items():
        if not ordered:
            assert value is None
            continue
        truth = ordered[max(math.ceil(len(ordered) * int(name[1:]) / 100), 1) - 1]
        assert abs(value - truth) <= (found.quantile_error * abs(value) * (1 + 1e-12) if value else 2**-126)
    if len(responses) < 2 or not any(above):
        assert found.sparsity is None
    else:
        n = len(above)
        activity = math.fsum(above) ** 2 / n**2 / (math.fsum(each * each for each in above) / n)
        assert found.sparsity == pytest.approx((1 - activity) / (1 - 1 / n), abs=1e-9)


@settings(deadline=None)
@given(streams(), st.data(), st.integers(0, 5))
def test_any_split_order_and_merge_gives_what_a_look_at_every_spot_gives(stream, data, seed) -> None:
    about, values = stream
    ground = Given(seed)
    whole = run(Spots, about, values, [list(range(len(values)))], ground)
    assert_spots(whole, values)
    split = data.draw(splits(len(values)))
    parts = [run(Spots, about, values, [rows], ground) for rows in split]
    while len(parts) > 1:
        one = parts.pop(data.draw(st.integers(0, len(parts) - 1)))
        at = data.draw(st.integers(0, len(parts) - 1))
        parts[at] = one.merge(parts[at])
    for other in (run(Spots, about, values, split, ground), parts[0]):
        for name, array in whole.arrays().items():
            assert np.array_equal(array, other.arrays()[name]), name


@settings(deadline=None)
@given(st.lists(st.floats(width=32) | st.sampled_from(AWKWARD[3:]), min_size=1, max_size=30))
def test_a_bin_is_what_a_search_among_the_edges_finds(values: list[float]) -> None:
    single = np.array(values, np.float32)
    with np.errstate(over="ignore"):
        around = [single, *(np.nextafter(single, np.float32(end)) for end in (np.inf, -np.inf))]
    for each in around:
        finite = each[np.isfinite(each)]
        assert np.array_equal(bins_of(finite), np.searchsorted(EDGES, finite.astype(float), "right") - 1)


def test_every_edge_belongs_to_the_bin_above_it() -> None:
    edges = EDGES[1:-1].astype(np.float32)
    for each in (edges, np.nextafter(edges, np.float32(3e38)), np.nextafter(edges, np.float32(-3e38))):
        assert np.array_equal(bins_of(each), np.searchsorted(EDGES, each.astype(float), "right") - 1)
    assert np.array_equal(EDGES, -EDGES[::-1])
    assert EDGES[ZERO + 253] == 1.0
    assert EDGES[ZERO + 256] == 2.0**1.5


def test_many_items_leave_nine_of_smallest_ticket_in_every_bin() -> None:
    values = torch.randn(3000, 2, 4, generator=torch.Generator().manual_seed(3))
    order = torch.randperm(3000, generator=torch.Generator().manual_seed(4)).tolist()
    ground = Given(7)
    running = run(
        Spots, layer(2, (4,)), values, [sorted(order[at : at + 32]) for at in range(0, 3000, 32)], ground
    )
    assert_spots(running, values)
    found = running.result()
    assert sum(level.count > 9 for level in found.levels(0)) > 10


def test_tickets_are_all_different_and_tell_their_row() -> None:
    rows = np.r_[np.arange(5000), 2**31 - 5 : 2**31 + 5, 2**32 - 5 : 2**32]
    for seed in (0, 1, 2**40):
        drawn = tickets(seed, rows)
        assert drawn.tolist() == [ticket_of(seed, row) for row in rows.tolist()]
        assert len(set(drawn.tolist())) == len(rows)
        assert np.array_equal(rows_of(seed, drawn), rows)
    assert not np.array_equal(tickets(0, rows), tickets(1, rows))


def test_every_position_is_drawn_alike_and_no_ticket_tells_where() -> None:
    rows = np.arange(200_000)
    drawn = places(0, "conv1", rows, 100)
    counts = np.bincount(drawn, minlength=100)
    assert ((counts - 2000) ** 2 / 2000).sum() < 160  # chi squared with 99 degrees: above once in 10,000
    for other in (places(0, "conv2", rows, 100), places(1, "conv1", rows, 100), tickets(0, rows)):
        assert abs(np.corrcoef(drawn, other)[0, 1]) < 0.01


def test_the_item_whose_ticket_is_the_largest_number_is_kept_too() -> None:
    row = int(rows_of(0, np.array([0xFFFFFFFF], np.uint32))[0])
    one = batch(torch.tensor([[1.5]]), [0])
    running = Spots(layer(1, ()))
    running.update(type(one)(one.values, np.array([row]), one.slots))
    [level] = running.result().levels(0)
    assert [(entry.row, entry.response) for entry in level.entries] == [(row, 1.5)]
    assert running.result().bands["slightly_positive"].entries(0)[0].row == row


def test_few_loud_spots_make_a_sparse_unit_and_equal_ones_none() -> None:
    def sparsity(responses: list[float]) -> float | None:
        running = run(Spots, layer(1, ()), torch.tensor(responses)[:, None], [list(range(len(responses)))])
        return running.result().statistics(0).sparsity

    assert sparsity([0.0] * 99 + [5.0]) == pytest.approx(1)
    assert sparsity([2.0] * 50) == pytest.approx(0, abs=1e-12)
    assert sparsity([-3.0] * 10) is None
    assert sparsity([4.0]) is None
    # Half of the spots answer alike: a = 1/2.
    assert sparsity([1.0, -1.0] * 50) == pytest.approx(0.5 / (1 - 1 / 100))


def test_the_rank_error_holds_19_times_in_20() -> None:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(200, 400, 25, generator=generator).exp()
    found = run(Spots, layer(400, (25,)), values, [list(range(200))]).result()
    missed = 0
    for unit in range(400):
        numbers = found.statistics(unit)
        middle = numbers.quantiles["p50"]
        low, high = EDGES[bin_of(middle)], EDGES[bin_of(middle) + 1]
        below = (values[:, unit] < low).double().mean(), (values[:, unit] < high).double().mean()
        missed += not below[0] - numbers.rank_error <= 0.5 <= below[1] + numbers.rank_error
    assert missed <= 0.05 * 400


def test_saved_bins_that_cannot_be_are_refused() -> None:
    kept = dict(run(Spots, layer(2, ()), torch.randn(30, 2), [list(range(30))]).arrays())
    assert np.array_equal(Spots.from_arrays(layer(2, ()), kept).arrays()["tickets"], kept["tickets"])
    for bins in (
        kept["bins"][::-1].copy(),
        kept["bins"] + 10**6,
        kept["bins"].astype(float),
        kept["bins"][:3],
    ):
        with pytest.raises(InputError, match="do not fit"):
            Spots.from_arrays(layer(2, ()), {**kept, "bins": bins})


@pytest.mark.parametrize("size", [1e-30, 1e-14, 3e-8, 1.0, 1e20])
def test_responses_of_any_size_have_the_same_spectrum(size: float) -> None:
    """A power of two moves every bin alike, so that nothing but the numbers may change."""
    size = 2.0 ** round(math.log2(size))
    values = torch.randn(300, 2, 4, generator=torch.Generator().manual_seed(6))
    found, plain = (
        run(Spots, layer(2, (4,)), each, [list(range(300))]).result() for each in (values * size, values)
    )
    for unit in range(2):
        assert found.bars(unit).counts == plain.bars(unit).counts
        assert found.bars(unit).edges == tuple(edge * size for edge in plain.bars(unit).edges)
        one, other = found.statistics(unit), plain.statistics(unit)
        assert one.sparsity == pytest.approx(other.sparsity, rel=1e-12)
        for name, value in one.quantiles.items():
            assert value == pytest.approx(other.quantiles[name] * size, rel=1e-12, abs=0)
        for name, band in found.bands.items():
            assert [entry.row for entry in band.entries(unit)] == [
                entry.row for entry in plain.bands[name].entries(unit)
            ]
        assert len(found.bands["slightly_positive"].entries(unit)) == 9
