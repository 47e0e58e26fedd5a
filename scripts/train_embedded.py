# SPDX-License-Identifier: Apache-2.0
"""Train the network that ships with Pellucid: `python scripts/train_embedded.py [--steps N] [--out FILE]`.

It answers three questions about a patch: which photograph it is from, which ninth of that photograph, and by how
many eighths of a circle it was turned. Only the first answer is shipped; the other two make it look closer. A band of
every photograph, the third of its four quarters from the left, is never trained on: it measures the accuracy.
"""

from __future__ import annotations

import argparse
import copy
import math
import os
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from pellucid.data.tiles import PHOTOGRAPHS, TILE_PX, Photograph, Tile, load_photograph
from pellucid.models.embedded import EMBEDDED, EMBEDDED_FILE, embedded_architecture

PATCH_PX = 64  # smaller than a tile: half the work, and the network is convolutional
PATCHES_PER_PHOTOGRAPH = 8
HELD_OUT = (0.5, 0.75)  # of the width of where tiles come from
NINTHS = 9
TURNS = 8
TURNED = 0.5
GRAY = 0.6
# What a unit that fires for everything costs. Without it many units fire at plain gray, and fall silent at any pattern.
DENSITY = 2.0
# What two filters that are nearly the same cost.
TWINS = 1.0
LUMA = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)


@dataclass(frozen=True)
class Patches:
    """Normalized pixels (N, 3, P, P) and the three answers, (N,) each."""

    pixels: Tensor
    photograph: Tensor
    ninth: Tensor
    turn: Tensor


def held_out_band(photograph: Photograph) -> tuple[float, float]:
    """From which x to which x training never looks, in photograph pixels."""
    x0, _, x1, _ = photograph.box
    return x0 + HELD_OUT[0] * (x1 - x0), x0 + HELD_OUT[1] * (x1 - x0)


class Sampler:
    """Draws seeded patches, evenly from all photographs."""

    def __init__(self) -> None:
        self.pyramids = [self._pyramid(photograph) for photograph in PHOTOGRAPHS]

    @staticmethod
    def _pyramid(photograph: Photograph) -> list[Tensor]:
        """The photograph at 1, 1/2, 1/4 and 1/8, so that a coarse patch does not alias."""
        pixels = (
            torch.from_numpy(np.asarray(load_photograph(photograph)).copy()).permute(2, 0, 1)[None].float()
            / 255
        )
        levels = [pixels]
        while len(levels) < 4:
            levels.append(F.avg_pool2d(levels[-1], 2))
        return levels

    def draw(self, patch_px: int, *, varied: bool = True) -> Patches:
        """One batch; `varied` turns, flips and recolors the patches."""
        parts = [self._of_photograph(number, patch_px, varied) for number in range(len(PHOTOGRAPHS))]
        pixels, ninth, turn = (torch.cat(part) for part in zip(*parts, strict=True))
        if varied:
            pixels = recolored(pixels)
        photograph = torch.arange(len(PHOTOGRAPHS)).repeat_interleave(PATCHES_PER_PHOTOGRAPH)
        pixels = (pixels - torch.tensor(EMBEDDED.mean).view(1, 3, 1, 1)) / torch.tensor(EMBEDDED.std).view(
            1, 3, 1, 1
        )
        return Patches(pixels.contiguous(memory_format=torch.channels_last), photograph, ninth, turn)

    def _of_photograph(self, number: int, patch_px: int, varied: bool) -> tuple[Tensor, Tensor, Tensor]:
        count = PATCHES_PER_PHOTOGRAPH
        x0, y0, x1, y1 = PHOTOGRAPHS[number].box
        band = held_out_band(PHOTOGRAPHS[number])
        on_the_left = torch.rand(count) < HELD_OUT[0] / (HELD_OUT[0] + 1 - HELD_OUT[1])
        left = torch.where(on_the_left, torch.tensor(float(x0)), torch.tensor(band[1]))
        right = torch.where(on_the_left, torch.tensor(band[0]), torch.tensor(float(x1)))
        turn = torch.randint(TURNS, (count,)) * (torch.rand(count) < TURNED) * varied
        angle = turn * (2 * math.pi / TURNS) + (torch.rand(count) * 2 - 1) * 0.25 * varied
        extent = (
            angle.cos().abs() + angle.sin().abs()
        )  # half the side of what a turned patch covers, per half patch
        coarsest = max(PHOTOGRAPHS[number].scales) * TILE_PX / patch_px
        scale = 0.7 * (coarsest / 0.7) ** torch.rand(()) * torch.exp((torch.rand(count) - 0.5) * 0.3)
        room = torch.minimum(right - left, torch.tensor(float(y1 - y0))) / 2 - 1
        half = torch.minimum(patch_px / 2 * scale, room / extent)
        across, down = torch.rand(count), torch.rand(count)
        x = left + half * extent + across * (right - left - 2 * half * extent)
        y = y0 + half * extent + down * (y1 - y0 - 2 * half * extent)
        flip = torch.where(torch.rand(count) < 0.5 * varied, -1.0, 1.0)
        pixels = self._cut(number, torch.stack([x, y, half, angle, flip], 1), patch_px)
        ninth = ((y - y0) / (y1 - y0) * 3).long().clamp(0, 2) * 3 + ((x - x0) / (x1 - x0) * 3).long().clamp(
            0, 2
        )
        seen_turn = torch.where(flip < 0, -turn % TURNS, turn)  # a mirror reverses the turn
        return pixels, number * NINTHS + ninth, seen_turn

    def _cut(self, number: int, windows: Tensor, patch_px: int) -> Tensor:
        """The pixels of windows (x, y, half side, angle, flip), in photograph pixels."""
        level = int(np.clip(math.log2(2 * windows[:, 2].mean() / patch_px) + 0.3, 0, 3))
        picture = self.pyramids[number][level]
        height, width = (side * 2**level for side in picture.shape[2:])
        x, y, half, angle, flip = windows.unbind(1)
        cos, sin = half * angle.cos(), half * angle.sin()
        rows = [flip * cos / width * 2, -sin / width * 2, x / width * 2 - 1]
        rows += [flip * sin / height * 2, cos / height * 2, y / height * 2 - 1]
        grid = F.affine_grid(
            torch.stack(rows, 1).view(-1, 2, 3), [len(x), 3, patch_px, patch_px], align_corners=False
        )
        picture = picture.expand(len(x), -1, -1, -1)
        return F.grid_sample(picture, grid, padding_mode="reflection", align_corners=False)


def recolored(pixels: Tensor) -> Tensor:
    """Pixels with other light: most of the patches gray, so that edges must carry the answer too."""

    def spread(channels: int = 1) -> Tensor:
        return torch.rand(len(pixels), channels, 1, 1) * 2 - 1

    gray = (pixels * LUMA).sum(1, keepdim=True)
    colored = (torch.rand(len(pixels), 1, 1, 1) > GRAY).float()
    pixels = gray + (pixels - gray) * colored * (1 + 0.4 * spread())
    pixels = pixels * (1 + 0.2 * spread(3) * colored)
    mean = pixels.mean((1, 2, 3), keepdim=True)
    pixels = (pixels - mean) * torch.exp(0.5 * spread()) + mean + 0.2 * spread()
    return (pixels + torch.randn_like(pixels) * 0.02 * torch.rand(len(pixels), 1, 1, 1)).clamp(0, 1)


class SmoothConv(nn.Conv2d):
    """A convolution whose kernel is blurred a little and fades toward its border.

    Both keep training noise, which no answer needs, out of the first layer's pictures.
    """

    def kernel(self) -> Tensor:
        out_channels, in_channels, side, _ = self.weight.shape
        binomial = torch.tensor([1.0, 2.0, 1.0]) / 4
        blur = torch.outer(binomial, binomial)[None, None]
        blurred = F.conv2d(self.weight.reshape(-1, 1, side, side), blur, padding=1)
        fade = torch.exp(-0.5 * ((torch.arange(side) - (side - 1) / 2) / 3.3) ** 2)
        return blurred.reshape(out_channels, in_channels, side, side) * torch.outer(fade, fade)

    def forward(self, input: Tensor) -> Tensor:
        return F.conv2d(input, self.kernel(), self.bias, self.stride, self.padding)


class Student(nn.Module):
    """The embedded architecture with batch norms while it trains, and a head for each question."""

    def __init__(self) -> None:
        super().__init__()
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        for name, layer in embedded_architecture().named_children():
            layers[name] = layer
            if isinstance(layer, nn.Conv2d):
                kind = SmoothConv if name == "conv1" else nn.Conv2d
                layers[name] = kind(
                    layer.in_channels,
                    layer.out_channels,
                    layer.kernel_size,
                    layer.stride,
                    layer.padding,
                    bias=False,
                )
                layers[name.replace("conv", "norm")] = nn.BatchNorm2d(layer.out_channels)
        self.linear = layers.pop("linear")
        self.trunk = nn.Sequential(layers)
        features = self.linear.in_features
        self.ninth = nn.Linear(features, len(PHOTOGRAPHS) * NINTHS)
        self.turn = nn.Linear(features, TURNS)
        # From nearly nothing: what a filter shows at the end is then what it learned, not where it began.
        self.trunk.conv1.weight.data.mul_(0.02)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The three answers, and how far the layers are from sparse: 0 for a unit that seldom fires, 1 for always.

        (mean r)² / mean r² over positions and patches, averaged over units and layers (Treves and Rolls 1991).
        """
        density = []
        for layer in self.trunk:
            pixels = layer(pixels)
            if isinstance(layer, nn.ReLU):
                mean, power = pixels.float().mean((0, 2, 3)), pixels.float().square().mean((0, 2, 3))
                density.append((mean.square() / (power + 1e-6)).mean())
        return self.linear(pixels), self.ninth(pixels), self.turn(pixels), torch.stack(density).mean()

    def loss(self, patches: Patches) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            photograph, ninth, turn, density = self(patches.pixels)
        return (
            F.cross_entropy(photograph.float(), patches.photograph, label_smoothing=0.05)
            + 0.5 * F.cross_entropy(ninth.float(), patches.ninth, label_smoothing=0.05)
            + 0.5 * F.cross_entropy(turn.float(), patches.turn, label_smoothing=0.05)
            + DENSITY * density
            + TWINS * self.twins()
        )

    def twins(self) -> Tensor:
        """How far first-layer filters repeat one another: their agreement beyond 0.6, squared, summed by filter."""
        unit = F.normalize(self.trunk.conv1.kernel().flatten(1))
        beyond = (unit @ unit.T - torch.eye(len(unit)) - 0.6).relu()
        return beyond.square().sum() / len(unit)

    def folded(self) -> dict[str, Tensor]:
        """The weights of the plain architecture, each batch norm folded into its convolution, as float16."""
        weights = {f"linear.{name}": value for name, value in self.linear.state_dict().items()}
        for name, layer in self.trunk.named_children():
            if isinstance(layer, nn.Conv2d):
                norm = getattr(self.trunk, name.replace("conv", "norm"))
                gain = norm.weight / (norm.running_var + norm.eps).sqrt()
                kernel = layer.kernel() if isinstance(layer, SmoothConv) else layer.weight
                weights[f"{name}.weight"] = kernel * gain.view(-1, 1, 1, 1)
                weights[f"{name}.bias"] = norm.bias - norm.running_mean * gain
        return {name: weight.detach().half().contiguous() for name, weight in weights.items()}


def train(sampler: Sampler, steps: int) -> Student:
    """The running average of the weights over the last hundred steps or so, which is smoother than the last step."""
    student = Student().to(memory_format=torch.channels_last)
    average = copy.deepcopy(student)
    matrices = [weight for weight in student.parameters() if weight.ndim > 1]
    vectors = [weight for weight in student.parameters() if weight.ndim == 1]
    groups = [{"params": matrices, "weight_decay": 0.05}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=4e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps, pct_start=0.15)
    for step in range(steps):
        loss = student.loss(sampler.draw(PATCH_PX))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(student.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        keep = min(0.99, (step + 1) / (step + 10))
        for kept, value in zip(average.state_dict().values(), student.state_dict().values(), strict=True):
            if kept.is_floating_point():
                kept.lerp_(value, 1 - keep)
        if step % 100 == 0 or step == steps - 1:
            print(f"step {step}: loss {loss.item():.3f}", flush=True)
    return average


@torch.no_grad()
def settle(student: Student, sampler: Sampler, batches: int = 24) -> None:
    """Measure the batch norms anew on unvaried patches of the tiles' own size, which is what the network will see."""
    for module in student.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # a plain mean over the batches
    student.train()
    for _ in range(batches):
        student(sampler.draw(TILE_PX, varied=False).pixels)
    student.eval()


def held_out_tiles() -> list[Tile]:
    """48 tiles of each photograph and scale, wholly inside the band that training never saw."""
    found = []
    for photograph in PHOTOGRAPHS:
        _, y0, _, y1 = photograph.box
        x0, x1 = math.ceil(held_out_band(photograph)[0]), math.floor(held_out_band(photograph)[1])
        for scale in photograph.scales:
            free_x, free_y = x1 - x0 - TILE_PX * scale, y1 - y0 - TILE_PX * scale
            if free_x >= 0:
                places = [(across / 3, down / 11) for across in range(4) for down in range(12)]
                found += [
                    Tile(photograph, x0 + int(u * free_x), y0 + int(v * free_y), scale) for u, v in places
                ]
    return found


@torch.no_grad()
def accuracy(network: nn.Module) -> float:
    """The share of held-out tiles named right, each photograph counted alike."""
    right: dict[str, list[bool]] = {label: [] for label in EMBEDDED.labels}
    mean, std = (torch.tensor(value).view(1, 3, 1, 1) for value in (EMBEDDED.mean, EMBEDDED.std))
    tiles = held_out_tiles()
    for chunk in (tiles[start : start + 64] for start in range(0, len(tiles), 64)):
        pixels = (
            torch.from_numpy(np.stack([np.asarray(tile.image()) for tile in chunk])).permute(0, 3, 1, 2) / 255
        )
        for tile, answer in zip(chunk, network((pixels - mean) / std).argmax(1).tolist(), strict=True):
            right[tile.photograph.name].append(EMBEDDED.labels[answer] == tile.photograph.name)
    for label, answers in right.items():
        print(f"  {label:10} {np.mean(answers):.2f} of {len(answers)} held-out tiles")
    return float(np.mean([np.mean(answers) for answers in right.values()]))


def describe_filters(filters: Tensor) -> None:
    """Print how many first-layer filters (K, 3, k, k) are live, gray, and fine-grained."""
    rms = filters.square().mean((1, 2, 3)).sqrt()
    live = rms >= 0.01 * rms.median()
    energy = filters.square().sum((1, 2, 3))
    chroma = 1 - filters.mean(1).square().sum((1, 2)) * 3 / energy
    spectrum = torch.fft.fft2(filters).abs().square().sum(1)
    axis = torch.fft.fftfreq(filters.shape[-1])
    fine = torch.hypot(axis[:, None], axis[None, :]) > 0.3
    share = spectrum[:, fine].sum(1) / spectrum.sum((1, 2))
    print(
        f"first layer: {int(live.sum())} of {len(filters)} live, {int((chroma < 0.3).sum())} gray, ", end=""
    )
    print(f"median energy above 0.3 cycles per pixel {share.median():.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the network that ships with Pellucid.")
    parser.add_argument("--steps", type=int, default=900)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--out", type=Path, default=EMBEDDED_FILE)
    wishes = parser.parse_args()
    torch.set_num_threads(wishes.threads)
    torch.manual_seed(wishes.seed)
    started = time.monotonic()
    sampler = Sampler()
    student = train(sampler, wishes.steps)
    settle(student, sampler)
    weights = student.folded()
    seconds = time.monotonic() - started
    save_file(weights, wishes.out, metadata={"format": "pt"})
    wishes.out.chmod(0o644)
    network = embedded_architecture()
    network.load_state_dict({name: weight.float() for name, weight in weights.items()})
    network.eval()
    print(f"accuracy {accuracy(network):.3f} on held-out tiles, after {seconds:.0f} s of training")
    describe_filters(weights["conv1.weight"].float())
    print(f"{sum(weight.numel() for weight in weights.values())} weights, {wishes.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
