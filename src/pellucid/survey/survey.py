# SPDX-License-Identifier: Apache-2.0
"""The survey: plans kinds of evidence over units, runs what is not done yet, and commits job by job into an atlas."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from pellucid.data import Data, Source, open_source
from pellucid.errors import FinishedWithProblems, InputError
from pellucid.evidence import EVIDENCE, USUAL, Given, evidence
from pellucid.evidence.job import Job, Progress, Settings, by_layer
from pellucid.models import Model, Net, opened
from pellucid.records import Unit, UnitQuery
from pellucid.scan import STATE_FORM, Scanned, ScanState, refuse_unreadable, refuse_without_classes, scan
from pellucid.store import AtlasWriter
from pellucid.survey.estimate import Estimate, estimate
from pellucid.survey.plan import DataFacts, NetFacts, Pass, Plan, extended

__all__ = ["SurveyReport", "survey"]

# A kill costs at most this much of a pass over the data.
CHECKPOINT_SECONDS = 10.0
# What a kind may need that comes from data.
FROM_DATA = ("scan", "data")


@dataclass(frozen=True)
class SurveyReport:
    """What a survey did: the atlas, its digest, and of how many units.

    Parameters
    ----------
    digest : None for a plan that was not run
    units : that the atlas is about: those found done and those done now
    done : units of which a record was made now
    resumed : units of which every record was there already
    jobs, jobs_done, jobs_resumed : the same of jobs, which make the records of one kind for some units of one layer
    skipped : (item, reason) pairs
    notes : lines about how far the records can be relied on
    problems : what `strict` does not let pass: items that were skipped, weights that hold NaN
    """

    atlas: Path
    digest: str | None
    plan: dict[str, Any]
    units: int
    done: int
    resumed: int
    jobs: int
    jobs_done: int
    jobs_resumed: int
    skipped: tuple[tuple[str, str], ...] = ()
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    estimate: Estimate | None = field(default=None, compare=False)

    def to_json(self) -> dict[str, Any]:
        row: dict[str, Any] = {
            "atlas": str(self.atlas),
            "digest": self.digest,
            "plan": self.plan,
            "units": self.units,
            "done": self.done,
            "resumed": self.resumed,
            "jobs": self.jobs,
            "jobs_done": self.jobs_done,
            "jobs_resumed": self.jobs_resumed,
            "skipped": [{"item": item, "reason": reason} for item, reason in self.skipped],
            "seconds": round(self.seconds, 3),
        }
        if self.notes:
            row["notes"] = list(self.notes)
        return row if self.estimate is None else {**row, "estimate": self.estimate.to_json()}


def survey(
    net: Model,
    data: Data | None,
    atlas: str | Path,
    *units: str | Unit | UnitQuery,
    kinds: Sequence[str] | None = None,
    settings: Settings | None = None,
    strict: bool = False,
    plan_only: bool = False,
    progress: Progress | None = None,
    **asked: Any,
) -> SurveyReport:
    """Make an atlas: every kind of evidence for every unit asked, in a file that survives interruption.

    The same call again goes on where the last one stopped and ends with the same digest. A call with more units or kinds
    adds them and redoes nothing.

    Parameters
    ----------
    net : a net, or what `load` takes
    data : a folder of images, an archive, an array, a dataset or `demo`, see the page on data; None when no kind needs data
    atlas : the file to write, by custom `NAME.atlas`
    units : as `features.7:0-15`; none means all units of the layers before each non-linearity, and of `logits`
    kinds : names of `EVIDENCE`; those in `USUAL` by default
    settings, asked : `seed`, `steps`, `size`, `canvas`, `transforms`, `sign`, `batch`, `memory`, `per_class`, as a mapping or one
        by one: what is not named has its default
    strict : raise at the end when an item was skipped
    plan_only : say what would be done, and stop

    Returns
    -------
    SurveyReport

    Raises
    ------
    InputError : unknown names, an atlas of another net or data, or made with other settings
    AtlasInUse : another process writes this atlas
    NoSpace, StorageError : the disk is full or broken; what is committed is kept
    FinishedWithProblems : under `strict`
    """
    started = time.monotonic()
    seen, wishes = opened(net), {**(settings or {}), **asked}
    names = _in_order(USUAL if kinds is None else kinds)
    source = None if data is None else open_source(data)
    needing = [name for name in names if evidence(name).NEEDS in FROM_DATA]
    if source is None and needing:
        raise InputError(
            f"{', '.join(needing)} need data: name a folder of images, or leave {', '.join(needing)} out of the evidence"
        )
    if source is not None and wishes.get("per_class"):
        refuse_without_classes(source)
    chosen = seen.units(units) if units else seen.units([layer.name for layer in seen.default_layers()])
    facts = None if source is None else DataFacts.of(source)
    empty = Plan(NetFacts.of(seen), facts, torch.get_num_threads())
    # Planned before any file is made: what cannot be done leaves nothing behind.
    plan = extended(empty, seen, names, chosen, wishes)
    if plan_only:
        guess = estimate(seen, source, plan)
        return SurveyReport(
            Path(atlas), None, plan.to_json(), len(chosen), 0, 0, len(plan.jobs()), 0, 0, estimate=guess
        )
    if source is not None and needing and not Path(atlas).exists():
        refuse_unreadable(seen, source)
    with _opened_for(atlas) as writer:
        if not writer.is_empty:
            plan = extended(_held(writer, empty), seen, names, chosen, wishes)
        _prepare(writer, plan, seen, source)
        with _threads(plan.threads):
            run, told = _run(writer, plan, seen, source, progress)
        damaged = [] if seen.damage is None else [seen.damage]
        notes = (*damaged, *_nothing_made(seen, plan, names), *told)
        jobs, all_units = len(plan.jobs()), len(plan.units())
        done = len({Unit(job.layer, index) for job in run for index in job.indices})
        report = SurveyReport(
            Path(atlas),
            writer.digest(),
            plan.to_json(),
            all_units,
            done,
            all_units - done,
            jobs,
            len(run),
            jobs - len(run),
            tuple(writer.skipped()),
            time.monotonic() - started,
            notes,
            _problems(seen, writer.skipped()),
        )
        writer.note(
            {
                "event": "finished",
                "seconds": report.seconds,
                "resumed": report.jobs_resumed,
                "done": report.jobs_done,
                **({"notes": list(notes)} if notes else {}),
            }
        )
    if strict and report.problems:
        raise FinishedWithProblems(f"{'; '.join(report.problems)}; the atlas is complete but for that")
    return report


def _problems(net: Net, skipped: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """What a survey under `strict` is not done with."""
    found = []
    if skipped:
        found.append(f"{len(skipped)} items were skipped, the first {skipped[0][0]}: {skipped[0][1]}")
    if net.damage is not None:
        found.append(net.damage)
    return tuple(found)


def _nothing_made(net: Net, plan: Plan, kinds: Sequence[str]) -> list[str]:
    """Why kinds that were asked have not one job."""
    found = []
    for name in kinds:
        if any(each.kind == name for each in plan.passes):
            continue
        why = "no unit that was asked has any"
        if name == "filters":
            try:
                net.first_layer()
            except InputError as error:
                why = str(error)
        found.append(f"no {name}: {why}")
    return found


@contextmanager
def _opened_for(atlas: str | Path) -> Iterator[AtlasWriter]:
    """The atlas to write; where what was asked cannot be done and nothing is in it, it goes, out of the next call's way."""
    with AtlasWriter.open(atlas) as writer:
        try:
            yield writer
        except InputError:
            if writer.is_empty:
                writer.discard()
            raise


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Compute with so many threads, and with as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _held(writer: AtlasWriter, asked: Plan) -> Plan:
    """The plan that the atlas holds; refuses another net or other data."""
    held = Plan.from_json(writer.plan)
    if difference := held.net.difference(asked.net):
        raise InputError(f"{writer.path} is the atlas {difference}; write a new atlas")
    if held.data is None:
        return replace(held, data=asked.data)
    if asked.data is not None and held.data.digest != asked.data.digest:
        if not _rests_on_data(writer, held):
            return replace(held, data=asked.data)
        raise InputError(
            f"{writer.path} was made from {held.data.items} items of {held.data.name}, "
            f"the data now has {asked.data.items} of other names or sizes; give the same data or write a new atlas"
        )
    return held


def _rests_on_data(writer: AtlasWriter, held: Plan) -> bool:
    """Whether anything in the atlas was made from its data: a finished job, a pass under way, or a look beside examples."""
    marked = writer.done_jobs()
    if any(writer.load_state(_state_key(each.number)) is not None for each in held.passes):
        return True
    made = any(evidence(each.kind).NEEDS in FROM_DATA and job.name in marked for each, job in held.jobs())
    return made or any(kind.name not in EVIDENCE for kind in writer.kinds())


def _prepare(writer: AtlasWriter, plan: Plan, net: Net, source: Source | None) -> None:
    """Write everything that the work depends on, before the work."""
    writer.put_card(net.card())
    writer.put_layers(net.layers())
    # What others have put beside, as looks at images, stays.
    others = [kind for kind in writer.kinds() if kind.name not in EVIDENCE]
    planned = [evidence(name).KIND for name in EVIDENCE if any(each.kind == name for each in plan.passes)]
    writer.put_kinds([*planned, *others])
    if source is not None:
        writer.put_items(source.names)
    writer.put_plan(plan.to_json())


def _run(
    writer: AtlasWriter, plan: Plan, net: Net, source: Source | None, progress: Progress | None
) -> tuple[list[Job], tuple[str, ...]]:
    """Run the jobs that carry no mark; these, and what the passes over data have to say."""
    jobs = plan.jobs()
    marked = writer.done_jobs()
    todo = [(each, job) for each, job in jobs if job.name not in marked]
    finished = len(jobs) - len(todo)
    scans: dict[int, Scanned] = {}
    for place, (each, job) in enumerate(todo):
        if evidence(each.kind).NEEDS == "scan" and each.number not in scans:
            waiting = [other for one, other in todo if one.number == each.number]
            scans[each.number] = _scan_pass(writer, each, net, source, waiting, progress)
        if progress is not None:
            progress(finished + place, len(jobs), "jobs")
        found = scans.get(each.number)
        records = evidence(each.kind).run(
            net, job, each.settings, _given(writer, each, found, source, progress)
        )
        writer.commit_job(job.name, records, skipped=_skipped(found))
    if progress is not None:
        progress(len(jobs), len(jobs), "jobs")
    for number in scans:
        writer.drop_state(_state_key(number))
    notes = dict.fromkeys(note for scanned in scans.values() for note in scanned.notes)
    return [job for _, job in todo], tuple(notes)


def _in_order(kinds: Sequence[str]) -> list[str]:
    """The kinds asked, each once, in the order of the table: what one reads is made before it."""
    for name in kinds:
        evidence(name)  # refuses what is no kind
    return [name for name in EVIDENCE if name in kinds]


def _given(
    writer: AtlasWriter,
    each: Pass,
    scanned: Scanned | None,
    source: Source | None,
    progress: Progress | None,
) -> Given:
    """What a job of that pass may draw on: no more than its kind declares."""
    kind = evidence(each.kind)
    if kind.NEEDS == "data" and source is None:
        raise _no_data(writer, each)
    own = source if kind.NEEDS == "data" else None
    return Given(scanned, own, writer if kind.READS else None, progress)


def _no_data(writer: AtlasWriter, each: Pass) -> InputError:
    return InputError(f"{writer.path} holds {each.kind}, which needs its data to go on; name it")


def _state_key(number: int) -> str:
    """Where the state of a pass is kept; what an earlier form of states left is never met."""
    return f"scan/{number}/{STATE_FORM}"


def _scan_pass(
    writer: AtlasWriter,
    each: Pass,
    net: Net,
    source: Source | None,
    waiting: Sequence[Job],
    progress: Progress | None,
) -> Scanned:
    """The pass over the data, from where an earlier one was stopped; its state is saved every few seconds and at its end."""
    if source is None:
        raise _no_data(writer, each)
    key, settings = _state_key(each.number), each.settings
    saved = time.monotonic()

    def keep(state: ScanState) -> None:
        nonlocal saved
        if progress is not None:
            progress(state.next_row, state.total, "items")
        if state.next_row >= state.total or time.monotonic() - saved > CHECKPOINT_SECONDS:
            writer.save_state(key, state.to_bytes())
            saved = time.monotonic()

    try:
        return scan(
            net,
            source,
            each.layers(),
            batch=settings["batch"],
            seed=settings.get("seed", 0),
            per_class=settings.get("per_class", False),
            shown=by_layer(Unit(job.layer, index) for job in waiting for index in job.indices),
            state=writer.load_state(key),
            on_batch=keep,
        )
    except InputError:
        writer.drop_state(key)  # such data fails again, and other data begin anew
        raise


def _skipped(scanned: Scanned | None) -> list[tuple[int, str]]:
    """Row and reason of the items that could not be read."""
    if scanned is None or not scanned.skipped:
        return []
    rows = {name: row for row, name in enumerate(scanned.names)}
    return [(rows[name], reason) for name, reason in scanned.skipped]
