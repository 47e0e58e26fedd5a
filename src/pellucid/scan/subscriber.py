# SPDX-License-Identifier: Apache-2.0
"""What a pass keeps about a layer: small running values that are updated batch by batch, merged and saved."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from pellucid.errors import InputError
from pellucid.records import Layer
from pellucid.scan.responses import Responses

__all__ = ["Arrays", "Subscriber"]

Arrays = Mapping[str, np.ndarray[Any, Any]]


class Subscriber(ABC):
    """A running value about all units of one layer.

    However items are split into batches, and in whatever order batches and merges come, `arrays` ends equal
    to the last bit. What is kept does not grow with the number of items.
    """

    def __init__(self, layer: Layer) -> None:
        self.layer = layer

    @abstractmethod
    def update(self, responses: Responses) -> None:
        """Take in the items of one batch. An item must come once only."""

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
    def from_arrays(cls, layer: Layer, arrays: Arrays) -> Self:
        """The value that `arrays` came from.

        Raises
        ------
        InputError : the arrays are not those of this layer
        """
        made = cls(layer)
        own = made.arrays()
        if {name: (array.shape, array.dtype) for name, array in own.items()} != {
            name: (array.shape, array.dtype) for name, array in arrays.items()
        }:
            raise InputError(f"the saved {cls.__name__} do not fit {layer.name} with its {layer.units} units")
        for name, array in own.items():
            np.copyto(array, arrays[name])
        return made
