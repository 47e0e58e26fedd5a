# SPDX-License-Identifier: Apache-2.0
"""Statistics of pictures: mean, color and amplitude spectrum of some data, so that a canvas varies as that data does."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from pellucid.ascent.color import Colors, main_axes
from pellucid.ascent.polar import ANGLES, RADII, PolarBins, spread
from pellucid.errors import InputError
from pellucid.models.inputs import ImageInput
from pellucid.records import canonical_json

__all__ = ["ImageStatistics"]

Doubles = NDArray[np.float64]
# Sums are whole numbers in these units, so that no order of adding changes them; for 2**25 items they stay below 2**63.
UNIT = {
    "means": 2.0**-36,
    "products": 2.0**-36,
    "spread": 2.0**-36,
    "norms": 2.0**-20,
    "amplitudes": 2.0**-24,
}
UNIT["powers"] = 2.0**-22
# Directions of color with less of the spread than this are rounding, as in gray photographs saved with three channels.
FAINT = 1e-3
# The slope of a spectrum is fitted between frequencies, in cycles per pixel, that neither cut-off nor blur has bent.
SLOPE_FROM, SLOPE_TO = 0.02, 0.3


class ImageStatistics:
    """Sums over pictures of one input's size; `merge` is associative and order-free, to the last bit.

    Parameters
    ----------
    image : the input whose pixels are counted; its normalization says what `norm` is the norm of

    Attributes
    ----------
    items : pictures counted so far

    Examples
    --------
    >>> statistics = ImageStatistics(ImageInput(8, 1))
    >>> statistics.update(np.full((2, 1, 8, 8), 0.25))
    >>> statistics.mean, statistics.norm
    (array([0.25]), 2.0)
    """

    def __init__(self, image: ImageInput) -> None:
        self.image = image
        self.items = 0
        channels, bins = image.channels, len(RADII) * ANGLES
        pairs = channels * (channels + 1) // 2
        self._bins = PolarBins(*image.size)
        self._sums: dict[str, NDArray[np.int64]] = {
            "means": np.zeros(channels, np.int64),
            "products": np.zeros(pairs, np.int64),
            "spread": np.zeros(pairs, np.int64),
            "norms": np.zeros(1, np.int64),
            "amplitudes": np.zeros((channels, bins), np.int64),
            "powers": np.zeros((pairs, bins), np.int64),
        }

    def update(self, pixels: NDArray[Any]) -> None:
        """Count pictures: (N, C, H, W) in 0..1.

        Raises
        ------
        InputError : another shape, or numbers that are not finite
        """
        shape = (self.image.channels, *self.image.size)
        if pixels.shape[1:] != shape or not np.isfinite(pixels).all():
            raise InputError(f"statistics of {shape} were asked for pixels of {pixels.shape[1:]}, all finite")
        fed = self.image.normalize(torch.from_numpy(pixels.astype(np.float64))).numpy()
        self._forget()
        for item, seen in zip(pixels.astype(np.float64), fed, strict=True):
            self.items += 1
            for name, value in self._of(item, seen).items():
                self._sums[name] += np.rint(value / UNIT[name]).astype(np.int64)

    def _of(self, item: Doubles, seen: Doubles) -> dict[str, Doubles]:
        """What one picture (C, H, W) adds."""
        flat = item.reshape(len(item), -1)
        mean = flat.mean(1)
        spectrum = np.fft.rfft2(item, norm="ortho")
        upper = self._pairs
        powers = [(spectrum[c] * spectrum[d].conj()).real for c, d in zip(*upper, strict=True)]
        return {
            "means": mean,
            "products": (flat @ flat.T / flat.shape[1])[upper],
            "spread": np.outer(mean, mean)[upper],
            "norms": np.array([np.linalg.norm(seen)]),
            "amplitudes": self._bins.means(np.abs(spectrum)),
            "powers": self._bins.means(np.stack(powers)),
        }

    @property
    def _pairs(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        return np.triu_indices(self.image.channels)

    def merge(self, other: ImageStatistics) -> ImageStatistics:
        """Both together.

        Raises
        ------
        InputError : the other is of another size, channel count or normalization
        """
        if _facts(other.image) != _facts(self.image):
            raise InputError(
                f"statistics of {self.image} and of {other.image} do not add up; measure both alike"
            )
        merged = ImageStatistics(self.image)
        merged.items = self.items + other.items
        merged._sums = {name: sums + other._sums[name] for name, sums in self._sums.items()}
        return merged

    def to_bytes(self) -> bytes:
        """Arrays only: reading it runs no code. Equal bytes for equal sums."""
        story = canonical_json({"items": self.items, "input": _facts(self.image)})
        return save(dict(sorted(self._sums.items())), {"story": story})

    @classmethod
    def from_bytes(cls, data: bytes) -> ImageStatistics:
        """What `to_bytes` wrote.

        Raises
        ------
        InputError : damaged bytes, or of something else
        """
        try:
            sums = load(data)
            story = json.loads(
                json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]["story"]
            )
            statistics = cls(ImageInput(**story["input"]))
            shapes = {name: array.shape for name, array in statistics._sums.items()}
            if {name: array.shape for name, array in sums.items()} != shapes:
                raise ValueError("other arrays")
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"these are no statistics of pictures ({error}); measure them again") from error
        statistics.items, statistics._sums = int(story["items"]), sums
        return statistics

    @property
    def digest(self) -> str:
        """SHA-256 of `to_bytes`."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """What a provenance keeps: how many items, and the digest."""
        return {"items": self.items, "digest": self.digest}

    def _forget(self) -> None:
        for name in ("mean", "covariance", "axes"):
            self.__dict__.pop(name, None)

    def _average(self, name: str) -> Doubles:
        if not self.items:
            raise InputError("these statistics have met no picture; update them with some, or measure data")
        average: Doubles = self._sums[name].astype(np.float64) * (UNIT[name] / self.items)
        return average

    def _matrix(self, rows: Doubles) -> Doubles:
        """(C, C, ...) symmetric, from the upper triangle (pairs, ...)."""
        channels = self.image.channels
        matrix = np.zeros((channels, channels, *rows.shape[1:]))
        first, second = self._pairs
        matrix[first, second] = matrix[second, first] = rows
        return matrix

    @cached_property
    def mean(self) -> Doubles:
        """(C,) mean of all pixels, in 0..1."""
        return self._average("means")

    @cached_property
    def covariance(self) -> Doubles:
        """(C, C) covariance of the channels over all pixels."""
        return self._matrix(self._average("products")) - np.outer(self.mean, self.mean)

    @cached_property
    def axes(self) -> Doubles:
        """(C, C) square root of the covariance, a column for each independent axis."""
        return main_axes(self.covariance)

    def colors(self, device: torch.device | str = "cpu") -> Colors:
        """What a canvas takes from them: their mean and axes."""
        return Colors.measured(self.mean, self.axes, device)

    @property
    def norm(self) -> float:
        """Average norm of the pictures as the module is fed, after normalization."""
        return float(self._average("norms")[0])

    def norm_at(self, image: ImageInput, size: tuple[int, int]) -> float:
        """The norm for pictures of another size, which grows with the root of the number of pixels.

        Raises
        ------
        InputError : `image` normalizes in another way
        """
        ours, theirs = ({**_facts(each), "size": None} for each in (self.image, image))
        if ours != theirs:
            raise InputError("the statistics were measured with another normalization; measure with this net")
        return self.norm * float(np.sqrt(np.prod(size) / np.prod(self.image.size)))

    def amplitude(self, height: int, width: int, axes: Doubles | None = None) -> Doubles:
        """Mean size of each frequency of a picture of another size, along axes of color.

        Frequencies are compared in cycles per pixel. Along axes that mix channels, the mean is estimated from the mean
        power, with the ratio of mean amplitude to root mean power that the channels themselves have.

        Parameters
        ----------
        axes : (C, C), a column for each; None for the channels as they are

        Returns
        -------
        (C, H, W//2+1) float64, of an orthonormal transform; at frequency 0 of the picture's mean, about the mean of all
        """
        amplitudes = self._average("amplitudes")
        level = self._matrix(self._average("spread")) - np.outer(self.mean, self.mean)
        if axes is not None:
            inverse = np.linalg.pinv(axes, rcond=FAINT)
            powers = self._matrix(self._average("powers"))
            root = np.sqrt(np.einsum("ccb->cb", powers)).sum(0)
            ratio = np.divide(amplitudes.sum(0), root, out=np.zeros_like(root), where=root > 0)
            along = np.einsum("pc,cdb,pd->pb", inverse, powers, inverse)
            amplitudes = ratio * np.sqrt(np.maximum(along, 0))
            level = inverse @ level @ inverse.T
        found = spread(amplitudes, self._bins, height, width)
        # The mean absolute value of a normal number is sqrt(2/pi) times its spread.
        found[:, 0, 0] = np.sqrt(np.maximum(np.diag(level), 0) * height * width * 2 / np.pi)
        return found

    @property
    def decay(self) -> float:
        """The power of frequency with which amplitudes fall, fitted over the middle frequencies; photographs have about 1."""
        curve = self._bins.rings(self._average("amplitudes").mean(0))
        radii = self._bins.radii
        used = (radii >= SLOPE_FROM) & (radii <= SLOPE_TO) & (curve > 0)
        if used.sum() < 3:
            return 1.0
        slope = np.polyfit(np.log(radii[used]), np.log(curve[used]), 1)[0]
        return float(np.clip(-slope, 0, 3))


def _facts(image: ImageInput) -> dict[str, Any]:
    """What pixels and normalization depend on, as the arguments of ImageInput."""
    return {
        "size": list(image.size),
        "channels": image.channels,
        "mean": list(image.mean),
        "std": list(image.std),
        "value_range": image.value_range,
        "order": image.order,
    }
