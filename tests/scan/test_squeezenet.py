# SPDX-License-Identifier: Apache-2.0
"""The real SqueezeNet on real photographs: every unit, item, position, box and tie as NumPy finds them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import models, transforms

from pellucid.data import Recipe, head, open_source
from pellucid.models import ImageInput, load
from pellucid.scan import scan

BATCH, ITEMS = 16, 40  # the last batch is half empty
LAYERS = ["features.3.expand1x1", "features.7.expand3x3", "logits"]
RECIPE = transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor()])


def dumped(module: torch.nn.Module, files: list[Path]) -> dict[str, np.ndarray]:
    """(items, K, *grid) by layer, from plain hooks, torchvision's own preprocessing and padded batches."""
    found: dict[str, list[torch.Tensor]] = {layer: [] for layer in LAYERS}
    handles = [
        (module if layer == "logits" else module.get_submodule(layer)).register_forward_hook(
            lambda owner, fed, output, layer=layer: found[layer].append(output.clone())
        )
        for layer in LAYERS
    ]
    with torch.no_grad():
        for first in range(0, len(files), BATCH):
            pixels = torch.zeros(BATCH, 3, 224, 224)
            for slot, file in enumerate(files[first : first + BATCH]):
                pixels[slot] = RECIPE(Image.open(file).convert("RGB"))
            module(pixels)
    for handle in handles:
        handle.remove()
    return {layer: torch.cat(parts)[: len(files)].numpy() for layer, parts in found.items()}


@pytest.mark.real
def test_bands_and_statistics_equal_brute_force(real_data: Path) -> None:
    from safetensors.torch import load_file

    module = models.squeezenet1_0().eval()
    weights = load_file(real_data / "squeezenet" / "squeezenet1_0.safetensors")
    module.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    net = load(module, input=ImageInput(224, recipe=Recipe((224, 224), 256)))
    source = head(open_source(real_data / "photos"), ITEMS)
    files = sorted((real_data / "photos").iterdir(), key=lambda path: path.name.encode())[:ITEMS]
    assert list(source.names) == [file.name for file in files]
    scanned = scan(net, source, LAYERS, batch=BATCH)
    assert scanned.skipped == ()
    for layer, truth in dumped(module, files).items():
        flat = truth.reshape(*truth.shape[:2], -1)
        found = scanned.layers[layer]
        for name, sign in (("max", 1), ("min", -1)):
            peaks = (sign * flat).max(-1)
            order = np.lexsort((np.arange(ITEMS)[:, None] + 0 * peaks, -peaks), axis=0)[:9]
            places = np.take_along_axis((sign * flat).argmax(-1), order, 0)
            assert np.array_equal(found.bands[name].rows, order.T)
            assert np.array_equal(found.bands[name].responses, sign * np.take_along_axis(peaks, order, 0).T)
            if truth.ndim > 2:
                axes = np.stack(np.unravel_index(places.T, truth.shape[2:]), -1)
                assert np.array_equal(found.bands[name].positions, axes)
        wide = flat.astype(np.float64)
        for unit, each in enumerate(found.statistics):
            assert each.mean == pytest.approx(wide[:, unit].mean(), rel=1e-10, abs=1e-12)
            assert each.variance == pytest.approx(wide[:, unit].var(), rel=1e-10)
            assert (each.min, each.max) == (wide[:, unit].min(), wide[:, unit].max())
            assert each.zero_share == (wide[:, unit] == 0).mean()
            assert (each.count, each.nonfinite, each.dead) == (wide[:, unit].size, 0, False)
