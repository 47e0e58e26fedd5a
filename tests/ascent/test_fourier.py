# SPDX-License-Identifier: Apache-2.0
"""The Fourier canvas against METHODS C.6, restated slowly in NumPy, and against its known start statistics."""

import numpy as np
import pytest
import torch

from pellucid.ascent.canvas import CanvasShape
from pellucid.ascent.fourier import FourierCanvas
from pellucid.ascent.statistics import ImageStatistics
from pellucid.ascent.streams import stream
from pellucid.models import ImageInput

ROOT = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])


def canvas_of(channels, height, width, items=2):
    return FourierCanvas(
        CanvasShape(channels, height, width), [stream(7, str(item)) for item in range(items)]
    )


def slowly(spectrum, height, width, color):
    """One item, one frequency at a time, from lucid's formulas; `spectrum` is (C, H, W', 2)."""
    even = width + width % 2
    scaled = np.zeros(spectrum.shape[:3], complex)
    for row in range(height):
        for column in range(spectrum.shape[2]):
            across = np.fft.fftfreq(width)[column]
            frequency = np.sqrt(np.fft.fftfreq(height)[row] ** 2 + across**2)
            weight = np.sqrt(width * height) / max(frequency, 1 / max(width, height))
            scaled[:, row, column] = weight * (spectrum[:, row, column, 0] + 1j * spectrum[:, row, column, 1])
    planes = np.fft.irfft2(scaled, s=(height, even))[..., :width] / 4
    if color:
        planes = np.einsum("rp,phw->rhw", ROOT / np.linalg.norm(ROOT, axis=0).max(), planes)
    return 1 / (1 + np.exp(-planes))


@pytest.mark.parametrize("channels", [1, 3, 4, 12])
@pytest.mark.parametrize(("height", "width"), [(8, 8), (6, 9), (9, 6), (7, 7), (1, 4)])
def test_pictures_are_those_of_the_formulas(channels, height, width):
    canvas = canvas_of(channels, height, width)
    with torch.no_grad():
        canvas.variables[0].mul_(100)  # as far from gray as after many steps
        found = canvas.pictures().numpy()
    assert found.shape == (2, channels, height, width)
    assert canvas.variables[0].shape == (2, channels, height, width // 2 + (2 if width % 2 else 1), 2)
    for item in range(2):
        wanted = slowly(canvas.variables[0][item].detach().double().numpy(), height, width, channels == 3)
        np.testing.assert_allclose(found[item], wanted, atol=2e-6)


@pytest.mark.parametrize(
    ("side", "items", "rgb_sd", "plane_sd"),
    [
        (64, 160, 0.0025, 0.0169),
        (128, 64, 0.0028, 0.0190),
        (224, 32, 0.0030, 0.0196),
        (256, 24, 0.0030, 0.0199),
    ],
)
def test_the_start_has_the_spread_of_lucid(side, items, rgb_sd, plane_sd):
    with torch.no_grad():
        rgb = canvas_of(3, side, side, items).pictures()
        planes = torch.logit(canvas_of(1, side, side, 3 * items).pictures())
    assert rgb.mean().item() == pytest.approx(0.5, abs=1e-3)
    assert rgb.std((2, 3)).mean().item() == pytest.approx(rgb_sd, rel=0.05)
    assert planes.std((2, 3)).mean().item() == pytest.approx(plane_sd, rel=0.05)


def test_the_start_is_normal_with_the_spread_of_lucid():
    start = canvas_of(3, 64, 64, 8).variables[0].detach()
    assert start.std().item() == pytest.approx(0.01, rel=0.01)
    assert (start.abs() < 0.01).float().mean().item() == pytest.approx(0.6827, abs=0.01)


def test_an_item_depends_on_its_own_stream_and_variables_only():
    one = FourierCanvas(CanvasShape(3, 16, 16), [stream(0, "b")])
    many = FourierCanvas(CanvasShape(3, 16, 16), [stream(0, name) for name in "abc"])
    assert torch.equal(one.variables[0][0], many.variables[0][1])
    many.pictures()[1].sum().backward()
    reached = many.variables[0].grad.abs().flatten(1).sum(1) > 0
    assert reached.tolist() == [False, True, False]


def test_gray_pictures_of_three_channels_stay_three_channels_of_any_meaning():
    """Four bands vary independently: no two are correlated as the channels of a photograph are."""
    bands = torch.logit(canvas_of(4, 64, 64, 16).pictures().detach()).transpose(0, 1).flatten(1)
    correlation = torch.corrcoef(bands) - torch.eye(4)
    assert correlation.abs().max() < 0.2


def test_statistics_bend_the_slope_and_keep_the_contrast():
    steep = np.random.default_rng(0).normal(size=(60, 1, 64, 64)).cumsum(2).cumsum(3)
    statistics = ImageStatistics(ImageInput(64, 1))
    statistics.update(0.5 + (steep - steep.mean((2, 3), keepdims=True)) / 2000)
    shape, streams = CanvasShape(1, 64, 64), [stream(7, str(item)) for item in range(60)]
    plain, like = (
        torch.logit(FourierCanvas(shape, streams, statistics=given).pictures().detach()).double()
        for given in (None, statistics)
    )
    like = like - np.log(statistics.mean / (1 - statistics.mean)).item()
    assert like.std().item() == pytest.approx(plain.std().item(), rel=0.1)
    size = np.abs(np.fft.fft2(like.numpy())).mean((0, 1))
    slope = -np.log(size[0, 20] / size[0, 2]) / np.log(10)
    assert slope == pytest.approx(statistics.decay, abs=0.15)
    assert statistics.decay > 1.3
