# SPDX-License-Identifier: Apache-2.0
"""Model cards: what they stand for, and what they are refused for."""

from __future__ import annotations

from pathlib import Path

import pytest

from pellucid.errors import InputError, UnknownName
from pellucid.models.card import Card, read_card


def write(folder: Path, text: str) -> Path:
    path = folder / "card.toml"
    path.write_text(text)
    return path


def test_paths_are_relative_to_the_card(tmp_path: Path) -> None:
    text = """
        model = "torchvision/squeezenet1_0"
        weights = "w/squeezenet.safetensors"
        input = "3x227x227"
        normalize = "imagenet"
        labels = "labels.txt"
    """
    assert read_card(write(tmp_path, text)) == Card(
        "torchvision/squeezenet1_0",
        str(tmp_path / "w/squeezenet.safetensors"),
        "3x227x227",
        "imagenet",
        str(tmp_path / "labels.txt"),
    )


@pytest.mark.parametrize("word", ["DEFAULT", "random", "IMAGENET1K_V1"])
def test_words_for_weights_are_no_paths(tmp_path: Path, word: str) -> None:
    assert read_card(write(tmp_path, f'model = "timm/x"\nweights = "{word}"')).weights == word
    (tmp_path / word).touch()
    assert read_card(tmp_path / "card.toml").weights == str(tmp_path / word)


def test_files_as_models(tmp_path: Path) -> None:
    assert read_card(write(tmp_path, 'model = "net.py:build"')).model == f"{tmp_path / 'net.py'}:build"
    assert read_card(write(tmp_path, 'model = "net.pt2"')).model == str(tmp_path / "net.pt2")
    assert read_card(write(tmp_path, 'model = "demo"')).model == "demo"


def test_labels_may_stand_in_the_card(tmp_path: Path) -> None:
    assert read_card(write(tmp_path, 'model = "demo"\nlabels = ["a", "b"]')).labels == ("a", "b")


@pytest.mark.parametrize(
    ("text", "error", "told"),
    [
        ('model = "demo"\nweigths = "x"', UnknownName, "no key 'weigths'; did you mean weights"),
        ('model = "demo"\ncolor = "x"', UnknownName, "there is model, weights, input, normalize, labels"),
        ("input = '3x8x8'", InputError, "names no model"),
        ("model = 3", InputError, "model is 3; text in quotes"),
        ('model = "demo"\nlabels = [1]', InputError, "labels is"),
        ('model = "other.toml"', InputError, "names another card"),
        ('model = "demo', InputError, "is no model card"),
        ('model = "demo"\n[weights]\na = 1', InputError, "weights is"),
    ],
)
def test_bad_cards(tmp_path: Path, text: str, error: type[InputError], told: str) -> None:
    with pytest.raises(error, match=told) as caught:
        read_card(write(tmp_path, text))
    assert str(caught.value).startswith("card.toml")


def test_a_missing_card(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="no model card"):
        read_card(tmp_path / "none.toml")
    with pytest.raises(InputError, match="is no model card"):
        read_card(tmp_path)
