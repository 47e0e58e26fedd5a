# SPDX-License-Identifier: Apache-2.0
"""A network made observable: the module, what it is fed, its labels, its layers and units by name."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

import pellucid
from pellucid.errors import InputError
from pellucid.models.fields import Fields
from pellucid.models.inputs import ImageInput
from pellucid.models.names import resolved_layer, resolved_units
from pellucid.models.trace import ITEMS, OUTPUT, Trace, traced
from pellucid.records import Layer, Unit, UnitQuery

__all__ = ["Net"]


class Net:
    """A module with names for all it computes; made by `load`."""

    def __init__(
        self,
        module: nn.Module,
        input: ImageInput,
        *,
        name: str,
        labels: Sequence[str] | None = None,
        notes: Sequence[str] = (),
        device: torch.device | None = None,
    ) -> None:
        self.module = module
        self.input = input
        self.name = name
        self.device = device or next((weight.device for weight in module.parameters()), torch.device("cpu"))
        self.notes = tuple(notes)
        example = torch.full((ITEMS, input.channels, *input.size), 0.5, device=self.device)
        self.trace: Trace = traced(module, input.normalize(example))
        self.labels = None if labels is None else tuple(labels)

    def __repr__(self) -> str:
        channels, (height, width) = self.input.channels, self.input.size
        return f"<Net {self.name}, {len(self.layers())} layers, input {channels}x{height}x{width}>"

    @property
    def weights_digest(self) -> str:
        """sha256 over the sorted names, types, shapes and bytes of all weights and buffers."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self.module.state_dict().items()):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
            flat = tensor.detach().cpu().contiguous().reshape(-1)
            digest.update(flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b"")
        return digest.hexdigest()

    def layers(self) -> tuple[Layer, ...]:
        """Every layer in the order in which they are ready; the last is `logits`, the network's output."""
        return tuple(call.layer for call in self.trace.calls.values())

    def layer(self, name: str) -> Layer:
        """The layer of that name; `module.` prefixes and lucent's underscores are understood."""
        return self.trace.calls[resolved_layer(name, self.trace.calls)].layer

    def units(self, queries: Iterable[str | Unit | UnitQuery]) -> list[Unit]:
        """The units that the queries name, each once, in the order asked."""
        return resolved_units(queries, self.layer, self.labels)

    def default_layers(self) -> list[Layer]:
        """The last layers before each non-linearity (a convolution, or its batch norm), and the output."""
        wanted = set(self.trace.before_bends)
        return [
            layer
            for layer in self.layers()
            if layer.name in wanted and (not layer.rectified or layer.name == OUTPUT)
        ]

    def fields(self, layer: str) -> Fields:
        """The receptive fields of a layer's units."""
        return self.trace.calls[self.layer(layer).name].fields

    def check_pixels(self, pixels: Tensor) -> None:
        """Refuse what is not (N, C, H, W) floating point with the channels of this net."""
        if pixels.ndim != 4 or pixels.shape[1] != self.input.channels or not pixels.is_floating_point():
            raise InputError(
                f"pixels of shape {tuple(pixels.shape)} and type {pixels.dtype}: "
                f"(N, {self.input.channels}, H, W) floating point in 0..1 was wanted"
            )

    def card(self) -> dict[str, Any]:
        """What an atlas keeps about the net, as JSON values."""
        return {
            "name": self.name,
            "weights_digest": self.weights_digest,
            "input": self.input.to_json(),
            "labels": None if self.labels is None else list(self.labels),
            "notes": list(self.notes),
            "versions": {
                "pellucid": pellucid.__version__,
                "torch": torch.__version__,
                "python": platform.python_version(),
            },
        }
