# SPDX-License-Identifier: Apache-2.0
"""The agreement of a filter with every patch of one image, taken apart at one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from pellucid.data import fed, open_image
from pellucid.errors import InputError, UnknownName
from pellucid.kernels import Page, Probe, agreement, agreement_figure, kernel_from, response_sheet, strongest
from pellucid.models import Model, Net, opened, tap
from pellucid.records import Unit

__all__ = ["Response", "respond"]


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
    image: str | Path | Image.Image,
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
    image : a file, or an RGB or gray picture
    kernel : rows as `0 1 0; 1 -4 1; 0 1 0`, a name as `laplacian` or `gabor:45,0.1`, or an array (kh, kw); correlated without
        padding with the gray image (Rec. 601 luma) in 0..1
    net, unit : instead of a kernel: a unit of the layer that looks at the image, with the layer's own padding and stride and
        the net's normalization, on the image as the net is fed it; without `unit` all units of that layer
    at : (y, x) in the response map to take apart; where the response is strongest in magnitude when left out
    pad : `reflect` or `zero`, for a kernel
    color : the kernel on red, green and blue one by one

    Raises
    ------
    InputError : a kernel that is not rectangular or larger than the image, a position outside the map, a layer that does not
        look at the image itself
    UnknownName : no such file, name of a kernel, layer or unit

    Examples
    --------
    >>> import numpy as np
    >>> from PIL import Image
    >>> halves = Image.fromarray(np.repeat([0, 255], 4)[:, None].repeat(8, 1).astype(np.uint8))
    >>> respond(halves, kernel="0 1 0; 1 -4 1; 0 1 0").maps[:, 0].tolist()
    [0.0, 0.0, 1.0, -1.0, 0.0, 0.0]
    """
    if (kernel is None) == (net is None):
        raise InputError(
            "name a kernel, as 0 1 0; 1 -4 1; 0 1 0, or a model with a first layer: one of the two"
        )
    picture = image if isinstance(image, Image.Image) else _opened(Path(image))
    if net is not None:
        return _of_net(picture, opened(net), unit, at)
    weights = kernel_from(kernel) if isinstance(kernel, str) else np.asarray(kernel, float)
    found = agreement(picture, weights, pad=pad, color=color)
    probe = found.probe(at)
    shown = found.response if found.response.ndim == 2 else found.response[..., _channel(probe)]
    words = kernel if isinstance(kernel, str) else "kernel"
    page = agreement_figure(
        picture, shown, probe, title=f"The agreement of {words} with every patch of the image"
    )
    source = {"method": "respond", "kernel": weights.tolist(), "pad": pad, "color": color}
    return Response(found.response, probe, page, source)


def _opened(path: Path) -> Image.Image:
    if not path.is_file():
        raise UnknownName(f"there is no picture {str(path)!r}")
    return open_image(path)


def _channel(probe: Probe) -> int:
    return ("red", "green", "blue").index(probe.channel or "red")


def _of_net(image: Image.Image, net: Net, unit: str | Unit | None, at: tuple[int, int] | None) -> Response:
    first = net.first_layer()
    pixels, _ = fed(image, net.input.recipe)
    batch = torch.from_numpy(pixels.astype(np.float32) / 255).permute(2, 0, 1)[None]
    with tap(net, [first.layer.name]) as run:
        maps = run(batch)[first.layer.name][0].double().cpu().numpy()
    if maps.ndim != 3:
        raise InputError(f"{first.layer.name} sees the whole image at once: it has no response map")
    source = {
        "method": "respond",
        "net": net.name,
        "weights_digest": net.weights_digest,
        "layer": first.layer.name,
    }
    if unit is None:
        title = f"What the {len(maps)} filters of {first.layer.name} answer"
        return Response(maps, None, response_sheet(maps, image=pixels, title=title), source)
    [wanted] = net.units([unit]) if not isinstance(unit, str) or ":" in unit else [_no_index(unit)]
    if wanted.layer != first.layer.name:
        raise InputError(
            f"{wanted} does not look at the image itself; {first.layer.name} does, ask for one of its units"
        )
    response = maps[wanted.index]
    y, x = strongest(response) if at is None else at
    if not (0 <= y < response.shape[0] and 0 <= x < response.shape[1]):
        raise InputError(
            f"the response at y {y}, x {x} was asked; y runs from 0 to {response.shape[0] - 1}, "
            f"x from 0 to {response.shape[1] - 1}"
        )
    x0, y0, x1, y1 = net.fields(wanted.layer).box(wanted.index, (y, x))
    probe = Probe(
        y,
        x,
        (x0, y0, x1, y1),
        _patch(net, pixels, (x0, y0, x1, y1)),
        first.weight[wanted.index].double().cpu().numpy(),
        float(first.bias[wanted.index]),
    )
    down, across = first.layer.stride or (1, 1)
    title = f"The agreement of {wanted} with every patch of the image"
    page = agreement_figure(
        pixels if pixels.shape[2] == 3 else pixels[..., 0],
        response,
        probe,
        stride=(down, across),
        title=title,
    )
    return Response(response, probe, page, {**source, "unit": str(wanted)})


def _no_index(layer: str) -> Unit:
    raise InputError(f"{layer!r} names no unit; write LAYER:INDEX, as {layer}:17, or leave it out for all")


def _patch(net: Net, pixels: NDArray[np.uint8], box: tuple[int, int, int, int]) -> NDArray[np.float64]:
    """(C, kh, kw) pixels in 0..1 under a box; outside the image what the layer's padding stands for.

    Padding puts zeros behind the normalization; before it, that is the color which normalizes to zero.
    """
    x0, y0, x1, y1 = box
    height, width, channels = pixels.shape
    ends = net.input.normalize(torch.tensor([0.0, 1.0]).view(2, 1, 1, 1).expand(2, channels, 1, 1))
    low, high = ends[:, :, 0, 0].double().numpy()
    zero = -low / (high - low)
    patch = np.empty((channels, y1 - y0, x1 - x0))
    patch[:] = (zero[::-1] if net.input.order == "bgr" else zero)[:, None, None]
    top, left, bottom, right = max(y0, 0), max(x0, 0), min(y1, height), min(x1, width)
    inside = pixels[top:bottom, left:right].transpose(2, 0, 1) / 255
    patch[:, top - y0 : bottom - y0, left - x0 : right - x0] = inside
    return patch
