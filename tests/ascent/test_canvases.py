# SPDX-License-Identifier: Apache-2.0
"""Every canvas of the table: shapes, independent items, starts of their own; and each one's own formula, restated in NumPy."""

import numpy as np
import pytest
import torch

from pellucid.ascent import CANVASES, ClimbSettings, Goal, climb
from pellucid.ascent.canvas import CanvasShape
from pellucid.ascent.color import COLOR_AXES
from pellucid.ascent.maco import MacoCanvas, displayed
from pellucid.ascent.natural import natural
from pellucid.ascent.pixels import PixelCanvas
from pellucid.ascent.pyramid import PyramidCanvas
from pellucid.ascent.statistics import ImageStatistics
from pellucid.ascent.streams import stream
from pellucid.models import ImageInput, load
from pellucid.records import Unit

SHAPES = [(1, 16, 16), (3, 15, 22), (4, 9, 9), (12, 8, 13), (3, 1, 4)]


def made(name, shape, items="ab", **options):
    return CANVASES[name](CanvasShape(*shape), [stream(0, item) for item in items], **options)


def measured(channels, side=12):
    """Statistics of pictures whose channels rise and fall together, about 0.2."""
    random = np.random.default_rng(1)
    common = random.normal(size=(20, 1, side, side)).cumsum(-1).cumsum(-2)
    pixels = 0.2 + 0.01 * (common + 0.3 * random.normal(size=(20, channels, side, side)))
    statistics = ImageStatistics(ImageInput(side, channels))
    statistics.update(pixels.clip(0, 1))
    return statistics


@pytest.mark.parametrize("name", CANVASES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("with_statistics", [False, True])
def test_every_canvas_makes_pictures_of_every_shape(name, shape, with_statistics):
    canvas = made(name, shape, statistics=measured(shape[0]) if with_statistics else None)
    pictures = canvas.pictures().detach()
    assert pictures.shape == (2, *shape)
    assert pictures.dtype == torch.float32
    assert pictures.min() >= 0
    assert pictures.max() <= 1
    if with_statistics and name != "maco":  # which stretches the contrast to that of a photograph
        assert pictures.mean().item() == pytest.approx(measured(shape[0]).mean.mean(), abs=0.02)


@pytest.mark.parametrize("name", CANVASES)
def test_an_item_depends_on_its_own_stream_and_variables_only(name):
    many, one = made(name, (3, 12, 17), "abc"), made(name, (3, 12, 17), "b")
    torch.testing.assert_close(many.pictures()[1:2], one.pictures(), rtol=0, atol=1e-6)
    assert not torch.equal(many.pictures()[0], many.pictures()[1])
    many.pictures()[1].square().sum().backward()
    for variable in many.variables:
        assert (variable.grad.flatten(1).abs().sum(1) > 0).tolist() == [False, True, False]


@pytest.mark.parametrize("name", CANVASES)
@pytest.mark.parametrize("channels", [1, 4, 12])
def test_no_canvas_invents_color(name, channels):
    """Bands of an input that is no photograph vary independently about the same gray."""
    pictures = made(name, (channels, 48, 48), map(str, range(24))).pictures().detach()
    # Neighbors' differences: a handful of slow waves would otherwise decide.
    bands = torch.logit(pictures).diff(dim=3).transpose(0, 1).flatten(1)
    if channels > 1:
        assert (torch.corrcoef(bands) - torch.eye(channels)).abs().max() < 0.25
    spread = bands.std(1)
    assert spread.max() < 1.2 * spread.min()


@pytest.mark.parametrize("name", CANVASES)
def test_every_canvas_climbs(name):
    module = torch.nn.Conv2d(4, 1, 5)
    with torch.no_grad():
        module.weight.copy_(torch.randn(1, 4, 5, 5, generator=torch.Generator().manual_seed(0)))
    net = load(torch.nn.Sequential(module, torch.nn.ReLU()), input=ImageInput((20, 27), 4))
    up, again = (climb(net, [Goal(Unit("1", 0))], ClimbSettings(canvas=name, steps=24))[0] for _ in range(2))
    assert up.picture.shape == (20, 27, 4)
    assert up.activation > up.initial
    assert np.array_equal(up.picture, again.picture)


@pytest.mark.parametrize("name", CANVASES)
def test_the_bands_that_a_unit_wants_rise_and_the_others_fall(name):
    """Gradients come back from a net in another order of memory than variables have."""
    wanted = np.array([1.0, -1.0, 1.0, -1.0, -1.0])
    conv = torch.nn.Conv2d(5, 2, 3, bias=False)
    with torch.no_grad():
        conv.weight.copy_(
            torch.from_numpy(np.outer([1, -1], wanted))[:, :, None, None].expand(2, 5, 3, 3) / 9
        )
    net = load(conv, input=ImageInput((17, 24), 5))
    up, down = climb(net, [Goal(Unit("logits", 0)), Goal(Unit("logits", 0), -1)], ClimbSettings(canvas=name))
    for found, sign in ((up, 1), (down, -1)):
        bands = found.picture.mean((0, 1)) / 255 - 0.5
        reach = 0.1 if name == "maco" else 0.3  # MACO's mean may rise as far as photographs' means differ
        assert (sign * wanted * bands > reach).all()


def test_pixels_are_the_sigmoid_of_their_variables():
    canvas = made("pixels", (3, 5, 6))
    start = canvas.variables[0].detach().numpy()
    assert isinstance(canvas, PixelCanvas)
    np.testing.assert_allclose(canvas.pictures().detach(), 1 / (1 + np.exp(-start)), atol=1e-6)
    big = made("pixels", (3, 64, 64)).variables[0].detach()
    assert big.std().item() == pytest.approx(0.01, rel=0.02)


def enlarged(level, height, width):
    """Bilinear, pixel centers aligned, edges held: one output pixel at a time."""
    found = np.zeros((level.shape[0], height, width))
    for y in range(height):
        for x in range(width):
            at = [(y + 0.5) * level.shape[1] / height - 0.5, (x + 0.5) * level.shape[2] / width - 0.5]
            for dy in (0, 1):
                for dx in (0, 1):
                    corner = [np.floor(at[0]) + dy, np.floor(at[1]) + dx]
                    share = (1 - abs(at[0] - corner[0])) * (1 - abs(at[1] - corner[1]))
                    row, column = (
                        int(np.clip(place, 0, side - 1))
                        for place, side in zip(corner, level.shape[1:], strict=True)
                    )
                    found[:, y, x] += share * level[:, row, column]
    return found


@pytest.mark.parametrize("shape", [(3, 16, 24), (4, 13, 18)])
def test_a_pyramid_is_the_sum_of_its_enlarged_levels(shape):
    canvas = made("pyramid", shape, "a")
    assert isinstance(canvas, PyramidCanvas)
    levels = [variable[0].detach().double().numpy() for variable in canvas.variables]
    assert [level.shape[1:] for level in levels] == [(shape[1] >> n, shape[2] >> n) for n in range(4)]
    planes = sum(enlarged(level, *shape[1:]) for level in levels)
    if shape[0] == 3:
        planes = np.einsum("rp,phw->rhw", COLOR_AXES.double().numpy(), planes)
    np.testing.assert_allclose(canvas.pictures()[0].detach(), 1 / (1 + np.exp(-planes)), atol=1e-6)


def standardized(values):
    return (values - values.mean()) / (values.std() + 1e-5)


@pytest.mark.parametrize("shape", [(3, 16, 24), (1, 13, 17), (4, 8, 9)])
def test_maco_is_xpliques_formula_on_measured_sizes(shape):
    canvas = made("maco", shape)
    sizes = natural().amplitude(*shape[1:], COLOR_AXES.double().numpy())
    sizes = sizes if shape[0] == 3 else np.repeat(sizes[:1], shape[0], 0)
    for item in range(2):
        phase = np.pi / np.sqrt(3) * standardized(canvas.variables[0][item].detach().double().numpy())
        spectrum = np.cos(phase) * sizes + 1j * np.sin(phase) * sizes
        image = standardized(np.fft.irfft2(spectrum, s=shape[1:], norm="ortho"))
        if shape[0] == 3:
            image = np.einsum("rp,phw->rhw", COLOR_AXES.double().numpy(), image)
        np.testing.assert_allclose(canvas.pictures()[item].detach(), 1 / (1 + np.exp(-image)), atol=2e-5)


def test_macos_phases_start_uniform_over_a_turn_and_leave_no_corner_pale():
    canvas = made("maco", (3, 64, 64), map(str, range(40)))
    phases = canvas.variables[0].detach()
    assert phases.std().item() == pytest.approx(np.pi / np.sqrt(3), rel=0.01)
    assert -np.pi <= phases.min()
    assert phases.max() <= np.pi
    pictures = canvas.pictures().detach()
    assert pictures[..., 0, 0].mean().item() == pytest.approx(0.5, abs=0.1)
    assert pictures.std().item() == pytest.approx(0.12, rel=0.15)  # the contrast of a photograph


def test_the_sizes_of_macos_frequencies_never_change():
    statistics = measured(1, 16)
    canvas = made("maco", (1, 16, 16), "a", statistics=statistics)
    with torch.no_grad():
        canvas.variables[0].add_(torch.rand(canvas.variables[0].shape) * 5)
    rest = np.log(statistics.mean / (1 - statistics.mean))
    planes = torch.logit(canvas.pictures()[0].detach().double()).numpy() - rest
    found = np.abs(np.fft.rfft2(planes, norm="ortho"))[0]
    wanted = statistics.amplitude(16, 16)[0]
    rows, columns = np.s_[1:8], np.s_[1:8]  # away from the real frequencies, which keep the real part only
    ratio = found[rows, columns] / wanted[rows, columns]
    assert ratio.std() / ratio.mean() < 1e-3


def test_transparency_is_the_sum_of_absolute_gradients():
    canvas = MacoCanvas(CanvasShape(3, 12, 12), [stream(0, "a"), stream(0, "b")])
    weight = torch.zeros(2, 3, 12, 12)
    weight[0, :, :, :4] = 1.0
    weight[0, 1, 2, 2] = -9.0
    weight[1] = 1.0
    for step in range(3):
        # Of several ways back in one step, as when another item's gradient is redirected, the last one counts.
        if step == 1:
            (canvas.pictures() * torch.rand(weight.shape)).sum().backward()
        (canvas.pictures() * weight).sum().backward()
        canvas.project()
    looked = np.abs(weight.numpy()).mean(1) * 3
    full = np.percentile(looked[0], 80)
    np.testing.assert_allclose(canvas.transparency()[0], looked[0].clip(None, full) / full, atol=1e-6)
    assert canvas.transparency()[1].min() == 1


def test_the_display_of_maco_stretches_and_adds_transparency():
    picture = np.linspace(100, 150, 300).reshape(10, 10, 3).astype(np.uint8)
    shown = displayed(picture, np.full((10, 10), 0.5, np.float32))
    assert shown.shape == (10, 10, 4)
    assert (shown[..., :3].min(), shown[..., :3].max()) == (0, 255)
    assert set(shown[..., 3].ravel()) == {128}


@pytest.mark.gpu
@pytest.mark.parametrize("name", CANVASES)
def test_a_canvas_starts_alike_on_every_device(name):
    here, there = (
        made(name, (3, 15, 22), statistics=measured(3), device=device) for device in ("cpu", "cuda")
    )
    torch.testing.assert_close(there.pictures().cpu(), here.pictures(), atol=1e-5, rtol=0)
    net = load(torch.nn.Conv2d(3, 1, 3), input=ImageInput((15, 22)), device="cuda")
    [found] = climb(net, [Goal(Unit("logits", 0))], ClimbSettings(canvas=name, steps=16))
    assert found.activation > found.initial
