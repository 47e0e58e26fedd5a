# SPDX-License-Identifier: Apache-2.0
"""A network made observable: the module, what it is fed, its labels, its layers and units by name."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.errors import InputError
from pellucid.models.damage import damage
from pellucid.models.fields import Fields
from pellucid.models.first_layer import FirstLayer, first_layer
from pellucid.models.inputs import ImageInput
from pellucid.models.names import resolved_layer, resolved_units
from pellucid.models.straight import is_straight
from pellucid.models.taps import tap
from pellucid.models.trace import OUTPUT, Trace
from pellucid.records import Layer, Layers, Unit, UnitQuery
from pellucid.version import __version__

__all__ = ["Net", "digest_of", "versions"]


class Net:
    """A module with names for all it computes; made by `load`."""

    def __init__(
        self,
        module: nn.Module,
        input: ImageInput,
        trace: Trace,
        *,
        name: str,
        labels: Sequence[str] | None = None,
        notes: Sequence[str] = (),
        device: torch.device | None = None,
    ) -> None:
        self.module = module
        self.input = input
        self.trace = trace
        self.name = name
        self.labels = None if labels is None else tuple(labels)
        # One line where weights hold NaN or infinity, else None: what is made of them is worth little.
        self.damage = damage(module)
        self.notes = (*notes, *(() if self.damage is None else (f"{name}: {self.damage}",)))
        self.device = device or torch.device("cpu")
        self._digest: tuple[object, str] | None = None
        self._accepted: dict[tuple[tuple[int, int], str], bool] = {}
        self._straight: dict[str, bool] = {}

    def __repr__(self) -> str:
        channels, (height, width) = self.input.channels, self.input.size
        return f"<Net {self.name}, {len(self.layers())} layers, input {channels}x{height}x{width}>"

    @property
    def weights_digest(self) -> str:
        """sha256 over the sorted names, types, shapes and bytes of all weights and buffers, as they are now."""
        state = _state(self.module)
        now = tuple(
            (name, one.data_ptr(), -1 if one.is_inference() else one._version) for name, one in state.items()
        )
        if self._digest is None or self._digest[0] != now:
            self._digest = now, digest_of(self.module)
        return self._digest[1]

    def layers(self) -> Layers:
        """Every layer in the order in which they are ready; the last is `logits`, the network's output."""
        return Layers(call.layer for call in self.trace.calls.values())

    def layer(self, name: str) -> Layer:
        """The layer of that name; `module.` prefixes and lucent's underscores are understood."""
        return self.trace.calls[resolved_layer(name, self.trace.calls)].layer

    def units(self, queries: Iterable[str | Unit | UnitQuery]) -> list[Unit]:
        """The units that the queries name, each once, in the order asked."""
        return resolved_units(queries, self.layer, self.labels)

    def default_layers(self) -> list[Layer]:
        """The last layers before each non-linearity (a convolution, or its batch norm), and the output."""
        wanted = set(self.trace.before_bends)
        return [layer for layer in self.layers() if layer.name in wanted]

    def fields(self, layer: str) -> Fields:
        """The receptive fields of a layer's units."""
        return self.trace.calls[self.layer(layer).name].fields

    def first_layer(self, name: str | None = None) -> FirstLayer:
        """The layer that reads the pixels, or another one that does, and its filters as they act on pixels."""
        return first_layer(self, name)

    def is_straight(self, layer: str) -> bool:
        """Whether a layer's responses are a linear function of the pixels plus a constant: no bend lies before it."""
        asked = self.layer(layer).name
        if asked not in self._straight:
            self._straight[asked] = is_straight(self, asked)
        return self._straight[asked]

    def accepts(self, size: int | tuple[int, int], layer: str = OUTPUT) -> bool:
        """Whether pictures of another size (height, width) pass through, as far as `layer`."""
        height, width = (size, size) if isinstance(size, int) else size
        asked = (height, width), self.layer(layer).name
        if asked not in self._accepted:
            self._accepted[asked] = self._runs(*asked)
        return self._accepted[asked]

    def _runs(self, size: tuple[int, int], layer: str) -> bool:
        pixels = torch.full((1, self.input.channels, *size), 0.5, device=self.device)
        with tap(self, [layer]) as run:
            try:
                return run(pixels)[layer].numel() > 0
            except Exception:  # whatever the module says against that size
                return False

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
            "versions": versions(),
        }


def versions() -> dict[str, str]:
    """What a result depends on beside the net."""
    return {"pellucid": __version__, "torch": torch.__version__, "python": platform.python_version()}


def _state(module: nn.Module) -> dict[str, Tensor]:
    # a module may keep other things than tensors in its state
    return {name: value for name, value in module.state_dict().items() if isinstance(value, Tensor)}


def digest_of(module: nn.Module) -> str:
    """sha256 over the sorted names, types, shapes and bytes of all weights and buffers of a module."""
    digest = hashlib.sha256()
    for name, tensor in sorted(_state(module).items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy().data if flat.numel() else b"")
    return digest.hexdigest()
