# SPDX-License-Identifier: Apache-2.0
"""Steps on functions whose answer is known: quadratics, balls, boxes; without any net."""

import numpy as np
import pytest
import torch

from pellucid.ascent.ascend import Pace, ascend
from pellucid.ascent.canvas import Canvas
from pellucid.ascent.optimizers import OPTIMIZERS, UnitGradient
from pellucid.ascent.stopping import LONG, flat, settled

RANDOM = np.random.default_rng(0)


class Vectors(Canvas):
    """Items as bare vectors (N, D), brought back by a function after each step."""

    def __init__(self, start, back=lambda x: x):
        self.variables = (torch.tensor(start, dtype=torch.float32).requires_grad_(),)
        self._back = back

    def pictures(self):
        return self.variables[0]

    def project(self):
        self.variables[0].copy_(self._back(self.variables[0]))


def climbed(canvas, value, steps, *, optimizer="adam", rate=0.05, signs=None, stop="fixed"):
    items = len(canvas.variables[0])
    signs = torch.ones(items) if signs is None else signs

    def look(step):
        values = value(canvas.pictures())
        return values, signs * values

    pace = Pace(steps, optimizer, rate, stop)
    return ascend(look, canvas, signs, pace=pace, on_step=lambda step: None)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_each_optimizer_climbs_a_hill(optimizer):
    top = torch.tensor([[1.0, -2.0, 0.5]])
    canvas = Vectors(np.zeros((1, 3)))
    trail = climbed(canvas, lambda x: -((x - top) ** 2).sum(1), 600, optimizer=optimizer, rate=0.01)
    assert (canvas.pictures() - top).abs().max() < 0.03
    assert trail.history[0, -1] > trail.history[0, 0]
    assert trail.taken.tolist() == [600]


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_the_scale_of_an_objective_does_not_matter(scale):
    top = torch.tensor([[1.0, -2.0, 0.5]])
    ends = []
    for factor in (1.0, scale):
        canvas = Vectors(np.zeros((1, 3)))
        climbed(canvas, lambda x, factor=factor: -factor * ((x - top) ** 2).sum(1), 60)
        ends.append(canvas.pictures().detach())
    torch.testing.assert_close(ends[0], ends[1], rtol=1e-4, atol=1e-4)


def test_a_linear_unit_in_a_ball_ends_at_its_weight():
    weight = torch.tensor(RANDOM.normal(size=(1, 40)), dtype=torch.float32)
    canvas = Vectors(RANDOM.normal(size=(2, 40)), lambda x: 3 * x / x.norm(dim=1, keepdim=True))
    climbed(
        canvas, lambda x: x @ weight[0], 60, optimizer="gradient", rate=0.5, signs=torch.tensor([1.0, -1.0])
    )
    wanted = 3 * weight / weight.norm()
    torch.testing.assert_close(canvas.pictures().detach(), torch.cat([wanted, -wanted]), rtol=0, atol=1e-3)


def test_a_quadratic_on_the_sphere_has_one_value_and_two_pictures():
    half = RANDOM.normal(size=(12, 12))
    quadratic = torch.tensor(half @ half.T, dtype=torch.float32)
    canvas = Vectors(RANDOM.normal(size=(9, 12)), lambda x: x / x.norm(dim=1, keepdim=True))
    trail = climbed(canvas, lambda x: ((x @ quadratic) * x).sum(1), 300, optimizer="gradient", rate=1.0)
    values, vectors = np.linalg.eigh(half @ half.T)
    np.testing.assert_allclose(trail.history[:, -1], values[-1], rtol=1e-4)
    alike = canvas.pictures().detach().numpy() @ vectors[:, -1]
    np.testing.assert_allclose(np.abs(alike), 1, atol=1e-3)
    assert {1.0, -1.0} == set(np.sign(alike))


class Sphere(Vectors):
    def __init__(self, start):
        super().__init__(start, lambda x: x / x.norm(dim=1, keepdim=True))
        self.project_()

    def project_(self):
        with torch.no_grad():
            self.project()

    def leading(self, gradients):
        place = self.variables[0].detach()
        return (gradients[0] - (gradients[0] * place).sum(1, keepdim=True) * place,)


def test_the_spectral_gradient_passes_a_near_second_eigenvalue():
    half = RANDOM.normal(size=(64, 64))
    values, vectors = np.linalg.eigh((half + half.T) / 2)
    values[-1] = 1.02 * values[-2]
    quadratic = torch.tensor(vectors * values @ vectors.T, dtype=torch.float32)
    ends = {}
    for optimizer in ("gradient", "spectral"):
        canvas = Sphere(RANDOM.normal(size=(9, 64)))
        climbed(canvas, lambda x: ((x @ quadratic) * x).sum(1), 200, optimizer=optimizer, rate=0.2 / 8)
        ends[optimizer] = np.abs(canvas.pictures().detach().numpy() @ vectors[:, -1])
    np.testing.assert_allclose(ends["spectral"], 1, atol=1e-4)
    assert ends["gradient"].min() < 0.9


def test_steps_that_led_down_are_not_kept():
    """A ridge with a cliff behind it: whoever steps over it is brought back to the best place."""
    canvas = Vectors([[0.0]])
    trail = climbed(canvas, lambda x: torch.where(x < 1, x, -5 * x)[:, 0], 8, optimizer="spectral", rate=0.4)
    assert trail.history.min() < 0
    assert canvas.pictures().item() == pytest.approx(trail.history.max().item())
    assert canvas.pictures().item() < 1


def test_settled_is_what_leads_nowhere_or_has_stopped_rising():
    up, slanted = torch.ones(1), torch.tensor([0.1])
    rising = [torch.tensor([1 - 0.9**step]) for step in range(200)]
    assert not settled(rising[: 2 * LONG - 1], up, slanted).item()  # too early to tell
    assert settled(rising, up, slanted).item()
    slow = [torch.tensor([0.001 * step]) for step in range(200)]
    assert not settled(slow, up, slanted).item()
    assert settled(slow, up, torch.tensor([1e-6])).item()
    falling = [-each for each in slow]
    assert not settled(falling, -up, slanted).item()
    jumping = [torch.tensor([float(step % 2)]) for step in range(200)]
    assert settled(jumping, up, slanted).item()


def test_a_box_is_filled_to_its_corners():
    weight = torch.tensor([[0.001, -5.0, 2.0, -0.01]])
    canvas = Vectors(np.full((1, 4), 0.5), lambda x: x.clamp(0, 1))
    climbed(canvas, lambda x: x @ weight[0], 60)
    assert canvas.pictures().tolist() == [[1.0, 0.0, 1.0, 0.0]]


def test_a_unit_gradient_moves_every_item_by_the_same_length():
    variables = [torch.zeros(2, 3), torch.zeros(2, 1, 5)]
    for each, scale in zip(variables, (1.0, 2.0), strict=True):
        each.grad = scale * torch.ones_like(each)
        each.grad[1] *= 1e5
    UnitGradient(variables, 0.25).step()
    moved = torch.cat([each.flatten(1) for each in variables], 1)
    torch.testing.assert_close(moved.square().mean(1).sqrt(), torch.full((2,), 0.25))
    torch.testing.assert_close(moved[0], moved[1])


def test_an_item_without_a_gradient_stays_where_it_is():
    canvas = Vectors([[1.0, 2.0], [1.0, 2.0]])
    trail = climbed(canvas, lambda x: x.sum(1) * torch.tensor([0.0, 1.0]), 30, optimizer="gradient")
    assert canvas.pictures()[0].tolist() == [1.0, 2.0]
    assert trail.reached.tolist() == [False, True]


def approach(pace, starts=2):
    """Items that come near 1 with different speeds, as the steps of each tell."""
    tops = torch.tensor([[1.0]])
    canvas = Vectors(np.zeros((starts, 1)))
    rates = torch.tensor([1.0, 0.0] if starts == 2 else [1.0])
    return canvas, climbed(canvas, lambda x: -rates * ((x - tops) ** 2).sum(1), 400, rate=pace, stop="flat")


def test_a_flat_item_stops_alone_and_keeps_what_it_has():
    canvas, trail = approach(0.02)
    _, alone = approach(0.02, starts=1)
    assert trail.taken[1] < trail.taken[0] < 400
    assert trail.taken[0] == alone.taken[0]  # its neighbor changes nothing
    assert trail.history.shape[1] == trail.taken.max()
    assert abs(canvas.pictures()[0].item() - 1) < 0.05


def test_what_is_done_does_not_drift_while_others_go_on():
    def ended(tops):
        canvas = Vectors(np.zeros((len(tops), 1)))
        goals = torch.tensor(tops)[:, None]
        trail = climbed(canvas, lambda x: -((x - goals) ** 2).sum(1), 600, rate=0.02, stop="flat")
        return canvas.pictures()[0].item(), trail.taken.tolist()

    (alone, [early]), (beside, [first, second]) = ended([0.1]), ended([0.1, 5.0])
    assert early == first < second
    assert alone == beside


def test_a_falling_objective_is_flat_when_it_stops_falling():
    falling = [torch.tensor([-min(float(step), 50.0)]) for step in range(100)]
    down = torch.tensor([-1.0])
    assert not flat(falling[:50], down).item()
    assert flat(falling, down).item()
    assert flat([torch.zeros(1)] * 39, down).item() is False  # too early to tell
