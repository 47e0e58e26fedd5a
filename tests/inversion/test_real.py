# SPDX-License-Identifier: Apache-2.0
"""On SqueezeNet and photographs: early layers know nearly all of the image, later ones less and less."""

from __future__ import annotations

import pytest

from pellucid.inversion import accentuate, activation_grid, caricature, invert
from pellucid.models import load

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def squeezenet(real_data):
    return load(
        "torchvision/squeezenet1_0",
        weights=real_data / "squeezenet" / "squeezenet1_0.safetensors",
        labels=real_data / "squeezenet" / "labels.txt",
    )


@pytest.fixture(scope="module")
def finch(real_data):
    return real_data / "photos" / "n01532829_house_finch.JPEG"


def test_inversions_lose_the_image_layer_by_layer(squeezenet, finch):
    layers = ("features.0", "features.4", "features.8", "features.12", "logits")
    found = invert(squeezenet, finch, *layers)
    assert [one.error < 0.1 for one in found] == [True] * 5
    assert found[0].error < 0.01
    alike = [one.alike for one in found]
    assert alike == sorted(alike, reverse=True)
    assert alike[0] > 0.98
    assert alike[-1] < 0.3


def test_caricatures_go_beyond_the_image(squeezenet, finch):
    for one in caricature(squeezenet, finch, "features.5", "features.12"):
        assert one.dot > 1.2 * one.dot_image
        assert one.cosine > 0.6


def test_a_macaw_is_found_in_a_finch(squeezenet, finch):
    [found] = accentuate(squeezenet, finch, "logits:macaw")
    assert found.after > 4 * found.before
    assert found.departed < 1
    assert found.label is not None


def test_every_cell_answers_like_the_image_or_more(squeezenet, finch):
    grid = activation_grid(squeezenet, finch, "features.12", cells=5)
    assert grid.pooled_from == (13, 13)
    assert (grid.values > 0.5).mean() > 0.9
    assert not grid.doubtful
