# SPDX-License-Identifier: Apache-2.0
"""Images smaller than what a net is fed: how far they are enlarged, and when so little is there that nothing can be seen."""

from __future__ import annotations

from collections.abc import Iterable

from pellucid.data.decode import ItemProblem
from pellucid.models.fed_image import FedImage
from pellucid.records import Layer

__all__ = ["checked_size", "enlargement"]


def enlargement(image: FedImage) -> float:
    """How many times as large an image is fed as it was; at most 1 for one that was not enlarged."""
    return max(fed / own for fed, own in zip(image.placement.resized, image.placement.item, strict=True))


def checked_size(image: FedImage, layers: Iterable[Layer]) -> str:
    """In one line what a reader should know of an image that had to be enlarged; nothing where it was not.

    Parameters
    ----------
    layers : that are looked at

    Raises
    ------
    ItemProblem : it is smaller than what a unit of any of them sees at once, so that they would answer to blur alone
    """
    times = enlargement(image)
    if times <= 1:
        return ""
    wide, tall = image.placement.item
    size = f"{image.name} is {wide} x {tall} pixels"
    seen = [(layer, layer.receptive_field) for layer in layers if layer.receptive_field != ()]
    if not seen:
        return ""
    beyond = [layer.name for layer, field in seen if field is None or tall < field[0] or wide < field[-1]]
    known = [(layer, field) for layer, field in seen if field is not None and len(field) == 2]
    if known and len(beyond) == len(seen):
        layer, field = min(known, key=lambda each: each[1][0] * each[1][1])
        raise ItemProblem(
            f"{size}, smaller than the {field[1]} x {field[0]} that a unit of {layer.name} sees at once: enlarged it would be "
            "blur and nothing else; give a larger picture"
        )
    height, width = image.placement.size
    said = f"{times:.0f}" if times >= 10 else f"{times:.2g}"
    words = f"{size}, smaller than the {width} x {height} that the net is fed: it was enlarged {said} times"
    if beyond:
        more = f" and {len(beyond) - 2} more" if len(beyond) > 2 else ""
        words += f", and units of {', '.join(beyond[:2])}{more} see more than all of it"
    return words
