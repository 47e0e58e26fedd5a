# SPDX-License-Identifier: Apache-2.0
"""Orders, on filters whose place in each is known."""

import numpy as np
import pytest

from pellucid.errors import UnknownName
from pellucid.kernels.bank import Bank
from pellucid.kernels.order import ORDERS, filter_order
from pellucid.kernels.reading import LayerReading, read


@pytest.fixture(scope="module")
def layer(gabor) -> tuple[Bank, LayerReading]:
    """Gabors at 100, 10 and 50 degrees, a red blob, and a weaker copy of the second turned by 4 degrees."""
    y, x = np.mgrid[-4:5, -4:5]
    blob = np.exp(-(x**2 + y**2) / 4.0) * np.array([1, -0.5, -0.5])[:, None, None]
    turns = [(100, 0.2, 1), (10, 0.3, 2), (50, 0.25, 3)]
    gabors = [strength * gabor(9, degrees, f, sigma=1.8) for degrees, f, strength in turns]
    bank = Bank.of([*gabors, 4 * blob, gabor(9, 14, 0.3, sigma=1.8)])
    return bank, read(bank)


@pytest.mark.parametrize(
    ("by", "order"),
    [
        ("index", (0, 1, 2, 3, 4)),
        ("family", (1, 4, 2, 0, 3)),
        ("orientation", (1, 4, 2, 0, 3)),
        ("frequency", (3, 0, 2, 1, 4)),
        ("norm", (3, 2, 1, 0, 4)),
    ],
)
def test_filters_stand_in_the_order_asked(layer: tuple[Bank, LayerReading], by: str, order) -> None:
    assert filter_order(*layer, by) == order


def test_a_cluster_puts_like_beside_like(layer: tuple[Bank, LayerReading]) -> None:
    order = filter_order(*layer, "cluster")
    assert order[0] == 3
    assert abs(order.index(1) - order.index(4)) == 1


def test_every_order_holds_every_filter_once(layer: tuple[Bank, LayerReading]) -> None:
    for by in ORDERS:
        assert sorted(filter_order(*layer, by)) == list(range(5))
    with pytest.raises(UnknownName, match="did you mean norm"):
        filter_order(*layer, "norms")
