# SPDX-License-Identifier: Apache-2.0
"""How a tensor lies in memory as its module returns it, and how it becomes (N, K, *positions)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

__all__ = ["Layout"]


@dataclass(frozen=True)
class Layout:
    """From a module's own order of axes to items, units, positions.

    `split` names an axis that holds the items together with something else (windows, heads), items first or last;
    `order` puts the axes in order: items, then `channels` axes that make the units, then the positions.
    """

    order: tuple[int, ...]
    channels: int = 1
    split: int | None = None
    items_first: bool = True

    def arranged(self, tensor: Tensor, items: int) -> Tensor:
        """(N, K, *positions), a view of `tensor` wherever memory allows."""
        if self.split is not None:
            tensor = tensor.unflatten(self.split, (items, -1) if self.items_first else (-1, items))
        tensor = tensor.permute(self.order)
        return tensor.unsqueeze(1) if self.channels == 0 else tensor.flatten(1, self.channels)
