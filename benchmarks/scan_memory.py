# SPDX-License-Identifier: Apache-2.0
"""Peak memory of a survey over 1,000, 10,000 and 100,000 items: it must not grow with their number.

    python benchmarks/scan_memory.py [--counts 1000,10000,100000] [--side 16]

Each count is surveyed in a process of its own, from a folder of PNG files that this script makes, into an atlas; what is printed
is the process's peak resident memory, and how much that is beside the first count's.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

SURVEY = """
import resource, sys, torch
torch.set_num_threads(1)
import pellucid as pl
side = int(sys.argv[3])
torch.manual_seed(0)
net = pl.load(
    torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(), torch.nn.Conv2d(8, 16, 3), torch.nn.ReLU(), torch.nn.Flatten(),
        torch.nn.Linear(16 * (side - 4) ** 2, 10),
    ).eval(),
    input=pl.ImageInput(side),
)
pl.survey(net, sys.argv[1], sys.argv[2], kinds=["examples"], batch=100)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--counts", default="1000,10000,100000")
    parser.add_argument("--side", type=int, default=16)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        least = 0
        for count in map(int, asked.counts.split(",")):
            folder = made(Path(scratch) / str(count), count, asked.side)
            peak = surveyed(folder, Path(scratch) / f"{count}.atlas", asked.side)
            least = least or peak
            print(f"{count:8} items: peak {peak} MiB, {peak - least:+d} MiB beside the first", flush=True)


def made(folder: Path, count: int, side: int) -> Path:
    """A folder of `count` small pictures of noise, a thousand in each subfolder."""
    stream = np.random.default_rng(0)
    for number in range(count):
        home = folder / f"{number // 1000:04d}"
        home.mkdir(parents=True, exist_ok=True)
        Image.fromarray(stream.integers(0, 256, (side, side, 3), np.uint8)).save(home / f"{number:07d}.png")
    return folder


def surveyed(folder: Path, atlas: Path, side: int) -> int:
    """Peak memory, in MiB, of a process that surveys the folder."""
    command = [sys.executable, "-c", SURVEY, str(folder), str(atlas), str(side)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


if __name__ == "__main__":
    main()
