# SPDX-License-Identifier: Apache-2.0
"""Groups of units, against scikit-learn called plainly and against parts planted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import NMF

from pellucid.errors import InputError, MissingExtra
from pellucid.look import groups
from pellucid.look.groups import groups_of


def test_groups_are_the_factors_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    maps = random.normal(size=(12, 30)).astype(np.float32)
    x = np.tile(np.arange(6.0), 5)
    found = groups_of(maps, x, 4, seed=3)
    plain = NMF(4, init="nndsvda", random_state=3, max_iter=400, tol=1e-3)
    spatial = plain.fit_transform(np.maximum(maps.T, 0).astype(np.float64))
    largest = plain.components_.max(1)
    by_peak = sorted(range(4), key=lambda each: (x[spatial[:, each].argmax()], each))
    assert len(found) == 4
    for group, each in zip(found, by_peak, strict=True):
        np.testing.assert_allclose(group.map, spatial[:, each] * largest[each])
        np.testing.assert_allclose(group.weights, plain.components_[each] / largest[each])
    approximated = sum(np.outer(group.map, group.weights) for group in found)
    np.testing.assert_allclose(approximated, spatial @ plain.components_)


def test_two_planted_parts_are_found_from_left_to_right() -> None:
    maps = np.zeros((5, 20), np.float32)
    maps[[1, 3], 14:18] = [[4.0], [2.0]]
    maps[[0, 4], 2:5] = [[1.0], [3.0]]
    maps[2] = -9.0  # below zero counts as none
    left, right = groups_of(maps, np.arange(20.0), 2)
    assert [unit for unit, _ in left.units()] == [4, 0]
    assert [unit for unit, _ in right.units()] == [1, 3]
    assert dict(right.units()) == {1: 1.0, 3: pytest.approx(0.5, abs=1e-2)}
    assert right.map[14:18] == pytest.approx(4.0, abs=0.05)
    assert right.map[:14].max() < 0.05


def test_nothing_above_zero_makes_no_group_and_none_asked_is_refused() -> None:
    assert groups_of(-np.ones((3, 4), np.float32), np.arange(4.0)) == ()
    with pytest.raises(InputError, match="0 groups were asked"):
        groups_of(np.ones((3, 4), np.float32), np.arange(4.0), 0)


def test_without_scikit_learn_one_line_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(groups.importlib, "import_module", absent)
    with pytest.raises(MissingExtra, match=r'pip install "pellucid\[maps\]"'):
        groups_of(np.ones((3, 4), np.float32), np.arange(4.0))
