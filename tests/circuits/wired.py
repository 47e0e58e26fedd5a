# SPDX-License-Identifier: Apache-2.0
"""Small nets whose layers are joined in every way: sums, concatenations, groups, strides, pools, functional calls, gates."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIZE = 20


class JoinedNet(nn.Module):
    """Batch norms with statistics of their own, a grouped and strided stem, an in-place residual sum, a concatenation, a dropout.

    `bend` and `pool` may be replaced, which gives its linearized twin.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, stride=2, padding=1, groups=3, bias=False)
        self.norm = nn.BatchNorm2d(6)
        self.deep = nn.Conv2d(6, 6, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(6)
        self.left = nn.Conv2d(6, 4, 1)
        self.right = nn.Conv2d(6, 4, 3, padding=1, groups=2)
        self.drop = nn.Dropout()
        self.top = nn.Conv2d(8, 5, 3, dilation=2)
        self.head = nn.Linear(5, 4)
        self.bend = F.relu
        self.pool = F.max_pool2d

    def forward(self, pixels: Tensor) -> Tensor:
        x = self.bend(self.norm(self.stem(pixels)))
        y = self.norm2(self.deep(x))
        y += x
        y = self.pool(self.bend(y), 2)
        z = torch.cat([self.bend(self.left(y)), self.bend(self.right(y))], 1)
        top = self.bend(self.top(self.drop(z)))
        return self.head(torch.flatten(F.adaptive_avg_pool2d(top, 1), 1))


def joined_net(seed: int = 0) -> JoinedNet:
    torch.manual_seed(seed)
    net = JoinedNet().eval()
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.uniform_(-0.5, 0.5)
            part.running_var.uniform_(0.5, 2.0)
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.uniform_(part.bias, -0.5, 0.5)
    return net


class SmoothNet(nn.Module):
    """Non-linearities that are no ReLU, one in place, over tokens (N, T, K) and over a padded max pool."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 6, 4, stride=4)
        self.act = nn.SiLU(inplace=True)
        self.mix = nn.Conv2d(6, 8, 1)
        self.fc1 = nn.Linear(8, 7)
        self.fc2 = nn.Linear(7, 5)

    def forward(self, pixels: Tensor) -> Tensor:
        x = F.max_pool2d(self.act(self.patch(pixels)), 3, 1, 1)
        x = torch.tanh(self.mix(x)).flatten(2).transpose(1, 2)
        return self.fc2(F.gelu(self.fc1(x))).mean(1)


class GatedNet(nn.Module):
    """A gate (squeeze and excite) between `conv` and `top`, and a layer norm before `last`."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.gate = nn.Conv2d(4, 4, 1)
        self.top = nn.Conv2d(4, 5, 3)
        self.norm = nn.LayerNorm(5)
        self.last = nn.Linear(5, 3)
        self.out = nn.Linear(3, 2)

    def forward(self, pixels: Tensor) -> Tensor:
        x = F.relu(self.conv(pixels))
        x = x * torch.sigmoid(self.gate(x.mean((2, 3), keepdim=True)))
        x = F.relu(self.top(x)).mean((2, 3))
        return self.out(F.relu(self.last(self.norm(x))))
