# SPDX-License-Identifier: Apache-2.0
"""The command `attribute`."""

from __future__ import annotations

from typing import Annotated

import typer

from pellucid.cli.command import app, command
from pellucid.cli.options import Aim, Common, Model, ModelOptions, OutDir, Over, Settings, settings_of
from pellucid.figures.file import folder_path
from pellucid.terminal import complain, print_json, progress_bar, say

__all__ = ["attribute"]


@command(app, "attribute")
def attribute(
    model: Model,
    image: Annotated[str, typer.Argument(help="a picture, or .npy with the numbers of one")],
    out: OutDir,
    common: Common,
    options: ModelOptions,
    aim: Aim = None,
    methods: Annotated[
        str | None,
        typer.Option(
            "--methods",
            help="by commas: saliency, integrated_gradients, smoothgrad, gradcam, guided_backprop, deconvnet, occlusion, "
            "rise; gradcam,integrated_gradients,occlusion when left out",
        ),
    ] = None,
    over: Over = None,
    layer: Annotated[
        str | None,
        typer.Option("--layer", help="the layer that gradcam reads; the last with a grid when left out"),
    ] = None,
    no_faithfulness: Annotated[
        bool, typer.Option("--no-faithfulness", help="leave out the insertion and deletion curves")
    ] = False,
    steps: Annotated[int, typer.Option("--steps", help="steps of the insertion and deletion curves")] = 28,
    batch: Annotated[
        int | None, typer.Option("--batch", help="images that go through the net at once")
    ] = None,
    set_: Settings = None,
) -> None:
    """Which parts of a picture matter for a class, for any unit, or for the difference between two."""
    from pellucid.attribution import DEFAULT_METHODS
    from pellucid.attribution import attribute as explain
    from pellucid.attribution.folder import save_all

    folder_path(out)
    net = options.load(model, common)
    with progress_bar(common.quiet or common.json) as progress:
        found = explain(
            net,
            image,
            aim,
            methods=methods,
            over=over,
            layer=layer,
            faithfulness=not no_faithfulness,
            steps=steps,
            seed=common.seed,
            batch=batch,
            progress=progress,
            **settings_of(set_),
        )
    paths = save_all(found, out)
    if common.json:
        rows = [
            {**one.to_json(), "pictures": [str(path) for path in own]}
            for one, own in zip(found, paths, strict=True)
        ]
        print_json({"image": image, "attributions": rows, "values": str(out / "attribution.npz")})
        return
    if methods is None and len(found) < len(DEFAULT_METHODS):
        complain(f"no layer with a grid comes before {found[0].aim_words}: gradcam is left out")
    if found[0].enlarged:
        complain(found[0].enlarged)
    for one in found:
        if one.caution:
            complain(one.caution)
    say(f"{len(found)} maps of {found[0].aim_words}: {out}", common.quiet)
