# SPDX-License-Identifier: Apache-2.0
"""The randomization cascade: what is shuffled when, against which map, and that the net stays as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from counting import ReusedNet, TokenNet, counting_net, square
from scipy.stats import spearmanr

import pellucid as pl
from pellucid.attribution import spearman
from pellucid.attribution.cascade_result import CascadeRow
from pellucid.figures.stamp import read_stamp


def test_spearman_is_scipys() -> None:
    draws = np.random.default_rng(0)
    for first, second in (
        (draws.normal(size=(9, 7)), draws.normal(size=(9, 7))),
        (np.round(draws.normal(size=(20, 20))), np.round(draws.normal(size=(20, 20)))),
        (np.arange(12.0).reshape(3, 4), -np.arange(12.0).reshape(3, 4)),
    ):
        assert spearman(first, second) == pytest.approx(
            spearmanr(first.ravel(), second.ravel()).statistic, abs=1e-12
        )
    assert spearman(np.ones((2, 2)), np.arange(4.0).reshape(2, 2)) is None


def test_layers_are_shuffled_from_the_output_down_and_the_net_is_not_touched() -> None:
    inner = ReusedNet().train()
    net = pl.load(inner, input=pl.ImageInput((20, 24)))
    before = {name: value.clone() for name, value in inner.state_dict().items()}
    digest = net.weights_digest
    torch.manual_seed(5)
    state = torch.get_rng_state()
    pixels = torch.rand(3, 20, 24, generator=torch.Generator().manual_seed(1))
    found = pl.cascade(net, pixels, "logits:1", methods=["saliency", "gradcam"], seed=3)
    assert found.stages == (("fc",), ("conv3",), ("conv2",), ("conv1",))
    assert all(torch.equal(value, before[name]) for name, value in inner.state_dict().items())
    assert net.weights_digest == digest
    assert torch.equal(torch.get_rng_state(), state)
    assert inner.training

    # the same by hand: shuffle fc, then conv3, as the seed draws
    draws = torch.Generator().manual_seed(3)
    copy = ReusedNet().train()
    copy.load_state_dict(inner.state_dict())
    for stage, part in enumerate((copy.fc, copy.conv3, copy.conv2, copy.conv1), start=1):
        for weight in part.parameters():
            order = torch.randperm(weight.numel(), generator=draws)
            weight.data = weight.data.reshape(-1)[order].reshape(weight.shape)
        again = pl.load(copy, input=pl.ImageInput((20, 24)))
        for row in found.rows:
            layer = "pair[1]" if row.method == "gradcam" else None
            [one] = pl.attribute(
                again, pixels, "logits:1", methods=[row.method], layer=layer, faithfulness=False, seed=3
            )
            np.testing.assert_allclose(row.maps[stage], one.values, rtol=1e-5, atol=1e-8)
            assert row.signed[stage - 1] == pytest.approx(spearman(row.maps[0], row.maps[stage]))
            assert row.absolute[stage - 1] == pytest.approx(spearman(abs(row.maps[0]), abs(row.maps[stage])))


def test_only_what_leads_to_the_aim_is_shuffled_in_as_many_stages_as_asked() -> None:
    net = pl.load(ReusedNet(), input=pl.ImageInput((20, 24)))
    pixels = torch.rand(3, 20, 24, generator=torch.Generator().manual_seed(1))
    early = pl.cascade(net, pixels, "conv2:1", methods="saliency")
    assert early.stages == (("conv2",), ("conv1",))
    grouped = pl.cascade(net, pixels, "logits:1", methods="saliency", stages=2)
    assert grouped.stages == (("fc", "conv3"), ("conv2", "conv1"))


@pytest.mark.parametrize(
    ("method", "signed", "absolute", "kept", "words"),
    [
        ("saliency", (0.1, 0.3, 0.9, 0.9), (0.1, 0.3, 0.9, 0.9), 0.2, "Saliency follows the weights"),
        ("guided_backprop", (0.9, 0.5, 0.0), (0.9, 0.5, 0.0), 0.7, "hardly follows the weights"),
        ("integrated_gradients", (0.1, 0.0, 0.5), (0.8, 0.6, 0.5), 0.05, "magnitudes alone keep 0.70"),
        ("gradcam", (None, None, 0.9, 0.9), (None, None, 0.9, 0.9), None, "the same everywhere"),
    ],
)
def test_the_verdict_is_the_mean_over_the_upper_half(
    method: str, signed: tuple[float, ...], absolute: tuple[float, ...], kept: float | None, words: str
) -> None:
    row = CascadeRow(method, signed, absolute, np.zeros((len(signed) + 1, 2, 2), np.float32))
    assert row.kept == (None if kept is None else pytest.approx(kept))
    assert row.passes == (kept is None or kept < 0.5)
    assert words in row.verdict


def test_the_same_seed_gives_the_same_cascade() -> None:
    net = pl.load(ReusedNet(), input=pl.ImageInput((20, 24)))
    pixels = torch.rand(3, 20, 24, generator=torch.Generator().manual_seed(1))
    first, second, other = (
        pl.cascade(net, pixels, "logits:1", methods="saliency,smoothgrad", seed=seed) for seed in (1, 1, 2)
    )
    for one, two in zip(first.rows, second.rows, strict=True):
        np.testing.assert_array_equal(one.maps, two.maps)
    assert first.rows[0].absolute != other.rows[0].absolute


def test_methods_that_do_not_apply_are_told_when_none_was_asked_for() -> None:
    class Smooth(TokenNet):
        def __init__(self) -> None:
            super().__init__()
            self.norm = torch.nn.GELU()

    net = pl.load(Smooth(), input=pl.ImageInput(32))
    found = pl.cascade(net, square(), "logits:0", stages=2)
    assert [name for name, _ in found.skipped] == ["guided_backprop", "deconvnet"]
    assert all("GELU" in reason for _, reason in found.skipped)
    with pytest.raises(pl.PellucidError, match="GELU"):
        pl.cascade(net, square(), "logits:0", methods="guided_backprop")


def test_the_figure_and_the_document(tmp_path: Path) -> None:
    net = pl.load(counting_net(), input=pl.ImageInput(32))
    found = pl.cascade(net, square(), "logits:0", methods="saliency,gradcam")
    stamp = read_stamp(found.save(tmp_path / "a.png"))
    assert stamp is not None
    assert stamp["method"] == "cascade"
    assert found.save(tmp_path / "a.svg").read_text().startswith("<svg")
    row = found.to_json()
    assert [one["method"] for one in row["methods"]] == ["saliency", "gradcam"]
    assert row["stages"] == [["fc"], ["conv"]]
    assert set(found.figures()) == {"picture", "verdicts", "saliency", "gradcam"}
    assert "Saliency" in repr(found)


def test_a_net_without_weights_is_refused() -> None:
    net = pl.load(torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Flatten()), input=pl.ImageInput(4, 1))
    with pytest.raises(pl.PellucidError, match="nothing to shuffle"):
        pl.cascade(net, torch.rand(1, 4, 4), "logits:0", methods="saliency")
