# SPDX-License-Identifier: Apache-2.0
"""Every family on every kind of input: in range, placed where it should be, turning the way it says."""

import numpy as np
import pytest

from pellucid.errors import InputError, UnknownName
from pellucid.stimuli import FAMILIES, Battery, Frame, batteries, hue_color, left_out, phrase, tabled
from pellucid.stimuli.families import frequencies

FRAMES = {
    "color": Frame((64, 64), 3, (32.0, 32.0), 21.0, 2),
    "gray, wide": Frame((48, 90), 1, (40.5, 24.0), 19.0),
    "many channels": Frame((33, 20), 12, (10.0, 16.5), 11.0),
    "four channels, one pixel seen": Frame((16, 16), 4, (8.5, 8.5), 1.0),
    "tiny": Frame((1, 1), 3, (0.5, 0.5), 1.0),
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_every_stimulus_has_the_inputs_shape_and_lies_in_range(frame):
    for battery in batteries(list(FAMILIES.values()), frame):
        assert len(battery) == len(list(battery)) == np.prod(battery.shape)
        for place in range(0, len(battery), 1 + len(battery) // 40):
            pixels = battery.at(place).pixels(frame)
            assert pixels.shape == (frame.channels, *frame.size)
            assert pixels.dtype == np.float32
            assert pixels.min() >= 0
            assert pixels.max() <= 1


def test_what_cannot_be_shown_is_left_out_with_a_reason():
    shown = [battery.family.name for battery in batteries(list(FAMILIES.values()), FRAMES["many channels"])]
    reasons = left_out(list(FAMILIES.values()), FRAMES["many channels"])
    assert set(reasons) == {"color", "color_disk", "color_grating"}
    assert set(shown) | set(reasons) == set(FAMILIES)
    assert "12 channels" in reasons["color"]
    assert not left_out(list(FAMILIES.values()), FRAMES["color"])


def drawn(name, frame=FRAMES["color"], **values):
    return FAMILIES[name].draw(frame, **values)


def test_a_grating_is_the_sinusoid_it_says():
    frame = FRAMES["gray, wide"]
    found = drawn("grating", frame, orientation=30.0, frequency=0.11, phase=70.0)
    for row, column in ((0, 0), (13, 77), (47, 5)):
        x, y = column + 0.5 - 40.5, row + 0.5 - 24.0
        along = x * np.cos(np.pi / 6) + y * np.sin(np.pi / 6)
        assert found[row, column] == pytest.approx(
            0.5 + 0.5 * np.cos(2 * np.pi * 0.11 * along + np.radians(70))
        )


@pytest.mark.parametrize("toward", [(0, (32, 50)), (90, (50, 32)), (180, (32, 14)), (270, (14, 32))])
def test_directions_run_from_the_right_to_the_bottom(toward):
    degrees, (row, column) = toward
    assert drawn("edge", direction=degrees, offset=0.0)[row, column] == 1
    assert drawn("edge", direction=degrees + 180, offset=0.0)[row, column] == 0
    assert drawn("corner", direction=degrees, opening=90.0, polarity="light")[row, column] == 1
    assert drawn("curve", direction=degrees, radius=6.0, profile="light inside")[row, column] == 1


def test_a_curve_passes_through_the_middle_with_its_center_at_its_radius():
    frame = Frame((81, 81), 1, (40.5, 40.5), 48.0)  # lines are 3 px wide
    line = drawn("curve", frame, direction=0.0, radius=15.0, profile="light line")
    assert line[40, 40] == 1
    rows, columns = np.nonzero(line > 0.99)
    distance = np.hypot(columns + 0.5 - (40.5 + 15), rows + 0.5 - 40.5)
    assert distance.min() > 13
    assert distance.max() < 17
    assert columns.max() < 56  # half a circle, its ends faded out
    assert np.allclose(1 - line, drawn("curve", frame, direction=0.0, radius=15.0, profile="dark line"))


def test_disks_and_their_rings():
    frame = Frame((81, 81), 3, (40.5, 40.5), 80.0)
    plain = drawn("disk", frame, radius=10.0, polarity="light", surround="none")
    ringed = drawn("disk", frame, radius=10.0, polarity="light", surround="opposite")
    assert (plain[40, 40], plain[40, 55], ringed[40, 40], ringed[40, 55], ringed[40, 65]) == (
        1,
        0.5,
        1,
        0,
        0.5,
    )
    red = drawn("color_disk", frame, hue=0.0, radius=10.0, surround="opposite")
    assert red[:, 40, 40].tolist() == [1, 0, 0]
    assert red[:, 40, 55].tolist() == [0, 1, 1]
    assert red[:, 0, 0].tolist() == [0.5, 0.5, 0.5]


def test_both_sides_of_fine_beside_coarse_are_alike_in_mean_and_spread():
    frame = Frame((400, 400), 1, (200.0, 200.0), 400.0)
    found = drawn("high_low", frame, direction=0.0, frequency=0.175, polarity="light")
    fine, coarse = found[:, 210:], found[:, :190]
    assert abs(fine.mean() - coarse.mean()) < 0.01
    assert fine.std() == pytest.approx(coarse.std(), rel=0.1)
    assert np.abs(np.diff(fine, axis=0)).mean() > 4 * np.abs(np.diff(coarse, axis=0)).mean()


def test_the_hue_circle_is_hsl():
    import colorsys

    for hue in range(0, 720, 7):
        assert hue_color(hue) == pytest.approx(colorsys.hls_to_rgb(hue % 360 / 360, 0.5, 1.0), abs=1e-12)


@pytest.mark.parametrize("side", [1, 3, 7, 11, 21, 32, 33, 155, 400])
def test_frequencies_rise_and_stay_below_half_a_cycle(side):
    values = frequencies(Frame((512, 512), 1, (256.0, 256.0), float(side)))
    assert list(values) == sorted(set(values))
    assert values[-1] == 0.4
    assert values[0] >= 0.0125
    assert 3 <= len(values) <= 16


def test_each_stimulus_has_words():
    for battery in batteries(list(FAMILIES.values()), FRAMES["color"]):
        words = {phrase(battery.at(place)) for place in range(len(battery))}
        assert len(words) >= len(battery) // (6 * 4)
        assert all(len(one) > 8 for one in words)


def test_unknown_families_and_frames_without_pixels_are_refused():
    with pytest.raises(UnknownName, match="grating"):
        tabled(("gratings",))
    for bad in (((0, 3), 1, (0.0, 0.0), 1.0), ((3, 3), 0, (0.0, 0.0), 1.0), ((3, 3), 1, (0.0, 0.0), 0.0)):
        with pytest.raises(InputError, match="start at 1"):
            Frame(*bad)
    with pytest.raises(InputError, match="finite"):
        Frame((3, 3), 1, (float("nan"), 0.0), 1.0)


def test_counts_of_orientations_phases_and_hues_can_be_set():
    frame = FRAMES["color"]
    grating, color = (
        Battery.of(one, frame) for one in tabled(("grating", "color"), orientations=5, phases=4, hues=9)
    )
    assert (grating.shape[0], grating.shape[2], color.shape) == (5, 4, (9,))
