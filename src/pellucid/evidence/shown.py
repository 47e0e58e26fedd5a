# SPDX-License-Identifier: Apache-2.0
"""What is found about one unit as a picture that carries its provenance: in files, in notebooks."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from PIL import Image

from pellucid.figures.file import picture_path, write
from pellucid.figures.stamp import write_png
from pellucid.records import Provenance

__all__ = ["Shown"]


class _Plotted(Protocol):
    """What can be drawn, and knows where it comes from."""

    @property
    def provenance(self) -> Provenance: ...

    def plot(self) -> Image.Image: ...


class Shown:
    """Base of what draws itself with `plot` and has a `provenance`."""

    def png(self: _Plotted) -> bytes:
        """What `plot` draws as a PNG that carries its provenance."""
        return write_png(self.plot(), self.provenance.to_json())

    def save(self: _Plotted, path: str | Path) -> Path:
        """Write what `plot` draws as a PNG that carries its provenance; its path."""
        return write(picture_path(path), write_png(self.plot(), self.provenance.to_json()))

    def _repr_png_(self: _Plotted) -> bytes:
        return write_png(self.plot(), self.provenance.to_json())
