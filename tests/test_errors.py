# SPDX-License-Identifier: Apache-2.0
"""What is suggested for a name that is not there."""

from __future__ import annotations

from pellucid.errors import did_you_mean


def test_what_goes_on_as_the_name_begins_comes_first() -> None:
    names = ["davit_tiny", "gcvit_tiny", "vit_tiny_patch16_384x", "vit_tiny_patch16_224", "swin"]
    said = did_you_mean("vit_tiny", names)
    assert said == "did you mean vit_tiny_patch16_224 or vit_tiny_patch16_384x or gcvit_tiny?"


def test_what_is_spelled_alike_and_what_is_there() -> None:
    assert did_you_mean("conv", ["conv1", "pool"]) == "did you mean conv1?"
    assert did_you_mean("zebra", ["a", "b", "c", "d"]) == "there is a, b, c, ..."
