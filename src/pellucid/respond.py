# SPDX-License-Identifier: Apache-2.0
"""The agreement of a filter with every patch of one image, taken apart at one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from torch import Tensor

from pellucid.data import ItemProblem, open_image
from pellucid.errors import InputError, UnknownName
from pellucid.kernels import Page, Probe, agreement, agreement_figure, kernel_from, response_sheet, strongest
from pellucid.models import Model, Net, OneImage, fed_image, opened, tap
from pellucid.models.first_layer import FirstLayer
from pellucid.records import Unit

__all__ = ["Response", "respond"]

Floats = NDArray[np.float64]
# How an image may go on beyond its border other than with zeros, as NumPy calls it.
CONTINUED: tuple[Literal["reflect", "edge", "wrap", "symmetric"], ...] = (
    "reflect",
    "edge",
    "wrap",
    "symmetric",
)


@dataclass(frozen=True, eq=False)
class Response:
    """What a filter answers to an image.

    `maps` is (h, w) for one filter, (h, w, 3) for a free kernel on each color, (K, h, w) for all filters of a first layer.
    `probe` is one response of one filter taken apart: patch times filter, summed; None for all filters.
    """

    maps: NDArray[np.float64]
    probe: Probe | None
    page: Page
    provenance: Mapping[str, Any]

    def plot(self) -> Image.Image:
        """The figure: the image beside its response map, and below it patch, filter, product and sum."""
        return self.page.image()

    def save(self, path: str | Path) -> Path:
        """Write the figure as PNG, with its provenance inside, or as SVG."""
        return self.page.save(path, dict(self.provenance))

    def to_json(self) -> dict[str, Any]:
        shape = self.maps.shape[:2] if self.probe is not None else self.maps.shape[1:]
        row: dict[str, Any] = {
            "shape": list(shape),
            "min": float(self.maps.min()),
            "max": float(self.maps.max()),
        }
        if self.probe is None:
            return {**row, "filters": len(self.maps)}
        return {**row, "probe": self.probe.to_json()}

    def _repr_png_(self) -> bytes:
        return self.page.png(dict(self.provenance))


def respond(
    image: OneImage,
    *,
    kernel: str | ArrayLike | None = None,
    net: Model | None = None,
    unit: str | Unit | None = None,
    at: tuple[int, int] | None = None,
    pad: str | None = None,
    color: bool = False,
) -> Response:
    """Apply a filter to an image: a kernel of one's own, a unit of a first layer, or all of its units.

    Parameters
    ----------
    image : a file, an RGB or gray picture, or an array (h, w) or (h, w, C), uint8 or floats in 0..1; for a net an array of
        its input's size and channels, or a tensor (C, h, w) of floats, which is fed untouched
    kernel : rows as `0 1 0; 1 -4 1; 0 1 0`, a name as `laplacian` or `gabor:45,0.1`, or an array (kh, kw); correlated without
        padding with the gray image (Rec. 601 luma) in 0..1
    net, unit : instead of a kernel: a unit of the layer that looks at the image, with the layer's own padding and stride and
        the net's normalization, on the image as the net is fed it; without `unit` all units of that layer. A linear layer
        on the whole image has a map of one response
    at : (y, x) in the response map to take apart; `LAYER:INDEX@Y,X` says the same; where the response is strongest in
        magnitude when left out
    pad : `reflect` or `zero`, for a kernel
    color : the kernel on red, green and blue one by one

    Raises
    ------
    InputError : a kernel that is not rectangular or larger than the image, a position outside the map, an image without the
        net's channels, a layer that does not look at the image itself, an option that does not go with the others
    UnknownName : no such file, name of a kernel, layer or unit

    Examples
    --------
    >>> import numpy as np
    >>> from PIL import Image
    >>> halves = Image.fromarray(np.repeat([0, 255], 4)[:, None].repeat(8, 1).astype(np.uint8))
    >>> respond(halves, kernel="0 1 0; 1 -4 1; 0 1 0").maps[:, 0].tolist()
    [0.0, 0.0, 1.0, -1.0, 0.0, 0.0]
    """
    _check_options(kernel, net, unit, at, pad, color)
    if net is not None:
        return _of_net(image, opened(net), unit, at)
    picture = _opened(image)
    weights = kernel_from(kernel) if isinstance(kernel, str) else _numbers(kernel)
    found = agreement(picture, weights, pad=pad, color=color)
    probe = found.probe(at)
    shown = found.response if found.response.ndim == 2 else found.response[..., _channel(probe)]
    words = f"the kernel {kernel.strip()}" if isinstance(kernel, str) else "the kernel"
    page = agreement_figure(
        picture if isinstance(picture, Image.Image) else _picture(_in_unit_range(picture)),
        shown,
        probe,
        title=f"The agreement of {words} with every patch of the image",
    )
    source = {"method": "respond", "kernel": weights.tolist(), "pad": pad, "color": color}
    return Response(found.response, probe, page, source)


def _numbers(kernel: ArrayLike | None) -> Floats:
    """A kernel given as rows of numbers."""
    try:
        return np.asarray(kernel, float)
    except (TypeError, ValueError) as error:
        raise InputError(
            "the kernel is no rectangle of numbers: give an array (kh, kw), rows of equal length, as [[0, 1], [1, 0]]"
        ) from error


def _check_options(
    kernel: object, net: Model | None, unit: object, at: object, pad: str | None, color: bool
) -> None:
    if (kernel is None) == (net is None):
        raise InputError(
            "name a kernel, as 0 1 0; 1 -4 1; 0 1 0, or a model with a first layer: one of the two"
        )
    if net is not None and (pad is not None or color):
        raise InputError("a padding or color goes with a kernel; a model's layer has its own")
    if net is None and unit is not None:
        raise InputError(f"the unit {unit} was asked of a kernel; a unit goes with a model")
    if net is not None and unit is None and at is not None:
        raise InputError("a position goes with one unit, as conv1:17; all filters at once are only mapped")


def _opened(image: OneImage) -> Image.Image | NDArray[Any]:
    """A picture or an array (h, w) or (h, w, C), for a kernel."""
    if isinstance(image, Tensor):
        return image.detach().cpu().movedim(0, -1).numpy()
    if not isinstance(image, str | Path):
        return image
    if not Path(image).is_file():
        raise UnknownName(f"there is no picture {str(image)!r}")
    try:
        return open_image(image)
    except ItemProblem as problem:
        raise ItemProblem(f"{Path(image).name}: {problem}") from problem


def _channel(probe: Probe) -> int:
    return ("red", "green", "blue").index(probe.channel or "red")


def _in_unit_range(pixels: NDArray[Any]) -> Floats:
    """Pixels (h, w) or (h, w, C), uint8 or floats in 0..1, as floats in 0..1."""
    values = np.asarray(pixels, float) / (255 if pixels.dtype == np.uint8 else 1)
    if not (values.size and values.min() >= 0 and values.max() <= 1):
        raise InputError("an image of numbers outside 0..1 was given; uint8 or floats in 0..1 work")
    return values


def _picture(pixels: Floats) -> Image.Image:
    """Pixels (h, w) or (h, w, C) in 0..1 to look at: in color where there are three channels, else their mean."""
    flat = pixels if pixels.ndim == 2 or pixels.shape[2] == 3 else pixels.mean(2)
    return Image.fromarray(np.round(flat * 255).astype(np.uint8))


def _of_net(image: OneImage, net: Net, unit: str | Unit | None, at: tuple[int, int] | None) -> Response:
    first = net.first_layer()
    wanted, at = (None, at) if unit is None else _wanted(net, unit, at, first.layer.name)
    pixels = fed_image(image, net).values
    if damaged := [index for index in first.damaged if wanted is None or index == wanted.index]:
        units = ", ".join(f"{first.layer.name}:{index}" for index in damaged[:5])
        raise InputError(
            f"{units}{', ...' if len(damaged) > 5 else ''}: weights that hold NaN or infinity answer nothing; "
            f"{'ask for another unit' if wanted else 'ask for one of the other units'}"
        )
    maps, places = _maps(net, first, pixels)
    source = {
        "method": "respond",
        "net": net.name,
        "weights_digest": net.weights_digest,
        "layer": first.layer.name,
    }
    if wanted is None:
        cut = next((one.name for one in net.layers() if first.layer.name in one.fed_by), None)
        title = f"What the {len(maps)} filters of {net.name} {first.layer.name} answer"
        return Response(
            maps, None, response_sheet(maps, image=_picture(pixels), title=title, cut_by=cut), source
        )
    response = maps[wanted.index]
    y, x = strongest(response) if at is None else at
    if not (0 <= y < response.shape[0] and 0 <= x < response.shape[1]):
        raise InputError(
            f"the response at y {y}, x {x} was asked; y runs from 0 to {response.shape[0] - 1}, "
            f"x from 0 to {response.shape[1] - 1}"
        )
    boxes = net.fields(wanted.layer).boxes([wanted.index] * len(places), places)
    boxes = boxes.reshape(*response.shape, 4)
    weight, bias = first.weight[wanted.index].double().cpu().numpy(), float(first.bias[wanted.index])
    box = _box(boxes, (y, x), weight.shape[1:])
    patch = _patch(net, pixels, box, lambda each: abs(float((each * weight).sum()) + bias - response[y, x]))
    if len(patch) == 1:
        patch, weight = patch[0], weight[0]
    probe = Probe(y, x, box, patch, weight, bias)
    page = agreement_figure(
        _picture(pixels),
        response,
        probe,
        stride=_stride(boxes),
        title=f"The agreement of {net.name} {wanted.layer}:{wanted.index} with every patch of the image",
    )
    return Response(response, probe, page, {**source, "unit": f"{wanted.layer}:{wanted.index}"})


def _wanted(
    net: Net, unit: str | Unit, at: tuple[int, int] | None, first: str
) -> tuple[Unit, tuple[int, int] | None]:
    """The one unit that was asked for, and the position."""
    found = net.units([unit])
    if len(found) != 1:
        raise InputError(
            f"{unit} is {len(found)} units; one is taken apart: write LAYER:INDEX, as {first}:0, or leave it out for all"
        )
    [wanted] = found
    if wanted.layer != first:
        raise InputError(
            f"{wanted} does not look at the image itself; {first} does, ask for one of its units"
        )
    grid = net.layer(first).grid
    if wanted.position is None or len(grid) != 2:
        return wanted, at
    if at is not None:
        raise InputError(f"{wanted} and the position {at[0]},{at[1]} were asked; name one position")
    y, x = (size // 2 for size in grid) if wanted.position == "center" else wanted.position
    return wanted, (y, x)


def _maps(net: Net, first: FirstLayer, pixels: Floats) -> tuple[Floats, list[tuple[int, ...]]]:
    """What the layer answers, (K, h, w), and its positions in reading order; tokens in rows are a map as well."""
    batch = torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)[None]
    with tap(net, [first.layer.name]) as run:
        maps = run(batch)[first.layer.name][0].double().cpu().numpy()
    places = list(np.ndindex(*maps.shape[1:]))
    if maps.ndim == 3:
        return maps, places
    boxes = net.fields(first.layer.name).boxes([0] * len(places), places)
    rows, columns = (len(np.unique(boxes[:, axis])) for axis in (1, 0))
    in_order = (np.lexsort((boxes[:, 0], boxes[:, 1])) == np.arange(len(places))).all()
    if rows * columns != len(places) or not in_order:
        raise InputError(
            f"the positions of {first.layer.name} are no rows of patches: it has no response map"
        )
    return maps.reshape(len(maps), rows, columns), places


def _stride(boxes: NDArray[Any]) -> tuple[int, int]:
    """y and x pixels between neighbors of a map of boxes (h, w, 4); where there is one, the whole box.

    The median, because fields at a border that mirrors the image lie closer.
    """
    height, width = boxes.shape[:2]
    x0, y0, x1, y1 = boxes[0, 0]
    down = np.median(np.diff(boxes[:, width // 2, 1])) if height > 1 else y1 - y0
    across = np.median(np.diff(boxes[height // 2, :, 0])) if width > 1 else x1 - x0
    return max(int(down), 1), max(int(across), 1)


def _box(boxes: NDArray[Any], at: tuple[int, int], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The pixels under the filter at a position, beyond the border too: as far from a position inside as the strides say."""
    own = boxes[at]
    if not np.array_equal(own[2:] - own[:2], size[::-1]):
        usual = np.argwhere((boxes[..., 2:] - boxes[..., :2] == size[::-1]).all(-1))
        near = usual[np.abs(usual - at).sum(1).argmin()]
        shift = (np.array(at) - near) * _stride(boxes)
        own = boxes[tuple(near)] + np.tile(shift[::-1], 2)
    x0, y0, x1, y1 = (int(edge) for edge in own)
    return x0, y0, x1, y1


def _patch(
    net: Net, pixels: Floats, box: tuple[int, int, int, int], misses: Callable[[Floats], float]
) -> Floats:
    """(C, kh, kw) pixels in 0..1 under a box; outside the image as the layer goes on there.

    Zeros behind the normalization are, before it, the color that normalizes to zero. Or the image is mirrored, its border
    repeated, or its other side seen: that which explains the response best, by how much a patch `misses` it.
    """
    x0, y0, x1, y1 = box
    height, width, channels = pixels.shape
    over = max(-x0, -y0, x1 - width, y1 - height, 0)
    if over == 0:
        return pixels[y0:y1, x0:x1].transpose(2, 0, 1)
    ends = net.input.normalize(torch.tensor([0.0, 1.0]).view(2, 1, 1, 1).expand(2, channels, 1, 1))
    low, high = ends[:, :, 0, 0].double().numpy()
    zero = -low / (high - low)
    flat = np.empty((height + 2 * over, width + 2 * over, channels))
    flat[:] = zero[::-1] if net.input.order == "bgr" else zero
    flat[over : over + height, over : over + width] = pixels
    around = ((over, over), (over, over), (0, 0))
    continued = [flat, *(np.pad(pixels, around, mode=mode) for mode in CONTINUED)]
    inside = (slice(y0 + over, y1 + over), slice(x0 + over, x1 + over))
    return min((each[inside].transpose(2, 0, 1) for each in continued), key=misses)
