# SPDX-License-Identifier: Apache-2.0
"""The founding text as a test, and SciPy's correlation on photographs."""

import json
from importlib.resources import files

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import correlate as correlate_padded
from scipy.signal import correlate

from pellucid.errors import InputError, UnknownName
from pellucid.kernels.agreement import Probe, agreement, gray, strongest
from pellucid.kernels.named import kernel_from

LAPLACIAN = kernel_from("0 1 0; 1 -4 1; 0 1 0")
KERNELS = [
    "laplacian",
    "sobel-x",
    "sobel-y",
    "gabor:45,0.2",
    "gaussian:2",
    "box:5",
    "1 2; 3 4; 5 6",
    "gaussian:9",
]


@pytest.fixture(scope="module")
def photograph() -> Image.Image:
    return Image.open(str(files("skimage.data") / "chelsea.png")).convert("RGB")


def test_nothing_on_a_flat_region_of_any_gray() -> None:
    for level in range(256):
        flat = np.full((6, 5, 3), level, np.uint8)
        assert (agreement(flat, LAPLACIAN).response == 0).all()
        assert agreement(flat, LAPLACIAN).probe().sum == 0


@pytest.mark.parametrize(("upper", "lower"), [(0, 255), (255, 0), (40, 41), (200, 90)])
def test_a_lot_where_the_upper_half_differs_from_the_lower(upper: int, lower: int) -> None:
    halves = np.full((8, 9), upper, np.uint8)
    halves[4:] = lower
    response = agreement(halves, LAPLACIAN).response
    assert response.shape == (6, 7)
    step = lower / 255 - upper / 255
    np.testing.assert_allclose(response[2], step, atol=1e-12)  # the row above the border
    np.testing.assert_allclose(response[3], -step, atol=1e-12)  # the row below
    assert (response[[0, 1, 4, 5]] == 0).all()


@pytest.mark.parametrize("words", KERNELS)
def test_scipys_correlation_on_a_photograph(photograph: Image.Image, words: str) -> None:
    kernel = kernel_from(words)
    pixels = np.asarray(photograph).astype(float) / 255
    luma = pixels @ [0.299, 0.587, 0.114]
    ours = agreement(photograph, kernel).response
    assert ours.shape == (luma.shape[0] - kernel.shape[0] + 1, luma.shape[1] - kernel.shape[1] + 1)
    np.testing.assert_allclose(ours, correlate(luma, kernel, "valid"), atol=1e-6)
    each = agreement(photograph, kernel, color=True).response
    for channel in range(3):
        np.testing.assert_allclose(
            each[..., channel], correlate(pixels[..., channel], kernel, "valid"), atol=1e-6
        )


@pytest.mark.parametrize(("pad", "mode"), [("reflect", "mirror"), ("zero", "constant")])
def test_padded_responses_are_scipys(photograph: Image.Image, pad: str, mode: str) -> None:
    luma = gray(photograph)
    for words in ("laplacian", "gabor:20,0.1", "1 2 3; 4 5 6; 7 8 9; 0 1 2; 5 5 5"):
        kernel = kernel_from(words)
        ours = agreement(photograph, kernel, pad=pad)
        assert ours.response.shape == luma.shape
        np.testing.assert_allclose(ours.response, correlate_padded(luma, kernel, mode=mode), atol=1e-6)


def test_an_even_kernels_middle_is_the_pixel_before_it() -> None:
    image = np.zeros((4, 4))
    image[2, 2] = 1
    response = agreement(image, [[1, 2], [3, 4]], pad="zero").response
    assert response[1:3, 1:3].tolist() == [[4, 3], [2, 1]]


def test_the_probe_takes_the_strongest_response_apart(photograph: Image.Image) -> None:
    found = agreement(photograph, kernel_from("sobel-x"))
    probe = found.probe()
    assert abs(probe.sum) == pytest.approx(np.abs(found.response).max())
    assert probe.sum == pytest.approx(found.response[probe.y, probe.x])
    np.testing.assert_array_equal(probe.patch, gray(photograph)[probe.y : probe.y + 3, probe.x : probe.x + 3])
    np.testing.assert_array_equal(probe.product, probe.patch * probe.filter)
    assert probe.box == (probe.x, probe.y, probe.x + 3, probe.y + 3)
    row = json.loads(json.dumps(probe.to_json(), allow_nan=False))
    assert set(row) == {"y", "x", "box", "patch", "filter", "product", "sum"}
    assert np.array(row["product"]).sum() == pytest.approx(row["sum"])


def test_a_probe_at_a_place_padded_and_in_color(photograph: Image.Image) -> None:
    found = agreement(photograph, LAPLACIAN, pad="zero", color=True)
    probe = found.probe((0, 0))
    assert probe.box == (-1, -1, 2, 2)
    assert (probe.patch[0] == 0).all()
    assert probe.channel in ("red", "green", "blue")
    assert abs(probe.sum) == pytest.approx(np.abs(found.response[0, 0]).max())
    assert probe.to_json()["channel"] == probe.channel
    with pytest.raises(InputError, match="y runs from 0 to 299, x from 0 to 450"):
        found.probe((300, 0))


def test_a_probe_of_a_layers_filter_adds_channels_and_bias() -> None:
    random = np.random.default_rng(0)
    patch, weights = random.uniform(size=(3, 5, 5)), random.normal(size=(3, 5, 5))
    probe = Probe(2, 3, (6, 4, 11, 9), patch, weights, bias=0.25)
    assert probe.sum == pytest.approx((patch * weights).sum() + 0.25)
    assert probe.to_json()["bias"] == 0.25


def test_ties_go_to_the_first_in_reading_order() -> None:
    assert strongest([[0, -3, 1], [3, -3, 0]]) == (0, 1)


def test_the_span_of_a_response() -> None:
    assert agreement(np.eye(4), LAPLACIAN).to_json() == {"shape": [2, 2], "min": -4.0, "max": 2.0}


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((3, 3, 4), np.uint8),
        np.zeros(9),
        np.full((3, 3), 2.0),
        np.full((3, 3), np.nan),
        np.zeros((0, 3)),
    ],
)
def test_what_is_no_image_gets_a_clear_line(image: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"works?$"):
        agreement(image, [[1]])


def test_kernels_that_do_not_fit_get_a_clear_line() -> None:
    with pytest.raises(InputError, match="a kernel of 5x3 was asked of an image of 4x8"):
        agreement(np.zeros((4, 8)), np.ones((5, 3)))
    with pytest.raises(InputError, match="rows and columns"):
        agreement(np.zeros((4, 8)), [1, 2])
    with pytest.raises(UnknownName, match="did you mean zero"):
        agreement(np.zeros((4, 8)), [[1]], pad="zeros")


def test_every_kind_of_image_is_seen_as_gray() -> None:
    color = Image.new("RGB", (3, 2), (255, 0, 0))
    assert gray(color) == pytest.approx(0.299)
    assert gray(Image.new("L", (3, 2), 51)) == pytest.approx(0.2)
    assert gray(Image.new("1", (3, 2), 1)) == pytest.approx(1)
    assert gray(np.full((2, 3, 1), 0.5, np.float32)) == pytest.approx(0.5)
