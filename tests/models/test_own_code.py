# SPDX-License-Identifier: Apache-2.0
"""What a network's own code raises is told as its own, in one line with the place; what observes it is never blamed on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import pellucid as pl
from pellucid.cli.running import run
from pellucid.errors import NetworkFailure
from pellucid.models import tap, watch


class Picky(nn.Module):
    """Runs on what it was looked at with, and fails on bright pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        if x.max() > 0.9:
            raise ValueError("too bright\nby far")
        return self.conv(x).mean((2, 3))


class Overwriting(nn.Module):
    """Overwrites what its way back needs, as code does that was never trained."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x).sigmoid()
        z = y * 1
        y += 1
        return z.mean((2, 3))


def test_it_is_one_line_with_the_place_in_the_users_file() -> None:
    net = pl.load(Picky(), input=pl.ImageInput(16))
    with pytest.raises(NetworkFailure) as caught, tap(net, ["logits"]) as run_net:
        run_net(torch.ones(1, 3, 16, 16))
    line = "the network's own code fails: ValueError: too bright by far (test_own_code.py, line "
    assert str(caught.value).startswith(line)
    assert isinstance(caught.value.__cause__, ValueError)


def test_what_observes_the_network_is_not_blamed_on_it() -> None:
    net = pl.load(Picky(), input=pl.ImageInput(16))

    def broken(layer: str, response: Tensor) -> None:
        raise RuntimeError("a mistake of ours")

    with (
        pytest.raises(RuntimeError, match=r"^a mistake of ours$"),
        watch(net, ["conv", "logits"], broken) as see,
    ):
        see(torch.zeros(1, 3, 16, 16))


def test_a_lack_of_memory_is_not_its_own_failure() -> None:
    class Large(Picky):
        def forward(self, x: Tensor) -> Tensor:
            if x.max() > 0.9:
                raise MemoryError
            return super().forward(x)

    net = pl.load(Large(), input=pl.ImageInput(16))
    with pytest.raises(MemoryError), tap(net, ["logits"]) as run_net:
        run_net(torch.ones(1, 3, 16, 16))


def test_a_way_back_that_is_cut_is_its_own_failure() -> None:
    net = pl.load(Overwriting(), input=pl.ImageInput(16))
    with pytest.raises(NetworkFailure, match=r"own code fails: RuntimeError: .*modified by an inplace"):
        pl.optimize(net, "logits:0", sign="+", steps=2)


def test_the_command_line_never_calls_it_a_bug(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "own.py"
    file.write_text(
        "import torch\n"
        "class Fails(torch.nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__(); self.c = torch.nn.Conv2d(3, 2, 3); self.n = 0\n"
        "    def forward(self, x):\n"
        "        self.n += 1\n"
        "        if self.n > 3: raise KeyError('lost')\n"
        "        return self.c(x).mean((2, 3))\n"
        "def build(): return Fails()\n"
    )
    asked = [
        "optimize",
        f"{file}:build",
        "logits:0",
        "--input",
        "3x16x16",
        "--steps",
        "2",
        "-o",
        str(tmp_path / "o"),
    ]
    assert run([*asked, "--quiet"]) == 2
    said = capsys.readouterr().err
    assert "the network's own code fails: KeyError: 'lost' (own.py, line 7)" in said
    assert "bug" not in said


@pytest.mark.parametrize(
    "command",
    [
        ["attribute", "--aim", "logits:0", "--methods", "saliency"],
        ["attribute", "--aim", "logits:0", "--methods", "integrated_gradients"],
        ["look"],
    ],
    ids=" ".join,
)
def test_every_way_back_tells_it(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, photo = tmp_path / "own.py", tmp_path / "a.png"
    file.write_text(
        "import torch\n"
        "class Overwriting(torch.nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__(); self.conv = torch.nn.Conv2d(3, 2, 3); self.fc = torch.nn.Linear(2, 2)\n"
        "    def forward(self, x):\n"
        "        y = self.conv(x).sigmoid(); z = y * 1; y += 1\n"
        "        return self.fc(z.mean((2, 3)))\n"
        "def build(): return Overwriting()\n"
    )
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)).save(photo)
    name, *rest = command
    given = [str(photo)] if name in ("attribute", "look") else []
    asked = [name, f"{file}:build", *given, *rest, "--input", "3x16x16", "-o", str(tmp_path / "out"), "-q"]
    assert run(asked) == 2, capsys.readouterr().err
    assert "the network's own code fails: RuntimeError: one of the variables" in capsys.readouterr().err
