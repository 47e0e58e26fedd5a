# SPDX-License-Identifier: Apache-2.0
"""Many images through every method: memory does not grow, the model is as it was, no hook is left."""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path

import pytest
import torch
from counting import ReusedNet

import pellucid as pl
from pellucid.attribution import METHODS


def resident() -> int:
    """Bytes of this process in memory, as the system counts them."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def live_tensors() -> int:
    gc.collect()
    return sum(issubclass(type(each), torch.Tensor) for each in gc.get_objects())


def through(net: pl.Net, images: int) -> None:
    draws = torch.Generator().manual_seed(0)
    for _ in range(images):
        pixels = torch.rand(3, 48, 48, generator=draws)
        pl.attribute(net, pixels, methods=METHODS, masks=16, samples=4, max_steps=32, steps=3, batch=8)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads memory as Linux tells it")
@pytest.mark.parametrize("images", [12, pytest.param(100, marks=pytest.mark.slow)])
def test_memory_does_not_grow_with_the_number_of_images(images: int) -> None:
    inner = ReusedNet()
    net = pl.load(inner, input=pl.ImageInput(48))
    digest = net.weights_digest
    through(net, 6)  # caches of the allocator and of imports
    tensors, before = live_tensors(), resident()
    tracemalloc.start()
    through(net, 2)
    gc.collect()
    first = tracemalloc.get_traced_memory()[0]
    through(net, images)
    gc.collect()
    last = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert live_tensors() == tensors
    assert last - first < 200_000, f"{last - first} bytes of Python objects after {images} images"
    assert resident() - before < 24 << 20, f"{(resident() - before) >> 20} MiB after {images} images"
    assert net.weights_digest == digest
    for part in inner.modules():
        assert not any((part._forward_hooks, part._forward_pre_hooks, part._backward_hooks))


def test_hooks_are_gone_after_a_failure() -> None:
    inner = ReusedNet().train()
    net = pl.load(inner, input=pl.ImageInput(48))
    with pytest.raises(pl.PellucidError):
        pl.attribute(net, torch.rand(3, 48, 48), "logits:0", methods="saliency,gradcam", layer="fc")
    assert inner.training
    for part in inner.modules():
        assert not any((part._forward_hooks, part._forward_pre_hooks, part._backward_hooks))
