# SPDX-License-Identifier: Apache-2.0
"""The class of each item, where the data has classes: as the folders that the items lie in tell it, or as given."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["NO_CLASS", "Classed", "Classes", "classes_by_folder", "classes_of_labels"]

NO_CLASS = -1


@dataclass(frozen=True, eq=False)
class Classes:
    """A class for each row, and what the classes are called.

    Parameters
    ----------
    of_rows : (N,) int32, places in `names`; NO_CLASS for an item that has none. None where the data has no classes
    names : one for each class
    """

    of_rows: NDArray[np.int32] | None = None
    names: tuple[str, ...] = ()


class Classed(ABC):
    """A source that finds its classes when they are first asked for.

    Attributes
    ----------
    classes : (N,) int32, each row's place in `class_names`, NO_CLASS for an item that has none; None where the data has none
    class_names : what the classes are called
    """

    @abstractmethod
    def _find_classes(self) -> Classes: ...

    @functools.cached_property
    def _found_classes(self) -> Classes:
        return self._find_classes()

    @property
    def classes(self) -> NDArray[np.int32] | None:
        return self._found_classes.of_rows

    @property
    def class_names(self) -> tuple[str, ...]:
        return self._found_classes.names


def classes_by_folder(names: Sequence[str], *, apart: Collection[int] = ()) -> Classes:
    """Classes by folder: every item lies in one, there are two at least, and one of them has two items.

    The folders that count are those under what all names have in common: `cat` and `dog` of `train/cat/1.png`,
    `train/dog/1.png`. Items in deeper folders belong to the same class.

    Parameters
    ----------
    names : POSIX paths sorted by their bytes, so that a folder's items are one run
    apart : rows of what cannot be read; a stray link beside the folders of classes does not hide them

    Examples
    --------
    >>> found = classes_by_folder(["cat/1.png", "cat/2.png", "dog/a/1.png"])
    >>> found.names, found.of_rows.tolist()
    (('cat', 'dog'), [0, 0, 1])
    >>> classes_by_folder(["cat/1.png", "dog/1.png", "2.png"]).of_rows is None
    True
    """
    first = next((row for row in range(len(names)) if row not in apart), None)
    if first is None:
        return Classes()
    last = next(row for row in range(len(names) - 1, -1, -1) if row not in apart)
    level = _shared_folders(names[first], names[last])
    of_rows = np.full(len(names), NO_CLASS, np.int32)
    found: dict[str, int] = {}
    for row, name in enumerate(names):
        parts = name.split("/", level + 1)
        if len(parts) > level + 1:
            of_rows[row] = found.setdefault(parts[level], len(found))
        elif row not in apart:
            return Classes()
    if not 2 <= len(found) < len(names):
        return Classes()
    return Classes(of_rows, tuple(found))


def _shared_folders(first: str, last: str) -> int:
    """How many folders all names share that lie between these two in the order of bytes."""
    shared = 0
    for one, other in zip(first.split("/")[:-1], last.split("/")[:-1], strict=False):
        if one != other:
            break
        shared += 1
    return shared


def classes_of_labels(labels: NDArray[Any], names: Sequence[str] | None = None) -> Classes:
    """Classes as whole numbers or words tell them: places in `names`, if they can be; else each label is its own name.

    >>> found = classes_of_labels(np.array([7, 3, 7]))
    >>> found.names, found.of_rows.tolist()
    (('3', '7'), [1, 0, 1])
    """
    numbers = labels.dtype.kind in "iu"
    if numbers and names is not None and len(labels) and labels.min() >= 0 and labels.max() < len(names):
        return Classes(labels.astype(np.int32), tuple(names))
    values, places = np.unique(labels, return_inverse=True)
    return Classes(places.reshape(-1).astype(np.int32), tuple(str(value) for value in values))
