# SPDX-License-Identifier: Apache-2.0
"""How faithful each method's maps are on real photographs, and what occlusion costs beside the bare forward pass.

    PELLUCID_REAL_DATA=DIR python benchmarks/attribution.py speed [--rounds 5] [--threads N]
    PELLUCID_REAL_DATA=DIR python benchmarks/attribution.py faithful [--methods M,M] [--items N] [--steps 10] [--most N] [-o JSON]

DIR holds squeezenet/squeezenet1_0.safetensors, squeezenet/labels.txt and photos/. `speed` lets occlusion (196 windows) and 196
forward passes in the same batches take turns, in torch's own order of memory and in the faster one that occlusion uses; the
fastest turn of each counts. Budget: at least 0.8 of the bare throughput.
`faithful` prints the mean insertion and deletion area of each method for the top class of every photograph, with the
standard error, beside two baselines: a random order of single pixels, and a random map as smooth as Grad-CAM's.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pellucid.attribution import METHODS, attribute, cell_grid, faithfulness
from pellucid.attribution.attribute import BATCH_PIXELS
from pellucid.models import Net, fed_pixels, load

# Cheap enough for hundreds of photographs; what is not said is the methods' own.
SETTINGS = {"max_steps": 32, "samples": 10, "masks": 150, "window": 32, "stride": 24}
WINDOWS = 196
BUDGET = 0.8


def net_of(root: Path) -> Net:
    return load(
        "torchvision/squeezenet1_0",
        weights=root / "squeezenet" / "squeezenet1_0.safetensors",
        labels=root / "squeezenet" / "labels.txt",
    )


def speed(net: Net, photo: Path, rounds: int) -> None:
    """Occlusion beside as many forward passes of the net in the same batches."""
    pixels = fed_pixels(photo, net)[None]
    batch = BATCH_PIXELS // (pixels.shape[2] * pixels.shape[3])

    def forward(order: torch.memory_format) -> None:
        with torch.no_grad():
            for start in range(0, WINDOWS, batch):
                count = min(batch, WINDOWS - start)
                fed = pixels.expand(count, -1, -1, -1).contiguous(memory_format=order)
                net.module(net.input.normalize(fed))

    def hidden() -> None:
        attribute(net, pixels[0], "logits:0", methods=["occlusion"], faithfulness=False)

    loops: dict[str, Callable[[], None]] = {
        "forward": lambda: forward(torch.contiguous_format),
        "forward, channels last": lambda: forward(torch.channels_last),
        "occlusion": hidden,
    }
    best = dict.fromkeys(loops, np.inf)
    for loop in loops.values():
        loop()
    for _ in range(rounds):
        for name, loop in loops.items():
            began = time.process_time()
            loop()
            best[name] = min(best[name], time.process_time() - began)
    print(f"{WINDOWS} windows in batches of {batch}, seconds of processor time:")
    for name, seconds in best.items():
        ratio = seconds / best["occlusion"]
        print(f"  {name:24s}{seconds:7.2f}   occlusion's throughput is {ratio:.3f} of it")
    within = best["forward"] / best["occlusion"] >= BUDGET
    print(f"{'within' if within else 'OVER'} the budget of {BUDGET}")


def faithful(
    net: Net, photos: list[Path], methods: list[str], steps: int, most: int, out: Path | None
) -> None:
    """The table, after every photograph kept in `out`, from which the next run goes on."""
    kept = (
        json.loads(out.read_text())
        if out is not None and out.exists()
        else {"done": 0, "rows": {}, "seconds": {}}
    )
    known = {key for name in methods for key in METHODS[name].settings}
    settings = {key: value for key, value in SETTINGS.items() if key in known}
    for number in range(kept["done"], min(kept["done"] + most, len(photos))):
        pixels = fed_pixels(photos[number], net)[None]
        found = attribute(net, photos[number], methods=methods, steps=steps, **settings)
        games = {one.method: one.faithfulness for one in found}
        chance = random_maps(net, number)
        played = faithfulness(net, found[0].aim, pixels, list(chance.values()), steps=steps, batch=16)
        for name, game in {**games, **dict(zip(chance, played, strict=True))}.items():
            assert game is not None
            kept["rows"].setdefault(name, []).append((game.insertion_auc, game.deletion_auc))
        for one in found:
            kept["seconds"].setdefault(one.method, []).append(one.seconds)
        kept["done"] = number + 1
        if out is not None:
            out.write_text(json.dumps(kept))
    print(f"{kept['done']} photographs, {steps} steps, {settings}")
    table(kept["rows"], kept["seconds"])


def random_maps(net: Net, seed: int) -> dict[str, NDArray[np.float32]]:
    """Maps that know nothing: of single pixels, and of cells as coarse as Grad-CAM's."""
    draws = np.random.default_rng(seed)
    grid = cell_grid(net, net.layer("classifier.2"))
    assert grid is not None
    return {
        "random pixels": draws.random(net.input.size).astype(np.float32),
        "random cells": grid.spread(draws.random(grid.shape).astype(np.float32), net.input.size),
    }


def table(rows: dict[str, list[tuple[float, float]]], seconds: dict[str, list[float]]) -> None:
    print(f"{'method':22s}{'insertion':>18s}{'deletion':>18s}{'s a map':>9s}")
    for name, pairs in rows.items():
        values = np.array(pairs)
        mean, error = (
            values.mean(0),
            values.std(0, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else (0, 0),
        )
        cells = "".join(f"{m:10.3f} +- {e:.3f}" for m, e in zip(mean, error, strict=True))
        print(f"{name:22s}{cells}{np.mean(seconds.get(name, [0])):9.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["speed", "faithful"])
    parser.add_argument("--items", type=int, default=250)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument(
        "--most", type=int, default=250, help="photographs in this run; with -o the next goes on"
    )
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("-o", "--out", type=Path)
    asked = parser.parse_args()
    if "PELLUCID_REAL_DATA" not in os.environ:
        sys.exit("set PELLUCID_REAL_DATA to the folder with squeezenet/ and photos/")
    root = Path(os.environ["PELLUCID_REAL_DATA"])
    torch.set_num_threads(asked.threads)
    net = net_of(root)
    photos = sorted((root / "photos").glob("*.JPEG"))
    # In an order that knows nothing of classes, so that a part of them is a fair sample.
    order = np.random.default_rng(0).permutation(len(photos))[: asked.items]
    chosen = [photos[place] for place in order]
    if asked.what == "speed":
        speed(net, chosen[0], asked.rounds)
    else:
        faithful(net, chosen, asked.methods.split(","), asked.steps, asked.most, asked.out)


if __name__ == "__main__":
    main()
