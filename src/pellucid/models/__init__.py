# SPDX-License-Identifier: Apache-2.0
"""A network made observable: load, inputs, layers, receptive fields, taps that read and leave no trace."""

from pellucid.models.bare import BareNet
from pellucid.models.inputs import INPUTS, ImageInput
from pellucid.models.load import Model, load, load_bare, opened, opened_or_bare
from pellucid.models.net import Net
from pellucid.models.recorder import OUTPUT
from pellucid.models.taps import tap, watch

__all__ = [
    "INPUTS",
    "OUTPUT",
    "BareNet",
    "ImageInput",
    "Model",
    "Net",
    "load",
    "load_bare",
    "opened",
    "opened_or_bare",
    "tap",
    "watch",
]
