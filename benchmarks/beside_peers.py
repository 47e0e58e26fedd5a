# SPDX-License-Identifier: Apache-2.0
"""Pictures of the same units by Pellucid and by other tools, with their own defaults, in turns in one run.

    python -m venv .peers
    .peers/bin/pip install -c constraints.txt torch torchvision safetensors torch-lucent==0.1.8 kornia==0.9.0 dreamlens==0.1.1
    python benchmarks/beside_peers.py --weights squeezenet1_0.safetensors --layer features.7 --units 10-17

Prints for each tool seconds a unit, the robust activation (the channel's mean over 16 fresh views of the saved picture at its
own size: rotated by up to 10 degrees, scaled by 0.9 to 1.1, shifted by up to 8 px), the share of clipped values, and ours
over theirs.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import affine_grid, grid_sample

import pellucid as pl
from pellucid.models import tap

VIEWS, DEGREES, ZOOM, SHIFT_PX = 16, 10, 0.1, 8


@dataclass(frozen=True)
class Made:
    """What one tool made of the units: seconds of each, and what its pictures do."""

    tool: str
    seconds: list[float]
    activations: list[float]
    clipped: list[float]
    side: int


def views_of(picture: torch.Tensor) -> torch.Tensor:
    """(16, C, H, W): the picture turned, zoomed and shifted, the same way for every picture; mirrored at its edges."""
    draw = torch.Generator().manual_seed(123)

    def spread(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=draw) * 2 - 1

    angle, zoom = spread(VIEWS) * DEGREES * math.pi / 180, 1 + spread(VIEWS) * ZOOM
    maps = torch.zeros(VIEWS, 2, 3)
    maps[:, 0, 0] = maps[:, 1, 1] = torch.cos(angle) / zoom
    maps[:, 1, 0] = torch.sin(angle) / zoom
    maps[:, 0, 1] = -maps[:, 1, 0]
    maps[:, :, 2] = spread(VIEWS, 2) * 2 * SHIFT_PX / picture.shape[-1]
    every = picture.expand(VIEWS, *picture.shape)
    grid = affine_grid(maps, list(every.shape), align_corners=False)
    return grid_sample(every, grid, padding_mode="reflection", align_corners=False)


def judged(tool: str, net: pl.Net, layer: str, pictures: dict[int, np.ndarray], seconds: list[float]) -> Made:
    """The pictures, (H, W, 3) uint8 by unit, as the net answers them."""
    activations, clipped = [], []
    with tap(net, [layer]) as run:
        for unit, picture in pictures.items():
            pixels = torch.from_numpy(picture.astype(np.float32) / 255).permute(2, 0, 1)
            response = run(views_of(pixels).to(net.device))[layer][:, unit]
            activations.append(float(response.mean()))
            clipped.append(float(((pixels < 0.02) | (pixels > 0.98)).float().mean()))
    return Made(tool, seconds, activations, clipped, next(iter(pictures.values())).shape[0])


def ours(net: pl.Net, layer: str, units: range, whole: bool) -> tuple[dict[int, np.ndarray], float]:
    """Our pictures, and seconds a unit; `whole` makes the whole layer and keeps the units, as a user of layers would."""
    asked = layer if whole else f"{layer}:{units[0]}-{units[-1]}"
    started = time.perf_counter()
    made = pl.optimize(net, asked, sign="+")
    seconds = (time.perf_counter() - started) / len(made)
    return {one.unit.index: one.pixels for one in made if one.unit.index in units}, seconds


def theirs(tool: str, asked: argparse.Namespace) -> tuple[dict[int, np.ndarray], list[float]]:
    """Another tool's pictures, made by the Python of its own environment."""
    command = [asked.peers, str(Path(__file__).with_name("peers.py")), tool, "--model", asked.model]
    command += ["--weights", asked.weights, "--layer", asked.layer, "--units", asked.units]
    command += ["--out", str(asked.out), "--threads", str(asked.threads), "--device", asked.device]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{tool} failed: {done.stderr.strip()[-500:]}")
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    pictures = {row["unit"]: np.round(np.load(row["file"]) * 255).astype(np.uint8) for row in rows}
    return pictures, [row["seconds"] for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="squeezenet1_0", help="a name in torchvision")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--layer", default="features.7")
    parser.add_argument("--units", default="10-17")
    parser.add_argument("--peers", default=".peers/bin/python")
    parser.add_argument("--tools", default="lucent,dreamlens")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--whole", action="store_true", help="let us make the whole layer, not these units only"
    )
    parser.add_argument("--out", type=Path, default=Path("out/peers"))
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    net = pl.load(f"torchvision/{asked.model}", weights=asked.weights, device=asked.device)
    first, _, last = asked.units.partition("-")
    units = range(int(first), int(last or first) + 1)
    pl.optimize(net, f"{asked.layer}:{units[0]}", steps=2)  # what is done once for a net is no cost of a unit
    before, first_time = ours(net, asked.layer, units, asked.whole)
    peers = []
    for tool in asked.tools.split(","):
        pictures, seconds = theirs(tool, asked)
        peers.append(judged(tool, net, asked.layer, pictures, seconds))
    _, second_time = ours(net, asked.layer, units, asked.whole)
    mine = judged("pellucid", net, asked.layer, before, [first_time, second_time])
    asked.out.mkdir(parents=True, exist_ok=True)
    for unit, picture in before.items():
        Image.fromarray(picture).save(asked.out / f"pellucid-{asked.layer}-{unit}.png")
    print(
        f"{asked.model} {asked.layer}:{asked.units}, {asked.threads} threads, {asked.device}, torch {torch.__version__}"
    )
    print(
        f"{'tool':10} {'px':>4} {'s a unit':>9} {'activation':>11} {'clipped':>8} {'ours faster':>12} {'activation ratio':>17}"
    )
    for each in (mine, *peers):
        pairs = zip(mine.activations, each.activations, strict=True)
        print(
            f"{each.tool:10} {each.side:4d} {statistics.median(each.seconds):9.3f} {statistics.mean(each.activations):11.1f} "
            f"{statistics.mean(each.clipped):8.3f} {statistics.median(each.seconds) / statistics.median(mine.seconds):12.1f} "
            f"{statistics.mean(one / other for one, other in pairs):17.3f}"
        )


if __name__ == "__main__":
    main()
