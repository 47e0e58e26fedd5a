# SPDX-License-Identifier: Apache-2.0
"""Many images in one go: a report of each, and a page of all; interrupted, the same call goes on."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pellucid.data import Data, Folder, ItemProblem, Source, fed, open_source
from pellucid.data.decode import reason_of
from pellucid.data.pixels import Pixels, picture_of
from pellucid.errors import NoItems, PellucidError
from pellucid.figures import Blob
from pellucid.figures.file import folder, write
from pellucid.figures.markup import data_uri
from pellucid.look.heat import drawn_photo
from pellucid.look.looking import look, opened_dictionary
from pellucid.look.saving import REPORT, save_look
from pellucid.look.value import Look
from pellucid.models import FedImage, Model, Net, opened
from pellucid.records import canonical_json
from pellucid.version import __version__
from pellucid.views.exchange import put_in_place
from pellucid.views.look_index import IndexEntry, look_index

__all__ = ["Gallery", "look_through", "many"]

DONE, INDEX = "done.json", "index.html"
THUMBNAIL_PX = 200
LONGEST_NAME = 60

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Gallery:
    """What was looked at: each image with its report, and those that could not be read.

    `made` were looked at now, `kept` were found done; `images` are rows of (name, report, what the net says).
    """

    index: Path
    images: tuple[tuple[str, Path, str], ...]
    made: int
    kept: int
    skipped: tuple[tuple[str, str], ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "index": str(self.index),
            "images": [
                {"image": name, "report": str(path), "says": words} for name, path, words in self.images
            ],
            "made": self.made,
            "kept": self.kept,
            "skipped": [{"item": item, "reason": reason} for item, reason in self.skipped],
        }


def look_through(
    net: Model,
    data: Data,
    directory: str | Path,
    *,
    site: str | None = None,
    arrays: bool = True,
    progress: Progress | None = None,
    **settings: Any,
) -> Gallery:
    """Look at every image of a folder, an archive or what else `open_source` takes, each into a folder of its own.

    A report that is finished stays as it is, as long as the image, the net, the atlas and the settings are the same; one that
    was interrupted is made anew. Images that cannot be read are skipped, with the reason.

    Parameters
    ----------
    settings : what `look` takes
    site, arrays : what `Look.save` takes

    Raises
    ------
    NoItems : no image could be read
    """
    seen = opened(net)
    source = open_source(data)
    home = folder(directory)
    dictionary = opened_dictionary(settings.pop("atlas", None), seen)
    how = {
        "net": seen.weights_digest,
        "atlas": None if dictionary is None else dictionary.digest,
        "settings": {name: _plain(value) for name, value in sorted(settings.items())},
        "site": site,
        "arrays": arrays,
        "version": __version__,
    }
    rows: list[tuple[str, str, Mapping[str, Any]]] = []
    skipped: list[tuple[str, str]] = []
    made = 0
    for row, name, item in _items(source):
        if progress is not None:
            progress(row, len(source.names), "images")
        if isinstance(item, str):
            skipped.append((name, item))
            continue
        place = home / _folder_name(name)
        key = _key(how, item)
        done = _done(place, key)
        if done is None:
            try:
                found = look(seen, _fed(item, seen, name), atlas=dictionary, **settings)
            except ItemProblem as problem:
                skipped.append((name, str(problem)))
                continue
            done = _finish(found, place, key, site, arrays)
            made += 1
        rows.append((name, place.name, done))
    if progress is not None:
        progress(len(source.names), len(source.names), "images")
    if not rows:
        reason = f"; the first: {skipped[0][1]}" if skipped else ""
        raise NoItems(f"none of the {len(source.names)} images of {source.name} could be looked at{reason}")
    entries = tuple(
        IndexEntry(name, f"{place}/{REPORT}", str(done["says"]), str(done["thumbnail"]))
        for name, place, done in rows
    )
    index = write(home / INDEX, look_index(seen.name, entries, tuple(skipped), __version__))
    images = tuple((name, home / place / REPORT, str(done["says"])) for name, place, done in rows)
    return Gallery(index, images, made, len(rows) - made, tuple(skipped))


def many(image: str) -> bool:
    """Whether what a user named holds several images, to be looked at one by one: a folder, an archive, an array of images.

    Raises
    ------
    NoItems : a folder without a picture
    """
    path = Path(image).expanduser()
    if path.is_dir() or image == "demo":
        return True
    if not path.is_file() or path.suffix.lower() == ".npy":
        return path.is_file() and np.load(path, mmap_mode="r", allow_pickle=False).ndim == 4
    return not isinstance(open_source(image), Folder)


def _plain(value: Any) -> Any:
    return (
        list(value)
        if isinstance(value, tuple)
        else value
        if isinstance(value, list | int | float | str | None)
        else str(value)
    )


def _items(source: Source) -> Iterator[tuple[int, str, Image.Image | Pixels | str]]:
    """Each row with its name and its picture, or why there is none."""
    for row, name in enumerate(source.names):
        try:
            yield row, name, source.image(row)
        except Exception as error:
            # Corrupt pictures raise almost any exception. What a source says about itself must be heard.
            if isinstance(error, PellucidError) and not isinstance(error, ItemProblem):
                raise
            yield row, name, reason_of(error)


def _fed(item: Image.Image | Pixels, net: Net, name: str) -> FedImage:
    pixels, placement = fed(item, net.input.recipe)
    values = pixels / 255 if pixels.dtype == np.uint8 else pixels.astype(np.float64)
    return FedImage(values, picture_of(item), placement, name)


def _key(how: Mapping[str, Any], item: Image.Image | Pixels) -> str:
    """What a report depends on, in 64 hexadecimal digits."""
    digest = hashlib.sha256(canonical_json(how).encode())
    digest.update(repr(item.size).encode())
    digest.update(item.tobytes())
    return digest.hexdigest()


def _folder_name(name: str) -> str:
    """A folder for an image: its name as far as file systems agree on it, and a few digits where that loses something."""
    safe = "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in "._-") else "-" for letter in name
    )
    safe = safe.lstrip(".")[-LONGEST_NAME:].lstrip(".-")
    return safe if safe == name else f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _done(place: Path, key: str) -> Mapping[str, Any] | None:
    """What was written of a finished look, None where there is none or what it depended on has changed."""
    try:
        found = json.loads((place / DONE).read_bytes())
        whole = found["key"] == key and (place / REPORT).is_file() and {"says", "thumbnail"} <= found.keys()
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return found if whole else None


def _finish(found: Look, place: Path, key: str, site: str | None, arrays: bool) -> dict[str, Any]:
    """Write everything of a look beside its place, and put it there at one stroke."""
    fresh = place.with_name(f".{place.name}.tmp")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        save_look(found, fresh, site=site, arrays=arrays, home=f"../{INDEX}")
        done = {"key": key, "says": found.answer, "thumbnail": _thumbnail(found.image.item)}
        write(fresh / DONE, json.dumps(done).encode())
        put_in_place(fresh, place)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return done


def _thumbnail(item: Image.Image) -> str:
    file = io.BytesIO()
    drawn_photo(item, THUMBNAIL_PX).save(file, "JPEG", quality=85)
    return data_uri(Blob.of(file.getvalue(), "image/jpeg"))
