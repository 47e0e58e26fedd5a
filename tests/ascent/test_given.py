# SPDX-License-Identifier: Apache-2.0
"""Given pictures: as starts of every canvas, as references behind the same transforms, and kept at a balanced price."""

import numpy as np
import pytest
import torch

from pellucid.ascent import (
    CANVASES,
    ClimbSettings,
    Given,
    Goal,
    Kept,
    climb,
    departure,
    distance,
    likeness,
)
from pellucid.ascent.ascend import Pace
from pellucid.ascent.canvas import CanvasShape
from pellucid.ascent.keeping import Keeping
from pellucid.ascent.readings import Scores
from pellucid.ascent.references import References
from pellucid.ascent.statistics import ImageStatistics
from pellucid.ascent.streams import stream
from pellucid.ascent.transforms import TRANSFORMS, view_maps, warped
from pellucid.ascent.transparency import transparency_of
from pellucid.errors import InputError
from pellucid.models import ImageInput, load
from pellucid.records import Unit, UnitQuery

SHOWING = [name for name in CANVASES if name != "maco"]
RANDOM = np.random.default_rng(0)
A, B = (RANDOM.random((3, 9, 12), np.float32) for _ in range(2))
HERE, THERE = (RANDOM.normal(size=(2, 4, 3, 5)).astype(np.float32) for _ in range(2))


def statistics(channels):
    measured = ImageStatistics(ImageInput(12, channels))
    measured.update(np.random.default_rng(1).random((20, channels, 12, 12)))
    return measured


@pytest.mark.parametrize("name", SHOWING)
@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 15, 21), (3, 15, 22), (4, 9, 9)])
@pytest.mark.parametrize("measured", [False, True])
def test_a_canvas_shows_a_given_picture_to_the_bit_of_a_file(name, shape, measured):
    options = {"statistics": statistics(shape[0])} if measured else {}
    canvas = CANVASES[name](CanvasShape(*shape), [stream(0, "a")], **options)
    wanted = np.random.default_rng(2).integers(0, 256, shape, dtype=np.uint8)
    wanted[0, :2, :2] = 0
    wanted[0, 2:4, :2] = 255
    with torch.no_grad():
        found = canvas.showing(torch.from_numpy(wanted / np.float32(255))[None])
        for variable, values in zip(canvas.variables, found, strict=True):
            variable.copy_(values)
    assert np.array_equal((canvas.pictures()[0] * 255).round().detach().numpy(), wanted)


def test_a_canvas_that_cannot_show_any_picture_says_so():
    net = load(torch.nn.Conv2d(3, 1, 3), input=ImageInput((9, 12)))
    with pytest.raises(InputError, match="canvas fourier, pixels or pyramid"):
        climb(net, [Goal(Unit("logits", 0), start=Given(A))], ClimbSettings(canvas="maco", steps=1))


def test_given_pictures_are_equal_by_their_pixels():
    assert Given(A) == Given(A.copy()) != Given(B)
    assert len({Given(A), Given(A.copy()), Given(B)}) == 2
    assert str(Given(A)) == f"picture {Given(A).digest[:8]}"


@pytest.mark.parametrize(
    ("pixels", "words"),
    [(A[0], "shape"), (A.astype(np.float64), "float64"), (A + 1, "outside 0..1"), (A * np.nan, "outside")],
)
def test_what_is_no_given_picture_is_refused(pixels, words):
    with pytest.raises(InputError, match=words):
        Given(pixels)


def goals_of(*aims):
    return [Goal(UnitQuery("a"), 1, aim) for aim in aims]


def value(aim):
    """Of both rows, by the engine."""
    responses, given = {"a": torch.from_numpy(HERE)}, {"a": torch.from_numpy(THERE)}
    return Scores(goals_of(aim, aim))(responses, given).numpy()


def test_comparisons_are_their_formulas():
    a, b = HERE.reshape(2, -1).astype(float), THERE.reshape(2, -1).astype(float)
    np.testing.assert_allclose(
        value(distance("a", Given(A))), ((a - b) ** 2).sum(1) / (b**2).sum(1), rtol=1e-5
    )
    dot, own = (a * b).sum(1), (b**2).sum(1)
    np.testing.assert_allclose(value(likeness("a", Given(A))), dot / own, rtol=1e-5)
    cosine = dot / np.sqrt((a**2).sum(1) * own)
    wanted = dot / own * np.maximum(0.1, cosine) ** 2
    np.testing.assert_allclose(value(likeness("a", Given(A), power=2)), wanted, rtol=1e-3)
    gaps = np.linalg.norm(HERE - THERE, axis=1).reshape(2, -1).mean(1)
    np.testing.assert_allclose(departure(*map(torch.from_numpy, (HERE, THERE))), gaps, rtol=1e-5)


def test_nothing_is_compared_with_a_layer_that_is_mute():
    zeros = torch.zeros(1, 2, 3)
    found = Scores(goals_of(distance("a", Given(A)), likeness("a", Given(A))))(
        {"a": torch.ones(2, 2, 3)}, {"a": zeros.expand(2, 2, 3)}
    )
    assert found.tolist() == [6.0, 0.0]


def test_a_departure_of_nothing_has_no_slope():
    responses = torch.ones(1, 2, 3, requires_grad=True)
    departure(responses, torch.ones(1, 2, 3)).sum().backward()
    assert (responses.grad == 0).all()


def test_a_comparison_without_its_picture_is_refused():
    with pytest.raises(InputError, match="needs the responses"):
        Scores(goals_of(distance("a", Given(A))))({"a": torch.ones(1, 2, 3)})


def test_references_are_seen_through_the_same_maps_as_the_pictures():
    goals = goals_of(distance("a", Given(A)), distance("a", Given(B)), distance("a", Given(A)))
    maps = view_maps(TRANSFORMS["lucid"](96, 96), [stream(0, str(row)) for row in range(3)], 4)
    found = References(goals, maps=maps, gray=True)(lambda views: {"a": views.clone()}, 2)["a"]
    pictures = torch.from_numpy(np.stack([A, B, A]))
    torch.testing.assert_close(found, warped(pictures, maps[2], gray=True))


def test_without_transforms_each_picture_is_run_once():
    runs = []

    def run(views):
        runs.append(len(views))
        return {"a": views}

    goals = goals_of(distance("a", Given(A)), distance("a", Given(B)), distance("a", Given(A)))
    references = References(goals)
    for step in range(3):
        found = references(run, step)["a"]
    assert runs == [2]
    assert np.array_equal(found.numpy(), np.stack([A, B, A]))
    assert References([Goal(Unit("a", 0))])(run) == {}


def test_a_goal_is_compared_with_one_picture_of_one_size():
    with pytest.raises(InputError, match="compared with 2 pictures"):
        goals_of(distance("a", Given(A)) + distance("a", Given(B)))
    with pytest.raises(InputError, match="another size"):
        Goal(Unit("a", 0), start=Given(A[:, :4]), kept=Kept("a", Given(A)))
    net = load(torch.nn.Conv2d(3, 1, 3), input=ImageInput((9, 12)))
    whole = UnitQuery("logits")
    for picture, settings, words in (
        (A, ClimbSettings(size=(20, 20), steps=1), "leave the size out"),
        (A[:1], ClimbSettings(steps=1), "a given picture of 1 channels"),
    ):
        with pytest.raises(InputError, match=words):
            climb(net, [Goal(whole, 1, distance(whole, Given(picture)))], settings)


def test_the_price_balances_once_and_grows_with_the_strength():
    picture = torch.tensor([[1.0, 2.0], [1.0, 2.0]], requires_grad=True)
    given = {"a": torch.zeros(2, 2)}
    goals = [Goal(Unit("a", 0), kept=Kept("a", Given(A), strength)) for strength in (1.0, 3.0)]
    keeping = Keeping(goals, torch.device("cpu"), steps=8, mean_of_copies=lambda values: values)
    price = keeping.price(1, 10 * picture.sum(1), {"a": picture}, given, (picture,))
    # The objective's slopes add up to 20, the distance's to 3 over its length.
    length = 5**0.5
    assert price.tolist() == pytest.approx([20 / (3 / length) * length, 3 * 20 / (3 / length) * length])
    again = keeping.price(2, 99 * picture.sum(1), {"a": picture}, given, (picture,))
    assert again.tolist() == price.tolist()


def test_departing_is_free_until_it_begins():
    picture = torch.zeros(1, 2, requires_grad=True)
    keeping = Keeping(
        [Goal(Unit("a", 0), kept=Kept("a", Given(A)))],
        torch.device("cpu"),
        steps=96,
        mean_of_copies=lambda values: values,
    )
    given = {"a": torch.zeros(1, 2)}
    assert keeping.price(9, picture.sum(1), {"a": picture}, given, (picture,)).item() == 0
    moved = torch.full((1, 2), 0.1, requires_grad=True)
    assert keeping.price(7, moved.sum(1), {"a": moved}, given, (moved,)).item() == 0
    assert keeping.price(8, moved.sum(1), {"a": moved}, given, (moved,)).item() > 0


def test_cooling_falls_along_half_a_cosine():
    pace = Pace(8, "adam", 2.0, cooling=0.5)
    rates = [pace.rate(step) for step in range(8)]
    assert rates[:5] == [2.0] * 5
    assert rates[5:] == pytest.approx([1 + np.cos(np.pi * step / 4) for step in (1, 2, 3)])
    assert Pace(8, "adam", 2.0).rate(7) == 2.0


@pytest.mark.parametrize(("optimizer", "rate"), [("adam", 2.0), ("nadam", 0.3), ("gradient", 0.3)])
def test_a_cooled_climb_ends_nearer_to_the_optimum(optimizer, rate):
    net = load(torch.nn.Conv2d(3, 2, 1), input=ImageInput((9, 12)))
    aim = distance("logits", Given(A))
    made = {
        cooling: climb(
            net,
            [Goal(UnitQuery("logits"), -1, aim)],
            ClimbSettings(
                steps=60, canvas="pixels", transforms="none", optimizer=optimizer, learning_rate=rate,
                cooling=cooling, precision="float32",
            ),
        )[0].activation
        for cooling in (None, 1.0)
    }  # fmt: skip
    assert made[1.0] < made[None]


def test_transparency_of_pictures_that_were_hardly_or_never_asked_for():
    looked = torch.zeros(2, 4, 5)
    looked[0, 1, 2], looked[0, 1, 3] = 4.0, 1.0
    found = transparency_of(looked)
    assert found[0].unique().tolist() == [0.0, 0.25, 1.0]
    assert (found[1] == 1).all()
