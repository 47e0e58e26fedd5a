# SPDX-License-Identifier: Apache-2.0
"""Diversity: several pictures of one unit that differ in which features of the layer come together."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["likeness"]

# From lucid: below this squared length a matrix of joint responses counts as nothing.
EPSILON = 1e-10


def likeness(responses: Tensor, pictures: int) -> Tensor:
    """How much each picture shares with the others of its group.

    For each picture, the sum over the others of the cosine between their Gram matrices G_ij = <map i, map j>. Its sum over
    a group is `batch` times what lucid calls diversity, whose objectives are means over the batch; so an objective's sum minus
    100 of this sum is lucid's `objective - 1e2 * diversity` with its scaling.

    Parameters
    ----------
    responses : (G * pictures, K, *positions), groups one after another
    pictures : of one group

    Returns
    -------
    (G * pictures,) float32, from 0 to pictures - 1

    References
    ----------
    Olah, Mordvintsev, Schubert 2017; lucid `optvis/objectives.py` `diversity`.

    Examples
    --------
    >>> likeness(torch.eye(2)[:, :, None], 2)  # two features never met by both
    tensor([0., 0.])
    """
    maps = responses.flatten(2) if responses.ndim > 2 else responses[:, :, None]
    maps = maps.reshape(-1, pictures, *maps.shape[1:])  # (G, pictures, K, P)
    # <G_a, G_b> is the squared length of maps_a^T maps_b, which costs less where positions are fewer than units.
    if maps.shape[-1] < maps.shape[-2]:
        joint = torch.einsum("gakp,gbkq->gabpq", maps, maps).square().sum((3, 4))
    else:
        gram = torch.einsum("gakp,galp->gakl", maps, maps).flatten(2)
        joint = gram @ gram.transpose(1, 2)
    lengths = joint.diagonal(dim1=1, dim2=2).clamp(min=EPSILON).sqrt()
    cosines = joint / (lengths[:, :, None] * lengths[:, None])
    apart = 1 - torch.eye(pictures, device=responses.device)
    return (cosines * apart).sum(2).flatten()
