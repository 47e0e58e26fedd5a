# SPDX-License-Identifier: Apache-2.0
"""How fast pictures are made, beside the bare forward and backward pass of the same cut of the net.

    python benchmarks/optimize.py [--model torchvision/squeezenet1_0] [--weights FILE] [--layer features.7] [--threads 2]

Ours and the bare loop take turns in one process, so that a busy machine slows both; the median of the ratios is what counts
(budget: 1.5). Written for comparison with other tools later: each is one more function that returns seconds a unit.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from pellucid.ascent import ClimbSettings, Goal, batch_size, best_precision, climb, picture_size
from pellucid.ascent.precision import arithmetic
from pellucid.models import Net, load, tap

BARE_STEPS = 24


def ours(net: Net, goals: list[Goal], settings: ClimbSettings, clock: Callable[[], float]) -> float:
    """Seconds a step, with everything that a picture costs from the first to the last."""
    started = clock()
    climb(net, goals, settings)
    return (clock() - started) / settings.steps


def bare(net: Net, goals: list[Goal], settings: ClimbSettings, clock: Callable[[], float]) -> float:
    """Seconds a step of the cut net alone: the same batch, memory layout and number format."""
    layer = goals[0].unit.layer
    shape = (len(goals), net.input.channels, *picture_size(net, [layer], settings.size))
    pixels = (
        torch.rand(shape, device=net.device).contiguous(memory_format=torch.channels_last).requires_grad_()
    )
    started = clock()
    with tap(net, [layer], grad=True) as run:
        for _ in range(BARE_STEPS):
            with arithmetic(settings.precision or best_precision(net.device), net.device):
                response = run(pixels)[layer]
            torch.autograd.grad(response.mean(), pixels)
    return (clock() - started) / BARE_STEPS


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="torchvision/squeezenet1_0")
    parser.add_argument("--weights", default="random")
    parser.add_argument("--layer", default="features.7")
    parser.add_argument("--precision", choices=["float32", "bfloat16"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--cpu-time", action="store_true", help="count processor seconds: for a busy machine, on one thread"
    )
    parser.add_argument("--turns", type=int, default=3)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    clock = time.process_time if asked.cpu_time else time.perf_counter
    net = load(asked.model, weights=asked.weights)
    settings = ClimbSettings(precision=asked.precision)
    units = net.units([asked.layer])
    goals = [Goal(units[i % len(units)]) for i in range(batch_size(net, [asked.layer], settings))]
    for each in (ours, bare):
        each(net, goals, ClimbSettings(steps=2, precision=asked.precision), clock)
    turns = [
        (ours(net, goals, settings, clock), bare(net, goals, settings, clock)) for _ in range(asked.turns)
    ]
    seconds = statistics.median(mine for mine, _ in turns) * settings.steps / len(goals)
    ratios = sorted(mine / alone for mine, alone in turns)
    height, width = picture_size(net, [asked.layer])
    print(
        f"{asked.model} {asked.layer}, {len(goals)} pictures of {height}x{width} a batch, {asked.threads} threads"
    )
    print(f"precision          {asked.precision or best_precision(net.device)}")
    print(f"seconds a unit     {seconds:.3f} at {settings.steps} steps")
    print(f"units a second     {1 / seconds:.2f}")
    print(f"times the bare net {statistics.median(ratios):.2f} (from {ratios[0]:.2f} to {ratios[-1]:.2f})")


if __name__ == "__main__":
    main()
