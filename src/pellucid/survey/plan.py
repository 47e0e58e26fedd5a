# SPDX-License-Identifier: Apache-2.0
"""The plan of a survey: everything its records depend on, written into the atlas before the work and read back on resume."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pellucid.data import Source
from pellucid.errors import InputError, did_you_mean
from pellucid.evidence import EVIDENCE, Job, evidence
from pellucid.evidence.job import Settings
from pellucid.models.net import Net
from pellucid.records import Unit, canonical_json

__all__ = ["DataFacts", "NetFacts", "Pass", "Plan", "extended"]

# What every survey may be told, also one whose kinds have no use for it.
GENERAL = frozenset({"seed", "memory", "batch"})


@dataclass(frozen=True)
class DataFacts:
    """Which data an atlas was made from: its name, the number of items, and the digest of their names."""

    name: str
    items: int
    digest: str
    credits: tuple[str, ...] = ()

    @classmethod
    def of(cls, source: Source) -> DataFacts:
        return cls(source.name, len(source.names), source.listing_digest, tuple(source.credits))

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "items": self.items, "digest": self.digest, "credits": list(self.credits)}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> DataFacts:
        return cls(row["name"], row["items"], row["digest"], tuple(row["credits"]))


@dataclass(frozen=True)
class Pass:
    """One kind of evidence with one set of settings, as jobs. A later wish adds a pass, and never redoes one."""

    number: int
    kind: str
    settings: Settings
    jobs: tuple[Job, ...]

    def units(self) -> set[Unit]:
        """The units whose records this pass makes."""
        return {Unit(job.layer, index) for job in self.jobs for index in job.indices}

    def layers(self) -> list[str]:
        """The layers of its jobs, each once."""
        return list(dict.fromkeys(job.layer for job in self.jobs))

    def to_json(self) -> dict[str, Any]:
        jobs = [job.to_json() for job in self.jobs]
        return {"number": self.number, "kind": self.kind, "settings": dict(self.settings), "jobs": jobs}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Pass:
        return cls(
            row["number"], row["kind"], row["settings"], tuple(Job.from_json(job) for job in row["jobs"])
        )


@dataclass(frozen=True)
class NetFacts:
    """Which net an atlas was made from: the digest of its weights, what it is fed, and the digest of how its layers lie.

    The same weights in other code, or fed in another way, make another net.
    """

    weights: str
    input: Mapping[str, Any]
    layers: str

    @classmethod
    def of(cls, net: Net) -> NetFacts:
        layers = canonical_json([layer.to_json() for layer in net.layers()])
        return cls(net.weights_digest, net.input.to_json(), hashlib.sha256(layers.encode()).hexdigest())

    def to_json(self) -> dict[str, Any]:
        return {"weights": self.weights, "input": dict(self.input), "layers": self.layers}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> NetFacts:
        return cls(row["weights"], row["input"], row["layers"])

    def difference(self, asked: NetFacts) -> str:
        """Why `asked` is another net, in words; empty where it is the same."""
        if self.weights != asked.weights:
            return f"of another network (weights {self.weights[:12]}, asked {asked.weights[:12]})"
        for name in sorted(set(self.input) | set(asked.input)):
            held, wanted = self.input.get(name), asked.input.get(name)
            if held != wanted:
                return f"of this network fed in another way ({name} {held}, asked {wanted})"
        return (
            "of a network with these weights whose layers lie differently"
            if self.layers != asked.layers
            else ""
        )


@dataclass(frozen=True)
class Plan:
    """The passes of an atlas, over one net and one set of data (None where no kind needs data).

    `threads` is how many threads of the processor compute: another number changes the last bits of responses, so a survey
    that goes on elsewhere computes with the same number.
    """

    net: NetFacts
    data: DataFacts | None
    threads: int
    passes: tuple[Pass, ...] = ()

    def to_json(self) -> dict[str, Any]:
        data = None if self.data is None else self.data.to_json()
        passes = [each.to_json() for each in self.passes]
        return {"net": self.net.to_json(), "data": data, "threads": self.threads, "passes": passes}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Plan:
        data = None if row["data"] is None else DataFacts.from_json(row["data"])
        passes = tuple(Pass.from_json(each) for each in row["passes"])
        return cls(NetFacts.from_json(row["net"]), data, row["threads"], passes)

    def units(self) -> set[Unit]:
        """All units of all passes."""
        return {unit for each in self.passes for unit in each.units()}

    def jobs(self) -> list[tuple[Pass, Job]]:
        """All jobs, pass by pass, in a pass breadth first: the first of every layer before the second of any.

        So a survey that was stopped has begun with all layers.
        """
        ordered: list[tuple[int, int, Pass, Job]] = []
        for each in self.passes:
            turns: dict[str, int] = {}
            for job in each.jobs:
                turns[job.layer] = turns.get(job.layer, -1) + 1
                ordered.append((each.number, turns[job.layer], each, job))
        return [(each, job) for _, _, each, job in sorted(ordered, key=lambda row: row[:2])]


def extended(plan: Plan, net: Net, kinds: Sequence[str], units: Sequence[Unit], asked: Settings) -> Plan:
    """`plan` with a pass for each kind and unit that it does not cover yet.

    Raises
    ------
    InputError : the atlas holds that kind made with other settings, or a setting that no kind has
    """
    modules = {name: evidence(name) for name in kinds}
    # What another kind knows is no mistake: the same options may stand in every call that adds a kind.
    known = GENERAL.union(*(evidence(name).SETTINGS for name in EVIDENCE))
    for wish in asked:
        if wish not in known:
            raise InputError(f"no setting {wish!r}; {did_you_mean(wish, sorted(known), 24)}")
    for name, module in modules.items():
        settings = module.settings(net, {wish: asked[wish] for wish in asked if wish in module.SETTINGS})
        earlier = [each for each in plan.passes if each.kind == name]
        for each in earlier:
            _check_same(name, each.settings, settings)
        covered = set[Unit]().union(*(each.units() for each in earlier))
        missing = [unit for unit in module.units(net, units) if unit not in covered]
        if missing:
            number = len(plan.passes)
            jobs = [replace(job, name=f"{number}/{job.name}") for job in module.plan(net, missing, settings)]
            plan = replace(plan, passes=(*plan.passes, Pass(number, name, settings, tuple(jobs))))
    return plan


def _check_same(kind: str, held: Settings, asked: Settings) -> None:
    for name in sorted(set(held) | set(asked)):
        if held.get(name) != asked.get(name):
            raise InputError(
                f"the atlas holds {kind} made with {name} {held.get(name)}, {name} {asked.get(name)} was asked; "
                f"go on with {name} {held.get(name)}, or write a new atlas"
            )
