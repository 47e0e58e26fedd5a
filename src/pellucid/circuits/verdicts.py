# SPDX-License-Identifier: Apache-2.0
"""Which of a net's outputs a class of the data is: by its number, or by its name among the net's labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pellucid.data import NO_CLASS, Source
from pellucid.models import OUTPUT, Net

__all__ = ["outputs_of_classes", "right_outputs"]


def right_outputs(net: Net, source: Source) -> NDArray[np.int64]:
    """(N,) for each item the output that is right for it; -1 where the data does not tell, or no output has that name.

    Where two outputs have the name of a class, none is right for it: one of them would be a guess.
    """
    classes = source.classes
    if classes is None:
        return np.full(len(source.names), -1, np.int64)
    outputs = outputs_of_classes(source.class_names, net.labels, net.layer(OUTPUT).units)
    known = np.where(classes == NO_CLASS, 0, classes)
    return np.where(classes == NO_CLASS, -1, np.asarray(outputs, np.int64)[known])


def outputs_of_classes(names: Sequence[str], labels: Sequence[str] | None, outputs: int) -> list[int]:
    """For each class its output, -1 where there is none.

    A label may list several words for one thing, parted by commas; a class may be any of them. Case, underscores and a WordNet
    number in front do not count.

    >>> outputs_of_classes(["n02123045_tabby", "Red Fox", "goat"], ["tabby, tabby cat", "red_fox", "crane"], 3)
    [0, 1, -1]
    >>> outputs_of_classes(["0", "7"], None, 10)
    [0, 7]
    """
    if labels is None:
        return [int(name) if name.isdecimal() and int(name) < outputs else -1 for name in names]
    places: dict[str, set[int]] = {}
    for place, label in enumerate(labels):
        for word in {_plain(label), *(_plain(part) for part in label.split(","))}:
            places.setdefault(word, set()).add(place)
    found = [places.get(_plain(name), set[int]()) for name in names]
    return [next(iter(each)) if len(each) == 1 else -1 for each in found]


def _plain(name: str) -> str:
    words = name.replace("_", " ").casefold().split()
    numbered = len(words) > 1 and words[0][:1] == "n" and words[0][1:].isdigit()
    return " ".join(words[1:] if numbered else words)
