# SPDX-License-Identifier: Apache-2.0
"""The command `look`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pellucid.cli.command import app, command
from pellucid.cli.options import Common, Model, ModelOptions, OutDir
from pellucid.errors import FinishedWithProblems, InputError
from pellucid.figures.file import folder_path
from pellucid.terminal import complain, print_json, print_text, progress_bar, say

if TYPE_CHECKING:
    from pellucid.look import Beside, Look
    from pellucid.models import Net

__all__ = ["look"]

NONE = "none"


@command(app, "look")
def look(
    model: Model,
    image: Annotated[
        str,
        typer.Argument(help="a picture, or .npy with the numbers of one; or a folder or archive of pictures"),
    ],
    out: OutDir,
    common: Common,
    options: ModelOptions,
    layers: Annotated[
        str | None,
        typer.Option("--layers", help="names by commas; those before a non-linearity when left out"),
    ] = None,
    atlas: Annotated[
        Path | None,
        typer.Option(
            "--atlas", help="an atlas of the same net: pictures of units, and how rare a response is"
        ),
    ] = None,
    aim: Annotated[
        str | None,
        typer.Option(
            "--aim",
            help='what is attributed: LAYER:INDEX, logits:LABEL or "logits:A - logits:B"; the top class',
        ),
    ] = None,
    methods: Annotated[
        str | None, typer.Option("--methods", help="of attribution, by commas; none for none of them")
    ] = None,
    faithfulness: Annotated[
        bool,
        typer.Option("--faithfulness/--no-faithfulness", help="insertion and deletion curves beside each"),
    ] = False,
    groups: Annotated[int, typer.Option("--groups", help="of units that fire together; 0 for none")] = 6,
    cells: Annotated[int, typer.Option("--cells", help="units listed at each cell")] = 4,
    also: Annotated[
        str | None, typer.Option("--with", help="inversion, caricature, accentuation or grid, by commas")
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(
            "--unit",
            help="units drawn large, as heat and as mask: features.7:42,99 or features.7:42,logits:tabby",
        ),
    ] = None,
    beside: Annotated[
        Path | None, typer.Option("--beside", help="a second picture, on the same page")
    ] = None,
    beside_model: Annotated[
        str | None,
        typer.Option("--beside-model", help="a second model for the same picture, on the same page"),
    ] = None,
    beside_weights: Annotated[
        str | None,
        typer.Option("--beside-weights", help="of the second model; of the same one where it is not named"),
    ] = None,
    site: Annotated[
        str | None,
        typer.Option("--site", help="where the atlas's pages are: a folder of `export`, or an address"),
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option("--into", help="an atlas of the same net, whose site then shows the look too"),
    ] = None,
    arrays: Annotated[
        bool, typer.Option("--arrays/--no-arrays", help="all response maps as look.npz")
    ] = True,
    strict: Annotated[bool, typer.Option("--strict", help="exit 4 when an image was skipped")] = False,
) -> None:
    """What an image of yours excites, and where: a page that opens by double-click."""
    from pellucid.look import many

    folder_path(out)
    asked = _Asked(
        {
            "layers": _listed(layers),
            "atlas": atlas,
            "aim": aim,
            "groups": groups,
            "cells": cells,
            "faithfulness": faithfulness,
            "also": _listed(also) or (),
            "units": () if unit is None else (unit,),
            "seed": common.seed,
            **({} if methods is None else {"methods": () if methods == NONE else _listed(methods)}),
        },
        out,
        site,
        arrays,
        into,
    )
    two = beside is not None or beside_model is not None or beside_weights is not None
    net = options.load(model, common)
    if many(image):
        if two:
            raise InputError(f"{image} holds many pictures; --beside goes with one")
        if into is not None:
            raise InputError(f"{image} holds many pictures; --into goes with one")
        _gallery(net, image, asked, common, strict)
    elif two and into is not None:
        raise InputError("two looks side by side are not kept in an atlas; --into goes with one")
    elif two:
        _two(net, image, asked, common, options, (beside, beside_model or model, beside_weights))
    else:
        _one(net, image, asked, common)


@dataclass(frozen=True)
class _Asked:
    settings: dict[str, Any]
    out: Path
    site: str | None
    arrays: bool
    into: Path | None


def _listed(text: str | None) -> list[str] | None:
    """Names by commas."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def _one(net: Net, image: str, asked: _Asked, common: Common) -> None:
    from pellucid.look import look as at

    with progress_bar(common.quiet or common.json) as progress:
        found = at(net, image, progress=progress, **asked.settings)
    _told(found, asked, common, found.notes)
    if asked.into is not None:
        names = found.keep(asked.into)
        if not common.json:
            say(f"kept with {len(names)} layers of {asked.into}; `pellucid export` shows it", common.quiet)


def _two(
    net: Net,
    image: str,
    asked: _Asked,
    common: Common,
    options: ModelOptions,
    other: tuple[Path | None, str, str | None],
) -> None:
    from pellucid.look import look as at

    second, model, weights = other
    same = second is not None and weights is None
    with progress_bar(common.quiet or common.json) as progress:
        first = at(net, image, progress=progress, **asked.settings)
        settings = asked.settings
        if not same:
            options = replace(options, weights=weights if weights is not None else options.weights)
            net = options.load(model, common)
            settings = {**settings, "atlas": None, "layers": None}  # both are the first net's
        found = first.beside(at(net, second or image, progress=progress, **settings))
    _told(found, asked, common, dict.fromkeys(note for look in found.looks for note in look.notes))


def _told(found: Look | Beside, asked: _Asked, common: Common, notes: Any) -> None:
    report = found.save(asked.out, site=asked.site, arrays=asked.arrays)
    if common.json:
        print_text((asked.out / "look.json").read_text())
        return
    for note in () if common.quiet else notes:
        complain(note)
    say(found.says, common.quiet)
    say(f"open {report}", common.quiet)


def _gallery(net: Net, image: str, asked: _Asked, common: Common, strict: bool) -> None:
    from pellucid.look import look_through

    with progress_bar(common.quiet or common.json) as progress:
        found = look_through(
            net, image, asked.out, site=asked.site, arrays=asked.arrays, progress=progress, **asked.settings
        )
    if common.json:
        print_json(found.to_json())
    else:
        for item, reason in () if common.quiet else found.skipped:
            complain(f"skipped {item}: {reason}")
        say(
            f"{found.made} images looked at, {found.kept} found done, {len(found.skipped)} skipped",
            common.quiet,
        )
        say(f"open {found.index}", common.quiet)
    if strict and found.skipped:
        raise FinishedWithProblems(f"{len(found.skipped)} images were skipped; the rest is complete")
