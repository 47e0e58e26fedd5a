# SPDX-License-Identifier: Apache-2.0
"""Pictures of units made by another tool with its own defaults; run by the Python of the peers' environment.

    python benchmarks/peers.py lucent --model squeezenet1_0 --weights FILE.safetensors --layer features.7 --units 10-17 --out DIR

Prints one line of JSON for each unit: its seconds and the .npy file with its picture, (H, W, 3) float32 in 0..1. Knows nothing
of Pellucid, so that nothing of one can help or hinder the other.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from safetensors.torch import load_file


def lucent(model: torch.nn.Module, layer: str) -> Callable[[int], np.ndarray[Any, Any]]:
    """`render_vis` as its README shows it: 512 steps, 128 px shown at 224, Fourier canvas, its standard transforms."""
    # It imports IPython only to show pictures, and calls two functions by names that kornia has since moved.
    display = types.ModuleType("IPython.display")
    sys.modules.setdefault("IPython", types.ModuleType("IPython")).display = display  # type: ignore[attr-defined]
    sys.modules.setdefault("IPython.display", display)
    import kornia
    from kornia.geometry import transform

    kornia.get_rotation_matrix2d, kornia.warp_affine = transform.get_rotation_matrix2d, transform.warp_affine
    from lucent.optvis import render

    def make(unit: int) -> np.ndarray[Any, Any]:
        name = f"{layer.replace('.', '_')}:{unit}"
        return np.asarray(render.render_vis(model, name, show_image=False, progress=False)[-1][0])

    return make


def dreamlens(model: torch.nn.Module, layer: str) -> Callable[[int], np.ndarray[Any, Any]]:
    """`maximize` as its README shows it: 120 steps, 256 px."""
    from dreamlens import FeatureVisualizer

    visualizer = FeatureVisualizer(model, quiet=True)

    def make(unit: int) -> np.ndarray[Any, Any]:
        found = visualizer.maximize_channel(layer, unit)
        return np.asarray(found.as_chw().detach().cpu().permute(1, 2, 0).numpy())

    return make


TOOLS = {"lucent": lucent, "dreamlens": dreamlens}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tool", choices=TOOLS)
    parser.add_argument("--model", default="squeezenet1_0")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--layer", required=True)
    parser.add_argument("--units", required=True, help="as 10-17")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    model = torchvision.models.get_model(asked.model)
    model.load_state_dict({name: value.float() for name, value in load_file(asked.weights).items()})
    make = TOOLS[asked.tool](model.eval().to(asked.device), asked.layer)
    asked.out.mkdir(parents=True, exist_ok=True)
    first, _, last = asked.units.partition("-")
    for unit in range(int(first), int(last or first) + 1):
        torch.manual_seed(0), np.random.seed(0), random.seed(0)
        started = time.perf_counter()
        picture = make(unit)
        seconds = time.perf_counter() - started
        file = asked.out / f"{asked.tool}-{asked.layer}-{unit}.npy"
        np.save(file, np.clip(picture, 0, 1).astype(np.float32))
        print(json.dumps({"unit": unit, "seconds": seconds, "file": str(file)}), flush=True)


if __name__ == "__main__":
    main()
