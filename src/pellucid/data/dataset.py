# SPDX-License-Identifier: Apache-2.0
"""Any PyTorch dataset, or list, that gives an item for a number, as a source."""

from __future__ import annotations

import functools
import hashlib
import os
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import IterableDataset

from pellucid.data.classes import Classed, Classes, classes_of_labels
from pellucid.data.decode import ItemProblem, rgb
from pellucid.data.labels import Labels, class_names, labels_of, within
from pellucid.data.listing import Listing, Numbered
from pellucid.data.pixels import OutOfRange, Pixels, channels_first, checked
from pellucid.errors import InputError, NoItems

__all__ = ["Dataset", "Rows"]

PICTURE_KEYS = ("image", "pixel_values", "img", "picture", "pixels")
TRIED_ROWS = 4


@runtime_checkable
class Rows(Protocol):
    """What has a length and gives an item for a number: a map-style dataset, a list, a tuple."""

    def __len__(self) -> int: ...

    def __getitem__(self, row: int, /) -> Any: ...


class Dataset(Classed):
    """The items of a dataset, asked for one at a time, as datasets seldom bear several threads.

    An item may be a PIL image, a uint8 array (h, w) or (h, w, C), a tensor (C, h, w) of uint8 or of floats in 0..1; a tuple
    that begins with one, its label second; or a mapping with one under `image` or `pixel_values`. What raises is skipped
    with its reason.

    Parameters
    ----------
    rows : its transform must give the same picture each time, and leave the normalization to the network

    Attributes
    ----------
    names : paths below `root` where the dataset lists files (`samples` or `imgs`), else the rows, as `000123`
    classes : by `targets` or `samples`, a column of labels, or the second of each pair or the label of each mapping in a list:
        whole numbers or words; no item is decoded for its label
    class_names : the dataset's `classes`, or the labels themselves
    notes : a line where labels are there that tell no classes
    listing_digest : a hash of names and first items

    Raises
    ------
    NoItems : it is empty
    InputError : it has no rows, is normalized, or gives another picture each time

    Examples
    --------
    >>> pairs = Dataset([(Image.new("L", (4, 3)), 1), (Image.new("L", (4, 3)), 0)])
    >>> list(pairs.names), pairs.classes.tolist()
    (['000000', '000001'], [1, 0])
    """

    credits: tuple[str, ...] = ()

    def __init__(self, rows: Rows) -> None:
        if isinstance(rows, IterableDataset):
            raise InputError(
                f"{type(rows).__name__} is iterable only: items are named by row; give a dataset with __getitem__"
            )
        self.name = type(rows).__name__
        self._rows = rows
        self._turn = threading.Lock()
        count = len(rows)
        if not count:
            raise NoItems(f"the {self.name} is empty; give one with items")
        self.names, self._order = _names(rows, count)
        self._first = self._try_out()

    def _find_classes(self) -> Classes:
        labels = self._labels
        if labels is None or isinstance(labels, str):
            return Classes()
        return classes_of_labels(
            labels if self._order is None else labels[self._order], class_names(self._rows)
        )

    @functools.cached_property
    def _labels(self) -> Labels | str | None:
        return labels_of(self._rows, len(self.names))

    @property
    def notes(self) -> tuple[str, ...]:
        return (self._labels,) if isinstance(self._labels, str) else ()

    @functools.cached_property
    def listing_digest(self) -> str:
        digest = hashlib.sha256(self._first)
        for name in self.names:
            digest.update(name.encode() + b"\0")
        return digest.hexdigest()

    def image(self, row: int) -> Image.Image | Pixels:
        """The item as upright RGB, or (h, w, C) uint8 or float32 in 0..1. Raises ItemProblem, or what the dataset raises."""
        place = range(len(self.names))[row]
        with self._turn:
            found = self._rows[place if self._order is None else int(self._order[place])]
            return _picture(found)

    def _try_out(self) -> bytes:
        """A hash of the first items, which must be pixels, and the same twice."""
        digest = hashlib.sha256()
        for row in range(min(TRIED_ROWS, len(self.names))):
            try:
                once, again = (np.asarray(self.image(row)) for _ in range(2))
            except OutOfRange as problem:
                raise InputError(
                    f"item {self.names[row]} of the {self.name} holds {problem}: leave Normalize out of the dataset's "
                    "transform, the network normalizes by itself"
                ) from problem
            except Exception:
                continue  # skipped with its reason when its turn comes
            if not np.array_equal(once, again):
                raise InputError(
                    f"item {self.names[row]} of the {self.name} is another picture each time it is asked for: leave random "
                    "transforms out, use those of evaluation"
                )
            digest.update(f"{once.shape} {once.dtype}".encode() + once.tobytes())
        return digest.digest()


def _picture(found: Any) -> Image.Image | Pixels:
    """The picture in what a dataset gave."""
    if isinstance(found, Mapping):
        key = next((key for key in PICTURE_KEYS if key in found), None)
        if key is None:
            raise ItemProblem(
                f"has no key {' or '.join(PICTURE_KEYS[:2])}, only {', '.join(map(str, found))}"[:200]
            )
        found = found[key]
    elif isinstance(found, (tuple, list)) and found:
        found = found[0]
    if isinstance(found, Image.Image):
        return rgb(found)
    if isinstance(found, Tensor):
        values: NDArray[Any] = found.detach().cpu().numpy()
        return checked(_channels_last(values, values.ndim == 3))
    if isinstance(found, np.ndarray):
        return checked(_channels_last(found, found.ndim == 3 and channels_first(found.shape)))
    raise ItemProblem(
        f"a {type(found).__name__}, no picture: a PIL image, a uint8 array or a float tensor in 0..1 was wanted"
    )


def _channels_last(values: NDArray[Any], turn: bool) -> NDArray[Any]:
    return values[..., None] if values.ndim == 2 else values.transpose(1, 2, 0) if turn else values


def _names(rows: Any, count: int) -> tuple[Sequence[str], NDArray[np.int64] | None]:
    """Names in the order of their bytes, and the place of each in the dataset where that is another."""
    paths = _paths(rows, count)
    if paths is None or len(set(paths)) < count:
        return Numbered(count), None
    order = np.array(sorted(range(count), key=paths.__getitem__), np.int64)
    return Listing(paths), None if (order == np.arange(count)).all() else order


def _paths(rows: Any, count: int) -> list[bytes] | None:
    """The path of each item below the dataset's root, where it lists them."""
    part = within(rows)
    if part is not None:
        whole = _paths(part[0], len(part[0]))
        return None if whole is None else [whole[int(place)] for place in part[1]]
    for field in ("samples", "imgs"):
        listed = getattr(rows, field, None)
        root = getattr(rows, "root", None)
        if isinstance(listed, Sequence) and len(listed) == count and isinstance(root, (str, os.PathLike)):
            paths = [each[0] if isinstance(each, (tuple, list)) and each else each for each in listed]
            if all(isinstance(path, (str, os.PathLike)) for path in paths):
                relative = [os.path.relpath(path, root).replace(os.sep, "/") for path in paths]
                return (
                    None if any(each.startswith("..") for each in relative) else [*map(os.fsencode, relative)]
                )
    return None
