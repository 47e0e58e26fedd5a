# SPDX-License-Identifier: Apache-2.0
"""A network made observable: load, inputs, layers, receptive fields, taps that read and leave no trace."""

from pellucid.models.bare import BareNet
from pellucid.models.fed_image import FedImage, OneImage, fed_image, fed_pixels
from pellucid.models.inputs import INPUTS, ImageInput
from pellucid.models.load import Model, load, load_bare, opened, opened_or_bare
from pellucid.models.memory_order import channels_together
from pellucid.models.net import Net
from pellucid.models.places import Places, places_of
from pellucid.models.recorder import OUTPUT
from pellucid.models.taps import tap, watch

__all__ = [
    "INPUTS",
    "OUTPUT",
    "BareNet",
    "FedImage",
    "ImageInput",
    "Model",
    "Net",
    "OneImage",
    "Places",
    "channels_together",
    "fed_image",
    "fed_pixels",
    "load",
    "load_bare",
    "opened",
    "opened_or_bare",
    "places_of",
    "tap",
    "watch",
]
