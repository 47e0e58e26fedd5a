# SPDX-License-Identifier: Apache-2.0
"""The command `layers`."""

from __future__ import annotations

from pellucid.cli.command import app, command
from pellucid.cli.options import (
    Common,
    Model,
    ModelOptions,
)
from pellucid.terminal import print_json, print_table, say

__all__ = ["layers"]


@command(app, "layers")
def layers(model: Model, common: Common, options: ModelOptions) -> None:
    """The layers of a model: name, kind, grid, units, receptive field, stride, rectified or not."""
    net = options.load(model, common)
    found = net.layers()
    if common.json:
        card = net.card()
        print_json(
            {
                "model": net.name,
                "weights_digest": net.weights_digest,
                "input": {**card["input"], "preprocessing": str(net.input.recipe)},
                "notes": list(net.notes),
                "layers": [layer.to_json() for layer in found],
            }
        )
        return
    print_table(found.COLUMNS, found.rows())
    say(f"input: {net.input}", common.quiet)
