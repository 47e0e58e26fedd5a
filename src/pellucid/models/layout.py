# SPDX-License-Identifier: Apache-2.0
"""How a tensor lies in memory as its module returns it, and how it becomes (N, K, *positions)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pellucid.models.flow.flow import Flow, reshaped

__all__ = ["Layout", "layout_of"]


@dataclass(frozen=True)
class Layout:
    """From a module's own order of axes to items, units, positions.

    `split` names an axis that holds the items together with something else (windows, heads), items first or last;
    `order` puts the axes in order: items, then `units` axes that make the units, then the positions.
    """

    order: tuple[int, ...]
    units: int = 1
    split: int | None = None
    items_first: bool = True

    def arranged(self, tensor: Tensor, items: int) -> Tensor:
        """(N, K, *positions), a view of `tensor` wherever memory allows."""
        if self.split is not None:
            pair = (items, -1) if self.items_first else (-1, items)
            tensor = tensor.view(*tensor.shape[: self.split], *pair, *tensor.shape[self.split + 1 :])
        tensor = tensor.permute(self.order)
        return tensor.unsqueeze(1) if self.units == 0 else tensor.flatten(1, self.units)

    def restored(self, arranged: Tensor, shape: tuple[int, ...], items: int) -> Tensor:
        """What `arranged` gives for a tensor of `shape`, back in the module's own order; differentiable."""
        split = list(shape)
        if self.split is not None:
            rest = shape[self.split] // items
            split[self.split : self.split + 1] = [items, rest] if self.items_first else [rest, items]
        permuted = [split[axis] for axis in self.order]
        back = [self.order.index(axis) for axis in range(len(split))]
        return arranged.reshape(permuted).permute(back).reshape(shape)


def layout_of(flow: Flow, items: int) -> Layout | None:
    """The layout that a tensor's marks tell, or None where no axis holds the items.

    An axis along which the unit changes makes units, also when positions change along it too (a flattened map);
    every other axis but that of the items is a position.
    """
    axis = next((axis for axis in range(len(flow.shape)) if flow.varies("item", axis)), None)
    if axis is None or flow.shape[axis] % items:
        return None
    first = True
    split = None
    if flow.shape[axis] > items:
        split, rest = axis, flow.shape[axis] // items
        owners = flow.marks["item"].movedim(axis, 0).flatten(1)[:, 0]
        first = bool(torch.equal(owners, torch.arange(items).repeat_interleave(rest)))
        if not first and not torch.equal(owners, torch.arange(items).repeat(rest)):
            return None
        pair = (items, rest) if first else (rest, items)
        flow = reshaped(flow, (*flow.shape[:axis], *pair, *flow.shape[axis + 1 :]))
        axis += 0 if first else 1
    others = [other for other in range(len(flow.shape)) if other != axis]
    units = _unit_axes(flow, others)
    places = [other for other in others if other not in units]
    return Layout((axis, *units, *places), len(units), split, first)


def _unit_axes(flow: Flow, axes: list[int]) -> list[int]:
    found = [axis for axis in axes if flow.varies("unit", axis)]
    if found:
        return found
    single = [axis for axis in axes if flow.shape[axis] == 1]
    if single or any(name.startswith("at") and mark.numel() > 1 for name, mark in flow.marks.items()):
        return single[:1]
    # nothing is known: channels come first in maps, last in sequences
    return [axes[-1] if len(axes) == 2 else axes[0]] if axes else []
