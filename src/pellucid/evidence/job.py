# SPDX-License-Identifier: Apache-2.0
"""What a kind of evidence declares, and the job: the unit of work and of commit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pellucid.data import Source
from pellucid.errors import InputError
from pellucid.figures import Blob
from pellucid.models.net import Net
from pellucid.records import Kind, Record, Unit
from pellucid.scan import Scanned

__all__ = ["Evidence", "Given", "Held", "Job", "Progress", "Settings", "by_layer", "shared_out"]

Settings = Mapping[str, Any]

# Called with (done, total, what): how far a long work has come.
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Job:
    """Units of one layer whose records are made, and committed, together.

    `full` is how many units a job of this layer has when it is not the last one: work is padded to it, so that shapes, and
    with them the last bits of results, never depend on what is left over.
    """

    name: str
    layer: str
    indices: tuple[int, ...]
    full: int

    def to_json(self) -> list[Any]:
        return [self.name, self.layer, list(self.indices), self.full]

    @classmethod
    def from_json(cls, row: Sequence[Any]) -> Job:
        return cls(row[0], row[1], tuple(row[2]), row[3])


class Held(Protocol):
    """What an atlas holds already, as `pellucid.store.Atlas` tells it."""

    def record(self, kind: str, layer: str, index: int | None) -> Record | None:
        """One record, or None where there is none; its blobs are names only."""

    def blob(self, hash: str) -> Blob:
        """The blob of that name, with its bytes."""


@dataclass(frozen=True)
class Given:
    """What a job may draw on beside the net.

    `scanned` is the pass over the data that kinds which need the scan share; `source` the data itself, for kinds that read it on
    their own; `held` the records of the kinds that this one reads. Each is None where a kind does not declare that it
    needs it, `held` also where there is no atlas. `progress` is told how far the work inside the job has come, so that a long
    one does not look like a hang; nothing that is made depends on it.
    """

    scanned: Scanned | None = None
    source: Source | None = None
    held: Held | None = None
    progress: Progress | None = None

    def tell(self, done: int, total: int, what: str) -> None:
        """Say how far the job has come, where someone listens."""
        if self.progress is not None:
            self.progress(done, total, what)

    def telling(self, what: str) -> Callable[[int, int], None]:
        """The same as a function of (done, total)."""
        return lambda done, total: self.tell(done, total, what)


def shared_out(kind: str, layer: str, indices: Sequence[int], most: int) -> list[Job]:
    """The units of a layer in as few jobs of at most `most` as there can be, evenly filled.

    >>> [len(job.indices) for job in shared_out("optimum", "conv1", range(40), 16)]
    [14, 14, 12]
    """
    jobs = -(-len(indices) // most)
    full = -(-len(indices) // max(jobs, 1))
    starts = range(0, len(indices), full) if indices else ()
    return [
        Job(f"{kind}/{layer}/{turn}", layer, tuple(indices[start : start + full]), full)
        for turn, start in enumerate(starts)
    ]


class Evidence(Protocol):
    """The names that a module must have to be a kind of evidence.

    `NEEDS` is `weights`, `scan`, `ascent`, `stimuli` or `data`: where its numbers come from. Kinds that need the scan share one
    pass; a kind that needs `data` reads the items itself. `READS` names kinds whose records this one draws on where the atlas has
    them: they are made before it. `SETTINGS` names what may be set.
    `settings` completes what the user asked; its values are JSON, are kept in the plan, and decide everything that the
    records depend on. `units` says which units this kind is about when those were asked. `plan` shares units out in jobs; one
    that may take longer than seconds tells `Given.progress` how far it has come.
    """

    KIND: Kind
    NEEDS: str
    READS: tuple[str, ...]
    SETTINGS: frozenset[str]

    def settings(self, net: Net, asked: Settings) -> dict[str, Any]: ...

    def units(self, net: Net, units: Sequence[Unit]) -> list[Unit]: ...

    def plan(self, net: Net, units: Sequence[Unit], settings: Settings) -> list[Job]: ...

    def run(self, net: Net, job: Job, settings: Settings, given: Given) -> Iterable[Record]: ...


def by_layer(units: Iterable[Unit]) -> dict[str, tuple[int, ...]]:
    """The indices of each layer, in the order given, each once.

    >>> by_layer([Unit("a", 3), Unit("b", 0), Unit("a", 1)])
    {'a': (3, 1), 'b': (0,)}
    """
    found: dict[str, dict[int, None]] = {}
    for unit in units:
        if unit.position is not None:
            raise InputError(
                f"{unit} names one position, evidence is about all of them; leave out what follows @"
            )
        found.setdefault(unit.layer, {})[unit.index] = None
    return {layer: tuple(indices) for layer, indices in found.items()}
