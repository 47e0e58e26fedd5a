# SPDX-License-Identifier: Apache-2.0
"""The whole reading, on layers of which everything is known."""

import json

import numpy as np
import pytest
from scipy import ndimage

from pellucid.kernels.bank import Bank
from pellucid.kernels.named import kernel_from
from pellucid.kernels.order import ORDERS, filter_order
from pellucid.kernels.reading import read

COLORS = {
    "black-white": (1, 1, 1),
    "red-cyan": (1, -0.5, -0.5),
    "blue-yellow": (-0.5, -0.5, 1),
    "magenta-green": (0.5, -1, 0.5),
}


def apart(degrees: float, other: float) -> float:
    return abs((degrees - other + 90) % 180 - 90)


@pytest.mark.parametrize("size", [7, 11])
def test_gabors_of_known_orientation_frequency_and_color_are_recovered(gabor, size: int) -> None:
    random = np.random.default_rng(size)
    filters, truth = [], []
    for number in range(32):
        axis, color = list(COLORS.items())[number % 4]
        degrees, frequency = random.uniform(0, 180), random.uniform(0.14, 0.42)
        sigma, phase = random.uniform(0.17, 0.3) * size, random.uniform(0, 2 * np.pi)
        place = random.uniform(-0.1, 0.1, 2) * size
        made = gabor(size, degrees, frequency, sigma=sigma, phase=phase, color=color, at=place)
        filters.append(made + 0.01 * np.abs(made).max() * random.normal(size=made.shape))
        truth.append((degrees, frequency, axis))
    reading = read(Bank.of(filters))
    for row, (degrees, frequency, axis) in zip(reading.filters, truth, strict=True):
        assert row.orientation_deg is not None
        assert row.stripes_deg is not None
        assert apart(row.orientation_deg, degrees) < 2
        assert apart(row.stripes_deg, degrees + 90) < 2
        assert abs(row.frequency / frequency - 1) < 0.05
        assert row.gabor_r2 is not None
        assert row.gabor_r2 > 0.99
        assert row.opponent_axis == axis
        assert abs(np.dot(row.color, COLORS[axis])) > 0.995 * np.linalg.norm(COLORS[axis])
    gray = [row.family for row in reading.filters if row.opponent_axis == "black-white"]
    assert gray.count("gabor") >= len(gray) - 1


def test_a_gabors_bandwidth_and_symmetry(gabor) -> None:
    even = gabor(15, 20, 0.2, sigma=2.8)
    odd = gabor(15, 20, 0.2, sigma=2.8, phase=np.pi / 2)
    first, second = read(Bank.of([even, odd])).filters
    for row in (first, second):
        assert row.bandwidth_octaves == pytest.approx(1.0, abs=0.01)  # sigma x frequency 0.56: an octave
    assert first.symmetry == pytest.approx(1, abs=1e-6)
    assert second.symmetry == pytest.approx(-1, abs=1e-6)
    assert first.dc == pytest.approx(even.sum())
    assert first.norm == pytest.approx(np.sqrt((even**2).sum()))


@pytest.mark.parametrize("shape", [(50, 3, 7, 7), (50, 1, 7, 7), (20, 3, 11, 11), (50, 3, 5, 5)])
def test_random_filters_give_almost_no_gabors_and_look_untrained(shape: tuple[int, ...]) -> None:
    reading = read(Bank.of(np.random.default_rng(0).normal(size=shape)))
    assert reading.counts.get("gabor", 0) <= 1
    assert reading.counts["noise"] >= 0.95 * shape[0]
    assert f"of {shape[0]} look untrained" in reading.verdict


def dog(size: int, center: float, surround: float) -> np.ndarray:
    point = np.zeros((size, size))
    point[size // 2, size // 2] = 1
    blur = [
        ndimage.gaussian_filter(point, sigma, mode="constant", truncate=9) for sigma in (center, surround)
    ]
    return blur[0] - blur[1]


@pytest.mark.parametrize(
    ("kernel", "name", "family"),
    [
        (kernel_from("laplacian"), "laplacian", "blob"),
        (np.pad(kernel_from("laplacian"), 2), "laplacian", "blob"),
        (kernel_from("sobel-x"), "sobel-x", "edge"),
        (-kernel_from("sobel-y"), "-sobel-y", "edge"),
        (kernel_from("box:3"), "box", "blob"),
        (kernel_from("box:7"), "box", "blob"),
        (dog(11, 1.2, 2.0), "difference of gaussians", "blob"),
        (-dog(9, 1.0, 2.5), "difference of gaussians", "blob"),
        (kernel_from("gaussian:1.5"), "gaussian", "blob"),
        (kernel_from("gabor:30,0.2,2"), "gabor", "gabor"),
        (np.array([[-1.0, 2, -1]] * 3), None, "line"),
    ],
)
def test_exact_kernels_are_recognized(kernel: np.ndarray, name: str | None, family: str) -> None:
    reading = read(Bank.of(kernel[None, None]))
    assert (reading.filters[0].name, reading.filters[0].family) == (name, family)
    colored = np.array([0.3, 0.6, 0.1])[:, None, None] * kernel
    assert read(Bank.of(colored[None])).filters[0].name == name


def test_small_kernels_are_read_for_what_they_can_be_and_said_so() -> None:
    kernels = np.stack([kernel_from("sobel-x"), kernel_from("laplacian"), kernel_from("sobel-y")])[:, None]
    reading = read(Bank.of(kernels))
    assert [row.orientation_deg for row in reading.filters] == [0, None, 90]
    assert all(row.gabor_r2 is None and not row.noisy for row in reading.filters)
    assert "too small for fits" in reading.verdict
    assert "look untrained" not in reading.verdict
    random = read(Bank.of(np.random.default_rng(0).normal(size=(20, 3, 3, 3))))
    assert random.counts.get("gabor", 0) == 0


def test_dead_duplicate_and_negated_filters_are_flagged(gabor) -> None:
    one, other = gabor(7, 30, 0.25, sigma=1.5), gabor(7, 100, 0.3, sigma=1.5)
    reading = read(Bank.of([one, -2 * one, other, 1e-3 * other, 0 * one, 1.1 * other]))
    assert [row.dead for row in reading.filters] == [False, False, False, True, True, False]
    assert [row.family for row in reading.filters][3:5] == ["dead", "dead"]
    assert reading.filters[0].negated_by == 1
    assert reading.filters[1].negated_by == 0
    assert reading.filters[5].duplicate_of == 2
    assert "2 of 6 are dead" in reading.verdict
    assert "1 negated pair" in reading.verdict


def test_half_trained_filters_are_counted_in_the_verdict(gabor) -> None:
    random = np.random.default_rng(1)
    trained = [gabor(7, 20 * number, 0.25, sigma=1.5) for number in range(9)]
    rough = [random.normal(size=(3, 7, 7)) for _ in range(3)]
    reading = read(Bank.of(trained + rough))
    assert reading.counts == {"gabor": 9, "noise": 3}
    assert "3 of 12 look untrained, none of 12 is dead" in reading.verdict


def test_a_layer_over_a_signal_has_frequencies_but_no_orientation() -> None:
    x = np.arange(15) - 7.0
    waves = [np.exp(-(x**2) / 18) * np.cos(2 * np.pi * f * x + 1) for f in (0.15, 0.3)]
    reading = read(Bank.of(np.array(waves)[:, None]))
    for row, frequency in zip(reading.filters, (0.15, 0.3), strict=True):
        assert row.family == "gabor"
        assert row.frequency == pytest.approx(frequency, rel=0.01)
        assert row.orientation_deg is None
        assert row.stripes_deg is None


def test_channels_that_are_no_colors_have_no_chroma() -> None:
    rows = read(Bank.of(np.random.default_rng(0).normal(size=(3, 5, 7, 7)))).filters
    assert all(row.chroma is None and row.opponent_axis is None for row in rows)
    assert all(len(row.color) == 5 for row in rows)


def test_the_json_is_whole_and_without_nan(gabor) -> None:
    filters = [gabor(7, 30, 0.25, sigma=1.5), np.zeros((3, 7, 7)), np.ones((3, 7, 7))]
    for reading in (read(Bank.of(filters, layer="conv1")), read(Bank.of(np.ones((2, 1, 1, 1))))):
        row = json.loads(json.dumps(reading.to_json(), allow_nan=False))
        assert len(row["filters"]) == len(reading.filters)
        keys = {"unit", "family", "dc", "orientation_deg", "frequency", "chroma", "opponent_axis", "gabor_r2"}
        assert all(keys <= set(one) for one in row["filters"])
        assert row["verdict"] == reading.verdict


def test_scale_does_not_change_what_a_filter_is(gabor) -> None:
    filters = np.stack([gabor(7, 30, 0.2, sigma=1.6), gabor(7, 80, 0.3, sigma=1.2, color=(1, -1, 0.2))])
    filters = filters + 0.05 * np.random.default_rng(0).normal(size=filters.shape)
    small, large = read(Bank.of(filters * 1e-6)), read(Bank.of(filters * 1e6))
    for one, other in zip(small.filters, large.filters, strict=True):
        assert (one.family, one.shape, one.opponent_axis) == (other.family, other.shape, other.opponent_axis)
        assert one.frequency == pytest.approx(other.frequency, rel=1e-4)


def test_a_box_is_one_blob_and_not_a_center_with_a_surround() -> None:
    for size in (5, 11):
        row = read(Bank.of(np.ones((1, 1, size, size)))).filters[0]
        assert (row.name, row.shape) == ("box", "blob")
        assert row.orientation_deg is None


def test_damaged_filters_are_named_and_the_others_read_as_if_they_were_alone() -> None:
    weights = np.random.default_rng(0).normal(size=(6, 3, 7, 7))
    weights[4] = -weights[1]
    whole = np.insert(weights, 2, np.nan, axis=0)  # the pair is now 1 and 5
    alone, found = read(Bank.of(weights)), read(Bank.of(whole))
    assert found.filters[2].family == "damaged"
    assert found.filters[2].to_json()["norm"] is None
    assert not found.filters[2].dead
    others = [row for row in found.filters if row.unit != 2]
    assert [row.unit for row in found.filters] == list(range(7))
    same = ("family", "why", "norm", "dc", "frequency", "gabor_r2", "noisy")
    for mine, its in zip(others, alone.filters, strict=True):
        assert [getattr(mine, name) for name in same] == [getattr(its, name) for name in same]
    assert (found.filters[1].negated_by, found.filters[5].negated_by) == (5, 1)
    assert "1 of 7 holds NaN or infinity" in found.verdict
    assert found.counts["damaged"] == 1


@pytest.mark.parametrize("by", ORDERS)
def test_damaged_filters_stand_in_every_order(by: str) -> None:
    weights = np.random.default_rng(0).normal(size=(5, 1, 5, 5))
    weights[1, 0, 0, 0] = np.inf
    bank = Bank.of(weights)
    order = filter_order(bank, read(bank), by)
    assert sorted(order) == list(range(5))
    assert by in ("index", "family", "cluster") or order[-1] == 1
