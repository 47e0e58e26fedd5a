# SPDX-License-Identifier: Apache-2.0
"""Kernels by name and written out, and the one line each mistake gets."""

import numpy as np
import pytest
from scipy import ndimage
from skimage.filters import gabor_kernel

from pellucid.errors import InputError, PellucidError, UnknownName
from pellucid.kernels.named import NAMED, kernel_from, name_of, parse_kernel


def impulse(size: int) -> np.ndarray:
    image = np.zeros((size, size))
    image[size // 2, size // 2] = 1
    return image


def test_named_kernels_are_scipys() -> None:
    np.testing.assert_array_equal(ndimage.laplace(impulse(3)), kernel_from("laplacian"))
    for name, axis in (("x", 1), ("y", 0)):  # SciPy correlates too, so an impulse shows the kernel turned
        np.testing.assert_array_equal(
            ndimage.sobel(impulse(3), axis)[::-1, ::-1], kernel_from(f"sobel-{name}")
        )
        np.testing.assert_array_equal(
            ndimage.prewitt(impulse(3), axis)[::-1, ::-1], kernel_from(f"prewitt-{name}")
        )
    np.testing.assert_allclose(
        ndimage.gaussian_filter(impulse(13), 2, truncate=3), kernel_from("gaussian:2"), rtol=1e-12
    )
    np.testing.assert_array_equal(kernel_from("box:4"), np.full((4, 4), 1 / 16))


@pytest.mark.parametrize(("degrees", "frequency"), [(0, 0.2), (30, 0.15), (90, 0.25), (135, 0.15)])
def test_a_gabor_has_scikit_images_orientation_and_frequency(degrees: float, frequency: float) -> None:
    ours = kernel_from(f"gabor:{degrees},{frequency},3")
    assert ours.sum() == pytest.approx(0, abs=1e-12)
    assert ours[ours > 0].sum() == pytest.approx(1)
    theirs = gabor_kernel(frequency, np.radians(degrees), sigma_x=3, sigma_y=3, n_stds=3).real
    inner = [(side - other) // 2 for side, other in zip(ours.shape, theirs.shape, strict=True)]
    part = ours[inner[0] : ours.shape[0] - inner[0], inner[1] : ours.shape[1] - inner[1]]
    assert np.corrcoef(part.ravel(), theirs.ravel())[0, 1] > 0.99


def test_a_gabors_further_numbers_are_sigma_phase_and_length() -> None:
    octave = kernel_from("gabor:0,0.2")
    np.testing.assert_allclose(octave, kernel_from("gabor:0,0.2,2.8,0,2.8"), atol=1e-12)
    edge = kernel_from("gabor:0,0.1,2,90")
    np.testing.assert_allclose(edge, -edge[:, ::-1], atol=1e-12)
    assert edge[6, 5] > 0  # the bright side against the angle
    long = kernel_from("gabor:0,0.2,1.5,0,4")
    assert np.abs(long[0]).max() > 0.3 * np.abs(long).max() * np.exp(-4.5)
    assert np.abs(long[:, 0]).max() < 1e-6


def test_rows_may_be_written_with_commas_lines_and_fractions() -> None:
    expected = [[0, 1], [0.5, -2]]
    for words in ("0 1; 1/2 -2", "0,1;0.5,-2;", " 0 1\n.5 -2e0 "):
        assert parse_kernel(words).tolist() == expected
        assert kernel_from(words).tolist() == expected


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("1 2; 3", "rows hold 2, 1 numbers"),
        ("1 2;; 3 4", "rows hold 2, 0, 2 numbers"),
        ("", "an empty kernel"),
        (" ; ", "an empty kernel"),
        ("1 x; 2 3", "'x' in the kernel '1 x; 2 3' is no number"),
        ("1 nan", "'nan' in the kernel"),
        ("inf", "'inf' in the kernel"),
        ("1e300", "is no number it can hold"),
        ("1/0 1", "'1/0' in the kernel"),
        ("1 " * 2000, "1023 is the longest side"),
        ("laplacien", "did you mean laplacian"),
        ("gabor", "gabor:ANGLE,FREQUENCY"),
        ("gabor:45", "gabor:ANGLE,FREQUENCY"),
        ("gabor:45,0.7", "at most 0.5 can be sampled"),
        ("gabor:45,0.2,-1", "a gabor of sigma -1"),
        ("gabor:a,b", "'a' in the kernel"),
        ("gaussian:0", "a gaussian of sigma 0"),
        ("gaussian:999", "a gaussian of sigma 999"),
        ("box:2.5", "a box of size 2.5"),
        ("box:0", "a box of size 0"),
        ("box:1e9", "a box of size 1e"),
        ("laplacian:3", "'laplacian:3' was asked; laplacian works"),
    ],
)
def test_a_mistake_gets_one_clear_line(words: str, line: str) -> None:
    with pytest.raises(PellucidError) as mistake:
        kernel_from(words)
    assert isinstance(mistake.value, InputError)
    assert line in str(mistake.value)
    assert "\n" not in str(mistake.value)
    assert len(str(mistake.value)) < 400


def test_an_unknown_name_is_an_unknown_name() -> None:
    with pytest.raises(UnknownName):
        kernel_from("canny")


@pytest.mark.parametrize(
    "name", [name for name, kernel in NAMED.items() if not kernel.least and name != "gaussian"]
)
def test_every_kernel_without_free_numbers_is_recognized(name: str) -> None:
    kernel = kernel_from(name)
    assert name_of(0.3 * kernel) == name
    assert name_of(-7 * kernel) == f"-{name}"
    assert name_of(np.pad(kernel, 2)) == name


def test_what_is_near_a_kernel_is_not_it() -> None:
    assert name_of(np.zeros((3, 3))) is None
    assert name_of(kernel_from("sobel-x") + 0.2 * np.eye(3)) is None
    assert name_of(np.random.default_rng(0).normal(size=(7, 7))) is None
