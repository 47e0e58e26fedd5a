# SPDX-License-Identifier: Apache-2.0
"""`attribute`: which parts of an image matter for a class, a unit, or the difference between two."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from typing import Any

import numpy as np
import torch

from pellucid.attribution.aim import Aim
from pellucid.attribution.attribution import Attribution
from pellucid.attribution.faithfulness import faithfulness as judged
from pellucid.attribution.fed_image import FedImage, ImageLike, fed_image
from pellucid.attribution.method import Method, asked_methods, completed
from pellucid.attribution.readout import reading
from pellucid.attribution.scene import Found, Scene
from pellucid.errors import InputError
from pellucid.models import OUTPUT, Model, Net, opened, tap
from pellucid.models.net import versions
from pellucid.records import Provenance, Unit

__all__ = ["DEFAULT_METHODS", "attribute", "fixed_aim"]

DEFAULT_METHODS = ("gradcam", "integrated_gradients", "occlusion")
STEPS = 28  # of the faithfulness games: eight rows of 224 px each, as for bulk evaluation

BATCH_PIXELS = 16 * 224 * 224  # that go through the net at once where no batch is asked for

Progress = Callable[[int, int, str], None]


def attribute(
    net: Model,
    image: ImageLike,
    aim: str | Unit | Aim | None = None,
    *,
    methods: str | Iterable[str] = DEFAULT_METHODS,
    over: str | None = None,
    layer: str | None = None,
    faithfulness: bool = True,
    steps: int = STEPS,
    seed: int = 0,
    batch: int | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> tuple[Attribution, ...]:
    """Which parts of an image matter for a class, for any unit, or for the difference between two.

    Parameters
    ----------
    net : a net, or what `load` takes
    image : a file, a picture, an array (H, W) or (H, W, C), uint8 or floats in 0..1, by the net's recipe; or a tensor (C, H, W)
        in 0..1, fed as it is
    aim : `logits:tabby`, `features.7:42`, `features.7:42@5,6`, a Unit, or `logits:3 - logits:7`; the top class when left out
    methods : names of METHODS
    over : what a unit with positions counts where none is named: its `strongest` position on this image (which is then named
        in the result's aim), or the `mean` over all
    layer : the layer that Grad-CAM reads; the last one with a grid on the way when left out
    faithfulness : insertion and deletion curves beside each map, of `steps` steps
    seed : of the noise of SmoothGrad and the masks of RISE
    batch : images that go through the net at once; about 16 of 224 x 224 px when left out
    progress : called with (done, total, what)
    settings : of the methods, as `baseline="blur"`, `window=32`, `masks=4000`; each goes to every method that has it

    Returns
    -------
    one Attribution for each method, in the order asked

    Raises
    ------
    UnknownName : no such file, unit, label, method or setting
    InputError : an image without the net's channels, a layer without a grid for Grad-CAM, a net without ReLU for methods that
        are rules for it

    Examples
    --------
    >>> import numpy as np
    >>> [found] = attribute("demo", np.zeros((96, 96, 3), np.uint8), "conv5:9", methods=["gradcam"], steps=4)
    >>> found.values.shape
    (96, 96)
    """
    asked = asked_methods(methods)
    complete = completed(asked, settings)
    if steps < 1 or (batch is not None and batch < 1):
        raise InputError(f"{steps} steps in batches of {batch}: both are counted from 1")
    net = opened(net)
    fed = fed_image(image, net)
    wanted, response = fixed_aim(net, fed, aim, over)
    at_once = batch or max(1, min(32, BATCH_PIXELS // (fed.size[0] * fed.size[1])))
    rows: list[tuple[Method, Found, float]] = []
    for number, method in enumerate(asked):
        if progress is not None:
            progress(number, len(asked) + faithfulness, method.title)
        began = time.perf_counter()
        with reading(net, wanted) as readout:
            scene = Scene(net, readout, fed.pixels, layer, at_once, seed)
            rows.append(
                (
                    method,
                    _checked(method, method.run(scene, complete[method.name])),
                    time.perf_counter() - began,
                )
            )
    maps = [found.values for _, found, _ in rows]
    if progress is not None:
        progress(len(asked), len(asked) + faithfulness, "faithfulness")
    games = (
        judged(net, wanted, fed.pixels, maps, steps=steps, batch=at_once)
        if faithfulness
        else [None] * len(maps)
    )
    if progress is not None:
        progress(len(asked) + faithfulness, len(asked) + faithfulness, "done")
    words = wanted.words(net.labels)
    return tuple(
        Attribution(
            method.name,
            wanted,
            found.values,
            response,
            method.unit_words,
            method.signed and bool(found.extras.get("signed", True)),
            method.sound,
            method.caution,
            found.layer,
            game,
            found.extras,
            seconds,
            _provenance(net, fed, wanted, method, complete[method.name], found, seed, at_once),
            fed.picture,
            words,
        )
        for (method, found, seconds), game in zip(rows, games, strict=True)
    )


def fixed_aim(net: Net, fed: FedImage, aim: str | Unit | Aim | None, over: str | None) -> tuple[Aim, float]:
    """The aim with all its units and positions named, and its value on the image; the top class where none is asked for."""
    if aim is None:
        with torch.inference_mode(False), tap(net, [OUTPUT]) as run:
            outputs = (
                run(fed.pixels)[OUTPUT][0].flatten(1)
                if net.layer(OUTPUT).grid
                else run(fed.pixels)[OUTPUT][0]
            )
        strongest = outputs if outputs.ndim == 1 else outputs.amax(1)
        aim = Aim.of(Unit(OUTPUT, int(strongest.argmax())))
    wanted = Aim.of(aim, over).on(net)
    with torch.inference_mode(False), tap(net, wanted.layers) as run:
        responses = run(fed.pixels)
    wanted = wanted.fixed(responses)
    value = float(wanted.read(responses)[0])
    if not np.isfinite(value):
        raise InputError(f"{wanted} answers {value:g} to this image: nothing can be attributed")
    return wanted, value


def _checked(method: Method, found: Found) -> Found:
    if not np.isfinite(found.values).all():
        raise InputError(
            f"{method.name} met numbers that are not finite; the network's gradients overflow on this image"
        )
    return found


def _provenance(
    net: Net,
    fed: FedImage,
    aim: Aim,
    method: Method,
    settings: Mapping[str, Any],
    found: Found,
    seed: int,
    batch: int,
) -> Provenance:
    facts = {**settings, "image": fed.name, "pixels_sha256": fed.digest, "over": aim.over, "batch": batch}
    if found.layer is not None:
        facts["layer"] = found.layer
    return Provenance(
        net.name,
        net.weights_digest,
        f"attribution {method.name}",
        facts,
        seed,
        {**versions(), "captum": version("captum")},
        str(aim),
    )
