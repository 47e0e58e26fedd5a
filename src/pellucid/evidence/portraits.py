# SPDX-License-Identifier: Apache-2.0
"""The pictures that stand for units beside others: from an atlas, of the weights on pixels, or climbed for a moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from PIL import Image

from pellucid.ascent import ClimbSettings, Goal, band_sheet, climb
from pellucid.circuits import PIXELS, expanded_weights, fed_by
from pellucid.errors import InputError, PellucidError
from pellucid.evidence.combination import signed_pixels
from pellucid.evidence.connections import Sided
from pellucid.evidence.job import Held, Progress
from pellucid.figures import Blob, Item, Items, Partner, Picture
from pellucid.figures.stamp import write_png
from pellucid.models import Net
from pellucid.records import Unit

__all__ = ["Portraits", "climbed", "filters_of", "from_atlas", "reads_pixels", "with_filters"]

# The kinds whose pictures may stand for a unit, the first that there is: of the first layer its filter says more than an optimum.
KINDS = ("filters", "optimum", "examples")
TOGETHER = 16  # pictures that are climbed at once
LARGEST_FILTER_PX = 32  # of layers that read the pixels, those that see more are shown by their optimum


@dataclass(frozen=True, eq=False)
class Portraits:
    """Pictures by address of the unit; `filters` are those that are weights on pixels, whose sums mean nothing more."""

    images: Mapping[str, Image.Image]
    filters: frozenset[str] = frozenset()

    def __or__(self, other: Portraits) -> Portraits:
        return Portraits({**self.images, **other.images}, self.filters | other.filters)


def from_atlas(held: Held | None, addresses: Iterable[str]) -> Portraits:
    """Those that an atlas has."""
    found: dict[str, Image.Image] = {}
    filters = set[str]()
    for address in addresses if held is not None else ():
        kind, image = _picture_of(held, address) if held is not None else ("", None)
        if image is not None:
            found[address] = image
            filters |= {address} if kind == "filters" else set()
    return Portraits(found, frozenset(filters))


def filters_of(net: Net, addresses: Iterable[str]) -> Portraits:
    """Of units that read the input itself, through a small window: their weights on the pixels."""
    by_layer: dict[str, list[int]] = {}
    for address in addresses:
        layer, _, number = address.rpartition(":")
        by_layer.setdefault(layer, []).append(int(number))
    found: dict[str, Image.Image] = {}
    for layer, indices in by_layer.items():
        if reads_pixels(net, layer):
            for index, kernels in expanded_weights(net, layer, indices, [PIXELS]):
                found[f"{layer}:{index}"] = signed_pixels(kernels[PIXELS].maps)
    return Portraits(found, frozenset(found))


def reads_pixels(net: Net, layer: str) -> bool:
    """Whether a layer reads the input itself, as a sum, through a window small enough to be shown."""
    field = net.layer(layer).receptive_field
    if field is None or len(field) != 2 or max(field) > LARGEST_FILTER_PX:
        return False
    try:
        return fed_by(net, layer) == (PIXELS,)
    except InputError:
        return False


def with_filters(sided: Sided, shown: Portraits) -> Sided:
    """The same partners, those whose weights on the pixels are among the pictures with them."""

    def pictured(one: Partner) -> Partner:
        if one.unit not in shown.filters:
            return one
        image = shown.images[one.unit]
        return replace(one, picture=Blob.of(write_png(image, {"method": "weights on the pixels"})))

    return Sided(tuple(map(pictured, sided.positive)), tuple(map(pictured, sided.negative)))


def climbed(
    net: Net, addresses: Sequence[str], steps: int, seed: int, progress: Progress | None = None
) -> Portraits:
    """The optimum of each unit after some steps, all climbed together; none of a layer that cannot be climbed.

    Units of one layer have one size of picture, and share its batches.
    """
    by_layer: dict[str, list[str]] = {}
    for address in addresses:
        by_layer.setdefault(address.rpartition(":")[0], []).append(address)
    done, total = 0, len(by_layer) * steps
    found: dict[str, Image.Image] = {}
    for layer, own in by_layer.items():

        def report(step: int, _: int, before: int = done) -> None:
            if progress is not None:
                progress(before + step, total, "steps")

        goals = [Goal(Unit(layer, int(address.rpartition(":")[2]))) for address in own]
        settings = ClimbSettings(steps=steps, seed=seed, batch=min(len(goals), TOGETHER))
        try:
            pictures = climb(net, goals, settings, on_step=report)
        except (
            PellucidError
        ):  # a size that the net does not take, a layer that gives nothing: it stays without
            pictures = []
        for address, one in zip(own, pictures, strict=False):
            pixels = one.picture
            found[address] = Image.fromarray(pixels if pixels.shape[2] == 3 else band_sheet(pixels))
        done += steps
    return Portraits(found)


def _picture_of(held: Held, address: str) -> tuple[str, Image.Image | None]:
    layer, _, index = address.rpartition(":")
    for kind in KINDS:
        record = held.record(kind, layer, int(index))
        for figure in () if record is None else record.figures.values():
            if isinstance(figure, Picture):
                return kind, held.blob(figure.blob.hash).image()
            if isinstance(figure, Items) and figure.items and figure.items[0].preview is not None:
                return kind, _crop(held, figure.items[0])
    return "", None


def _crop(held: Held, item: Item) -> Image.Image | None:
    if item.preview is None:
        return None
    whole = held.blob(item.preview.hash).image()
    across, down = whole.width / (item.width or whole.width), whole.height / (item.height or whole.height)
    x0, y0, x1, y1 = item.crop
    return whole.crop((round(x0 * across), round(y0 * down), round(x1 * across), round(y1 * down)))
