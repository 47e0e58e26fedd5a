# SPDX-License-Identifier: Apache-2.0
"""Statistics of a user's own data as a net is fed it: what its pictures vary in, for canvases that vary alike."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import numpy as np

from pellucid.ascent import ImageStatistics
from pellucid.data import Data, batches, open_source
from pellucid.errors import NoItems
from pellucid.models import Model, opened

__all__ = ["measure"]

BATCH = 32


def measure(
    net: Model,
    data: Data,
    *,
    progress: Callable[[int, int, str], None] | None = None,
) -> ImageStatistics:
    """Measure mean, color and amplitude spectrum of data, in one pass, for `optimize(..., statistics=...)`.

    Parameters
    ----------
    net : what `load` returns, or what it takes; its recipe decides what the pixels are
    data : a folder of images, an archive, a dataset or what else `open_source` takes; or pixels (N, C, H, W) in 0..1 of the
        net's input size
    progress : called with (done, total, what) after each batch

    Returns
    -------
    ImageStatistics: the same to the last bit in whatever order or parts the data comes

    Raises
    ------
    UnknownName : no such data
    NoItems : nothing in the data could be read, as for a net of bands that no picture file has
    InputError : pixels of another shape

    Examples
    --------
    >>> import pellucid as pl
    >>> net = pl.load("demo")
    >>> pl.measure(net, np.random.default_rng(0).random((4, 3, *net.input.size))).mean.round(1).tolist()
    [0.5, 0.5, 0.5]
    """
    image = opened(net).input
    statistics = ImageStatistics(image)
    if isinstance(data, np.ndarray):
        statistics.update(data)
        return statistics
    source = open_source(data)
    total = len(source.names)
    broken = ""
    with closing(batches(source, image.recipe, size=BATCH)) as stream:
        for batch in stream:
            readable = batch.pixels[batch.valid]
            statistics.update(readable.transpose(0, 3, 1, 2) / (255 if readable.dtype == np.uint8 else 1))
            broken = broken or next((reason for _, reason in batch.problems), "")
            if progress is not None:
                progress(min((batch.index + 1) * BATCH, total), total, "items")
    if not statistics.items:
        raise NoItems(f"none of the {total} items of {source.name} can be read; the first: {broken}")
    return statistics
