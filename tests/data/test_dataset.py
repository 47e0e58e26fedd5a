# SPDX-License-Identifier: Apache-2.0
"""Datasets and lists as sources: what their items may be, their names and classes."""

from __future__ import annotations

import time
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, IterableDataset, Subset, TensorDataset
from torchvision import datasets, transforms

from pellucid.data import Folder, Recipe, batches, open_source
from pellucid.data.dataset import Dataset
from pellucid.errors import InputError, NoItems

PIXELS = np.random.default_rng(5).integers(0, 256, (12, 7, 9, 3), np.uint8)


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    for row, name in enumerate(["dog/b.png", "dog/a.png", "cat/z.png", "cat-x/1.png", "cat/b.png"]):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(PIXELS[row]).save(tmp_path / name)
    return tmp_path


def fed_all(data: Any, size: tuple[int, int] = (7, 9)) -> torch.Tensor:
    made = list(batches(open_source(data), Recipe(size), size=5))
    assert not [problem for batch in made for problem in batch.problems]
    return torch.cat([batch.tensor()[: len(batch.rows)] for batch in made])


TRUTH = torch.from_numpy(PIXELS).permute(0, 3, 1, 2).float().div(255)
TO = transforms.ToTensor()

KINDS: dict[str, list[Any]] = {
    "PIL": [Image.fromarray(each) for each in PIXELS],
    "arrays": list(PIXELS),
    "arrays (C, h, w)": list(PIXELS.transpose(0, 3, 1, 2)),
    "float tensors": [TO(each) for each in PIXELS],
    "byte tensors": [torch.from_numpy(each).permute(2, 0, 1) for each in PIXELS],
    "float arrays": [TO(each).numpy() for each in PIXELS],
    "pairs": [(Image.fromarray(each), 3) for each in PIXELS],
    "triples": [[TO(each), 3, "more"] for each in PIXELS],
    "image": [{"image": Image.fromarray(each), "label": 3} for each in PIXELS],
    "pixel_values": [{"pixel_values": TO(each), "labels": 3} for each in PIXELS],
}


@pytest.mark.parametrize("kind", KINDS)
def test_items_of_every_kind_are_fed_alike(kind: str) -> None:
    assert torch.equal(fed_all(KINDS[kind]), TRUTH)


@pytest.mark.parametrize(
    "data", [PIXELS, torch.from_numpy(PIXELS).permute(0, 3, 1, 2), TRUTH, TensorDataset(TRUTH)]
)
def test_whole_arrays_tensors_and_tensor_datasets(data: Any) -> None:
    assert torch.equal(fed_all(data), TRUTH)


def test_an_image_folder_is_the_folder(folders: Path) -> None:
    dataset, folder = datasets.ImageFolder(folders), Folder(folders)
    source = open_source(dataset)
    assert source.name == "ImageFolder"
    assert (
        list(source.names)
        == list(folder.names)
        == ["cat-x/1.png", "cat/b.png", "cat/z.png", "dog/a.png", "dog/b.png"]
    )
    assert torch.equal(fed_all(dataset), fed_all(folder))
    for each in (source, folder):
        assert [each.class_names[place] for place in each.classes] == ["cat-x", "cat", "cat", "dog", "dog"]


def test_a_dataset_in_another_order_keeps_its_items_by_name(folders: Path) -> None:
    dataset = datasets.ImageFolder(folders)
    dataset.samples.reverse()
    dataset.targets.reverse()
    source, folder = open_source(dataset), Folder(folders)
    assert list(source.names) == list(folder.names)
    assert torch.equal(fed_all(dataset), fed_all(folder))
    assert [source.class_names[place] for place in source.classes] == ["cat-x", "cat", "cat", "dog", "dog"]


def test_a_part_of_a_dataset_keeps_names_and_classes(folders: Path) -> None:
    part = Subset(datasets.ImageFolder(folders), [4, 0, 2])
    source = open_source(part)
    assert list(source.names) == ["cat-x/1.png", "cat/b.png", "dog/b.png"]
    assert [source.class_names[place] for place in source.classes] == ["cat-x", "cat", "dog"]
    assert torch.equal(fed_all(part), fed_all(Folder(folders))[[0, 1, 4]])
    twice = open_source(Subset(datasets.ImageFolder(folders), [1, 1]))
    assert list(twice.names) == ["000000", "000001"]


def test_classes_of_lists_and_tensors() -> None:
    pairs = open_source([(each, label) for each, label in zip(PIXELS, [7, 3] * 6, strict=True)])
    assert (pairs.class_names, pairs.classes.tolist()) == (("3", "7"), [1, 0] * 6)
    tensors = open_source(TensorDataset(TRUTH, torch.arange(12) % 4))
    assert (tensors.class_names, tensors.classes.tolist()) == (("0", "1", "2", "3"), [0, 1, 2, 3] * 3)

    class Named(list[Any]):
        classes = ("zero", "one", "two")
        targets = torch.tensor([2, 0, 0])

    named = open_source(Named(PIXELS[:3]))
    assert (named.class_names, named.classes.tolist()) == (("zero", "one", "two"), [2, 0, 0])
    for without in (list(PIXELS), [(each, None) for each in PIXELS]):
        source = open_source(without)
        assert (source.classes, source.notes) == (None, ())


def test_words_are_labels_wherever_labels_stand() -> None:
    words = ["dog", "cat"] * 6

    class Columns:
        """As the datasets of the Hugging Face library: a column is asked for by its name."""

        column_names = ("image", "label")
        features = {"image": None, "label": types.SimpleNamespace(names=["cat", "dog"])}  # noqa: RUF012

        def __len__(self) -> int:
            return len(PIXELS)

        def __getitem__(self, key: int | str) -> Any:
            return [1, 0] * 6 if key == "label" else {"image": PIXELS[int(key)], "label": 0}

    for rows in (
        list(zip(PIXELS, words, strict=True)),
        [{"image": each, "label": word} for each, word in zip(PIXELS, words, strict=True)],
        Columns(),
        Subset(list(zip(PIXELS, words, strict=True)), range(12)),  # type: ignore[arg-type]
    ):
        source = open_source(rows)
        assert (source.class_names, source.classes.tolist()) == (("cat", "dog"), [1, 0] * 6)
        assert source.notes == ()
    numbers = open_source([(each, torch.tensor(row % 3)) for row, each in enumerate(PIXELS)])
    assert numbers.classes.tolist() == [0, 1, 2] * 4


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([f"a caption {row}" for row in range(12)], "words, each of one item only"),
        ([np.ones(3)] * 12, "ndarray, no whole numbers or words"),
        ([0.5] * 12, "float, no whole numbers or words"),
        ([Image.new("L", (9, 7))] * 12, "Image, no whole numbers or words"),
    ],
)
def test_labels_that_tell_no_classes_are_not_lost_in_silence(labels: list[Any], said: str) -> None:
    source = open_source(list(zip(PIXELS, labels, strict=True)))
    assert source.classes is None
    assert len(source.notes) == 1
    assert said in source.notes[0]


class Failing:
    """Some items raise; what it is asked for at once is counted."""

    def __init__(self) -> None:
        self.inside = 0

    def __len__(self) -> int:
        return 12

    def __getitem__(self, row: int) -> Any:
        self.inside += 1
        try:
            time.sleep(0.002)
            assert self.inside == 1, "asked for two at once"
            if row % 5 == 0:
                raise RuntimeError(f"no file of {row}\nat 0x7f00")
            return [PIXELS[row], None, "a word", {"label": 3}, PIXELS[row]][row % 5]
        finally:
            self.inside -= 1


def test_an_item_that_raises_or_is_no_picture_is_skipped_with_its_reason() -> None:
    [batch] = batches(open_source(Failing()), Recipe((7, 9)), size=12, workers=6)
    reasons = dict(batch.problems)
    assert sorted(reasons) == [0, 1, 2, 3, 5, 6, 7, 8, 10, 11]
    assert reasons[5] == "cannot be decoded: no file of 5 at 0x... (RuntimeError)"
    assert reasons[1].startswith("a NoneType, no picture")
    assert reasons[2].startswith("a str, no picture")
    assert reasons[3] == "has no key image or pixel_values, only label"


def test_normalized_items_are_refused_with_what_to_leave_out() -> None:
    normalize = transforms.Normalize((0.5, 0.5, 0.5), (0.2, 0.2, 0.2))
    with pytest.raises(InputError, match=r"item 000000 of the list holds floats from -.*leave Normalize out"):
        open_source([normalize(each) for each in TRUTH])
    with pytest.raises(InputError, match="leave Normalize out"):
        open_source([{"pixel_values": each * 255} for each in TRUTH])


def test_random_transforms_are_refused() -> None:
    class Augmented(list[Any]):
        asked = 0

        def __getitem__(self, row: int) -> np.ndarray:
            self.asked += 1
            return np.roll(super().__getitem__(row), self.asked % 5, 0)

    with pytest.raises(
        InputError, match="another picture each time it is asked for: leave random transforms out"
    ):
        open_source(Augmented(PIXELS))


def test_what_is_no_dataset_of_rows() -> None:
    class Stream(IterableDataset[int]):
        def __len__(self) -> int:
            return 3

        def __iter__(self) -> Iterator[int]:
            return iter((1, 2, 3))

    with pytest.raises(InputError, match="Stream is iterable only"):
        open_source(Stream())
    with pytest.raises(InputError, match=r"data was a DataLoader; .* as the loader's own .dataset"):
        open_source(DataLoader(TensorDataset(TRUTH)))
    with pytest.raises(InputError, match="data was a int"):
        open_source(3)
    with pytest.raises(NoItems, match="the list is empty"):
        open_source([])


def test_the_digest_follows_names_and_first_items(folders: Path) -> None:
    assert open_source(list(PIXELS)).listing_digest == open_source(list(PIXELS.copy())).listing_digest
    assert open_source(list(PIXELS)).listing_digest != open_source(list(PIXELS[::-1])).listing_digest
    assert open_source(list(PIXELS)).listing_digest != open_source(list(PIXELS[:11])).listing_digest


def test_modes_of_pictures_become_rgb() -> None:
    clear = Image.new("RGBA", (9, 7), (10, 20, 30, 0))
    assert np.asarray(Dataset([clear]).image(0)).tolist() == np.full((7, 9, 3), 255).tolist()
