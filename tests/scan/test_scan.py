# SPDX-License-Identifier: Apache-2.0
"""A pass finds what running everything at once and sorting finds, whatever breaks, stops or resumes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from nets import COLOR, DEAD, EDGE, edge_picture, planted_net, residual_net
from PIL import Image
from streams import band_by_sorting
from torch import nn

from pellucid.data import ItemProblem, Source
from pellucid.errors import InputError, NoItems, UnknownName
from pellucid.models import ImageInput, Net, load
from pellucid.scan import BANDS, Scanned, ScanState, refuse_unreadable, scan

SIDE = 32


class Planted:
    """Noise pictures of the input size; some rows are given, some are broken."""

    name, credits, listing_digest, classes, class_names = "planted", (), "a", None, ()

    def __init__(
        self, count: int, *, given: dict[int, np.ndarray] | None = None, broken: Sequence[int] = ()
    ) -> None:
        self.names = [f"{row:05d}.png" for row in range(count)]
        self.given = given or {}
        self.broken = set(broken)
        self.asked: set[int] = set()

    def pixels(self, row: int) -> np.ndarray:
        drawn = np.random.default_rng(row).integers(90, 166, (SIDE, SIDE, 3), np.uint8)
        return self.given.get(row, drawn)

    def image(self, row: int) -> Image.Image:
        self.asked.add(row)
        if row in self.broken:
            raise ItemProblem(f"broken {row}")
        return Image.fromarray(self.pixels(row))


def planted() -> Net:
    return load(planted_net(), input=ImageInput(SIDE))


def responses(net: Net, source: Planted, layer: str, batch: int) -> np.ndarray:
    """(items, K, *grid) by running a forward hook over padded batches, in plain PyTorch."""
    found: list[torch.Tensor] = []
    module = net.module if layer == "logits" else net.module.get_submodule(layer)
    handle = module.register_forward_hook(lambda module, fed, output: found.append(output.clone()))
    rows = range(len(source.names))
    with torch.no_grad():
        for first in range(0, len(rows), batch):
            pixels = [source.pixels(row) * (row not in source.broken) for row in rows[first : first + batch]]
            pixels += [np.zeros((SIDE, SIDE, 3))] * (batch - len(pixels))
            fed = (
                torch.from_numpy(np.stack(pixels).astype(np.uint8))
                .permute(0, 3, 1, 2)
                .contiguous()
                .float()
                .div(255)
            )
            net.module(net.input.normalize(fed))
    handle.remove()
    return torch.cat(found)[: len(rows)].double().numpy()


def assert_scanned(scanned: Scanned, layer: str, truth: np.ndarray, broken: Sequence[int] = ()) -> None:
    """Bands and statistics of all units are those of (items, K, *grid) without the broken rows."""
    grid = truth.shape[2:]
    flat = truth.reshape(*truth.shape[:2], -1).copy()
    flat[list(broken)] = np.nan
    for unit in range(truth.shape[1]):
        for name, sign in BANDS.items():
            entries = scanned.layers[layer].bands[name].entries(unit)
            expected = band_by_sorting(flat[:, unit], sign)
            assert [(entry.row, entry.response) for entry in entries] == [each[:2] for each in expected]
            assert [entry.position for entry in entries] == [
                tuple(map(int, np.unravel_index(place, grid))) for _, _, place in expected
            ]
        found, finite = scanned.layers[layer].statistics[unit], flat[:, unit][np.isfinite(flat[:, unit])]
        assert found.count == finite.size
        assert (found.min, found.max) == (finite.min(), finite.max())
        assert found.mean == pytest.approx(finite.mean(), rel=1e-9, abs=1e-12)
        assert found.variance == pytest.approx(finite.var(), rel=1e-9, abs=1e-12)
        assert found.zero_share == (finite == 0).mean()


@pytest.mark.parametrize(("count", "batch"), [(7, 16), (40, 8), (41, 8), (41, 1)])
def test_all_units_of_several_layers_are_what_brute_force_finds(count: int, batch: int) -> None:
    source = Planted(count, broken=[3] if count > 7 else [])
    net = planted()
    scanned = scan(net, source, ["conv", "relu", "pool", "logits"], batch=batch)
    assert list(scanned.layers) == ["conv", "relu", "pool", "logits"]
    for layer in scanned.layers:
        # `conv` is read before the in-place ReLU writes over it.
        assert_scanned(scanned, layer, responses(net, source, layer, batch), sorted(source.broken))


def test_every_call_of_a_reused_module_is_a_layer_of_its_own() -> None:
    net = load(residual_net(), input=ImageInput(SIDE))
    scanned = scan(net, Planted(12), ["conv1", "relu", "relu#2", "relu#3"], batch=4)
    conv, first = (scanned.layers[name].statistics for name in ("conv1", "relu"))
    assert [each.max for each in conv[:3]] == [each.max for each in first[:3]]
    assert (conv[3].max < 0, first[3].max, first[3].dead) == (True, 0.0, True)
    assert scanned.layers["relu#2"].statistics[0].max == pytest.approx(conv[0].max / 2)


def test_planted_answers() -> None:
    edge = (edge_picture(SIDE, 20).permute(1, 2, 0).numpy() * 255).astype(np.uint8)
    red = np.zeros((SIDE, SIDE, 3), np.uint8)
    red[7:12, 11:16] = (255, 0, 0)
    scanned = scan(planted(), Planted(30, given={21: edge, 8: red}), ["conv"], batch=8)
    found = scanned.layers["conv"]
    top = found.bands["max"].entries(EDGE)[0]
    assert (top.row, top.response, top.position) == (
        21,
        11.25,
        (0, 18),
    )  # the edge is everywhere in y: the first
    color = found.bands["max"].entries(COLOR)[0]
    assert (color.row, color.response, color.position) == (8, 25.0, (7, 11))
    assert [unit for unit, each in enumerate(found.statistics) if each.dead] == [DEAD]
    assert (found.statistics[DEAD].min, found.statistics[DEAD].mean) == (-1.0, -1.0)
    assert found.rows([EDGE, COLOR])[:2] == sorted(found.rows([EDGE, COLOR]))[:2]
    assert {21, 8} <= set(found.rows([EDGE, COLOR]))


def test_a_box_is_around_what_was_planted() -> None:
    net = planted()
    red = np.zeros((SIDE, SIDE, 3), np.uint8)
    red[7:12, 11:16] = (255, 0, 0)
    scanned = scan(net, Planted(30, given={8: red}), ["conv"], batch=8)
    top = scanned.layers["conv"].bands["max"].entries(COLOR)[0]
    placement = scanned.previews.of([top.row])[top.row].placement
    assert placement.to_item_box(*net.fields("conv").box(COLOR, top.position)) == (11, 7, 16, 12)


def test_broken_items_are_named_and_nothing_else_changes() -> None:
    net, broken = planted(), [0, 8, 9, 10, 11, 12, 13, 14, 15, 39]
    source = Planted(60, broken=broken)
    scanned = scan(net, source, ["conv"], batch=8)
    assert scanned.skipped == tuple((f"{row:05d}.png", f"broken {row}") for row in broken)
    assert_scanned(scanned, "conv", responses(net, source, "conv", 8), broken)


def states(net: Net, source: Source, layers: Sequence[str], **options: object) -> list[tuple[int, bytes]]:
    saved: list[tuple[int, bytes]] = []
    scan(
        net,
        source,
        layers,
        batch=8,
        on_batch=lambda state: saved.append((state.next_row, state.to_bytes())),
        **options,
    )
    return saved


def test_a_pass_resumed_anywhere_ends_with_the_same_bytes() -> None:
    net, source = planted(), Planted(45, broken=[2, 33])
    whole = states(net, source, ["conv", "logits"])
    assert [row for row, _ in whole] == [8, 16, 24, 32, 40, 45]
    for at, (row, saved) in enumerate(whole):
        again = Planted(45, broken=[2, 33])
        assert states(planted(), again, ["conv", "logits"], state=saved) == whole[at + 1 :]
        assert min(again.asked, default=45) == row


def test_what_a_state_takes_does_not_grow_with_the_items() -> None:
    saved = dict(states(planted(), Planted(1600), ["conv"]))
    # Bins that no spot has met yet take no room. A pass meets nearly all of them in its first items; four times the items have
    # their nearest to zero nearer by two doublings, of two bins each.
    assert len(saved[1600]) < len(saved[400]) * 1.2
    assert (
        len(saved[1600]) < 160 * 592
    )  # for each unit less than all the bins there are would take of one level


@pytest.mark.parametrize(
    ("layers", "changes", "what"),
    [
        (["conv"], {"batch": 4}, "another batch size"),
        (["relu"], {}, "another layers"),
        (["conv", "relu"], {}, "another layers"),
    ],
)
def test_a_state_of_another_scan_is_refused(layers: list[str], changes: dict[str, int], what: str) -> None:
    saved = states(planted(), Planted(20), ["conv"])[0][1]
    with pytest.raises(InputError, match=what):
        scan(planted(), Planted(20), layers, **{"batch": 8, "state": saved, **changes})


def test_a_state_of_other_items_or_another_net_is_refused() -> None:
    saved = states(planted(), Planted(20), ["conv"])[0][1]
    other = Planted(20)
    other.listing_digest = "b"
    with pytest.raises(InputError, match="another items"):
        scan(planted(), other, ["conv"], batch=8, state=saved)
    net = planted_net()
    net.conv.bias.data += 1
    with pytest.raises(InputError, match="another net"):
        scan(load(net, input=ImageInput(SIDE)), Planted(20), ["conv"], batch=8, state=saved)


def test_a_damaged_state_is_refused() -> None:
    saved = states(planted(), Planted(20), ["conv"])[0][1]
    for damaged in (b"", b"\0" * 50, saved[:-3], saved[:100], saved.replace(b"next_row", b"next_now")):
        with pytest.raises(InputError, match=r"damaged|do not fit"):
            scan(planted(), Planted(20), ["conv"], batch=8, state=damaged)


def test_only_broken_files_stop_with_one_line() -> None:
    with pytest.raises(
        NoItems, match=r"none of the 5 items of planted can be read; the first, 00000.png: broken 0"
    ):
        scan(planted(), Planted(5, broken=range(5)), ["conv"], batch=2)


def test_the_reason_that_most_items_have_is_the_one_that_is_told() -> None:
    class Mixed(Planted):
        def image(self, row: int) -> Image.Image:
            raise ItemProblem("cut off" if row == 0 else "3 channels, the net takes 12")

    said = r"none of the 5 items of planted can be read; 4 of them as 00001.png: 3 channels, the net takes 12"
    with pytest.raises(NoItems, match=said):
        scan(planted(), Mixed(5), ["conv"], batch=2)
    with pytest.raises(NoItems, match=said):
        refuse_unreadable(planted(), Mixed(5))


def test_a_sound_source_costs_one_item() -> None:
    source = Planted(50, broken=range(3))
    refuse_unreadable(planted(), source)
    assert source.asked == {0, 1, 2, 3}


def test_more_than_a_fifth_broken_stops() -> None:
    assert len(scan(planted(), Planted(100, broken=range(1, 21)), ["conv"], batch=8).skipped) == 20
    with pytest.raises(
        InputError, match=r"21 of the 100 items of planted cannot be read; the first, 00001.png"
    ):
        scan(planted(), Planted(100, broken=range(1, 22)), ["conv"], batch=8)


def test_a_handful_of_items_may_have_many_broken_ones() -> None:
    assert len(scan(planted(), Planted(4, broken=[1, 2, 3]), ["conv"], batch=2).skipped) == 3


def test_more_than_a_fifth_of_the_first_thousand_stops_early() -> None:
    source = Planted(3000, broken=range(0, 804, 4))  # 201 of the first 1,000
    with pytest.raises(InputError, match="201 of the first 1000 items of planted cannot be read"):
        scan(planted(), source, ["logits"], batch=64)
    assert max(source.asked) < 1024
    reached: list[int] = []

    def enough(state: ScanState) -> None:
        reached.append(state.next_row)
        if state.next_row > 1100:
            raise KeyboardInterrupt

    # 200 of the first 1,000 are bearable, whatever else is in the same batch.
    bearable = [*range(0, 800, 4), *range(1000, 1024)]
    with pytest.raises(KeyboardInterrupt):
        scan(planted(), Planted(3000, broken=bearable), ["logits"], batch=64, on_batch=enough)
    assert reached[-1] == 1152


class Sometimes(nn.Module):
    """Gives NaN, and once an infinity, for items whose mean is above a bound."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.conv(pixels.masked_fill(pixels.mean((1, 2, 3), keepdim=True) > 0.9, torch.nan))


def test_nan_from_some_items_leaves_the_rest_as_it_was() -> None:
    torch.manual_seed(0)
    module = Sometimes().eval()
    white = np.full((SIDE, SIDE, 3), 255, np.uint8)
    net = load(module, input=ImageInput(SIDE))
    clean = scan(net, Planted(20, broken=[4, 11]), ["conv"], batch=8)
    scanned = scan(net, Planted(20, given={4: white, 11: white}), ["conv"], batch=8)
    for unit in range(3):
        one, other = scanned.layers["conv"].statistics[unit], clean.layers["conv"].statistics[unit]
        assert one.nonfinite == 2 * 30 * 30
        assert {**one.to_json(), "nonfinite": 0} == other.to_json()
        for name in BANDS:
            assert scanned.layers["conv"].bands[name].entries(unit) == clean.layers["conv"].bands[
                name
            ].entries(unit)
    assert scanned.skipped == ()


def test_an_unknown_layer_and_a_layer_named_twice() -> None:
    with pytest.raises(UnknownName):
        scan(planted(), Planted(3), ["convv"], batch=8)
    assert list(scan(planted(), Planted(3), ["conv", "conv"], batch=8).layers) == ["conv"]


def test_a_net_is_left_as_it_was_even_when_stopped() -> None:
    net = planted()
    net.module.train()

    def stop(state: ScanState) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan(net, Planted(20), ["conv"], batch=8, on_batch=stop)
    assert net.module.training
    assert not any(module._forward_hooks for module in net.module.modules())


class Choosy(nn.Module):
    """Convolutions with a step between them that refuses some pictures, as an error of a model's own would."""

    def __init__(self, refuses: str) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.first = nn.Conv2d(3, 4, 3)
        self.second = nn.Conv2d(4, 3, 3)
        self.refuses = refuses

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        first = self.first(pixels)
        bright, blank = pixels.amax((1, 2, 3)) > 0.99, pixels.amax((1, 2, 3)) == 0
        if self.refuses == "bright" and bright.any():
            raise ValueError("too bright,\nby far")
        if self.refuses == "blank" and blank.any():
            raise ZeroDivisionError
        if self.refuses == "large batches" and len(pixels) > 3:
            raise torch.OutOfMemoryError("no room")
        if self.refuses == "any batch":
            raise MemoryError
        return self.second(first)


def choosy(refuses: str) -> Net:
    module = Choosy("nothing").eval()
    net = load(module, input=ImageInput(SIDE))
    net.module.refuses = refuses
    return net


@pytest.mark.parametrize("bad", [[3, 17, 18], [0], list(range(8, 16)), [39]])
def test_items_that_a_model_fails_on_are_named_and_nothing_else_changes(bad: list[int]) -> None:
    white = np.full((SIDE, SIDE, 3), 255, np.uint8)
    given = dict.fromkeys(bad, white)
    layers = ["first", "second", "logits"]
    scanned = scan(choosy("bright"), Planted(40, given=given, broken=[20]), layers, batch=8)
    reasons = dict.fromkeys(bad, "the network failed on it: ValueError: too bright, by far") | {
        20: "broken 20"
    }
    assert scanned.skipped == tuple((f"{row:05d}.png", reasons[row]) for row in sorted(reasons))
    clean = Planted(40, broken=[*bad, 20])
    for layer in layers:
        # `first` had answered before the model failed: it must not have kept the failed batch.
        assert_scanned(scanned, layer, responses(choosy("nothing"), clean, layer, 8), [*bad, 20])
    same = scan(choosy("nothing"), clean, layers, batch=8)
    for unit in range(3):
        ours, theirs = scanned.maps.of("second", unit), same.maps.of("second", unit)
        assert ours.keys() == theirs.keys()
        assert all(np.array_equal(ours[row], theirs[row]) for row in ours)


def test_a_pass_over_a_model_that_fails_on_items_resumes_to_the_same_bytes() -> None:
    given = {row: np.full((SIDE, SIDE, 3), 255, np.uint8) for row in (3, 17)}
    whole = states(choosy("bright"), Planted(40, given=given), ["first", "second"])
    for at, (_, saved) in enumerate(whole):
        again = states(choosy("bright"), Planted(40, given=given), ["first", "second"], state=saved)
        assert again == whole[at + 1 :]


def test_a_model_that_does_not_bear_blank_padding_loses_no_item() -> None:
    source = Planted(21, broken=[2])
    scanned = scan(choosy("blank"), source, ["second"], batch=8)
    assert [name for name, _ in scanned.skipped] == ["00002.png"]
    assert_scanned(scanned, "second", responses(choosy("nothing"), source, "second", 8), [2])


def test_a_model_that_fails_on_everything_stops_with_one_line() -> None:
    white = np.full((SIDE, SIDE, 3), 255, np.uint8)
    with pytest.raises(
        NoItems,
        match=r"none of the 5 items of planted can be used; the first, 00000.png: the network failed on it: Val",
    ):
        scan(choosy("bright"), Planted(5, given=dict.fromkeys(range(5), white)), ["second"], batch=2)


def test_where_memory_runs_out_batches_are_cut_and_the_result_says_so() -> None:
    source = Planted(21, broken=[2])
    scanned = scan(choosy("large batches"), source, ["first", "second"], batch=8)
    assert scanned.size == 2
    assert scanned.notes == (
        "memory ran out, and batches were cut to 2 items: not bit-reproducible; a smaller batch would be",
    )
    assert_scanned(scanned, "second", responses(choosy("nothing"), source, "second", 2), [2])
    assert len(scanned.maps.of("second", 0)) == len(scanned.layers["second"].rows([0]))
    saved = states(choosy("large batches"), source, ["second"])
    again = states(choosy("large batches"), Planted(21, broken=[2]), ["second"], state=saved[0][1])
    assert again == saved[1:]
    assert scan(choosy("nothing"), source, ["second"], batch=8).size is None


def test_memory_for_not_even_one_item_is_one_line() -> None:
    with pytest.raises(InputError, match="memory ran out with a single item"):
        scan(choosy("any batch"), Planted(5), ["second"], batch=4)


class Mates(nn.Module):
    def __init__(self, kind: str) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 3)
        self.norm = nn.BatchNorm2d(3, track_running_stats=False)
        self.kind = kind

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        if self.kind == "random":
            pixels = pixels + torch.from_numpy(np.random.default_rng().random(pixels.shape, np.float32))
        return self.conv(self.norm(pixels) if self.kind == "mates" else pixels)


@pytest.mark.parametrize(
    ("kind", "said"),
    [("plain", ""), ("mates", "depends on the other items"), ("random", "another thing each")],
)
def test_a_net_whose_answers_depend_on_more_than_the_item_is_named(kind: str, said: str) -> None:
    net = load(Mates(kind).eval(), input=ImageInput(SIDE))
    notes = scan(net, Planted(10), ["conv"], batch=4).notes
    assert len(notes) == bool(said)
    assert all(said in note for note in notes)
    saved = states(net, Planted(20), ["conv"])[0][1]
    assert scan(net, Planted(20), ["conv"], batch=8, state=saved).notes == notes
