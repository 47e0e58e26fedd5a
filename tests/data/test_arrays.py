# SPDX-License-Identifier: Apache-2.0
"""Arrays are fed as they are, whatever their layout, and never unpickled."""

from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision import transforms
from torchvision.transforms.functional import resize

from pellucid.data import Arrays, ItemProblem, Previews, Recipe, batches, fed, open_source
from pellucid.data.pixels import channels_first, picture_of
from pellucid.errors import InputError, NoItems, RefusedFile, UnknownName


def noise(*shape: int, floats: bool = False) -> np.ndarray:
    draws = np.random.default_rng(sum(shape))
    return draws.random(shape, np.float32) if floats else draws.integers(0, 256, shape, np.uint8)


def fed_tensor(array: np.ndarray, recipe: Recipe) -> torch.Tensor:
    return torch.cat([batch.tensor()[: len(batch.rows)] for batch in batches(Arrays(array), recipe, size=3)])


# Layout and numbers


@pytest.mark.parametrize("channels", [1, 3, 5, 12])
@pytest.mark.parametrize("floats", [False, True])
def test_items_of_the_input_size_are_fed_untouched(channels: int, floats: bool) -> None:
    array = noise(7, 20, 16, channels, floats=floats)
    recipe = Recipe((20, 16), channels=channels)
    truth = torch.from_numpy(array).permute(0, 3, 1, 2)
    truth = truth if floats else truth.float() / 255
    assert torch.equal(fed_tensor(array, recipe), truth)
    assert torch.equal(fed_tensor(array.transpose(0, 3, 1, 2), recipe), truth)
    if channels == 1:
        assert torch.equal(fed_tensor(array[..., 0], recipe), truth)


@pytest.mark.parametrize("dtype", [np.float16, np.float64, ">f4"])
def test_floats_of_any_width_are_fed_as_float32(dtype: str) -> None:
    array = noise(2, 8, 8, 3, floats=True).astype(dtype)
    truth = torch.from_numpy(array.astype(np.float32)).permute(0, 3, 1, 2)
    assert torch.equal(fed_tensor(array, Recipe((8, 8))), truth)


def test_the_axis_of_channels() -> None:
    for shape, first in {
        (3, 32, 32): True,
        (32, 32, 3): False,
        (200, 9, 9): True,
        (9, 9, 200): False,
        (3, 240, 320): True,
        (240, 320, 3): False,
        (1, 1, 7): False,
    }.items():
        assert channels_first(shape) == first
    for shape in ((8, 8, 8), (3, 40, 3)):
        with pytest.raises(InputError, match="may be"):
            channels_first(shape)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 30), st.sampled_from([1, 3, 4, 7]))
def test_other_sizes_go_the_way_of_pictures_band_by_band(h: int, w: int, side: int, channels: int) -> None:
    pixels = noise(h, w, channels)
    recipe = Recipe((side, side), channels=channels)
    found, placement = fed(pixels, recipe)
    assert placement == recipe.place((w, h))
    for band in range(channels):
        alone, _ = fed(Image.fromarray(pixels[..., band]), Recipe((side, side), channels=1))
        assert np.array_equal(found[..., band], alone[..., 0])


def test_floats_are_resized_as_torchvision_resizes_tensors() -> None:
    array = noise(41, 29, 5, floats=True)
    found, _ = fed(array, Recipe((20, 20), channels=5))
    tensor = resize(torch.from_numpy(array).permute(2, 0, 1), 20, antialias=True)
    truth = transforms.CenterCrop(20)(tensor).permute(1, 2, 0).numpy()
    assert np.abs(found - truth).max() < 1e-5


def test_floats_that_overshoot_stay_in_range() -> None:
    array = (noise(30, 30, 4) > 127).astype(np.float32)
    found, _ = fed(array, Recipe((17, 17), interpolation="lanczos", channels=4))
    assert (found.min(), found.max()) == (0, 1)


def test_gray_and_color_change_into_one_another_as_in_pictures() -> None:
    gray, color = noise(4, 6, 6), noise(4, 6, 6, 3)
    assert torch.equal(
        fed_tensor(gray, Recipe((6, 6))), fed_tensor(gray[..., None].repeat(3, 3), Recipe((6, 6)))
    )
    luma = np.stack([np.asarray(Image.fromarray(one).convert("L")) for one in color])
    assert torch.equal(
        fed_tensor(color, Recipe((6, 6), channels=1)), fed_tensor(luma, Recipe((6, 6), channels=1))
    )
    floats = fed_tensor(color.astype(np.float32) / 255, Recipe((6, 6), channels=1))
    assert (floats - fed_tensor(luma, Recipe((6, 6), channels=1))).abs().max() < 0.5 / 255 + 1e-6
    assert fed_tensor(noise(2, 6, 6, floats=True), Recipe((6, 6))).shape == (2, 3, 6, 6)


def test_other_numbers_of_channels_are_a_reason() -> None:
    with pytest.raises(ItemProblem, match="takes 3 channels; this item has 4"):
        fed(noise(6, 6, 4), Recipe((6, 6)))
    with pytest.raises(ItemProblem, match="takes 4 channels; this item has 3"):
        fed(noise(6, 6, 3), Recipe((6, 6), channels=4))


def test_a_batch_of_bytes_and_floats_is_that_of_each() -> None:
    class Mixed:
        name, credits, listing_digest, classes, class_names = "mixed", (), "0", None, ()
        names = tuple("abc")

        def image(self, row: int) -> Image.Image | np.ndarray:
            every = np.arange(256, dtype=np.uint8).reshape(16, 16)
            return [Image.fromarray(every), every[..., None], every[..., None].astype(np.float32) / 255][row]

    [batch] = batches(Mixed(), Recipe((16, 16), channels=1), size=3)
    tensor = batch.tensor()
    assert batch.pixels.dtype == np.float32
    assert torch.equal(tensor[0], transforms.ToTensor()(np.arange(256, dtype=np.uint8).reshape(16, 16)))
    assert torch.equal(tensor[0], tensor[1])
    assert torch.equal(tensor[0], tensor[2])


def test_bad_rows_are_skipped_with_a_reason_and_normalized_ones_refused() -> None:
    array = noise(20, 6, 6, floats=True)
    array[11, 2, 2] = np.nan
    array[13, 0, 0] = -3
    array[15, 0, 0] = np.inf
    [batch] = batches(Arrays(array), Recipe((6, 6)), size=20)
    assert [row for row, _ in batch.problems] == [11, 13, 15]
    reasons = dict(batch.problems)
    assert reasons[11] == reasons[15] == "holds numbers that are not finite"
    assert reasons[13].startswith("floats from -3 to")
    array[0] = np.nan
    assert Arrays(array).names[0] == "000000"  # one bad row at the start is a bad row
    with pytest.raises(
        InputError, match=r"holds floats from -.* give uint8, or floats before any normalization"
    ):
        Arrays(np.random.default_rng(0).normal(size=(9, 6, 6)))
    with pytest.raises(InputError, match="give uint8"):
        Arrays(noise(9, 6, 6).astype(np.float32))


@pytest.mark.parametrize(
    ("array", "line"),
    [
        (np.zeros((9, 9), np.uint8), r"has shape \(9, 9\); pictures are"),
        (np.zeros((9, 9, 9, 9, 9), np.uint8), "pictures are"),
        (np.zeros((9, 6, 6), np.int64), "numbers of type int64; pictures are uint8"),
        (np.zeros((9, 6, 6), bool), "numbers of type bool"),
        (np.zeros((9, 6, 6), np.uint16), "numbers of type uint16"),
        (np.zeros((9, 6, 6), complex), "numbers of type complex"),
    ],
)
def test_arrays_that_hold_no_pictures_are_refused(array: np.ndarray, line: str) -> None:
    with pytest.raises(InputError, match=line):
        open_source(array)


def test_an_array_of_nothing() -> None:
    with pytest.raises(NoItems, match="nothing in it"):
        Arrays(np.zeros((0, 6, 6), np.uint8))


def test_names_classes_and_digest() -> None:
    array = noise(30, 6, 6)
    source = Arrays(array)
    assert (source.names[29], len(source.names), source.classes, source.class_names) == (
        "000029",
        30,
        None,
        (),
    )
    assert list(source.names) == sorted(source.names)
    assert source.names[1:3] == ["000001", "000002"]
    assert source.listing_digest == Arrays(array.copy()).listing_digest
    changed = array.copy()
    changed[17, 3, 3] ^= 1
    assert source.listing_digest != Arrays(changed).listing_digest
    assert source.listing_digest != Arrays(array.reshape(30, 4, 9)).listing_digest


def test_previews_of_any_number_of_channels() -> None:
    assert np.array_equal(np.asarray(picture_of(noise(4, 5, 3))), noise(4, 5, 3))
    for channels in (1, 2, 4, 7):
        found = np.asarray(picture_of(noise(4, 5, channels))).astype(int)
        truth = noise(4, 5, channels).mean(2)
        assert (np.abs(found - truth[..., None]) <= 0.5).all()
    shown = Previews(Arrays(noise(2, 30, 40, 7)), Recipe((10, 10), channels=7)).of([1])[1]
    assert shown.preview
    assert shown.placement == Recipe((10, 10)).place((40, 30))


# Files


def test_an_npy_file_is_mapped_and_not_read(tmp_path: Path) -> None:
    array = noise(50, 12, 10, 3)
    for name, saved in {"c.npy": array, "fortran.npy": np.asfortranarray(array), "no-ending": array}.items():
        with (tmp_path / name).open("wb") as file:
            np.save(file, saved)
        source = open_source(tmp_path / name)
        assert isinstance(source, Arrays)
        assert isinstance(source._array, np.memmap)
        assert np.array_equal(source.image(49), array[49])
        assert source.name == name
        assert source.listing_digest == Arrays(array).listing_digest


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_npz_file_with_labels(save: object, tmp_path: Path) -> None:
    array, labels = noise(50, 12, 10, 3), np.arange(50) % 3 + 4
    save(tmp_path / "x.npz", pictures=array, labels=labels, about=np.array("words"))
    source = open_source(tmp_path / "x.npz")
    assert isinstance(source._array, np.memmap)
    assert all(np.array_equal(source.image(row), array[row]) for row in range(50))
    assert source.class_names == ("4", "5", "6")
    assert source.classes.dtype == np.int32
    assert np.array_equal(source.classes, np.arange(50) % 3)


def test_class_names_in_an_npz_file(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "x.npz",
        x=noise(4, 6, 6),
        y=np.array([[2], [0], [2], [2]]),
        class_names=np.array(["a", "ü", "c"]),
    )
    source = open_source(tmp_path / "x.npz")
    assert source.class_names == ("a", "ü", "c")
    assert source.classes.tolist() == [2, 0, 2, 2]


def test_several_arrays_of_pictures_are_named_and_one_can_be_chosen(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "x.npz",
        train_images=noise(9, 6, 6),
        test_images=noise(4, 6, 6),
        train_labels=np.zeros(9, int),
        test_labels=np.ones(4, int),
    )
    with pytest.raises(
        InputError, match=r"2 arrays of pictures: train_images \(9x6x6 uint8\), .*x.npz:train_images"
    ):
        open_source(tmp_path / "x.npz")
    source = open_source(f"{tmp_path}/x.npz:test_images")
    assert (len(source.names), source.class_names, source.name) == (4, ("1",), "x.npz:test_images")
    with pytest.raises(UnknownName, match="no array 'test_image'; did you mean test_images"):
        open_source(f"{tmp_path}/x.npz:test_image")
    np.savez(tmp_path / "m.npz", x_train=noise(9, 6, 6), y_train=np.arange(9), x_test=noise(2, 6, 6))
    assert len(open_source(f"{tmp_path}/m.npz:x_train").class_names) == 9
    assert open_source(f"{tmp_path}/m.npz:x_test").classes is None


def test_labels_of_another_length_or_kind_are_none(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=noise(4, 6, 6), labels=np.arange(5), y=np.zeros(4))
    assert open_source(tmp_path / "x.npz").classes is None


class Payload:
    """What would run if anything were unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("pwned",)


def test_objects_are_refused_and_never_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    objects = np.array([Payload()] * 3, object)
    np.save("x.npy", objects, allow_pickle=True)
    np.savez("x.npz", pictures=objects, allow_pickle=True)
    with open("plain.npy", "wb") as file:
        pickle.dump(Payload(), file)
    for name in ("x.npy", "x.npz", "x.npz:pictures"):
        with pytest.raises(
            RefusedFile, match="holds Python objects, and loading them could run code"
        ) as caught:
            open_source(name)
        assert caught.value.exit_code == 3
    with pytest.raises(InputError, match="no array as NumPy saves them"):
        open_source("plain.npy")
    np.savez("beside.npz", pictures=noise(3, 6, 6), labels=objects, allow_pickle=True)
    assert open_source("beside.npz").classes is None
    assert not (tmp_path / "pwned").exists()


def test_damaged_files_are_one_line(tmp_path: Path) -> None:
    def refused(name: str, data: bytes, line: str) -> None:
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=line) as caught:
            open_source(tmp_path / name)
        assert "\n" not in str(caught.value)

    np.save(tmp_path / "x.npy", noise(9, 6, 6))
    np.savez(tmp_path / "x.npz", x=noise(9, 6, 6))
    whole, packed = (tmp_path / "x.npy").read_bytes(), (tmp_path / "x.npz").read_bytes()
    refused("cut.npy", whole[:-5], "is cut off: it promises an array of 9x6x6 uint8")
    refused("head.npy", whole[:50], "no array as NumPy saves them")
    refused("html.npy", b"<html>", "no array as NumPy saves them")
    refused(
        "huge.npy",
        whole.replace(b"(9, 6, 6)", b"(9000000000000, 6, 6)"[:9].ljust(9)),
        "no array|cut off|has shape",
    )
    refused("version.npy", whole[:6] + b"\x09\x00" + whole[8:], "no array as NumPy saves them")
    refused("cut.npz", packed[:-30], "no whole .npz file")
    refused("html.npz", b"<html>", "no whole .npz file")
    np.savez(tmp_path / "y.npz", numbers=np.zeros(4))
    with pytest.raises(InputError, match=r"no array of pictures, only numbers \(4 float64\)"):
        open_source(tmp_path / "y.npz")
    with zipfile.ZipFile(tmp_path / "z.npz", "w"):
        pass
    with pytest.raises(InputError, match="no array of pictures, only nothing"):
        open_source(tmp_path / "z.npz")


def test_a_header_that_promises_more_than_there_is_takes_no_memory(tmp_path: Path) -> None:
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1099511627776, 64, 64), }"
    header = header.ljust(117) + b"\n"
    (tmp_path / "x.npy").write_bytes(
        b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header + bytes(64)
    )
    with pytest.raises(InputError, match="is cut off: it promises an array of 1099511627776x64x64"):
        open_source(tmp_path / "x.npy")


@pytest.mark.parametrize("channels", [3, 4])
def test_a_single_picture_of_color_is_one_item(channels: int, tmp_path: Path) -> None:
    one = np.random.default_rng(3).integers(0, 256, (32, 20, channels), np.uint8)
    np.save(tmp_path / "one.npy", one)
    for source in (open_source(tmp_path / "one.npy"), open_source(one)):
        assert len(source.names) == 1
        assert np.array_equal(source.image(0), one)
