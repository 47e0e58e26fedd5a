# SPDX-License-Identifier: Apache-2.0
"""What torch says where an input does not fit a network, in words that say what would."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["misfit"]

CHANNELS = re.compile(r"to have (\d+) channels, but got (\d+) channels")
NUMBERS = re.compile(r"mat1 and mat2 shapes cannot be multiplied \(\d+x(\d+) and (\d+)x\d+\)")
TOO_SMALL = (
    "Kernel size can't be greater than actual input size",
    "Output size is too small",
    "smaller than kernel size",
    "Padding size should be less than the corresponding input dimension",
    "Expected more than 1 spatial element",
    "non-empty",
)
UNLIKE = (
    "must match the size of tensor",
    "Sizes of tensors must match",
    "is invalid for input of size",
    "size mismatch",
    "shapes cannot be multiplied",
)


def misfit(said: str, shape: Sequence[int]) -> tuple[str, str] | None:
    """What is wrong and what would work, for an input of (C, H, W); None where the words are of something else.

    >>> misfit("expected input[2, 3, 8, 8] to have 1 channels, but got 3 channels instead", (3, 8, 8))
    ('a convolution in it takes 1 channel and met 3', 'give --input 1x8x8')
    >>> misfit("mat1 and mat2 shapes cannot be multiplied (2x48 and 27x5)", (3, 4, 4))[0]
    'a linear layer in it takes 27 numbers and met 48'
    >>> misfit("my own bug", (3, 4, 4)) is None
    True
    """
    if found := CHANNELS.search(said):
        takes, met = int(found[1]), int(found[2])
        some = "channel" if takes == 1 else "channels"
        size = "x".join(map(str, (takes, *shape[1:]))) if met == shape[0] else "CHANNELSxHEIGHTxWIDTH"
        return f"a convolution in it takes {takes} {some} and met {met}", f"give --input {size}"
    if found := NUMBERS.search(said):
        return (
            f"a linear layer in it takes {found[2]} numbers and met {found[1]}",
            "give the size it takes with --input",
        )
    if any(words in said for words in TOO_SMALL):
        return "the picture becomes too small on its way through it", "give a larger --input"
    if any(words in said for words in UNLIKE):
        return "tensors in it do not fit one another at this size", "give the size it takes with --input"
    return None
