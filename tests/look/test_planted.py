# SPDX-License-Identifier: Apache-2.0
"""A network that counts red squares: where its units fire, what fires at each spot, and how rare that is, to the pixel."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from square_net import CountsSquares, with_squares

import pellucid as pl
from pellucid.look import Dictionary
from pellucid.scan.draw import places

Y, X = 9, 14
PIXELS = with_squares((Y, X, 0), (22, 3, 1))
CELLS = 29


@pytest.fixture(scope="module")
def found(net, atlas):
    return pl.look(net, PIXELS, layers=["squares"], atlas=atlas, methods=(), groups=2)


def brute(pixels: np.ndarray) -> np.ndarray:
    """(3, 29, 29) what `squares` answers, by loops in float64."""
    values = pixels.astype(np.float64) / 255
    maps = np.empty((3, CELLS, CELLS))
    for y, x in np.ndindex(CELLS, CELLS):
        red, green, blue = values[y : y + 4, x : x + 4].sum((0, 1))
        maps[:, y, x] = red - green - blue, green - red - blue, 8 - red - green - blue
    return maps / 16


def test_maps_are_the_raw_forward_responses(found) -> None:
    kept = {}
    module = CountsSquares().eval()
    module.squares.register_forward_hook(lambda _, __, output: kept.update(squares=output))
    with torch.no_grad():
        module(torch.from_numpy(PIXELS).permute(2, 0, 1)[None].float() / 255)
    maps = found.layer("squares").maps.reshape(3, CELLS, CELLS)
    np.testing.assert_array_equal(maps, kept["squares"][0].numpy())
    np.testing.assert_allclose(maps, brute(PIXELS), atol=1e-6)


def test_the_red_unit_peaks_on_the_red_square_to_the_pixel(found) -> None:
    layer = found.layer("squares")
    assert np.unravel_index(layer.map(0).argmax(), (CELLS, CELLS)) == (Y, X)
    assert layer.peaks[0] == pytest.approx(1.0, abs=1e-6)
    cell = Y * CELLS + X
    assert layer.tops.units[cell].tolist() == [0, 2, 1]
    assert layer.tops.responses[cell, 0] == layer.map(0)[Y, X]
    assert layer.box(cell, found.image.placement) == (X, Y, X + 4, Y + 4)


def test_the_outputs_count_the_squares(found) -> None:
    assert [(one.label, round(one.value, 5)) for one in found.outputs] == [("red", 1.0), ("green", 1.0)]
    assert found.outputs[0].probability == pytest.approx(0.5, abs=1e-5)


def test_a_box_is_told_in_the_photographs_own_pixels(net) -> None:
    """Twice as large and twice as wide as it is fed: the way back leads through crop and resize."""
    wide = np.zeros((64, 128, 3), np.uint8)
    wide[2 * Y : 2 * Y + 8, 32 + 2 * X : 32 + 2 * X + 8, 0] = 255
    found = pl.look(net, Image.fromarray(wide), layers=["squares"], methods=(), groups=0)
    layer = found.layer("squares")
    cell = int(layer.maps[0].argmax())
    assert divmod(cell, CELLS) == (Y, X)
    assert layer.box(cell, found.image.placement) == (32 + 2 * X, 2 * Y, 32 + 2 * X + 8, 2 * Y + 8)
    assert found.to_json()["fed"] == [32, 0, 96, 64]


def same_bar(response: float, loudest: float) -> tuple[float, float]:
    """Edges between which what the atlas counts together with a response lies: bars are a factor of two's root wide."""
    if abs(response) < loudest / 32:
        return -loudest / 22, loudest / 22
    edges = response / 2**0.5, response * 2**0.5
    return min(edges), max(edges)


def test_shares_are_those_of_the_spots_counted_by_hand(net, photos, atlas) -> None:
    images = [np.asarray(Image.open(path)) for path in sorted(photos.iterdir())]
    maps = np.stack([brute(pixels) for pixels in images])  # (40, 3, 29, 29)
    at = places(0, "squares", np.arange(len(images)), CELLS * CELLS)
    spots = maps.reshape(len(images), 3, -1)[np.arange(len(images)), :, at]
    dictionary, made, exact = Dictionary.open(atlas, net), pl.examples(net, photos, "squares"), 0
    for unit in range(3):
        spread = dictionary.entries("squares")[unit].spread
        assert (spread.spots, spread.items) == (40, 40)
        assert spread.highest == pytest.approx(maps[:, unit].max(), abs=1e-6)
        for response in np.linspace(maps[:, unit].min() - 0.1, maps[:, unit].max() + 0.1, 57):
            low, high = same_bar(response, np.abs(spots[:, unit]).max())
            at_least, at_most = ((spots[:, unit] < edge).mean() for edge in (low - 1e-6, high + 1e-6))
            assert at_least <= spread.share_below(response) <= at_most
        bars = made[unit].histogram
        for response in spots[:, unit]:
            bar = np.searchsorted(bars.edges, response, "right") - 1
            if bars.counts[bar] <= 9:  # then the atlas knows each of them
                below = (spots[:, unit] < response - 1e-6).sum()
                assert spread.share_below(response - 1e-6) == pytest.approx(below / 40, abs=1e-9)
                assert spread.top_share(response - 1e-6) == pytest.approx((41 - below) / 41, abs=1e-9)
                exact += 1
        assert spread.standing(float(maps[:, unit].max()) + 0.01) == "beyond all it did in 40 images"
    assert exact > 15
    dictionary.close()


def test_the_rarest_come_first_though_others_answer_more(found) -> None:
    """On black the dark unit answers 0.5 as it always does; half a red square is loud, and rarer."""
    layer = found.layer("squares")
    cell = Y * CELLS + X + 2
    order = [
        (layer.maps[unit, cell] > 0, layer.spread(unit).order(layer.maps[unit, cell : cell + 1])[0])
        for unit in range(3)
    ]
    assert layer.rare.units[cell].tolist() == sorted(range(3), key=lambda unit: order[unit], reverse=True)
    assert layer.rare.units[cell, 0] == 0


def test_a_unit_that_does_not_fire_is_never_the_rarest(net, atlas) -> None:
    """On plain gray both color units answer exactly the same below zero, and the dark one above it."""
    found = pl.look(
        net, np.full((32, 32, 3), 30, np.uint8), layers=["squares"], atlas=atlas, methods=(), groups=0
    )
    layer = found.layer("squares")
    assert (layer.maps[:2] < 0).all()
    assert (layer.rare.units[:, 0] == 2).all()
    assert layer.peak_order()[0] == 2


def test_the_mask_shows_the_square_and_nothing_far_from_it(net) -> None:
    found = pl.look(net, PIXELS, layers=["squares"], methods=(), groups=0)
    mask = np.asarray(found.mask("squares:0")).astype(int)
    seen = np.abs(mask - np.asarray(found.image.item).astype(int)).sum(2) == 0
    assert seen[Y + 1, X + 1]
    assert not seen[25:, 20:].any()
    heat = np.asarray(found.heat("squares:0")).astype(int)
    assert heat[Y + 2, X + 2, 0] > heat[27, 27, 0] + 100


def test_attributions_end_on_the_square(net) -> None:
    made = pl.look(net, PIXELS, layers=["squares"], aim="logits:red", groups=0, methods=["occlusion"])
    [occlusion] = made.attributions
    inside = occlusion.values[Y : Y + 4, X : X + 4].sum() / np.abs(occlusion.values).sum()
    assert inside > 0.4
    difference = pl.look(
        net, PIXELS, layers=["squares"], aim="logits:red - logits:green", groups=0, methods=["saliency"]
    )
    assert "red" in difference.attributions[0].aim_words
    assert "green" in difference.attributions[0].aim_words
