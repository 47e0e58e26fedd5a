# SPDX-License-Identifier: Apache-2.0
"""Statistics of pictures against plain NumPy on all pictures at once, planted spectra and planted colors."""

import importlib.util
import itertools
from pathlib import Path

import numpy as np
import pytest

from pellucid.ascent.color import main_axes
from pellucid.ascent.natural import natural
from pellucid.ascent.statistics import ImageStatistics
from pellucid.errors import InputError
from pellucid.models import ImageInput

SIZE = (20, 27)
CHANNELS = [1, 3, 4, 12]


def noise(items, channels, size=SIZE, seed=0):
    return np.random.default_rng(seed).random((items, channels, *size))


def counted(pixels, image=None):
    statistics = ImageStatistics(image or ImageInput(pixels.shape[2:], pixels.shape[1]))
    statistics.update(pixels)
    return statistics


@pytest.mark.parametrize("channels", CHANNELS)
def test_mean_and_covariance_are_those_of_all_pixels(channels):
    pixels = noise(6, channels) ** (1 + np.arange(channels))[:, None, None]
    flat = pixels.transpose(1, 0, 2, 3).reshape(channels, -1)
    found = counted(pixels)
    np.testing.assert_allclose(found.mean, flat.mean(1), atol=1e-9)
    np.testing.assert_allclose(found.covariance, np.cov(flat, ddof=0).reshape(channels, channels), atol=1e-9)
    np.testing.assert_allclose(found.axes @ found.axes.T, found.covariance, atol=1e-9)


def test_the_norm_is_of_what_the_module_is_fed():
    image = ImageInput(SIZE, mean=(0.5, 0.4, 0.3), std=(0.2, 0.25, 0.5), value_range="0..1", order="bgr")
    pixels = noise(5, 3)
    fed = (pixels[:, ::-1] - np.array(image.mean)[:, None, None]) / np.array(image.std)[:, None, None]
    found = counted(pixels, image)
    norm = np.mean([np.linalg.norm(each) for each in fed])
    assert found.norm == pytest.approx(norm, rel=1e-6)
    assert found.norm_at(image, (40, 27)) == pytest.approx(norm * np.sqrt(2), rel=1e-6)
    with pytest.raises(InputError, match="another normalization"):
        found.norm_at(ImageInput(SIZE), SIZE)


@pytest.mark.parametrize("channels", [1, 4])
def test_merging_is_order_free_to_the_last_bit(channels):
    parts = [counted(noise(3, channels, seed=seed)) for seed in range(3)]
    whole = ImageStatistics(parts[0].image)
    for seed in (2, 0, 1):
        whole.update(noise(3, channels, seed=seed)[::-1])
    merged = {
        first.merge(second).merge(third).to_bytes() for first, second, third in itertools.permutations(parts)
    }
    assert merged == {whole.to_bytes()}
    assert whole.items == 9
    again = ImageStatistics.from_bytes(whole.to_bytes())
    assert again.digest == whole.digest
    np.testing.assert_array_equal(again.amplitude(9, 8), whole.amplitude(9, 8))


def test_an_update_is_seen_after_a_look():
    statistics = counted(noise(1, 3))
    first = statistics.mean, statistics.covariance, statistics.axes
    statistics.update(noise(4, 3, seed=1) / 2)
    assert not any(
        np.allclose(one, other)
        for one, other in zip(first, (statistics.mean, statistics.covariance, statistics.axes), strict=True)
    )


def waves(items, size, slope, seed=0, channels=1, stretch=1.0):
    """Noise whose amplitude falls as 1 / f**slope; with `stretch` above 1 vertical frequencies count as higher."""
    spectrum = np.fft.rfft2(np.random.default_rng(seed).normal(size=(items, channels, *size)), norm="ortho")
    down, across = np.fft.fftfreq(size[0])[:, None] * stretch, np.fft.rfftfreq(size[1])
    radius = np.hypot(down, across)
    radius[0, 0] = 1
    shape = radius**-slope
    shape[0, 0] = 0
    return np.fft.irfft2(spectrum * shape, s=size, norm="ortho"), shape


@pytest.mark.parametrize(
    ("measured", "asked"), [((64, 64), (64, 64)), ((64, 64), (96, 80)), ((60, 81), (33, 47))]
)
@pytest.mark.parametrize("stretch", [1.0, 3.0])
def test_a_planted_spectrum_is_found_at_every_size(measured, asked, stretch):
    pictures, _ = waves(60, measured, 1.2, stretch=stretch)
    found = counted(0.5 + pictures / 1000).amplitude(*asked)[0] * 1000
    _, shape = waves(1, asked, 1.2, stretch=stretch)
    # The mean size of a complex normal number of unit power is sqrt(pi) / 2.
    ratio = found / np.maximum(shape * np.sqrt(np.pi) / 2, 1e-9)
    down, across = np.abs(np.fft.fftfreq(asked[0]))[:, None], np.fft.rfftfreq(asked[1])[None]
    inner = np.hypot(down, across)
    middle = ratio[(inner > 0.06) & (inner < 0.45)]
    assert middle.mean() == pytest.approx(1, abs=0.05)
    assert middle.std() < (0.06 if stretch == 1 else 0.2)


@pytest.mark.parametrize("slope", [0.5, 1.0, 2.0])
def test_the_decay_is_the_planted_slope(slope):
    pictures, _ = waves(40, (64, 64), slope)
    assert counted(0.5 + pictures / 5000).decay == pytest.approx(slope, abs=0.1)


def test_planted_colors_have_spectra_of_their_own():
    """Slow lightness, white color noise: mixed into three channels, each is found along its own axis."""
    slow, shape = waves(60, (48, 48), 1.5)
    fast = np.random.default_rng(1).normal(size=(60, 1, 48, 48))
    slow, fast = slow / slow.std(), fast / fast.std()
    mixing = np.array([[1.0, 0.5], [1.0, 0.0], [1.0, -0.5]]) * 0.01
    pixels = 0.5 + np.einsum("ck,nkhw->nchw", mixing, np.concatenate([slow, fast], 1))
    found = counted(pixels)
    signs = np.sign(found.axes[0, :2])
    np.testing.assert_allclose(found.axes[:, :2] * signs, mixing, atol=3e-4)
    along = found.amplitude(48, 48, found.axes)
    assert along[2].max() < 1e-2  # the third axis is rounding
    inner = np.s_[3:20, 3:20]
    flat = along[1][inner]
    assert flat.std() / flat.mean() < 0.1
    assert np.corrcoef(np.log(along[0][inner]).ravel(), np.log(shape[inner]).ravel())[0, 1] > 0.99


def test_the_amplitude_at_frequency_zero_is_that_of_the_mean():
    levels = np.random.default_rng(0).normal(0.5, 0.05, (400, 1, 1, 1))
    found = counted(np.broadcast_to(levels, (400, 1, 8, 8)).copy()).amplitude(8, 8)[0]
    assert found[0, 0] == pytest.approx(np.abs(levels - levels.mean()).mean() * 8, rel=0.05)
    assert found.ravel()[1:].max() < 1e-6


def test_axes_are_ordered_and_signed():
    axes = main_axes(np.array([[2.0, 0, 0], [0, 5.0, 0], [0, 0, 1.0]]))
    np.testing.assert_allclose(axes, np.sqrt([[0, 2, 0], [5, 0, 0], [0, 0, 1]]), atol=1e-12)


def test_wrong_pictures_and_bytes_are_refused():
    statistics = ImageStatistics(ImageInput(SIZE))
    with pytest.raises(InputError, match="no picture"):
        _ = statistics.mean
    for wrong in (noise(1, 1), noise(1, 3, (20, 20)), np.full((1, 3, *SIZE), np.nan)):
        with pytest.raises(InputError, match="statistics of"):
            statistics.update(wrong)
    with pytest.raises(InputError, match="do not add up"):
        statistics.merge(ImageStatistics(ImageInput(SIZE, 1)))
    for damaged in (
        b"",
        b"nothing",
        statistics.to_bytes()[:-9],
        ImageStatistics(ImageInput(8)).to_bytes()[100:],
    ):
        with pytest.raises(InputError, match="measure them again"):
            ImageStatistics.from_bytes(damaged)


def test_photographs_have_the_statistics_of_photographs():
    found = natural()
    assert found.image.size == (256, 256)
    assert 1 < found.decay < 1.5
    lightness = found.axes[:, 0] / np.linalg.norm(found.axes[:, 0])
    assert lightness.min() > 0.5  # all channels rise and fall together
    spread = np.linalg.norm(found.axes, axis=0)
    assert spread[0] > 2 * spread[1] > 4 * spread[2]


@pytest.mark.slow
def test_the_shipped_statistics_are_those_that_the_script_measures(tmp_path, monkeypatch):
    path = Path(__file__).parents[2] / "scripts" / "measure_statistics.py"
    spec = importlib.util.spec_from_file_location("measure_statistics", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.setattr("sys.argv", ["measure_statistics.py", str(tmp_path / "natural.safetensors")])
    script.main()
    found = ImageStatistics.from_bytes((tmp_path / "natural.safetensors").read_bytes())
    np.testing.assert_allclose(found.covariance, natural().covariance, rtol=1e-3)
    np.testing.assert_allclose(found.amplitude(64, 96), natural().amplitude(64, 96), rtol=1e-2)
