# SPDX-License-Identifier: Apache-2.0
"""What a pass keeps about a layer: small running values that are updated batch by batch, merged and saved."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from pellucid.errors import InputError
from pellucid.records import Layer
from pellucid.scan.responses import Integers, Responses

__all__ = ["PLAIN", "Arrays", "Given", "Reading", "Subscriber"]

Arrays = Mapping[str, np.ndarray[Any, Any]]
# What a subscriber made of a batch, to be taken in once the whole forward pass has gone well.
Reading = Callable[[], None]


@dataclass(frozen=True, eq=False)
class Given:
    """What running values depend on besides responses.

    Parameters
    ----------
    seed : which spots are drawn
    classes : (items,) the class of each row, -1 for none; None where the data has no classes
    class_count : how many classes there are
    per_class : whether the best item of each class is kept
    """

    seed: int = 0
    classes: Integers | None = None
    class_count: int = 0
    per_class: bool = False


PLAIN = Given()


class Subscriber(ABC):
    """A running value about all units of one layer.

    However items are split into batches, and in whatever order batches and merges come, `arrays` ends equal
    to the last bit. What is kept does not grow with the number of items.
    """

    def __init__(self, layer: Layer, given: Given = PLAIN) -> None:
        self.layer = layer
        self.given = given

    @classmethod
    def wanted(cls, given: Given) -> bool:
        """Whether a pass with these settings and this data keeps it."""
        return True

    @abstractmethod
    def reading(self, responses: Responses) -> Reading:
        """Reduce what passes by and will be overwritten; what is returned takes it in.

        One that is never called leaves no trace, so that a batch on which the net fails further on can be run again. Between a
        reading and its call there must be no other.
        """

    def update(self, responses: Responses) -> None:
        """Take in the items of one batch. An item must come once only."""
        self.reading(responses)()

    @abstractmethod
    def merge(self, other: Self) -> Self:
        """The value after the items of both, which must not share any."""

    @abstractmethod
    def result(self) -> Any:
        """What was found, as a frozen value."""

    @abstractmethod
    def arrays(self) -> Arrays:
        """All that is kept, in a form that is the same for the same items; not copies."""

    @classmethod
    def from_arrays(cls, layer: Layer, arrays: Arrays, given: Given = PLAIN) -> Self:
        """The value that `arrays` came from.

        Raises
        ------
        InputError : the arrays are not those of this layer
        """
        made = cls(layer, given)
        own = made.arrays_like(arrays)
        if {name: (array.shape, array.dtype) for name, array in own.items()} != {
            name: (array.shape, array.dtype) for name, array in arrays.items()
        }:
            raise InputError(f"the saved {cls.__name__} do not fit {layer.name} with its {layer.units} units")
        for name, array in own.items():
            np.copyto(array, arrays[name])
        return made

    def arrays_like(self, arrays: Arrays) -> Arrays:
        """What is kept, as large as in `arrays` where that depends on what was met; called on a fresh value."""
        return self.arrays()
