# SPDX-License-Identifier: Apache-2.0
"""Regularizers against loops over pixels, and what each does to a picture."""

import numpy as np
import pytest
import torch

from pellucid.ascent.regularizers import (
    REGULARIZERS,
    blur,
    blurred,
    price,
    regularize_as,
    regularize_in_words,
)
from pellucid.errors import InputError, UnknownName

PICTURES = torch.rand(2, 3, 5, 7, generator=torch.Generator().manual_seed(0))


def by_hand(name, picture):
    """One picture (C, H, W), value by value."""
    p = picture.double().numpy()
    _, height, width = p.shape
    total = 0.0
    for c, y, x in np.ndindex(p.shape):
        if name == "tv":
            total += abs(p[c, y + 1, x] - p[c, y, x]) if y + 1 < height else 0
            total += abs(p[c, y, x + 1] - p[c, y, x]) if x + 1 < width else 0
        elif name == "l1":
            total += abs(p[c, y, x] - 0.5)
        elif name == "l2":
            total += (p[c, y, x] - 0.5) ** 2
        elif name == "roughness":
            total += (p[c, y + 1, x] - p[c, y, x]) ** 2 if y + 1 < height else 0
            total += (p[c, y, x + 1] - p[c, y, x]) ** 2 if x + 1 < width else 0
        else:
            near = [
                (p[c, y + dy, x + dx], 1.0 if dy == dx == 0 else 0.5)
                for dy in (-1, 0, 1)
                for dx in (-1, 0, 1)
                if 0 <= y + dy < height and 0 <= x + dx < width
            ]
            mean = sum(value * weight for value, weight in near) / sum(weight for _, weight in near)
            total += (p[c, y, x] - mean) ** 2 / 2
    if name == "roughness":
        return total / (p.size / 16)
    return (1e-6 + total) ** 0.5 if name == "l2" else total


@pytest.mark.parametrize("name", REGULARIZERS)
def test_each_is_what_its_formula_says(name):
    found = REGULARIZERS[name](PICTURES)
    assert found.tolist() == pytest.approx([by_hand(name, picture) for picture in PICTURES], rel=1e-5)


def test_a_step_down_the_blur_is_a_step_toward_the_blurred_picture():
    pictures = PICTURES.clone().requires_grad_()
    (slope,) = torch.autograd.grad(0.3 * blur(pictures).sum(), pictures)
    torch.testing.assert_close((pictures - slope).detach(), 0.7 * PICTURES + 0.3 * blurred(PICTURES))


def test_gray_costs_nothing_and_has_a_slope():
    gray = torch.full((1, 3, 4, 4), 0.5, requires_grad=True)
    total = price(tuple((name, 1.0) for name in REGULARIZERS), gray)
    assert total.item() == pytest.approx(1e-3, abs=1e-6)  # the root of 1e-6 in l2
    (slope,) = torch.autograd.grad(total.sum(), gray)
    assert slope.isfinite().all()


def test_settings_are_read_in_the_order_of_the_table():
    wanted = (("tv", 0.25), ("l2", 1.0))
    assert regularize_as("l2=1, tv=0.25") == regularize_as({"l2": 1, "tv": 0.25}) == wanted
    assert regularize_as("") == regularize_as({}) == ()
    assert regularize_in_words(wanted) == "0.25 x tv + 1 x l2"


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        ("tvv=1", UnknownName, "no regularizer is called 'tvv'; did you mean tv"),
        ("tv", InputError, "regularize 'tv': write NAME=WEIGHT"),
        ("tv=-1", InputError, "regularizer tv has the weight -1"),
        ("tv=nan", InputError, "regularizer tv has the weight nan"),
        ({"l1": float("inf")}, InputError, "above 0"),
    ],
)
def test_wrong_wishes_are_refused_in_one_line(wrong, error, words):
    with pytest.raises(error, match=words):
        regularize_as(wrong)
