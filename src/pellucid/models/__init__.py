# SPDX-License-Identifier: Apache-2.0
"""A network made observable: load, inputs, layers, receptive fields, taps that read and leave no trace."""

from pellucid.models.inputs import INPUTS, ImageInput
from pellucid.models.load import Model, load, opened
from pellucid.models.net import Net
from pellucid.models.taps import tap, watch

__all__ = ["INPUTS", "ImageInput", "Model", "Net", "load", "opened", "tap", "watch"]
