# SPDX-License-Identifier: Apache-2.0
"""The first layer's filters as they act on pixels, whatever normalization stands before them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from pellucid.errors import InputError
from pellucid.models.taps import tap
from pellucid.records import Layer

if TYPE_CHECKING:
    from pellucid.models.net import Net

__all__ = ["FirstLayer", "first_layer", "sees_its_kernel"]

Place = tuple[tuple[int, ...], tuple[int, int, int, int]]  # a position, and the box of pixels under it

WEIGHTED = (
    "Conv",
    "Linear",
)  # how the names of modules begin that weigh their input, other libraries' included


# Pictures of one lit pixel that run together, and how many are tried out at most, where the weights hold NaN.
IMPULSES, MOST_IMPULSES = 32, 20_000


@dataclass(frozen=True)
class FirstLayer:
    """The layer that reads the pixels, as a filter on pixels in 0..1, RGB.

    Inside the image, the response at a position is the sum of `weight` times the patch under it, plus `bias`.

    Parameters
    ----------
    layer : the layer as the net lists it
    weight : (K, C, h, w) float32, responses per unit of pixel value; rows from the top, columns from the left
    bias : (K,) float32, the response to black
    damaged : units whose weights hold NaN or infinity; all of theirs is NaN here
    """

    layer: Layer
    weight: Tensor
    bias: Tensor
    damaged: tuple[int, ...] = ()


def first_layer(net: Net, name: str | None = None) -> FirstLayer:
    """The first convolution or linear layer, its filters measured as the gradient of the response to the pixels.

    `name` asks for another layer that reads the pixels too, as the second of two parallel stems.

    Measuring sees all that lies before the layer: mean and standard deviation, channel order, value range, a network's own
    change of its input, standardized weights.

    Raises
    ------
    InputError : no such layer reads the pixels linearly, or no unit of it has finite weights
    """
    layer = net.layer(name) if name else next((one for one in net.layers() if _weighs(net, one)), None)
    if layer is None:
        raise InputError(
            f"{net.name} has no convolution and no linear layer that reads its input: no filters to show"
        )
    places = _disjoint_places(net, layer)
    weight, bias = _measured(net, layer, places)
    damaged: tuple[int, ...] = ()
    if not (weight.isfinite().all() and bias.isfinite().all()):
        weight, bias = _by_impulses(net, layer, places[0])
        sound = weight.isfinite().flatten(1).all(1) & bias.isfinite()
        if not sound.any():
            raise InputError(
                f"the weights of {layer.name} hold NaN or infinity: the training diverged, or the file is damaged"
            )
        weight[~sound], bias[~sound] = torch.nan, torch.nan
        damaged = tuple((~sound).nonzero().flatten().tolist())
    _check_linear(net, layer, places[0], weight, bias)
    return FirstLayer(layer, weight, bias, damaged)


def _weighs(net: Net, layer: Layer) -> bool:
    part = net.module.get_submodule(net.trace.calls[layer.name].module)
    return isinstance(part, nn.Conv2d | nn.Linear) or type(part).__name__.startswith(WEIGHTED)


def sees_its_kernel(net: Net, layer: Layer) -> bool:
    """Whether a layer sees of the input just what one kernel covers, so that nothing lies between them."""
    part = net.module.get_submodule(net.trace.calls[layer.name].module)
    if not isinstance(part, nn.Conv2d):
        return False
    sides = zip(part.kernel_size, part.dilation, strict=True)
    return layer.receptive_field == tuple((size - 1) * hole + 1 for size, hole in sides)


def _disjoint_places(net: Net, layer: Layer) -> list[Place]:
    """Positions whose fields lie inside the image and do not overlap: as many as there are units, if that many fit."""
    height, width = net.input.size
    taken = np.zeros((height, width), bool)
    places: list[Place] = []
    positions: list[tuple[int, ...]] = list(np.ndindex(*layer.grid))
    boxes = net.fields(layer.name).boxes([0] * len(positions), positions)
    inside = (
        (boxes[:, :2] >= 0).all(1) & (boxes[:, 2:] <= (width, height)).all(1) & (boxes[:, 2] > boxes[:, 0])
    )
    # Where the border mirrors the image or goes on at the other side, a field there has another size than most: only
    # the usual ones show the filter.
    sizes = boxes[:, 2:] - boxes[:, :2]
    usual, counts = np.unique(sizes[inside], axis=0, return_counts=True)
    if len(usual):
        inside &= (sizes == usual[counts.argmax()]).all(1)
    for row in np.flatnonzero(inside):
        x0, y0, x1, y1 = (int(edge) for edge in boxes[row])
        if not taken[y0:y1, x0:x1].any() and len(places) < layer.units:
            taken[y0:y1, x0:x1] = True
            places.append((positions[row], (x0, y0, x1, y1)))
    if not places:
        raise InputError(f"{layer.name}: no position reads a patch that lies wholly inside the input")
    return places


def _measured(net: Net, layer: Layer, places: Sequence[Place]) -> tuple[Tensor, Tensor]:
    """Gradients (K, C, h, w) of the responses to a black image, each unit at a place of its own, and these responses."""
    weights, biases = [], []
    with tap(net, [layer.name], grad=True) as run:
        for start in range(0, layer.units, len(places)):
            units = range(start, min(start + len(places), layer.units))
            used = places[: len(units)]
            black = torch.zeros(1, net.input.channels, *net.input.size, device=net.device, requires_grad=True)
            response = run(black)[layer.name]
            at = torch.stack(
                [response[0, unit][position] for unit, (position, _) in zip(units, used, strict=True)]
            )
            if (
                not at.requires_grad
            ):  # no way back, as under torch.no_grad(): what goes forward tells the same
                return _by_impulses(net, layer, places[0])
            (gradient,) = torch.autograd.grad(at.sum(), black)
            weights += [gradient[0, :, y0:y1, x0:x1].cpu() for _, (x0, y0, x1, y1) in used]
            biases.append(at.detach().cpu())
    return torch.stack(weights), torch.cat(biases)


def _by_impulses(net: Net, layer: Layer, patch: Place) -> tuple[Tensor, Tensor]:
    """The same, pixel by pixel: what each adds to the response at one position. NaN in one unit's weights stays in that unit."""
    position, (x0, y0, x1, y1) = patch
    pixels = [(c, y, x) for c in range(net.input.channels) for y in range(y0, y1) for x in range(x0, x1)]
    if len(pixels) > MOST_IMPULSES:
        raise InputError(
            f"{layer.name}: no finite gradient leads back to the pixels (NaN in the weights, or torch.no_grad() or detach in the "
            f"network), and {len(pixels)} pixels are too many to try one by one"
        )
    found = []
    with tap(net, [layer.name]) as run:

        def responses(lit: Sequence[tuple[int, int, int]]) -> Tensor:
            pictures = torch.zeros(max(len(lit), 1), net.input.channels, *net.input.size)
            for row, (channel, y, x) in enumerate(lit):
                pictures[row, channel, y, x] = 1
            answers = run(pictures)[layer.name].movedim(1, -1)
            for place in position:
                answers = answers[:, place]
            return answers.cpu()  # N, K

        black = responses([])
        for start in range(0, len(pixels), IMPULSES):
            found.append(responses(pixels[start : start + IMPULSES]) - black)
    return torch.cat(found).T.reshape(layer.units, -1, y1 - y0, x1 - x0), black[0].clone()


def _check_linear(net: Net, layer: Layer, place: Place, weight: Tensor, bias: Tensor) -> None:
    """Refuse where the filters do not foretell the responses to a picture of noise."""
    shape = (net.input.channels, *net.input.size)
    picture = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    position, (x0, y0, x1, y1) = place
    with tap(net, [layer.name]) as run:
        response = run(picture[None])[layer.name][0].movedim(0, -1)[position].cpu()  # K
    expected = (weight * picture[:, y0:y1, x0:x1]).sum((1, 2, 3)) + bias
    sound = expected.isfinite()
    response, expected = response[sound], expected[sound]
    near = 1e-3 * float(expected.abs().max())
    if not torch.allclose(response, expected, rtol=1e-3, atol=near):
        raise InputError(_unread(layer))


def _unread(layer: Layer) -> str:
    return (
        f"{layer.name}, the first layer that weighs its input, does not read the pixels linearly: something before it "
        "bends them or looks them up, so there are no filters that apply to the image"
    )
