# SPDX-License-Identifier: Apache-2.0
"""`attribute`: which parts of an image matter for a class, a unit, or the difference between two."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from typing import Any

import numpy as np
from torch import Tensor

from pellucid.attribution.aim import Aim
from pellucid.attribution.attribution import Attribution
from pellucid.attribution.before import has_grid_before
from pellucid.attribution.faithfulness import Faithfulness
from pellucid.attribution.faithfulness import faithfulness as judged
from pellucid.attribution.method import Method, asked_methods, completed
from pellucid.attribution.readout import reading, responses
from pellucid.attribution.scene import Found, Scene
from pellucid.errors import InputError
from pellucid.models import OUTPUT, Model, Net, OneImage, fed_image, opened
from pellucid.models.enlarged import checked_size
from pellucid.models.net import versions
from pellucid.records import Provenance, Unit

__all__ = ["DEFAULT_METHODS", "attribute", "digest_of", "fixed_aim"]

DEFAULT_METHODS = ("gradcam", "integrated_gradients", "occlusion")
STEPS = 28  # of the faithfulness games: eight rows of 224 px each, as for bulk evaluation

# That go through the net at once where no batch is asked for. On two cores 8 images are an eighth faster each than 16: what
# lies between layers stays in the caches.
BATCH_PIXELS = 8 * 224 * 224

Progress = Callable[[int, int, str], None]


def attribute(
    net: Model,
    image: OneImage,
    aim: str | Unit | Aim | None = None,
    *,
    methods: str | Iterable[str] | None = None,
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
    image : a file or a picture, by the net's recipe; or, of the net's own size and fed as it is, an array (H, W) or (H, W, C),
        uint8 or floats in 0..1, or a tensor (C, H, W) in 0..1
    aim : `logits:tabby`, `features.7:42`, `features.7:42@5,6`, a Unit, or `logits:3 - logits:7`; the top class when left out
    methods : names of METHODS; when left out gradcam, integrated_gradients and occlusion, without gradcam where no layer with a
        grid comes before the aim
    over : what a unit with positions counts where none is named: its `strongest` position on this image (which is then named
        in the result's aim), or the `mean` over all
    layer : the layer that Grad-CAM reads; the last one with a grid on the way when left out
    faithfulness : insertion and deletion curves beside each map, of `steps` steps
    seed : of the noise of SmoothGrad and the masks of RISE
    batch : images that go through the net at once; about 8 of 224 x 224 px when left out
    progress : called with (done, total, what)
    settings : of the methods, as `baseline="blur"`, `window=32`, `masks=4000`; each goes to every method that has it

    Returns
    -------
    one Attribution for each method, in the order asked

    Raises
    ------
    UnknownName : no such file, unit, label, method or setting
    InputError : an image without the net's channels, or smaller than what a unit of any layer sees; a layer without a grid for
        Grad-CAM; a net without ReLU for methods that are rules for it

    Examples
    --------
    >>> import numpy as np
    >>> [found] = attribute("demo", np.zeros((96, 96, 3), np.uint8), "conv5:9", methods=["gradcam"], steps=4)
    >>> found.values.shape
    (96, 96)
    """
    asked = asked_methods(DEFAULT_METHODS if methods is None else methods)
    complete = completed(asked, settings)
    if steps < 1 or (batch is not None and batch < 1):
        raise InputError(f"{steps} steps in batches of {batch}: both are counted from 1")
    net = opened(net)
    fed = fed_image(image, net)
    enlarged = checked_size(fed, net.layers())
    pixels = fed.pixels[None].to(net.device)
    wanted, response = fixed_aim(net, pixels, aim, over)
    if methods is None and layer is None and not has_grid_before(net, wanted):
        asked = [method for method in asked if method.name != "gradcam"]
    at_once = batch or max(1, min(32, BATCH_PIXELS // (pixels.shape[2] * pixels.shape[3])))
    tell = _teller(progress, len(asked) + faithfulness)
    rows: list[tuple[Method, Found, float]] = []
    for number, method in enumerate(asked):
        tell(number, method.title)
        began = time.perf_counter()
        with reading(net, wanted) as readout:
            scene = Scene(net, readout, pixels, layer, at_once, seed)
            found = _checked(method, method.run(scene, complete[method.name]))
        rows.append((method, found, time.perf_counter() - began))
    games: list[Faithfulness | None] = [None] * len(rows)
    if faithfulness:
        tell(len(asked), "faithfulness")
        maps = [found.values for _, found, _ in rows]
        games = list(judged(net, wanted, pixels, maps, steps=steps, batch=at_once))
    tell(len(asked) + faithfulness, "done")
    facts = {"image": fed.name, "pixels_sha256": digest_of(pixels), "over": wanted.over, "batch": at_once}
    if enlarged:
        facts["enlarged"] = enlarged
    return tuple(
        Attribution(
            method=method.name,
            aim=wanted,
            values=found.values,
            response=response,
            unit_words=method.unit_words,
            signed=method.signed and bool(found.extras.get("signed", True)),
            sound=method.sound,
            caution=method.caution,
            layer=found.layer,
            faithfulness=game,
            extras=found.extras,
            seconds=seconds,
            provenance=_provenance(
                net, wanted, method.name, {**complete[method.name], **facts}, found.layer, seed
            ),
            picture=np.asarray(fed.picture),
            aim_words=wanted.words(net.labels),
        )
        for (method, found, seconds), game in zip(rows, games, strict=True)
    )


def fixed_aim(net: Net, pixels: Tensor, aim: str | Unit | Aim | None, over: str | None) -> tuple[Aim, float]:
    """The aim with all its units and positions named, and its value on an image (1, C, H, W); the top class where none is
    asked for."""
    if aim is None:
        with responses(net, (OUTPUT,)) as run:
            outputs = run(pixels)[OUTPUT][0]
        aim = Unit(OUTPUT, int((outputs.flatten(1).amax(1) if outputs.ndim > 1 else outputs).argmax()))
    wanted = Aim.of(aim, over).on(net)
    with responses(net, wanted.layers) as run:
        found = run(pixels)
    wanted = wanted.fixed(found)
    value = float(wanted.read(found)[0])
    if not np.isfinite(value):
        raise InputError(f"{wanted} answers {value:g} to this image: nothing can be attributed")
    return wanted, value


def digest_of(pixels: Tensor) -> str:
    """sha256 of an image as fed."""
    return hashlib.sha256(pixels.cpu().contiguous().numpy().tobytes()).hexdigest()


def _teller(progress: Progress | None, total: int) -> Callable[[int, str], None]:
    return lambda done, what: None if progress is None else progress(done, total, what)


def _checked(method: Method, found: Found) -> Found:
    if not np.isfinite(found.values).all():
        raise InputError(
            f"{method.name} met numbers that are not finite; the network's gradients overflow on this image"
        )
    return found


def _provenance(
    net: Net, aim: Aim, method: str, facts: Mapping[str, Any], layer: str | None, seed: int
) -> Provenance:
    settings = dict(facts) | ({} if layer is None else {"layer": layer})
    made_with = {**versions(), "captum": version("captum")}
    name = f"attribution {method}"
    return Provenance(net.name, net.weights_digest, name, settings, seed, made_with, str(aim))
