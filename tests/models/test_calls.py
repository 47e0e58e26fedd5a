# SPDX-License-Identifier: Apache-2.0
"""Putting another tensor into what a layer returned, and a response back into its module's own order of axes."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

import pytest
import torch

from pellucid.errors import InputError
from pellucid.models.calls import tensor_at, tensors_in, with_tensor
from pellucid.models.layout import Layout


class Both(NamedTuple):
    left: torch.Tensor
    right: tuple[torch.Tensor, str]


@dataclass(frozen=True)
class Answer:
    logits: torch.Tensor
    hidden: list[torch.Tensor]


@pytest.mark.parametrize(
    "output",
    [
        torch.zeros(2),
        (torch.zeros(2), None, [torch.zeros(3), torch.zeros(2)]),
        Both(torch.zeros(2), (torch.zeros(3), "words")),
        OrderedDict(a=torch.zeros(2), b={"c": torch.zeros(1)}),
        Answer(torch.zeros(2), [torch.zeros(3)]),
    ],
    ids=lambda output: type(output).__name__,
)
def test_a_tensor_is_replaced_in_a_copy(output: object) -> None:
    for path, tensor in list(tensors_in(output)):
        other = torch.ones(5)
        changed = with_tensor(output, path, other)
        assert type(changed) is type(output)
        assert tensor_at(changed, path) is other
        assert tensor_at(output, path) is tensor
        for another, kept in tensors_in(output):
            if another != path:
                assert tensor_at(changed, another) is kept


def test_what_holds_no_tensor_is_refused() -> None:
    with pytest.raises(InputError, match="into which no tensor"):
        with_tensor("words", (0,), torch.zeros(1))


@pytest.mark.parametrize(
    ("layout", "shape"),
    [
        (Layout((0, 1, 2, 3)), (2, 5, 3, 4)),
        (Layout((0, 3, 1, 2)), (2, 3, 4, 5)),
        (Layout((0, 2, 1)), (2, 7, 5)),
        (Layout((0, 1, 3, 2), units=2), (2, 3, 7, 5)),
        (Layout((0, 3, 1, 2), split=0), (8, 3, 5)),
        (Layout((1, 3, 0, 2), split=0, items_first=False), (8, 3, 5)),
        (Layout((0, 1), units=0), (2, 7)),
    ],
)
def test_a_layout_is_undone(layout: Layout, shape: tuple[int, ...]) -> None:
    tensor = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    arranged = layout.arranged(tensor, 2)
    assert len(arranged) == 2
    assert torch.equal(layout.restored(arranged.clone(), shape, 2), tensor)
