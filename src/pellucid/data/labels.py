# SPDX-License-Identifier: Apache-2.0
"""The labels of a dataset's items, as far as they can be told without decoding any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Labels", "class_names", "labels_of", "within"]

LABEL_KEYS = ("label", "labels", "fine_label", "target", "class")

Labels = NDArray[np.int64] | NDArray[np.str_]


def labels_of(rows: Any, count: int) -> Labels | str | None:
    """One whole number or word for each item; a line where there are labels that are neither; None where there are none.

    >>> labels_of([("picture", 3), ("picture", 5)], 2).tolist(), labels_of([("picture", "cat")], 1).tolist()
    ([3, 5], ['cat'])
    >>> labels_of([("picture", 0.5), ("picture", 0.7)], 2)
    'the labels are float, no whole numbers or words: there are no classes'
    """
    part = within(rows)
    if part is not None:
        whole = labels_of(part[0], len(part[0]))
        return whole if whole is None or isinstance(whole, str) else whole[np.asarray(part[1], np.int64)]
    missed: str | None = None
    for listed in _candidates(rows):
        found = _settled(listed, count)
        if not isinstance(found, str):
            return found
        missed = missed or found
    return missed


def _candidates(rows: Any) -> list[Any]:
    """What may hold the labels of all items, the most telling first."""
    found = [
        getattr(rows, "targets", None),
        getattr(rows, "labels", None),
        *getattr(rows, "tensors", ())[1:2],
    ]
    if isinstance(rows, (list, tuple)):
        found.append(_of_items(rows))
    samples = getattr(rows, "samples", None) or getattr(rows, "imgs", None)
    if isinstance(samples, Sequence) and all(isinstance(each, (tuple, list)) for each in samples):
        found.append([each[1] for each in samples if len(each) > 1])
    columns = getattr(rows, "column_names", None)
    if isinstance(columns, Sequence):
        found += [rows[key] for key in LABEL_KEYS if key in columns][:1]
    return [
        each
        for each in found
        if isinstance(each, (Sequence, np.ndarray, Tensor)) and len(each) and not _none(each)
    ]


def _none(listed: Any) -> bool:
    return isinstance(listed, (list, tuple)) and all(each is None for each in listed)


def _of_items(rows: Sequence[Any]) -> list[Any]:
    """The second of each pair in a list, or what stands in each mapping under a name for labels; none where an item has none."""
    if all(isinstance(each, Mapping) for each in rows):
        key = next((key for key in LABEL_KEYS if all(key in each for each in rows)), None)
        return [] if key is None else [each[key] for each in rows]
    if all(isinstance(each, (list, tuple)) and len(each) > 1 for each in rows):
        return [each[1] for each in rows]
    return []


def _settled(listed: Any, count: int) -> Labels | str:
    """Whole numbers or words, one for each item; else a line."""
    found = np.asarray(listed.cpu() if isinstance(listed, Tensor) else _plain(listed))
    if found.shape != (count,):
        return "the labels are not one for each item: there are no classes"
    if found.dtype.kind in "iub":
        return found.astype(np.int64)
    if found.dtype.kind == "U":
        if 1 < count == len(np.unique(found)):  # captions, or names of files
            return "the labels are words, each of one item only: there are no classes"
        return found.astype(np.str_)
    kind = found[0] if found.dtype.kind == "O" else found.dtype.name.rstrip("0123456789")
    return f"the labels are {kind}, no whole numbers or words: there are no classes"


def _plain(listed: Sequence[Any] | NDArray[Any]) -> Any:
    """Labels as an array takes them: a number in a tensor of its own as that number; of what is no label, as a mask, its kind."""
    if isinstance(listed, np.ndarray):
        return listed
    plain = [each.item() if isinstance(each, Tensor) and each.numel() == 1 else each for each in listed]
    kinds = {str if isinstance(each, str) else bool(np.isscalar(each)) for each in plain}
    if len(kinds) == 1 and False not in kinds:
        return plain
    kept = np.empty(len(plain), object)
    kept[:] = [type(each).__name__ for each in plain]
    return kept


def class_names(rows: Any) -> list[str] | None:
    """What the classes are called, where the dataset says so."""
    part = within(rows)
    if part is not None:
        return class_names(part[0])
    names = getattr(rows, "classes", None)
    features = getattr(rows, "features", None)
    if names is None and isinstance(features, Mapping):
        key = next((key for key in LABEL_KEYS if key in features), None)
        names = getattr(features[key], "names", None) if key is not None else None
    if isinstance(names, str) or not isinstance(names, Sequence):
        return None
    return list(names) if all(isinstance(name, str) for name in names) else None


def within(rows: Any) -> tuple[Any, Sequence[int]] | None:
    """The dataset of which this is a part, and the places of the part's items, as torch's Subset has them."""
    whole, places = getattr(rows, "dataset", None), getattr(rows, "indices", None)
    return None if whole is None or places is None else (whole, places)
