# SPDX-License-Identifier: Apache-2.0
"""Grad-CAM: a layer's units added up with the mean gradient of each, and the layer that suits it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from captum.attr import LayerGradCam
from torch import Tensor, nn

from pellucid.attribution.before import grids_before, layers_before
from pellucid.attribution.grid import CellGrid, cell_grid
from pellucid.attribution.scene import Found, Scene
from pellucid.attribution.stage import let_through
from pellucid.errors import InputError
from pellucid.models import OUTPUT
from pellucid.models.own_code import own_code
from pellucid.records import Layer

__all__ = ["gradcam"]


class _Stage(nn.Module):
    """Where Captum hooks in: lets the cells (N, K, h, w) through."""

    def forward(self, cells: Tensor) -> Tensor:
        return cells.clone()


def gradcam(scene: Scene, settings: Mapping[str, Any]) -> Found:
    """The sum over units of mean gradient times response, spread over the pixels (Selvaraju 2017, eq. 1 and 2).

    Differs: without `relu` what counts against the aim stays in the map, below zero.
    """
    layer, grid = _asked(scene) if scene.layer is not None else _last_that_counts(scene)
    stage = scene.readout.parts["stage"] = _Stage()
    pixels = scene.pixels.clone().requires_grad_()  # a layer's gradient is there only where the input's is
    with let_through(scene.net, {layer.name: (grid, stage)}, lambda: 1), own_code():
        cam = LayerGradCam(scene.readout, stage).attribute(
            pixels, relu_attributions=bool(settings["relu"]), attr_dim_summation=True
        )
    cells = cam.detach()[0, 0].cpu().numpy()
    size = (scene.pixels.shape[2], scene.pixels.shape[3])
    return Found(
        grid.spread(cells, size),
        layer.name,
        {"signed": not settings["relu"], "grid": list(grid.shape), "cells": cells.astype(float).tolist()},
    )


def _asked(scene: Scene) -> tuple[Layer, CellGrid]:
    layer = scene.net.layer(scene.layer or OUTPUT)
    grid = cell_grid(scene.net, layer)
    if grid is None:
        there = "x".join(map(str, layer.grid)) or "no"
        raise InputError(
            f"{layer.name} has {there} positions, which lie in no rows and columns over the image; gradcam needs a layer "
            "with such a grid"
        )
    if layer.name not in [each.name for each in layers_before(scene.net, scene.readout.aim)]:
        raise InputError(
            f"{layer.name} does not come before {scene.readout.aim}; gradcam reads a layer on the way to what is attributed"
        )
    return layer, grid


def _last_that_counts(scene: Scene) -> tuple[Layer, CellGrid]:
    """The last layer before the aim whose cells lie in a grid and move the aim.

    Behind a transformer's last attention the patches no longer reach the class, so the last grid of all would be empty.
    Nothing inside of an attention is taken: queries and keys are no features. For an aim that nothing moves, the last grid.
    """
    last: tuple[Layer, CellGrid] | None = None
    for layer, grid in grids_before(scene.net, scene.readout.aim):
        if _counts(scene, layer, grid):
            return layer, grid
        last = last or (layer, grid)
    if last is not None:
        return last  # nothing moves an aim that is silent here: its map is empty
    raise InputError(
        f"no layer before {scene.readout.aim} has a grid of positions over the image, which gradcam needs; saliency, "
        "integrated_gradients and occlusion work without"
    )


def _counts(scene: Scene, layer: Layer, grid: CellGrid) -> bool:
    """Whether the aim's gradient is anything but zero at the layer's cells."""
    held: list[Tensor] = []

    def hold(cells: Tensor) -> Tensor:
        held.append(cells.clone())
        return held[-1]

    with let_through(scene.net, {layer.name: (grid, hold)}, lambda: 1):
        value = scene.readout(scene.pixels.clone().requires_grad_()).sum()
    if not held or not held[0].requires_grad or not value.requires_grad:
        return False
    with own_code():
        (gradient,) = torch.autograd.grad(value, held[0], allow_unused=True)
    return gradient is not None and bool(gradient.any())
