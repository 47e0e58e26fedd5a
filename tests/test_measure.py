# SPDX-License-Identifier: Apache-2.0
"""Measuring data: one pass at the net's recipe, against NumPy on the same pixels."""

import numpy as np
import pytest
import torch
from PIL import Image

import pellucid as pl
from pellucid.errors import NoItems


@pytest.fixture
def net():
    return pl.load(torch.nn.Conv2d(3, 2, 3), input=pl.ImageInput((16, 24)))


def colored(home, count):
    random = np.random.default_rng(0)
    pixels = [random.integers(0, 256, (16, 24, 3), np.uint8) // (1, 2, 4) for _ in range(count)]
    for number, one in enumerate(pixels):
        Image.fromarray(one.astype(np.uint8)).save(home / f"{number:03}.png")
    return np.stack(pixels).astype(np.uint8) / 255


def test_a_folder_is_measured_as_its_pixels_are(net, tmp_path):
    pixels = colored(tmp_path, 40)
    (tmp_path / "broken.png").write_bytes(b"nothing")
    told = []
    found = pl.measure(net, tmp_path, progress=lambda *step: told.append(step))
    flat = pixels.transpose(3, 0, 1, 2).reshape(3, -1)
    assert found.items == 40
    np.testing.assert_allclose(found.mean, flat.mean(1), atol=1e-9)
    np.testing.assert_allclose(found.covariance, np.cov(flat, ddof=0), atol=1e-9)
    assert told == [(32, 41, "items"), (41, 41, "items")]
    assert found.to_bytes() == pl.measure(net, pixels.transpose(0, 3, 1, 2)).to_bytes()


def test_bands_that_no_picture_holds_come_as_an_array(tmp_path):
    net = pl.load(torch.nn.Conv2d(12, 2, 3), input=pl.ImageInput(10, 12))
    assert pl.measure(net, np.full((2, 12, 10, 10), 0.25)).mean.tolist() == [0.25] * 12
    Image.new("RGB", (10, 10)).save(tmp_path / "a.png")
    with pytest.raises(NoItems, match="the network takes 12 channels"):
        pl.measure(net, tmp_path)


def test_data_without_a_picture_is_refused(net, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"nothing")
    with pytest.raises(NoItems, match="none of the 1 items"):
        pl.measure(net, tmp_path)
