# SPDX-License-Identifier: Apache-2.0
"""What a net still knows of one image: layers inverted and exaggerated, units accentuated, every cell as a picture."""

from __future__ import annotations

from pellucid.inversion.accentuate import Accentuation, accentuate
from pellucid.inversion.activation_grid import ActivationGrid, activation_grid
from pellucid.inversion.caricature import Caricature, caricature
from pellucid.inversion.invert import Inversion, invert
from pellucid.inversion.remade import Remade, RemadePictures

__all__ = [
    "Accentuation",
    "ActivationGrid",
    "Caricature",
    "Inversion",
    "Remade",
    "RemadePictures",
    "accentuate",
    "activation_grid",
    "caricature",
    "invert",
]
