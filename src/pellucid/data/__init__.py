# SPDX-License-Identifier: Apache-2.0
"""What is fed in: sources of items with stable rows, decoded and laid out as a network wants them."""

from __future__ import annotations

from pellucid.data.archive import Archive
from pellucid.data.arrays import Arrays
from pellucid.data.batches import Batch, batches
from pellucid.data.classes import NO_CLASS
from pellucid.data.dataset import Dataset
from pellucid.data.decode import ItemProblem, open_image
from pellucid.data.folder import Folder
from pellucid.data.preview import PREVIEW_MIME, PREVIEW_PX, Previews, Shown, preview
from pellucid.data.recipe import INTERPOLATIONS, Placement, Recipe, fed
from pellucid.data.sample import sampled
from pellucid.data.source import Data, Source, head, open_source
from pellucid.data.tiles import Tiles

__all__ = [
    "INTERPOLATIONS",
    "NO_CLASS",
    "PREVIEW_MIME",
    "PREVIEW_PX",
    "Archive",
    "Arrays",
    "Batch",
    "Data",
    "Dataset",
    "Folder",
    "ItemProblem",
    "Placement",
    "Previews",
    "Recipe",
    "Shown",
    "Source",
    "Tiles",
    "batches",
    "fed",
    "head",
    "open_image",
    "open_source",
    "preview",
    "sampled",
]
