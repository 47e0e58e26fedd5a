# SPDX-License-Identifier: Apache-2.0
"""What is known of a batch of climbs once they are over: each start and each picture read again, without transforms."""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor

from pellucid.ascent.ascend import Trail
from pellucid.ascent.canvas import CanvasShape
from pellucid.ascent.diagnosis import HARDLY, Facts
from pellucid.ascent.goal import Goal
from pellucid.ascent.pictures import clipped_share, departure
from pellucid.ascent.plan import Batch, has_room
from pellucid.ascent.probes import Probed, probed
from pellucid.ascent.readings import Scores
from pellucid.ascent.references import References
from pellucid.ascent.saved import Saved
from pellucid.models import channels_together, tap
from pellucid.models.net import Net
from pellucid.records import Unit

__all__ = ["facts_of"]


def facts_of(net: Net, batch: Batch, trail: Trail, start: Saved, pictures: Saved) -> list[Facts]:
    """What the pictures themselves tell, in float32 and without transforms."""
    goals = batch.padded
    scores, references = Scores(goals, net.device), References(goals, net.device)
    with tap(net, scores.layers) as tapped:
        run = channels_together(net, scores.layers, tapped)
        given = references(run)
        initial = scores(run(start.fed(net.device)), given).tolist()
        responses = run(pictures.fed(net.device))
        final = scores(responses, given).tolist()
        extremes = [_extreme(responses, row, goal) for row, goal in enumerate(batch.goals)]
    moved = [goal.sign * (final[row] - initial[row]) for row, goal in enumerate(goals)]
    # What ends on the wrong side of zero may have been held there by a rectifier.
    doubtful = [
        row
        for row, goal in enumerate(batch.goals)
        if not trail.reached[row]
        or not moved[row] > HARDLY * max(abs(initial[row]), abs(final[row]))
        or not goal.sign * final[row] > 0
    ]
    found = probed(
        net,
        [goals[row] for row in doubtful],
        CanvasShape(net.input.channels, *batch.size),
        lost=[not trail.reached[row] for row in doubtful],
    )
    probes: dict[int, Probed] = dict(zip(doubtful, found, strict=True))
    room = all(has_room(net, layer, batch.size) for layer in scores.layers)
    return [
        Facts(
            initial=initial[row],
            final=final[row],
            sign=goal.sign,
            finite=bool(trail.finite[row]),
            reached=bool(trail.reached[row]),
            probed=probes.get(row),
            clipped=clipped_share(pictures.pixels[row]),
            departure=departure(pictures.pixels[row]),
            room=room,
            steps=int(trail.taken[row]),
            extreme=extremes[row],
        )
        for row, goal in enumerate(batch.goals)
    ]


def _extreme(responses: Mapping[str, Tensor], row: int, goal: Goal) -> float | None:
    """The response of the goal's unit where it is largest, or of a lowered one smallest; None for what is no whole unit."""
    unit = goal.unit
    if not isinstance(unit, Unit) or unit.position is not None or unit.layer not in responses:
        return None
    found = goal.sign * float((goal.sign * responses[unit.layer][row, unit.index]).max())
    return found if math.isfinite(found) else None
