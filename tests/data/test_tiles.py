# SPDX-License-Identifier: Apache-2.0
"""The demo tiles: the same everywhere, the photographs' own pixels, every licence stated and credited."""

from __future__ import annotations

import dataclasses
import importlib.resources
import importlib.util
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import skimage.data
import sklearn.datasets

from pellucid.data.tiles import PHOTOGRAPHS, Photograph, Tiles, load_photograph
from pellucid.errors import InputError, MissingExtra

# Of the pictures that the two libraries carry offline: those with no licence in their docstring.
UNLICENSED = {"stereo_motorcycle", "lfw_subset", "moon", "page", "coins", "immunohistochemistry", "ihc"}
PHOTO = {photograph.name: photograph for photograph in PHOTOGRAPHS}


@pytest.fixture(scope="module")
def tiles() -> Tiles:
    return Tiles()


def pixels_of(photograph: Photograph) -> np.ndarray:
    """The photograph as its own library gives it, (H, W, 3)."""
    if photograph.library == "scikit-image":
        pixels = getattr(skimage.data, photograph.file)()
    else:
        pixels = sklearn.datasets.load_sample_image(photograph.file)
    return pixels if pixels.ndim == 3 else np.stack([pixels] * 3, axis=-1)


def parsed(name: str) -> tuple[Photograph, int, int, float]:
    match = re.fullmatch(r"([a-z]+)/(\d+),(\d+),(\d+(?:\.\d+)?)", name)
    assert match is not None, name
    return PHOTO[match[1]], int(match[2]), int(match[3]), float(match[4])


def test_the_listing_is_the_same_on_every_machine(tiles: Tiles) -> None:
    assert len(tiles.names) == len(set(tiles.names)) == 2016
    assert list(tiles.names) == sorted(tiles.names, key=str.encode)
    assert set(Counter(name.split("/")[0] for name in tiles.names).values()) == {144}
    assert tiles.listing_digest == "4ac98bf14ac1f56552b0e33e2829ae57c0ec09ce1be3b9cdffdfce3d2b2b07e9"
    assert Tiles().names == tiles.names


def test_every_tile_lies_in_its_photograph_at_several_scales(tiles: Tiles) -> None:
    for name in tiles.names:
        photograph, x, y, scale = parsed(name)
        x0, y0, x1, y1 = photograph.box
        assert 0 <= x0 <= x < x + 96 * scale <= x1 <= photograph.size[0], name
        assert 0 <= y0 <= y < y + 96 * scale <= y1 <= photograph.size[1], name
    scales = {
        name: {parsed(each)[3] for each in tiles.names if each.startswith(name + "/")} for name in PHOTO
    }
    assert all(len(found) >= 2 for found in scales.values())


def test_a_tile_of_scale_one_is_the_photograph_itself(tiles: Tiles) -> None:
    seen = set()
    for row, name in enumerate(tiles.names):
        photograph, x, y, scale = parsed(name)
        if scale != 1 or photograph in seen:
            continue
        seen.add(photograph)
        picture = tiles.image(row)
        assert (picture.mode, picture.size) == ("RGB", (96, 96))
        np.testing.assert_array_equal(np.asarray(picture), pixels_of(photograph)[y : y + 96, x : x + 96])
        assert tiles.label(row) == photograph.name
    assert seen == set(PHOTOGRAPHS)


def test_a_coarser_tile_averages_its_window(tiles: Tiles) -> None:
    for row in range(0, len(tiles.names), 97):
        photograph, x, y, scale = parsed(tiles.names[row])
        side = int(96 * scale)
        window = pixels_of(photograph)[y : y + side, x : x + side].reshape(-1, 3).mean(0)
        np.testing.assert_allclose(np.asarray(tiles.image(row)).reshape(-1, 3).mean(0), window, atol=1.5)


def test_threads_get_the_same_pictures(tiles: Tiles) -> None:
    rows = range(0, 2016, 63)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda row: tiles.image(row).tobytes(), rows))
    assert together == [tiles.image(row).tobytes() for row in rows]


@pytest.mark.parametrize("photograph", PHOTOGRAPHS, ids=lambda photograph: photograph.name)
def test_the_licence_is_the_one_its_library_states(photograph: Photograph) -> None:
    assert photograph.file not in UNLICENSED
    if photograph.library == "scikit-image":
        stated = getattr(skimage.data, photograph.file).__doc__
        assert {"CC0 1.0": "CC0", "public domain": "public domain"}[photograph.licence] in stated
    else:
        readme = importlib.resources.files("sklearn.datasets.images").joinpath("README.txt").read_text()
        assert f"Image: {photograph.file}\nReleased under a creative commons license." in readme
        assert photograph.licence == "CC BY 2.0"


def test_every_photograph_is_credited_in_one_line(tiles: Tiles) -> None:
    assert len(tiles.credits) == len(PHOTOGRAPHS) == len(tiles.labels)
    for photograph, line in zip(PHOTOGRAPHS, tiles.credits, strict=True):
        assert "\n" not in line
        for part in (photograph.name, photograph.author, photograph.licence, photograph.file):
            assert part in line


def test_without_the_extra_one_line_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "skimage" else find_spec(name)
    )
    with pytest.raises(MissingExtra, match=r'not installed: skimage\..*pip install "pellucid\[demo\]"'):
        Tiles()


def test_another_picture_under_the_same_name_is_refused() -> None:
    with pytest.raises(InputError, match="512 x 512 px, not the 400 x 512"):
        load_photograph(dataclasses.replace(PHOTO["brick"], size=(400, 512)))
