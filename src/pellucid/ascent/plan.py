# SPDX-License-Identifier: Apache-2.0
"""Which goals are climbed together, at which size: from the net, the goals and the settings alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pellucid.ascent.goal import Goal
from pellucid.ascent.memory import (
    in_words,
    is_huge,
    picture_bytes,
    refuse_more_than,
    refuse_what_never_fits,
)
from pellucid.ascent.objective import Objective, Target, Term
from pellucid.ascent.settings import ClimbSettings
from pellucid.errors import InputError
from pellucid.models.net import Net
from pellucid.records import Unit, UnitQuery

__all__ = ["Batch", "batch_size", "batches", "checked", "has_room", "picture_size"]

LEAST_SIDE = 96
# Enough for one object as classifiers see it: on SqueezeNet's last layers pictures of 128 reach the activation per position of
# those of 160 and 224, are as clear, and take a third of the time.
MOST_SIDE = 128
# Widths that fast convolutions and Fourier transforms like.
SIDE_STEP = 16
# Where more pictures at a time stopped paying: on two cores from 8 on, on large GPUs later.
MOST_TOGETHER = {"cpu": 32, "cuda": 256}
# Kinds that are below zero only where the layer is.
SIDED = ("channel", "excitation", "neuron", "logit")


@dataclass(frozen=True)
class Batch:
    """Goals climbed together; `places` says where each stands in the caller's list."""

    goals: tuple[Goal, ...]
    places: tuple[int, ...]
    size: tuple[int, int]
    capacity: int

    @property
    def group(self) -> int:
        """How many goals stand together as pictures of one objective."""
        return self.goals[0].pictures

    @property
    def padded(self) -> tuple[Goal, ...]:
        """As many goals as the capacity: the last group is repeated, so that shapes never depend on what is left over."""
        missing = (self.capacity - len(self.goals)) // self.group
        return self.goals + self.goals[-self.group :] * missing

    def halves(self) -> list[Batch]:
        """The same goals in two batches of half the capacity; one batch where a group fills it."""
        groups = self.capacity // self.group
        capacity = (groups + 1) // 2 * self.group
        return [
            Batch(
                self.goals[start : start + capacity],
                self.places[start : start + capacity],
                self.size,
                capacity,
            )
            for start in range(0, len(self.goals), capacity)
        ]


def checked(net: Net, goals: Sequence[Goal]) -> list[Goal]:
    """The goals, with layers and labels as the net names them.

    Raises
    ------
    UnknownName : a layer, unit or label that the net does not have
    InputError : a rectified layer is to be lowered, a vector does not fit the layer, or a group of pictures is not whole
    """
    found = [_checked(net, goal) for goal in goals]
    for place, goal in enumerate(found):
        first = place - goal.picture
        if first < 0 or [each.picture for each in found[first : first + goal.pictures]] != [
            *range(goal.pictures)
        ]:
            raise InputError(f"{goal.unit}: its {goal.pictures} pictures must stand one after another")
    return found


def ends_at_zero(net: Net, aim: Objective, sign: int) -> bool:
    """Whether the objective has no side of that sign: all its terms are never below zero, and are to be lowered."""
    return all(
        term.weight * sign < 0
        and all(
            each.kind == "layer" or (each.kind in SIDED and net.layer(each.unit.layer).rectified)
            for each in term.readings
        )
        for term in aim.terms
    )


def _checked(net: Net, goal: Goal) -> Goal:
    terms = tuple(_resolved_term(net, term) for term in goal.aim.terms)
    aim = replace(goal.aim, terms=terms)
    sided = [each for each in aim.readings if each.kind in SIDED]
    # The squares of a layer may be lowered where that is asked: to rest is something that a layer can do.
    if sided and ends_at_zero(net, aim, goal.sign):
        layer = net.layer(sided[0].unit.layer)
        instead = (
            f"ask for the layers that feed it: {', '.join(layer.fed_by)}"
            if layer.fed_by
            else "ask for sign + only"
        )
        raise InputError(
            f"{goal.unit} has no negative optimum: {layer.name} ends in its own ReLU, so it is never below 0; {instead}"
        )
    objective = None if goal.objective is None else aim
    kept = None if goal.kept is None else replace(goal.kept, layer=net.layer(goal.kept.layer).name)
    for given in (goal.start, goal.given):
        if given is not None and len(given.pixels) != net.input.channels:
            raise InputError(
                f"a given picture of {len(given.pixels)} channels; {net.name} takes {net.input.channels}"
            )
    return replace(goal, unit=_resolved(net, goal.unit), objective=objective, kept=kept)


def _resolved_term(net: Net, term: Term) -> Term:
    units = net.layer(term.unit.layer).units
    if term.vector and len(term.vector) != units:
        raise InputError(f"{term.unit.layer} has {units} units, the vector has {len(term.vector)} numbers")
    factors = tuple(_resolved_term(net, each) for each in term.factors)
    return replace(term, unit=_resolved(net, term.unit), factors=factors)


def _resolved(net: Net, target: Target) -> Target:
    """A unit of the net; a whole layer stays a query, with the name that the net gives it."""
    if isinstance(target, Unit) or target.label is not None:
        return net.units([target])[0]
    layer = net.layer(target.layer)
    if target.position is not None:
        net.units([Unit(layer.name, 0, target.position)])  # refuses a position that is not there
    return UnitQuery(layer.name, position=target.position)


def picture_size(
    net: Net, layers: Sequence[str], asked: tuple[int, int] | None = None, *, memory: int | None = None
) -> tuple[int, int]:
    """(height, width) of the pictures for these layers: as asked, or from the largest receptive field.

    Without a wish, a side is as long as the receptive field, within 96 to 128 pixels, but never longer than the net's own
    input; a net that accepts one size only gets that size.

    Raises
    ------
    InputError : the net does not accept the size asked, or one picture of it takes more than `memory`
    """
    own = net.input.size
    if asked is not None:
        huge = is_huge(net, asked)
        if memory is not None and huge:
            refuse_what_never_fits(net, layers, asked, memory)
        if not all(net.accepts(asked, layer) for layer in layers):
            raise InputError(
                f"{net.name} was asked for pictures of {asked[0]}x{asked[1]}; it accepts {own[0]}x{own[1]} only"
            )
        if memory is not None and not huge:
            refuse_what_never_fits(net, layers, asked, memory)
        return asked
    fields = [_field(net, layer) for layer in layers]
    height, width = (
        min(whole, _side(max(field[axis] for field in fields))) for axis, whole in enumerate(own)
    )
    return (height, width) if net.accepts((height, width)) else own


def _field(net: Net, layer: str) -> tuple[int, ...]:
    """(height, width) of what a unit of the layer sees, at most the whole input; a layer without [y, x] may see all of it."""
    field = net.layer(layer).receptive_field
    return field if field is not None and len(field) == 2 else net.input.size


def _side(field: int) -> int:
    return min(MOST_SIDE, max(LEAST_SIDE, math.ceil(field / SIDE_STEP) * SIDE_STEP))


def has_room(net: Net, layer: str, size: tuple[int, int]) -> bool:
    """Whether a picture of that size holds all that a unit of the layer sees, or as much as the default size would."""
    return all(side >= min(field, MOST_SIDE) for side, field in zip(size, _field(net, layer), strict=True))


def seen(net: Net, layers: Sequence[str]) -> int:
    """The side of the largest receptive field, in pixels."""
    return max(max(_field(net, layer)) for layer in layers)


def batch_size(net: Net, layers: Sequence[str], settings: ClimbSettings) -> int:
    """How many pictures fit into `settings.memory`; at most what still makes them faster.

    Raises
    ------
    InputError : not one picture fits, or not the batch asked
    """
    size = picture_size(net, layers, settings.size, memory=settings.memory)
    each = picture_bytes(net, layers, size) * settings.copies
    fitting = max(1, settings.memory // each)
    if settings.batch is not None:
        # Twice the memory: a batch planned on another machine is not refused for an estimate a little higher here.
        if settings.batch > 2 * fitting:
            raise InputError(
                f"a batch of {settings.batch} pictures of {size[0]}x{size[1]} would take about "
                f"{in_words(settings.batch * each)}, the memory allowed is {in_words(settings.memory)}; {fitting} fit"
            )
        return settings.batch
    refuse_more_than(each, net, size, settings.memory)
    most = MOST_TOGETHER.get(net.device.type, min(MOST_TOGETHER.values()))
    return min(max(1, most // settings.copies), fitting)


def batches(net: Net, goals: Sequence[Goal], settings: ClimbSettings) -> list[Batch]:
    """The goals in batches of one cut of the net each, in the order in which their cuts first appear.

    With `settings.batch` each batch has that capacity; without it, goals are shared out evenly over as few batches as the
    memory allows. Pictures of one objective stay together.

    Raises
    ------
    InputError : a batch that does not hold all pictures of one objective, or what `batch_size` refuses
    """
    groups: dict[tuple[tuple[str, ...], tuple[int, int] | None, int], list[int]] = {}
    for place, goal in enumerate(goals):
        size = settings.size or goal.size or (net.input.size if _at_numbers(goal) else None)
        if goal.size is not None and goal.size != size:
            raise InputError(
                f"{goal.unit}: pictures of {size} and a given one of {goal.size}; leave the size out, or give it so"
            )
        groups.setdefault((goal.layers, size, goal.pictures), []).append(place)
    planned = []
    for (layers, size, pictures), places in groups.items():
        capacity = _capacity(net, layers, replace(settings, size=size), len(places), pictures)
        size = picture_size(net, layers, size)
        for start in range(0, len(places), capacity):
            chosen = tuple(places[start : start + capacity])
            planned.append(Batch(tuple(goals[place] for place in chosen), chosen, size, capacity))
    return planned


def _at_numbers(goal: Goal) -> bool:
    """Whether a position is given by numbers: they count on the grid of the net's own input size."""
    return any(isinstance(each.unit.position, tuple) for each in goal.aim.readings)


def _capacity(net: Net, layers: Sequence[str], settings: ClimbSettings, goals: int, pictures: int) -> int:
    """How many goals a batch holds, in whole groups of `pictures`."""
    most = batch_size(net, layers, settings)
    if settings.batch is not None:
        if most < pictures:
            raise InputError(
                f"a batch of {most} does not hold {pictures} pictures of one objective; they are made together"
            )
        return most // pictures * pictures
    most = max(1, most // pictures)
    return pictures * math.ceil(goals / pictures / math.ceil(goals / pictures / most))
