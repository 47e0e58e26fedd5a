# SPDX-License-Identifier: Apache-2.0
"""Redirected rectifiers against lucid's rule, worked out by hand on two or three numbers."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pellucid.ascent.relu import Redirected, Watched

ROWS = torch.tensor([True, True])


def slope(function, inputs, upward, rows=ROWS):
    inputs = torch.tensor(inputs, requires_grad=True)
    with Redirected(rows):
        outputs = function(inputs + 0)
    torch.testing.assert_close(outputs, function(inputs.detach().clone()))
    (found,) = torch.autograd.grad((outputs * torch.tensor(upward)).sum(), inputs)
    return found.tolist()


RECTIFIERS = {
    "module": nn.ReLU(),
    "module in place": nn.ReLU(inplace=True),
    "functional": F.relu,
    "functional in place": lambda x: F.relu(x, inplace=True),
    "functional in place by position": lambda x: F.relu(x, True),
    "torch": torch.relu,
    "torch in place": torch.relu_,
    "method": lambda x: x.relu(),
    "method in place, result ignored": lambda x: (x.relu_(), x)[1],
    "relu6": nn.ReLU6(),
    "relu6 in place": nn.ReLU6(inplace=True),
    "relu6 functional": F.relu6,
    "hardtanh": nn.Hardtanh(0.0, 9.0),
    "hardtanh in place": lambda x: F.hardtanh(x, 0.0, 9.0, True),
}


@pytest.mark.parametrize("name", RECTIFIERS)
def test_a_silent_item_gets_what_could_raise_it(name):
    # First item: all inputs negative, so no gradient of its own; what would lower a negative input stays blocked.
    # Second item: one input is positive, so its ordinary gradient is not zero everywhere and stays as it is.
    found = slope(RECTIFIERS[name], [[-1.0, -2.0], [3.0, -2.0]], [[0.5, -0.5], [0.5, 0.5]])
    assert found == [[0.5, 0.0], [0.5, 0.0]]


def test_only_the_rows_named_are_redirected():
    rows = torch.tensor([False, True])
    assert slope(F.relu, [[-1.0], [-1.0]], [[1.0], [1.0]], rows) == [[0.0], [1.0]]


def test_relu6_also_blocks_what_would_rise_above_six():
    assert slope(F.relu6, [[7.0, 8.0, -1.0], [7.0, 1.0, 1.0]], [[1.0, -1.0, 1.0], [1.0, 1.0, 0.0]]) == [
        [0.0, -1.0, 1.0],
        [0.0, 1.0, 0.0],
    ]


@pytest.mark.parametrize(
    "function",
    [F.silu, F.gelu, lambda x: F.gelu(x, approximate="tanh"), nn.SiLU(inplace=True), nn.GELU(), F.hardswish],
)
def test_smooth_rectifiers_are_redirected_where_they_are_flat(function):
    found = slope(function, [[-500.0, -600.0], [1.0, 2.0]], [[1.0, -1.0], [1.0, 1.0]])
    assert found[0] == [1.0, 0.0]
    ordinary = torch.tensor([1.0, 2.0], requires_grad=True)
    function(ordinary + 0).sum().backward()
    assert found[1] == pytest.approx(ordinary.grad.tolist())


def test_a_smooth_rectifier_that_is_all_but_flat_is_redirected_too():
    # A SiLU's slope at -20 is -4e-8: not zero, and the wrong way.
    assert slope(F.silu, [[-20.0, -25.0], [-1.0, -25.0]], [[1.0, -1.0], [1.0, 1.0]])[0] == [1.0, 0.0]


@pytest.mark.parametrize("function", [F.gelu, F.silu, F.mish, F.hardswish])
def test_left_of_its_dip_a_smooth_rectifier_slopes_the_wrong_way_and_is_redirected(function):
    found = slope(function, [[-2.5, -2.9], [-2.5, 1.0]], [[1.0, 1.0], [1.0, 1.0]])
    assert found[0] == [1.0, 1.0]
    assert found[1][0] < 0 < found[1][1]


@pytest.mark.parametrize("function", [F.gelu, nn.SiLU(inplace=True), F.hardswish, F.relu])
def test_a_watched_rectifier_keeps_its_gradient_and_tells_whom_it_is_closed_for(function):
    start = torch.tensor([[-2.5, -2.9], [-2.5, 1.0], [-2.5, -2.9], [-2.5, -2.9]])
    upward = torch.tensor([[1.0, 0.5], [1.0, 1.0], [-1.0, -1.0], [0.0, 0.0]])
    plain, seen = start.clone().requires_grad_(), start.clone().requires_grad_()
    (function(plain + 0) * upward).sum().backward()
    with Watched(4, start.device) as watched:
        (function(seen + 0) * upward).sum().backward()
    assert torch.equal(plain.grad, seen.grad)
    assert watched.met == (function is not F.relu)
    # What is asked to fall is led the right way by the same slope, and what is not asked is not closed.
    assert watched.closed.tolist() == [watched.met, False, watched.met, False]


def test_outside_the_context_nothing_is_changed():
    inputs = torch.tensor([[-1.0]], requires_grad=True)
    with Redirected(torch.tensor([True])):
        pass
    F.relu(inputs).sum().backward()
    assert inputs.grad.item() == 0


def test_a_tensor_without_the_items_as_first_axis_is_left_alone():
    assert slope(F.relu, [[-1.0], [-1.0]], [[1.0], [1.0]], torch.tensor([True] * 3)) == [[0.0], [0.0]]
