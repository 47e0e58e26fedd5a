# SPDX-License-Identifier: Apache-2.0
"""How far a pass has come, as bytes: the next row, what was skipped, every running value."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from pellucid.errors import InputError
from pellucid.records import Layer, canonical_json
from pellucid.scan.bands import Bands
from pellucid.scan.classes import Classes
from pellucid.scan.moments import Moments
from pellucid.scan.peaks import Peaks
from pellucid.scan.responses import Responses
from pellucid.scan.spots import Spots
from pellucid.scan.subscriber import PLAIN, Given, Reading, Subscriber

__all__ = ["STATE_FORM", "SUBSCRIBERS", "ScanState", "subscribers"]

# Of the bytes that a state is saved as; 1 had bands and moments only, 2 bins that ended at 2**-20. A state of another form is
# no use to a pass.
STATE_FORM = 3

# What a pass keeps about each of its layers, where it is wanted.
SUBSCRIBERS: Mapping[str, type[Subscriber]] = {
    "bands": Bands,
    "moments": Moments,
    "spots": Spots,
    "peaks": Peaks,
    "classes": Classes,
}


def subscribers(given: Given) -> Mapping[str, type[Subscriber]]:
    """Those that a pass keeps, by name."""
    return {name: kind for name, kind in SUBSCRIBERS.items() if kind.wanted(given)}


@dataclass
class ScanState:
    """A pass over data, between two batches.

    Parameters
    ----------
    facts : JSON values that a resumed pass must share: net, input, items, batch size, layers
    layers : in the order asked
    total : items in the listing
    given : the seed, and what the data says about its items
    next_row : items done; the next batch begins here
    problems : (row, reason) of the items that could not be read, or that the net did not bear
    size : items run at once since memory ran out; None where it never did
    notes : lines about how far the responses can be relied on, once the net was looked into
    running : the running values, by layer and by name in SUBSCRIBERS
    """

    facts: Mapping[str, Any]
    layers: Sequence[Layer]
    total: int
    given: Given = PLAIN
    next_row: int = 0
    problems: list[tuple[int, str]] = field(default_factory=list)
    size: int | None = None
    notes: list[str] = field(default_factory=list)
    looked_into: bool = False
    running: dict[str, dict[str, Subscriber]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for layer in self.layers:
            kept = {name: kind(layer, self.given) for name, kind in subscribers(self.given).items()}
            self.running.setdefault(layer.name, kept)

    def readings(self, layer: str, responses: Responses) -> list[Reading]:
        """Reduce what a layer answers to some items; called, they take it in."""
        return [subscriber.reading(responses) for subscriber in self.running[layer].values()]

    def to_bytes(self) -> bytes:
        """Everything but the layers; equal bytes for equal progress. Arrays only: reading it runs no code."""
        story = {
            "facts": self.facts,
            "next_row": self.next_row,
            "problems": self.problems,
            "size": self.size,
            "notes": self.notes if self.looked_into else None,
        }
        tensors = {"story": np.frombuffer(canonical_json(story).encode(), np.uint8)}
        for place, layer in enumerate(self.layers):
            for name, value in self.running[layer.name].items():
                tensors |= {f"{place}/{name}/{key}": array for key, array in value.arrays().items()}
        return save(tensors)

    def load_bytes(self, data: bytes) -> None:
        """Take up the progress that `to_bytes` saved.

        Raises
        ------
        InputError : the bytes are damaged, or of another pass
        """
        try:
            tensors = load(data)
            story = json.loads(tensors.pop("story").tobytes())
            next_row, notes = int(story["next_row"]), [str(note) for note in story["notes"] or ()]
            looked_into = story["notes"] is not None
            problems = [(int(row), str(why)) for row, why in story["problems"]]
            size = None if story["size"] is None else int(story["size"])
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"the saved state of the scan is damaged ({error}); scan from the start"
            ) from error
        for name, wanted in self.facts.items():
            if story["facts"].get(name) != json.loads(canonical_json(wanted)):
                raise InputError(f"the saved state is of a scan with another {name}; scan from the start")
        self.next_row, self.problems = next_row, problems
        self.size, self.notes, self.looked_into = size, notes, looked_into
        for place, layer in enumerate(self.layers):
            for name, kind in subscribers(self.given).items():
                start = f"{place}/{name}/"
                own = {
                    key.removeprefix(start): array for key, array in tensors.items() if key.startswith(start)
                }
                self.running[layer.name][name] = kind.from_arrays(layer, own, self.given)
