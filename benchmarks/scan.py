# SPDX-License-Identifier: Apache-2.0
"""What the examples scan costs beside the same loop that decodes and runs the forward pass and keeps nothing.

    PELLUCID_REAL_DATA=DIR python benchmarks/scan.py [--items 250] [--batch 32] [--rounds 3] [--threads N] [--net NAME]

DIR holds squeezenet/squeezenet1_0.safetensors and photos/. Loops take turns, so that a busy machine slows all alike; the
fastest turn of each counts. Wall seconds are what a user waits; CPU seconds say the same on a machine that others use.
The last lines tell what each further layer costs, as a share of the bare loop. `--net` takes another torchvision network, with
random weights: what a scan costs does not depend on them.

Budget: decode + forward / scan of one late layer at least 0.9; all layers at most 1.3 times one late layer.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import torch

from pellucid.data import Source, batches, head, open_source
from pellucid.models import Net, load
from pellucid.scan import scan


def decode(net: Net, source: Source, batch: int, run: Callable[[torch.Tensor], object] | None = None) -> None:
    """The bare loop: decode, and where `run` is given run the forward pass; nothing is kept."""
    with closing(batches(source, net.input.recipe, size=batch)) as stream, torch.no_grad():
        for each in stream:
            pixels = each.tensor(net.device)
            if run is not None:
                run(pixels)


def forward(net: Net, source: Source, batch: int) -> None:
    """As many forward passes as the loop has, on noise."""
    pixels = torch.rand(batch, net.input.channels, *net.input.size, device=net.device)
    with torch.no_grad():
        for _ in range(-(-len(source.names) // batch)):
            net.module(net.input.normalize(pixels))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=int, default=250)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--net", default="squeezenet1_0")
    asked = parser.parse_args()
    if "PELLUCID_REAL_DATA" not in os.environ:
        sys.exit("set PELLUCID_REAL_DATA to the folder with squeezenet/squeezenet1_0.safetensors and photos/")
    root = Path(os.environ["PELLUCID_REAL_DATA"])
    torch.set_num_threads(asked.threads)
    trained = root / "squeezenet" / "squeezenet1_0.safetensors"
    net = load(f"torchvision/{asked.net}", weights=trained if asked.net == "squeezenet1_0" else "random")
    source = head(open_source(root / "photos"), asked.items)
    every = [layer.name for layer in net.default_layers()]
    late_layer = every[-2]
    loops: dict[str, Callable[[], object]] = {
        "decode": lambda: decode(net, source, asked.batch),
        "forward": lambda: forward(net, source, asked.batch),
        "decode + forward": lambda: decode(
            net, source, asked.batch, lambda pixels: net.module(net.input.normalize(pixels))
        ),
        f"scan of {late_layer}": lambda: scan(net, source, [late_layer], batch=asked.batch),
        "scan of logits": lambda: scan(net, source, ["logits"], batch=asked.batch),
        f"scan of {len(every)} layers": lambda: scan(net, source, every, batch=asked.batch),
    }
    wall, cpu = measured(loops, asked.rounds)
    print(
        f"{len(source.names)} items, batches of {asked.batch}, {asked.threads} threads, {asked.rounds} rounds"
    )
    bare, late, all_layers = "decode + forward", f"scan of {late_layer}", f"scan of {len(every)} layers"
    for name in loops:
        speed = f"{len(source.names) / wall[name]:7.1f} items/s"
        print(
            f"{name:32}{wall[name]:8.2f} s {cpu[name]:8.2f} CPU s {speed}   bare / this {wall[bare] / wall[name]:.3f}"
        )
    print(
        f"bare / scan of logits: wall {wall[bare] / wall['scan of logits']:.3f}, CPU {cpu[bare] / cpu['scan of logits']:.3f}"
    )
    print(
        f"all layers / late layer: wall {wall[all_layers] / wall[late]:.3f}, CPU {cpu[all_layers] / cpu[late]:.3f}"
    )
    extra = (cpu[all_layers] - cpu[late]) / cpu[bare] / (len(every) - 1)
    print(f"each further layer: {100 * extra:.2f} % of the bare loop's CPU time")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def measured(
    loops: dict[str, Callable[[], object]], rounds: int
) -> tuple[dict[str, float], dict[str, float]]:
    """The least wall and CPU seconds of each loop, the loops taking turns."""
    wall, cpu = dict.fromkeys(loops, float("inf")), dict.fromkeys(loops, float("inf"))
    for turn in range(rounds + 1):
        for name, loop in loops.items():
            started, used = time.perf_counter(), time.process_time()
            loop()
            if turn:  # the first turn warms up
                wall[name] = min(wall[name], time.perf_counter() - started)
                cpu[name] = min(cpu[name], time.process_time() - used)
    return wall, cpu


if __name__ == "__main__":
    main()
