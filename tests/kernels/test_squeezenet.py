# SPDX-License-Identifier: Apache-2.0
"""A real first layer, read and held against labels that an eye gave before any classifier existed."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from pellucid.kernels.bank import Bank
from pellucid.kernels.family import GROUPS
from pellucid.kernels.reading import LayerReading, read

LABELS = Path(__file__).parent / "squeezenet_labels.csv"
IMAGENET_STD = np.array([0.229, 0.224, 0.225])


@pytest.fixture(scope="module")
def reading(real_data: Path) -> LayerReading:
    weights = load_file(real_data / "squeezenet" / "squeezenet1_0.safetensors")["features.0.weight"]
    return read(Bank.of(weights.astype(float) / IMAGENET_STD[:, None, None], layer="features.0"))


@pytest.fixture(scope="module")
def labels() -> list[str]:
    with LABELS.open(encoding="utf-8") as file:
        return [row["family"] for row in csv.DictReader(file)]


@pytest.mark.real
def test_the_families_are_those_the_eye_saw(reading: LayerReading, labels: list[str]) -> None:
    agreed = [row.family == label for row, label in zip(reading.filters, labels, strict=True)]
    grouped = [row.group == GROUPS[label] for row, label in zip(reading.filters, labels, strict=True)]
    assert sum(agreed) >= 0.85 * 96
    assert sum(grouped) >= 0.85 * 96


@pytest.mark.real
def test_the_layer_is_well_trained(reading: LayerReading) -> None:
    fitted = [max(row.gabor_r2 or 0, row.blob_r2 or 0) for row in reading.filters]
    assert sum(value > 0.6 for value in fitted) > 80
    assert not any(row.noisy or row.dead for row in reading.filters)
    assert sum(pair.correlation < 0 for pair in reading.pairs) >= 4


@pytest.mark.real
def test_single_filters_an_eye_is_sure_of(reading: LayerReading) -> None:
    red, blue, upright, lying = (reading.filters[unit] for unit in (66, 77, 38, 83))
    assert (red.opponent_axis, red.color[0] > 0.7) == ("red-cyan", True)
    assert (blue.opponent_axis, blue.color[2] > 0.7) == ("blue-yellow", True)
    assert upright.orientation_deg is not None
    assert min(upright.orientation_deg, 180 - upright.orientation_deg) < 10
    assert lying.orientation_deg == pytest.approx(90, abs=10)
