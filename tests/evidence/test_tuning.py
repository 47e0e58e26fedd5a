# SPDX-License-Identifier: Apache-2.0
"""Tuning against units whose weights are set by hand, so that what they prefer is known beforehand."""

from __future__ import annotations

import dataclasses
import json
import math
import tracemalloc

import numpy as np
import pytest
import torch
from nets import object_net, planted_net, residual_net, strided_net
from torch import nn

import pellucid as pl
from pellucid.errors import InputError, UnknownName
from pellucid.evidence import Given, evidence
from pellucid.evidence.moved import Subject, moved
from pellucid.evidence.probing import probe, site_of
from pellucid.evidence.tuning_curves import move_figure, shown_curves
from pellucid.evidence.tuning_figures import CURVES, tuning_figures
from pellucid.figures import Number, Picture, TuningCurve
from pellucid.figures.stamp import read_stamp
from pellucid.records import Record, Unit
from pellucid.stimuli import FAMILIES, batteries, tabled

GABORS = [(20.0, 0.12, 40.0), (71.0, 0.2, 190.0), (113.0, 0.27, 300.0), (178.0, 0.15, 0.0), (2.0, 0.31, 90.0)]


def gabor(orientation, frequency, phase, side, spread):
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    turn = math.radians(orientation)
    along, across = x * np.cos(turn) + y * np.sin(turn), -x * np.sin(turn) + y * np.cos(turn)
    envelope = np.exp(-(along**2 + (0.7 * across) ** 2) / (2 * spread**2))
    found = envelope * np.cos(2 * np.pi * frequency * along + math.radians(phase))
    return torch.tensor(found / np.abs(found).sum(), dtype=torch.float32)


def gabor_net(side, spread, channels=3, size=(48, 44), stride=1, padding=0):
    conv = nn.Conv2d(channels, len(GABORS), side, stride=stride, padding=padding)
    with torch.no_grad():
        conv.bias.fill_(0.2)
        for unit, one in enumerate(GABORS):
            conv.weight[unit] = gabor(*one, side, spread)
    return pl.load(nn.Sequential(conv), input=pl.ImageInput(size, channels))


@pytest.mark.parametrize(
    ("side", "spread", "more"),
    [
        (15, 3.0, {}),
        (21, 4.5, {"channels": 1, "stride": 2, "padding": 10}),
        (12, 2.6, {"channels": 4, "size": (61, 90), "stride": 4}),  # a field whose middle lies between pixels
        (13, 2.6, {"channels": 12, "padding": 3, "size": (40, 44)}),
    ],
)
def test_a_gabor_prefers_its_own_orientation_frequency_and_phase(side, spread, more):
    for one, truth in zip(
        pl.tuning(gabor_net(side, spread, **more), "0", families=["grating", "edge", "gray"]),
        GABORS,
        strict=True,
    ):
        wave = one.reading.wave
        assert wave.fitted
        assert abs((wave.orientation_deg - truth[0] + 90) % 180 - 90) < 2
        assert wave.frequency == pytest.approx(truth[1], rel=0.05)
        straight = abs(wave.orientation_deg - truth[0]) < 90  # the same wave seen from behind runs backward
        phase = truth[2] if straight else -truth[2]
        assert abs((wave.phase_deg - phase + 180) % 360 - 180) < 8
        if truth[1] > 0.19:  # a slow odd one is an edge detector
            assert one.reading.best == "grating"
        assert one.reading.curve("grating", "orientation").selectivity > 0.5
        assert one.reading.spatial.opponent


def test_the_orientation_is_the_one_that_filters_read():
    net = gabor_net(15, 3.0)
    read = pl.filters(net).reading.filters
    for row, one in zip(read, pl.tuning(net, "0", families=["grating"]), strict=True):
        assert abs((one.reading.wave.orientation_deg - row.orientation_deg + 90) % 180 - 90) < 2
        assert one.reading.wave.frequency == pytest.approx(row.frequency, rel=0.06)


def color_net(*rows):
    conv = nn.Conv2d(3, len(rows), 5, padding=2)
    with torch.no_grad():
        conv.weight.zero_()
        conv.bias.fill_(1.0)
        for unit, weights in enumerate(rows):
            conv.weight[unit] = torch.tensor(weights, dtype=torch.float32)[:, None, None] / 25
    return pl.load(nn.Sequential(conv), input=pl.ImageInput(32, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4)))


def test_color_opponent_units_come_out_on_their_axes():
    # the weights act on normalized pixels: what counts is weight over standard deviation
    std = np.array([0.2, 0.3, 0.4])
    aims = np.array([(2, -1, -1), (1, -1, 0), (-1, -1, 2), (1, -2, 1), (1, 1, 1), (1, 0, 0)]) * std
    found = pl.tuning(color_net(*aims), "0", families=["color", "grating", "gray"])
    spectral = [one.reading.spectral for one in found]
    assert [one.axis for one in spectral] == [
        "red-cyan",
        "red-green",
        "blue-yellow",
        "magenta-green",
        None,
        None,
    ]
    assert [one.opponent for one in spectral] == [True] * 4 + [False] * 2
    assert [round(one.excites_deg) % 360 for one in spectral[:4]] == [0, 330, 240, 300]
    assert "red against cyan" in found[0].verdict
    assert found[0].reading.preferred("color", "hue") == pytest.approx(0, abs=5)
    assert found[1].reading.preferred("color", "hue") == pytest.approx(330, abs=5)
    assert not any(one.reading.double_opponent for one in found)


def test_a_unit_of_color_and_of_stripes_is_double_opponent():
    conv = nn.Conv2d(3, 1, 9)
    wave = gabor(0.0, 0.25, 90.0, 9, 2.0)
    blob = gabor(0.0, 0.0, 0.0, 9, 2.0)
    with torch.no_grad():
        conv.bias.zero_()
        conv.weight[0] = torch.stack([wave + blob, wave - blob, wave])
    [one] = pl.tuning(pl.load(nn.Sequential(conv), input=pl.ImageInput(40)), "0:0")
    assert one.reading.double_opponent
    assert one.reading.spectral.axis == "red-green"
    assert "double-opponent" in one.verdict


def curve_net(cases, directions=12, size=56):
    """Edge units in 12 directions, and above them units that add up the edges along an arc, of radius and direction given."""
    edges = nn.Conv2d(1, directions, 7, padding=3, bias=False)
    side = 2 * math.ceil(max(radius for radius, *_ in cases)) + 5
    arcs = nn.Conv2d(directions, len(cases), side, padding=side // 2, bias=False)
    y, x = np.mgrid[:7, :7] - 3.0
    down, across = np.mgrid[:side, :side] - (side - 1) / 2
    with torch.no_grad():
        for number in range(directions):
            turn = 2 * np.pi * number / directions
            along = x * np.cos(turn) + y * np.sin(turn)
            edges.weight[number, 0] = torch.tensor(along * np.exp(-(x**2 + y**2) / 4.5) / 30)
        weights = np.zeros((len(cases), directions, side, side))
        for unit, (radius, toward, centered) in enumerate(cases):
            turn = math.radians(toward)
            middle = (0.0, 0.0) if centered else (radius * math.cos(turn), radius * math.sin(turn))
            for angle in np.linspace(toward - 70, toward + 70, 60):
                at = np.radians(angle + 180)
                place = (middle[0] + radius * np.cos(at), middle[1] + radius * np.sin(at))
                edge = round((angle % 360) / 360 * directions) % directions
                weights[unit, edge] += np.exp(-((across - place[0]) ** 2 + (down - place[1]) ** 2))
            weights[unit] -= weights[unit].mean(0)
        arcs.weight.copy_(torch.tensor(weights))
    return pl.load(nn.Sequential(edges, nn.ReLU(), arcs), input=pl.ImageInput(size, 1))


def test_a_curve_unit_made_of_edge_units_prefers_its_radius_and_direction():
    cases = [(6.0, 75, False), (6.0, 200, True), (9.0, 0, False), (9.0, 300, True), (11.0, 110, False)]
    found = pl.tuning(curve_net(cases), "2", families=["edge", "curve"])
    for one, (radius, toward, _) in zip(found, cases, strict=True):
        assert one.reading.preferred("curve", "radius") == pytest.approx(radius, rel=0.2), one.verdict
        assert abs((one.reading.preferred("curve", "direction") - toward + 180) % 360 - 180) < 20, one.verdict
        assert one.reading.families["curve"].best.values["profile"] == "light inside"
        assert one.reading.best == "curve"
        assert one.reading.families["curve"].excess > 1.5 * one.reading.families["edge"].excess


def test_planted_edge_bar_and_dead_units():
    found = pl.tuning(pl.load(planted_net(), input=pl.ImageInput(32)), "conv")
    edge, bar, color, dead = (one.reading for one in found)
    assert edge.families["edge"].response == pytest.approx(11.25, rel=1e-5)
    assert edge.preferred("edge", "direction") == pytest.approx(0, abs=3)
    assert bar.families["bar"].response == pytest.approx(7.5, rel=1e-5)
    assert bar.preferred("bar", "orientation") == pytest.approx(90, abs=3)
    assert color.best == "color"
    assert color.families["color"].response == pytest.approx(25, rel=1e-5)
    assert dead.dead
    assert dead.best is None
    assert "alike" in found[3].verdict
    assert all(lead is None for lead in dead.leads.values())


class Anywhere(nn.Module):
    """A grid joined from branches of unlike reach, then tokens, then a vector."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.narrow, self.wide = nn.Conv2d(3, 2, 1, stride=2), nn.Conv2d(3, 3, 8, stride=2, padding=3)
        self.join, self.mix = nn.Identity(), nn.Linear(5, 4)
        self.norm, self.head = nn.LayerNorm(4), nn.Linear(4, 3)

    def forward(self, pixels):
        grid = self.join(torch.cat([self.narrow(pixels), self.wide(pixels)], 1))
        tokens = self.norm(self.mix(grid.flatten(2).transpose(1, 2)).softmax(1))
        return self.head(tokens.mean(1))


@pytest.mark.parametrize("layer", ["join", "narrow", "wide", "mix", "norm", "head", "logits"])
def test_any_layer_can_be_asked(layer):
    net = pl.load(
        Anywhere().eval().to(torch.bfloat16 if layer == "mix" else torch.float32),
        input=pl.ImageInput((36, 50)),
    )
    found = pl.tuning(net, layer, families=["grating", "edge", "disk", "color"], phases=3, orientations=4)
    for one in found:
        json.dumps(one.to_json(), allow_nan=False)
        assert one.plot().width > 300
        for family in one.reading.families:
            x0, y0, x1, y1 = one.boxes[family]
            assert 0 <= x0 < x1 <= 50
            assert 0 <= y0 < y1 <= 36
            assert one.pixels(family).shape == (y1 - y0, x1 - x0, 3)


@pytest.mark.parametrize("make", [residual_net, strided_net, object_net])
def test_in_place_reused_and_strided_layers(make):
    net = pl.load(make(), input=pl.ImageInput(32))
    for layer in net.layers():
        assert len(pl.tuning(net, layer.name, families=["edge", "gray"])) == layer.units


def test_each_unit_is_read_where_and_as_it_says():
    """The response of the best stimulus, run alone, at the position that the box belongs to."""
    net = pl.load(strided_net(), input=pl.ImageInput(48))
    site = site_of(net, "stem")
    shown = batteries(tabled(tuple(FAMILIES)), site.frame)
    found = probe(net, site, shown, batch=7)
    from pellucid.models import tap

    with tap(net, ["stem"]) as run:
        for battery in shown:
            name = battery.family.name
            for unit in range(4):
                place = int(found.responses[name][:, unit].argmax())
                alone = run(torch.from_numpy(battery.at(place).pixels(site.frame))[None])["stem"][0, unit]
                position = found.position(name, place, unit)
                assert alone[position].item() == pytest.approx(
                    float(found.responses[name][place, unit]), abs=1e-5
                )
                if battery.family.read == "center":
                    assert position == site.center
                (top, bottom), (left, right) = site.windows["around"]
                assert top <= position[0] <= bottom
                assert left <= position[1] <= right


def test_one_battery_serves_all_units_of_a_layer(planted):
    runs = []
    handle = planted.module.register_forward_pre_hook(lambda module, given: runs.append(len(given[0])))
    one, all_of_them = pl.tuning(planted, "conv:1"), pl.tuning(planted, "conv")
    handle.remove()
    assert len(set(runs)) == 1  # the last batch is filled up
    assert runs[: len(runs) // 2] == runs[len(runs) // 2 :]
    assert one[0].to_json() == all_of_them[1].to_json()


def test_memory_does_not_grow_with_the_stimuli():
    net = pl.load(planted_net(), input=pl.ImageInput(64))

    def peak(phases):
        tracemalloc.start()
        found = pl.tuning(net, "conv", families=["grating"], phases=phases)
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found.stimuli, top

    peak(3)
    few, small = peak(4)
    many, large = peak(40)
    assert many == 10 * few
    one_picture = 3 * 64 * 64 * 4
    assert large - small < (many - few) * one_picture / 50  # eight bytes a unit, and the curves themselves


def test_turning_shifting_and_scaling_a_units_own_picture():
    conv = nn.Conv2d(3, 1, 9, padding=4)
    wave = gabor(0.0, 0.2, 0.0, 9, 2.0)
    with torch.no_grad():
        conv.bias.fill_(1.0)
        conv.weight[0] = wave
    net = pl.load(nn.Sequential(conv), input=pl.ImageInput(48))
    x = np.arange(48) + 0.5 - 20.5  # a crest over the middle of column 20
    stripes = np.broadcast_to((0.5 + 0.5 * np.cos(2 * np.pi * 0.2 * x))[None, :, None], (48, 48, 3)).astype(
        np.float32
    )
    found = moved(net, Unit("0", 0), Subject("optimum", stripes), batch=5)
    turn, right, down = (found.curves[name] for name in ("turn", "shift_x", "shift_y"))
    own = dict(zip(turn.values, turn.responses, strict=True))
    assert own[0.0] == pytest.approx(found.response, rel=1e-5)
    assert own[-180.0] == pytest.approx(found.response, rel=2e-2)
    assert abs(own[90.0] - found.gray) < 0.1 * (found.response - found.gray)
    period = dict(zip(right.values, right.responses, strict=True))
    assert period[0.0] == pytest.approx(found.response, rel=1e-5)
    assert min(right.responses) < found.gray  # half a period away a dark stripe lies there
    assert min(down.responses) == pytest.approx(found.response, rel=1e-3)  # along the stripes nothing changes
    assert found.curves["scale"].responses[4] == pytest.approx(found.response, rel=1e-5)
    assert abs((found.curves["turn"].preferred + 180) % 360 - 180) < 4
    assert turn.bandwidth is not None
    assert turn.bandwidth < 90


def test_it_turns_the_way_it_says():
    """A corner in the picture, turned by a quarter, excites the unit for the turned corner."""
    conv = nn.Conv2d(1, 1, 8)
    with torch.no_grad():
        conv.bias.zero_()
        conv.weight.fill_(-1 / 48)
        conv.weight[0, 0, 4:, :4] = 1 / 16  # light at the lower left
    net = pl.load(nn.Sequential(conv), input=pl.ImageInput(8, 1))
    lower_right = np.zeros((8, 8, 1), np.float32)
    lower_right[4:, 4:] = 1
    found = moved(net, Unit("0", 0), Subject("optimum", lower_right), batch=8)
    own = dict(zip(found.curves["turn"].values, found.curves["turn"].responses, strict=True))
    assert own[90.0] == pytest.approx(1.0, abs=0.02)  # from the lower right, clockwise
    assert own[-90.0] < 0.1


def test_optima_and_examples_given_are_moved(planted, planted_photos):
    optima = pl.optimize(planted, "conv:0", steps=4, sign="+")
    examples = pl.examples(planted, planted_photos, "conv:0")
    [one] = pl.tuning(planted, "conv:0", optima=optima, examples=examples, families=["edge"])
    assert [each.name for each in one.moved] == ["optimum", "example"]
    assert one.moved[1].response == pytest.approx(
        examples[0].bands["max"][0].response, rel=0.05
    )  # a preview is a JPEG
    assert [each["picture"] for each in one.to_json()["invariance"]] == ["optimum", "example"]
    [other] = pl.tuning(planted, "conv:0", climb_own=True, families=["edge"])
    assert [each.name for each in other.moved] == ["optimum"]


def test_records_hold_pictures_curves_and_sortable_numbers(planted):
    kind = evidence("tuning")
    settings = kind.settings(planted, {})
    [job] = kind.plan(planted, [Unit("conv", 0)], settings)
    [record] = kind.run(planted, job, settings, Given())
    assert isinstance(record, Record)
    figures = record.figures
    assert isinstance(figures["verdict"], Number)
    assert "edges" in figures["verdict"].value
    assert isinstance(figures["best_edge"], Picture)
    assert figures["best_edge"].width == 5
    assert read_stamp(figures["best_edge"].blob.data)["family"] == "edge"
    assert isinstance(figures["orientation_curve"], TuningCurve)
    assert figures["orientation_curve"].period == 180
    assert 0 <= figures["orientation"].value < 180
    assert figures["above_gray_best_edge"].value == pytest.approx(11.25)


def test_what_an_input_without_colors_cannot_show_is_said():
    net = pl.load(nn.Sequential(nn.Conv2d(4, 2, 3)), input=pl.ImageInput(16, 4))
    [one, _] = pl.tuning(net, "0")
    assert set(one.left_out) == {"color", "color_disk", "color_grating"}
    assert "4 channels" in one.left_out["color"]
    assert one.reading.spectral is None
    assert one.reading.double_opponent is None
    kind = evidence("tuning")
    settings = kind.settings(net, {})
    [job] = kind.plan(net, [Unit("0", 0)], settings)
    [record] = kind.run(net, job, settings, Given())
    assert "red, green and blue" in record.figures["left_out"].value
    assert record.figures["hue"].value is None


def test_responses_that_are_no_numbers_are_counted():
    class Root(nn.Module):
        def forward(self, x):
            return (x.mean((2, 3)) - 0.4).sqrt()

    [one] = pl.tuning(
        pl.load(nn.Sequential(Root()), input=pl.ImageInput(8, 1)), "logits", families=["gray", "edge"]
    )
    assert one.nonfinite > 0
    json.dumps(one.to_json(), allow_nan=False)
    assert one.to_json()["nonfinite"] == one.nonfinite
    assert one.reading.best == "gray"


def test_a_unit_that_is_never_a_number_is_told():
    class Nothing(nn.Module):
        def forward(self, x):
            return x.mean((2, 3)) * float("nan")

    [one] = pl.tuning(
        pl.load(nn.Sequential(Nothing()), input=pl.ImageInput(8, 1)), "logits", families=["gray", "grating"]
    )
    json.dumps(one.to_json(), allow_nan=False)
    assert one.nonfinite == len(one.reading.families["gray"].battery) + len(
        one.reading.families["grating"].battery
    )
    assert one.reading.dead


def test_results_save_and_show_themselves(planted, tmp_path):
    found = pl.tuning(planted, "conv:0-1", families=["edge", "grating", "color"])
    paths = found.save(tmp_path / "out")
    assert [path.name for path in paths] == ["conv-0.png", "conv-1.png"]
    document = json.loads((tmp_path / "out" / "tuning.json").read_text())
    assert [row["unit"] for row in document["units"]] == ["conv:0", "conv:1"]
    assert read_stamp(paths[0])["method"] == "tuning"
    assert found._repr_png_()[:4] == b"\x89PNG"
    assert found[1:][0].unit == Unit("conv", 1)
    pictures = found[0].save_pictures(tmp_path / "stimuli")
    assert read_stamp(pictures["edge"])["stimulus"]["family"] == "edge"
    assert str(len(found)) in repr(found)
    assert "edges" in repr(found[0])
    assert found.table().rows[0][0] == "conv:0"


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        ({"familes": ["edge"]}, InputError, "families"),
        ({"families": ["edges"]}, UnknownName, "edge"),
        ({"families": []}, InputError, "no family"),
        ({"phases": 1}, InputError, "from 3"),
        ({"hues": 2.5}, InputError, "whole number"),
    ],
)
def test_settings_that_make_no_sense_are_refused(planted, asked, error, words):
    with pytest.raises(error, match=words):
        pl.tuning(planted, "conv:0", **asked)


def test_no_unit_is_refused(planted):
    with pytest.raises(InputError, match="no unit"):
        pl.tuning(planted)


def test_a_survey_moves_the_pictures_that_it_made(planted, planted_photos, tmp_path):
    atlas = tmp_path / "a.atlas"
    pl.survey(
        planted, planted_photos, atlas, "conv:0-1", kinds=["tuning", "examples", "optimum"], steps=3, phases=4
    )
    with pl.Atlas.open(atlas) as held:
        record = held.record("tuning", "conv", 0)
        example = held.record("examples", "conv", 0).figures["max"].items[0]
    assert isinstance(record.figures["optimum_turn"], TuningCurve)
    assert record.figures["optimum_turn_range"].value > 0
    shift = record.figures["example_shift_x"]
    assert shift.y[shift.x.index(0.0)] == pytest.approx(example.response, rel=0.05)
    pl.survey(planted, None, tmp_path / "b.atlas", "conv:0", kinds=["tuning"], families="edge,gray")
    with pl.Atlas.open(tmp_path / "b.atlas") as held:
        figures = held.record("tuning", "conv", 0).figures
    assert "optimum_turn" not in figures
    assert "best_grating" not in figures
    assert figures["orientation"].value is None


def test_a_plan_foretells_the_time(planted, tmp_path):
    found = pl.survey(planted, None, tmp_path / "a.atlas", "conv", kinds=["tuning"], plan_only=True).estimate
    assert found.seconds > 0
    assert found.units == 4


@pytest.mark.real
def test_gabor_filters_of_squeezenet_prefer_what_their_weights_show(real_data):
    net = pl.load("torchvision/squeezenet1_0", weights=real_data / "squeezenet" / "squeezenet1_0.safetensors")
    read = {row.unit: row for row in pl.filters(net).reading.filters}
    turned, faster = [], []
    for one in pl.tuning(net, "features.0", families=["grating"]):
        row = read[one.unit.index]
        if row.shape == "gabor" and row.gabor_r2 > 0.85 and row.chroma < 0.25 and one.reading.wave.fitted:
            turned.append(abs((one.reading.wave.orientation_deg - row.orientation_deg + 90) % 180 - 90))
            faster.append(one.reading.wave.frequency / row.frequency)
    assert len(turned) > 25
    assert np.median(turned) < 2
    assert max(turned) < 8
    assert 0.9 < np.median(faster) < 1.1


@pytest.mark.parametrize("orientation", [0.0, 40.0, 45.0, 95.0, 133.0])
@pytest.mark.parametrize("frequency", [0.11, 0.17, 0.25])
def test_bandwidths_of_a_gabor_are_its_own_at_every_angle(orientation, frequency):
    side, spread = 31, 5.0
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    turn = math.radians(orientation)
    wave = 2 * np.pi * frequency * (x * math.cos(turn) + y * math.sin(turn))
    kernel = np.exp(-(x**2 + y**2) / (2 * spread**2)) * np.cos(wave)
    conv = nn.Conv2d(1, 1, side, bias=False)
    with torch.no_grad():
        conv.weight[0, 0] = torch.tensor(kernel, dtype=torch.float32)
    [one] = pl.tuning(pl.load(nn.Sequential(conv), input=pl.ImageInput(48, 1)), "0", families=["grating"])

    def answer(angle, speed):  # to the grating in its best phase
        along = x * math.cos(angle) + y * math.sin(angle)
        return abs((kernel * np.exp(2j * np.pi * speed * along)).sum())

    angles = np.radians(np.arange(0, 180, 0.1))
    over = np.array([answer(angle, frequency) for angle in angles])
    assert one.reading.curve("grating", "orientation").bandwidth == pytest.approx(
        (over > over.max() / 2).sum() * 0.1, rel=0.05
    )
    speeds = np.geomspace(0.02, 0.45, 1500)
    over = np.array([answer(turn, speed) for speed in speeds])
    above = speeds[over > over.max() / 2]
    assert one.reading.curve("grating", "frequency").bandwidth == pytest.approx(
        math.log2(above[-1] / above[0]), rel=0.05
    )


@pytest.mark.parametrize("width", [4, 6, 8])
def test_a_unit_made_like_a_bar_prefers_its_width_and_direction(width):
    side = 31
    _, x = np.mgrid[:side, :side] - (side - 1) / 2
    inside, beside = np.abs(x) <= width / 2, (np.abs(x) > width / 2) & (np.abs(x) <= width)
    kernel = np.where(inside, 1.0 / inside.sum(), 0) - np.where(beside, 1.0 / beside.sum(), 0)
    conv = nn.Conv2d(1, 1, side)
    with torch.no_grad():
        conv.weight[0, 0] = torch.tensor(kernel, dtype=torch.float32)
    [one] = pl.tuning(pl.load(nn.Sequential(conv), input=pl.ImageInput(80, 1)), "0")
    assert one.reading.best == "bar"
    values = one.reading.families["bar"].best.values
    assert (values["orientation"], values["polarity"]) == (0.0, "light")
    # dark beside, as far as the field reaches, costs nothing: the true optimum is the light part's own width
    assert one.reading.preferred("bar", "width") == pytest.approx(inside.sum() / side, rel=0.15)


@pytest.mark.parametrize("orientation", [0.0, 17.0, 90.0, 170.0])
@pytest.mark.parametrize("phase", [0.0, 57.0])
def test_a_slow_gabor_is_named_by_what_is_straight(orientation, phase):
    conv = nn.Conv2d(3, 1, 31)
    y, x = np.mgrid[:31, :31] - 15.0
    turn = math.radians(orientation)
    wave = np.cos(2 * np.pi * 0.06 * (x * math.cos(turn) + y * math.sin(turn)) + math.radians(phase))
    with torch.no_grad():
        conv.weight[0] = torch.tensor(np.exp(-(x**2 + y**2) / 50) * wave, dtype=torch.float32)
    [one] = pl.tuning(pl.load(nn.Sequential(conv), input=pl.ImageInput(64)), "0")
    assert one.reading.best in ("bar", "edge", "grating")


def test_a_unit_for_a_pattern_of_colors_has_stimuli_of_its_own():
    conv = nn.Conv2d(3, 3, 15)
    wave, quick = gabor(30.0, 0.12, 0.0, 15, 3.5), gabor(90.0, 0.2, 0.0, 15, 3.5)
    wave, quick = wave - wave.mean(), quick - quick.mean()
    with torch.no_grad():
        conv.bias.zero_()
        conv.weight[0] = torch.stack([wave, -wave, 0 * wave])
        conv.weight[1] = torch.stack([-quick / 2, -quick / 2, quick])
        conv.weight[2] = torch.stack([wave, wave, wave])
    red, blue, gray = pl.tuning(pl.load(nn.Sequential(conv), input=pl.ImageInput(48)), "0")
    assert (red.reading.best, blue.reading.best) == ("color_grating", "color_grating")
    assert red.reading.families["color_grating"].best.values["colors"] == "red and green"
    assert red.reading.preferred("color_grating", "orientation") == pytest.approx(30, abs=5)
    assert blue.reading.families["color_grating"].best.values["colors"] == "blue and yellow"
    assert blue.reading.preferred("color_grating", "orientation") == pytest.approx(90, abs=5)
    assert red.verdict.startswith("prefers red-green stripes that run at 120°")
    assert abs(gray.reading.families["color_grating"].excess) < 1e-5  # what adds all channels sees nothing
    assert not red.reading.double_opponent


@pytest.mark.parametrize("name", ["orientations", "phases", "hues", "tuning_batch"])
def test_there_are_limits_to_how_many_are_shown(name):
    for value in (10**8, 0):
        with pytest.raises(InputError, match=rf"{name} {value}: a whole number from \d+ to \d+ is needed"):
            pl.tuning("demo", "conv1:0", **{name: value})


def test_a_preferred_value_at_the_end_is_told_in_the_verdict_and_on_the_curve():
    conv = nn.Conv2d(1, 1, 4, bias=False)
    with torch.no_grad():  # as fast as can be: beyond the fastest grating
        conv.weight[0, 0] = torch.tensor((-1.0) ** np.arange(4), dtype=torch.float32).expand(4, 4)
    net = pl.load(nn.Sequential(conv), input=pl.ImageInput(24, 1))
    [one] = pl.tuning(net, "0", families=["grating"])
    assert one.reading.curve("grating", "frequency").at_end
    assert "the frequency at the end of what was shown: the true one may lie beyond" in one.verdict
    assert "at the end: the true one may lie beyond" in one.curve("grating", "frequency").notes


def test_a_picture_that_loses_half_on_one_side_only_is_not_called_kept_throughout():
    """A unit that looks right of its middle: a picture may be shifted to the right, where the same goes on, not to the left."""
    conv = nn.Conv2d(1, 1, 9, padding=4, bias=False)
    with torch.no_grad():
        conv.weight.fill_(1 / 81)
    net = pl.load(nn.Sequential(conv, nn.ReLU()), input=pl.ImageInput(9, 1))
    half_white = np.full((9, 9, 1), 0.5, np.float32)
    half_white[:, :5] = 1.0  # with its mirror image beyond the left border all is white when it goes right
    found = moved(net, Unit("0", 0), Subject("optimum", half_white), batch=8)
    above = {name: np.array(curve.responses) - found.gray for name, curve in found.curves.items()}
    half = above["shift_x"][4] / 2
    assert above["shift_x"][:4].min() < half < above["shift_x"][4:].min()
    low, high = found.kept["shift_x"]
    assert high is None
    values = found.curves["shift_x"].values
    crossing = next(at for at in (3, 2, 1, 0) if above["shift_x"][at] <= half)
    assert values[crossing] <= low <= values[crossing + 1]
    [note] = move_figure(found, "shift_x").notes
    assert note == f"half lost at −{-low:.2g} px, kept to 4.5 px"
    assert found.to_json()["curves"]["shift_x"]["half_kept"] == [low, None]
    assert found.to_json()["curves"]["shift_x"]["bandwidth"] is None
    assert move_figure(found, "shift_y").notes == ("more than half kept throughout",)
    assert found.kept["shift_y"] == (None, None)
    gray = moved(net, Unit("0", 0), Subject("optimum", np.full((9, 9, 1), 0.5, np.float32)), batch=8)
    assert move_figure(gray, "turn").notes == ("as it is, no more than gray",)
    assert gray.turn_range is None


def test_what_is_said_to_be_kept_throughout_is():
    net = pl.load("demo")
    held = {"one side": 0, "throughout": 0}
    for one in pl.tuning(net, "conv5:0-3", families=["edge"], climb_own=True):
        for each in one.moved:
            for move, curve in each.curves.items():
                above = np.array(curve.responses) - each.gray
                [note] = move_figure(each, move).notes
                lost = above.min() <= (each.response - each.gray) / 2
                assert lost == ("throughout" not in note), (one.unit, move, note)
                held["throughout" if not lost else "one side"] += 1
    assert held["one side"]


@pytest.mark.parametrize("family", FAMILIES)
def test_sheet_and_page_show_the_curves_of_the_family_that_wins(family):
    net = pl.load(planted_net(), input=pl.ImageInput(32))
    [one] = pl.tuning(net, "conv:0", phases=3, hues=12)
    won = dataclasses.replace(one, reading=dataclasses.replace(one.reading, best=family))
    own = [
        axis.name
        for axis in FAMILIES[family].axes
        if not axis.free and not isinstance(axis.values(one.frame)[0], str)
    ]
    shown = shown_curves(won.reading)
    assert own
    assert shown[: len(own)] == [(family, axis) for axis in own]
    assert len(shown) == len(set(shown))
    assert ("curve", "radius") in shown
    figures = tuning_figures(one)
    drawn = {CURVES[name] for name in figures if name in CURVES}
    assert {(family, axis) for axis in own} <= drawn
    pixels = np.asarray(won.plot().convert("L"))
    assert pixels.shape[0] > 150 * -(-len(shown) // 3)


@pytest.mark.parametrize("layer", ["mix", "head", "logits"])
def test_pictures_of_units_without_a_grid_are_moved(layer):
    net = pl.load(Anywhere().eval(), input=pl.ImageInput((36, 50)))
    pixels = np.random.default_rng(0).random((36, 50, 3), np.float32)
    found = moved(net, Unit(layer, 1), Subject("optimum", pixels), batch=16)
    assert found.curves["turn"].responses[12] == pytest.approx(found.response, rel=1e-5)
    assert len(found.position) == (1 if layer == "mix" else 0)
