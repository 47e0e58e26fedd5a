# SPDX-License-Identifier: Apache-2.0
"""One input of a user's own: where in it each unit fires, what fires at each spot, and what the output rests on."""

from __future__ import annotations

from pellucid.look.beside import Beside
from pellucid.look.dictionary import Dictionary
from pellucid.look.gallery import Gallery, look_through, many
from pellucid.look.layer_look import LayerLook
from pellucid.look.looking import USUAL_METHODS, look
from pellucid.look.value import Look

__all__ = [
    "USUAL_METHODS",
    "Beside",
    "Dictionary",
    "Gallery",
    "LayerLook",
    "Look",
    "look",
    "look_through",
    "many",
]
