# SPDX-License-Identifier: Apache-2.0
"""Which goals are climbed together, at which size: from the net, the goals and the settings alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pellucid.ascent.objective import Goal, Objective
from pellucid.ascent.settings import ClimbSettings
from pellucid.errors import InputError
from pellucid.models.net import Net
from pellucid.models.taps import tap

__all__ = ["Batch", "batch_size", "batches", "checked", "has_room", "picture_size"]

LEAST_SIDE = 96
# Enough for one object as classifiers see it: on SqueezeNet's last layers pictures of 128 reach the activation per position of
# those of 160 and 224, are as clear, and take a third of the time.
MOST_SIDE = 128
# Widths that fast convolutions and Fourier transforms like.
SIDE_STEP = 16
# Where more pictures at a time stopped paying: on two cores from 8 on, on large GPUs later.
MOST_TOGETHER = {"cpu": 32, "cuda": 256}
# What is kept for the backward pass is about half of the peak.
PEAK_OVER_KEPT = 2


@dataclass(frozen=True)
class Batch:
    """Goals climbed together; `places` says where each stands in the caller's list."""

    goals: tuple[Goal, ...]
    places: tuple[int, ...]
    size: tuple[int, int]
    capacity: int

    @property
    def padded(self) -> tuple[Goal, ...]:
        """As many goals as the capacity: the last is repeated, so that shapes never depend on what is left over."""
        return self.goals + self.goals[-1:] * (self.capacity - len(self.goals))


def checked(net: Net, goals: Sequence[Goal]) -> list[Goal]:
    """The goals, with layers named as the net names them.

    Raises
    ------
    UnknownName : a layer or unit that the net does not have
    InputError : a rectified layer is to be lowered
    """
    return [_checked(net, goal) for goal in goals]


def _checked(net: Net, goal: Goal) -> Goal:
    terms = tuple(replace(term, unit=net.units([term.unit])[0]) for term in goal.aim.terms)
    layers = [net.layer(term.unit.layer) for term in terms]
    if all(
        layer.rectified and term.weight * goal.sign < 0 for layer, term in zip(layers, terms, strict=True)
    ):
        fed_by = layers[0].fed_by
        instead = f"ask for the layers that feed it: {', '.join(fed_by)}" if fed_by else "ask for sign + only"
        raise InputError(
            f"{goal.unit} has no negative optimum: {layers[0].name} ends in its own ReLU, so it is never below 0; {instead}"
        )
    objective = None if goal.objective is None else Objective(terms)
    return Goal(net.units([goal.unit])[0], goal.sign, objective)


def picture_size(net: Net, layers: Sequence[str], asked: tuple[int, int] | None = None) -> tuple[int, int]:
    """(height, width) of the pictures for these layers: as asked, or from the largest receptive field.

    Without a wish, a side is as long as the receptive field, within 96 to 128 pixels, but never longer than the net's own
    input; a net that accepts one size only gets that size.

    Raises
    ------
    InputError : the net does not accept the size asked
    """
    own = net.input.size
    if asked is not None:
        if not all(net.accepts(asked, layer) for layer in layers):
            raise InputError(
                f"{net.name} was asked for pictures of {asked[0]}x{asked[1]}; it accepts {own[0]}x{own[1]} only"
            )
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


def batch_size(net: Net, layers: Sequence[str], settings: ClimbSettings) -> int:
    """How many pictures fit into `settings.memory`, from a forward pass of one; at most what still makes them faster."""
    size = picture_size(net, layers, settings.size)
    most = MOST_TOGETHER.get(net.device.type, min(MOST_TOGETHER.values()))
    return max(1, min(most, settings.memory // (PEAK_OVER_KEPT * _kept_bytes(net, layers, size))))


def _kept_bytes(net: Net, layers: Sequence[str], size: tuple[int, int]) -> int:
    """Bytes that one picture keeps for its backward pass, in float32."""
    kept: dict[int, int] = {}
    weights = {weight.untyped_storage().data_ptr() for weight in net.module.parameters()}

    def count(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with (
        torch.inference_mode(False),
        tap(net, layers, grad=True) as run,
        torch.autograd.graph.saved_tensors_hooks(count, lambda kept: kept),
    ):
        run(torch.full((1, net.input.channels, *size), 0.5, device=net.device).requires_grad_())
    return max(1, sum(kept.values()))


def batches(net: Net, goals: Sequence[Goal], settings: ClimbSettings) -> list[Batch]:
    """The goals in batches of one cut of the net each, in the order in which their cuts first appear.

    With `settings.batch` each batch has that capacity; without it, goals are shared out evenly over as few batches as the
    memory allows.
    """
    groups: dict[tuple[str, ...], list[int]] = {}
    for place, goal in enumerate(goals):
        groups.setdefault(goal.aim.layers, []).append(place)
    planned = []
    for layers, places in groups.items():
        most = settings.batch or batch_size(net, layers, settings)
        capacity = settings.batch or math.ceil(len(places) / math.ceil(len(places) / most))
        size = picture_size(net, layers, settings.size)
        for start in range(0, len(places), capacity):
            chosen = tuple(places[start : start + capacity])
            planned.append(Batch(tuple(goals[place] for place in chosen), chosen, size, capacity))
    return planned
