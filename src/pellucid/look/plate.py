# SPDX-License-Identifier: Apache-2.0
"""A look's layers as a page's script takes them: numbers packed, maps and pictures on sheets."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pellucid.data import Placement
from pellucid.figures import Blob, Picture
from pellucid.figures.markup import data_uri
from pellucid.figures.words import value_words
from pellucid.look.cells import Tops
from pellucid.look.heat import drawn_photo
from pellucid.look.layer_look import LayerLook
from pellucid.look.spread import share_words
from pellucid.views.addresses import HOME
from pellucid.views.facts import layer_words
from pellucid.views.look_page import LookPlate, PlateLayer

if TYPE_CHECKING:
    from pellucid.look.value import Look

__all__ = ["plate_of"]

PHOTO_PX, PICTURE_PX = 1024, 80
LARGEST_SIDE = 56  # of a small map; a larger grid is cut into parts, of which the strongest response of either sign is kept
MOST_DRAWN = 256  # maps of a layer on a page
MOST_PICTURES = 2400  # of all layers on a page, shared out evenly
SHEET_COLUMNS = 16
FULL = 127  # a map is kept in steps of that share of its strongest response


def plate_of(look: Look, *, site: str | None, title: str = "") -> LookPlate:
    """The photograph and its layers, as the page shows them."""
    item, placement = look.image.item, look.image.placement
    small = drawn_photo(item, PHOTO_PX)
    known = sum(bool(one.entries) for one in look.layers)
    most = max(MOST_PICTURES // max(known, 1), 48)
    return LookPlate(
        title=title or look.image.name,
        alt=f"The photograph {look.image.name}",
        photo=Picture(_jpeg(small, 88), small.width, small.height, f"The photograph {look.image.name}"),
        width=item.width,
        height=item.height,
        fed=placement.to_item_box(0, 0, placement.size[1], placement.size[0]),
        layers=tuple(PlateLayer(one.layer.name, _layer(look, one, most, site)) for one in look.layers),
        first=[one.layer.name for one in look.layers].index(look.telling.layer.name),
        pictured=look.dictionary is not None,
    )


def _layer(look: Look, one: LayerLook, most: int, site: str | None) -> dict[str, Any]:
    places, placement = one.places, look.image.placement
    order = one.peak_order()
    across, down = _cuts(one, placement)
    data: dict[str, Any] = {
        "words": _words(look, one),
        "rows": places.shape[0],
        "columns": places.shape[1],
        "first": places.first,
        "across": across,
        "down": down,
        "fields": _fields(one, placement),
        "start": _start(one),
        "count": one.tops.units.shape[1],
        "tops": _packed(one, one.tops),
        "maps": _maps(one, order[:MOST_DRAWN], placement),
        "drawn": _drawn_words(one),
        "byRarity": one.by_rarity,
    }
    listed = [one.tops] if one.rare is None else [one.tops, one.rare]
    shown = _shown(listed, order, most)
    if one.rare is not None:
        data["rare"] = _packed(one, one.rare)
        data["items"] = max(spread.items for spread in one.spreads.values())
        data["finest"] = min(spread.finest for spread in one.spreads.values())
    if look.dictionary is not None:
        pictures = _pictures(look, one, shown)
        links = {unit: _link(look, one, unit, site) for unit in shown} if site is not None else {}
        data |= {"pictures": pictures} if pictures else {}
        data |= {"links": known} if (known := {unit: link for unit, link in links.items() if link}) else {}
    labels = look.labels_of(one.layer)
    if labels is not None:
        data["labels"] = {unit: labels[unit].partition(",")[0] for unit in shown}
    return data


def _words(look: Look, one: LayerLook) -> str:
    """The layer in one line, and what the atlas knows of its units."""
    words = f"{layer_words(one.layer)} as fed."
    if look.dictionary is None:
        return words
    units, known = one.layer.units, len(one.entries)
    if not known:
        return f"{words} The atlas knows none of its units: their maps stand in for pictures."
    if known < units:
        words += (
            f" The atlas knows {value_words(known)} of its {value_words(units)} units; of the others a map stands in for the "
            "picture."
        )
    spots = max((spread.spots for spread in one.spreads.values()), default=0)
    if spots:
        finest = share_words(1 / (spots + 1))
        words += (
            f" One position of each of its {value_words(spots)} images tells no share finer than {finest}"
        )
        counted = any(spread.start is not None for spread in one.spreads.values())
        words += (
            "; above the peak of a unit's ninth strongest image every position is counted."
            if counted
            else "."
        )
    return words


def _drawn_words(one: LayerLook) -> str:
    units = one.layer.units
    if units <= MOST_DRAWN:
        return f"The layer has {value_words(units)} units."
    which = "whose peak is rarest for them" if one.by_rarity else "with the highest peaks"
    return f"{MOST_DRAWN} of {value_words(units)} units are drawn, those {which}; look.npz holds all maps."


def _cuts(one: LayerLook, placement: Placement) -> tuple[list[float], list[float]]:
    """Where cells part the photograph, in its own pixels: columns + 1 numbers from left to right, rows + 1 downwards."""
    boxes = one.places.own[one.places.first :].reshape(*one.places.shape, 4)
    across = [*boxes[0, :, 0], boxes[0, -1, 2]]
    down = [*boxes[:, 0, 1], boxes[-1, 0, 3]]
    return _to_item(across, 0, placement), _to_item(down, 1, placement)


def _to_item(edges: Sequence[float], axis: int, placement: Placement) -> list[float]:
    """Fed pixels along an axis (0 across, 1 down) as the item's own, within the item."""
    resized, item, offset = placement.resized[axis], placement.item[axis], placement.offset[axis]
    found = np.clip((np.asarray(edges, float) + offset) * item / resized, 0, item)
    return [round(float(each), 2) for each in found]


def _fields(one: LayerLook, placement: Placement) -> dict[str, Any]:
    """What each cell sees: by column and row where that says it all, else box by box."""
    rows, columns = one.places.shape
    boxes = one.places.fields[one.places.first :].reshape(rows, columns, 4)
    by_axes = (boxes[:, :, 0::2] == boxes[:1, :, 0::2]).all() and (
        boxes[:, :, 1::2] == boxes[:, :1, 1::2]
    ).all()
    if not by_axes:
        return {"boxes": [list(placement.to_item_box(*box)) for box in boxes.reshape(-1, 4).tolist()]}
    spans_x = [placement.to_item_box(x0, 0, x1, 1) for x0, _, x1, _ in boxes[0].tolist()]
    spans_y = [placement.to_item_box(0, y0, 1, y1) for _, y0, _, y1 in boxes[:, 0].tolist()]
    return {"x": [[box[0], box[2]] for box in spans_x], "y": [[box[1], box[3]] for box in spans_y]}


def _start(one: LayerLook) -> int:
    """The cell to begin with: where the strongest response is, or the rarest."""
    values = one.order if one.by_rarity and one.order is not None else one.maps
    strongest = np.nan_to_num(values[:, one.places.first :], nan=-np.inf).max(0)
    return int(strongest.argmax())


def _packed(one: LayerLook, tops: Tops) -> dict[str, str]:
    found = {"units": _base64(tops.units, np.uint32), "responses": _base64(tops.responses, np.float32)}
    if one.order is not None:
        found["shares"] = _base64(_shares(one, tops), np.float32)
    return found


def _shares(one: LayerLook, tops: Tops) -> NDArray[np.float64]:
    """How rare each listed response is: 0 beyond all that the unit did over the data, -1 where that is not known."""
    shares = np.nan_to_num(one.top_shares(tops), nan=-1)
    highest = np.full(one.layer.units, np.inf)
    for index, entry in one.entries.items():
        if entry.spread is not None and entry.spread.highest is not None:
            highest[index] = entry.spread.highest
    shares[tops.responses > highest[tops.units]] = 0
    return shares


def _base64(values: NDArray[Any], kind: type[np.generic]) -> str:
    # The order of bytes is that of every machine a browser runs on.
    return base64.b64encode(np.ascontiguousarray(values, np.dtype(kind).newbyteorder("<")).tobytes()).decode()


def _maps(one: LayerLook, units: list[int], placement: Placement) -> dict[str, Any]:
    """The maps of some units on one sheet, in steps of a 127th of each one's strongest response; 128 is zero."""
    values = np.nan_to_num(one.places.on_grid(one.maps[units]), nan=0.0, posinf=0.0, neginf=0.0)
    small, rows, columns = _reduced(values)
    scales = np.abs(small).max((1, 2))
    steps = np.round(small * (FULL / np.where(scales > 0, scales, 1))[:, None, None]) + 128
    across = min(SHEET_COLUMNS, len(units))
    sheet = np.full((-(-len(units) // across) * len(rows), across * len(columns)), 128, np.uint8)
    for place, tile in enumerate(steps.astype(np.uint8)):
        row, column = divmod(place, across)
        sheet[
            row * len(rows) : (row + 1) * len(rows), column * len(columns) : (column + 1) * len(columns)
        ] = tile
    y, x = one.places.centers()
    cuts = [one.threshold(unit) for unit in units]
    spreads = [one.spread(unit) for unit in units]
    return {
        "units": units,
        "sheet": data_uri(_quick_png(Image.fromarray(sheet))),
        "columns": across,
        "x": _to_item([float(x[part].mean()) for part in columns], 0, placement),
        "y": _to_item([float(y[part].mean()) for part in rows], 1, placement),
        "scales": _floats(scales),
        "peaks": _floats(values.max((1, 2))),
        "lows": _floats(values.min((1, 2))),
        "thresholds": _floats([at for at, _ in cuts]),
        "cutWords": [words for _, words in cuts],
        **({} if one.order is None else {"rarity": [float(each) for each in one.order[units].max(1)]}),
        "standings": [
            "" if spread is None else spread.standing(float(peak))
            for spread, peak in zip(spreads, values.max((1, 2)), strict=True)
        ],
    }


def _floats(values: Any) -> list[float]:
    return [float(f"{each:.7g}") for each in values]


def _reduced(values: NDArray[Any]) -> tuple[NDArray[Any], list[slice], list[slice]]:
    """(n, h, w) maps with at most 56 cells a side, and which rows and columns went into each."""
    rows, columns = (_parts(side) for side in values.shape[1:])
    if max(values.shape[1:]) <= LARGEST_SIDE:
        return values, rows, columns
    starts = [[part.start for part in each] for each in (rows, columns)]

    def most(way: np.ufunc) -> NDArray[Any]:
        down = way.reduceat(values, starts[0], axis=1)
        found: NDArray[Any] = way.reduceat(down, starts[1], axis=2)
        return found

    high, low = most(np.maximum), most(np.minimum)
    return np.where(high >= -low, high, low), rows, columns


def _parts(side: int) -> list[slice]:
    count = min(side, LARGEST_SIDE)
    return [slice(side * part // count, side * (part + 1) // count) for part in range(count)]


def _shown(listed: Sequence[Tops], order: Sequence[int], most: int) -> list[int]:
    """The units whose pictures the page needs, those first that stand at most cells."""
    units, counts = np.unique(np.concatenate([tops.units.ravel() for tops in listed]), return_counts=True)
    by_count = units[np.argsort(-counts, kind="stable")].tolist()
    return list(dict.fromkeys([*by_count, *order[:16]]))[:most]


def _pictures(look: Look, one: LayerLook, units: Sequence[int]) -> dict[str, Any] | None:
    """The pictures of units on one sheet."""
    name = one.layer.name
    dictionary = look.dictionary
    made = {} if dictionary is None else dictionary.thumbnails([(name, unit) for unit in units], PICTURE_PX)
    if not made:
        return None
    columns = min(SHEET_COLUMNS, len(made))
    rows = -(-len(made) // columns)
    sheet = Image.new("RGB", (columns * PICTURE_PX, rows * PICTURE_PX), "#e9e6de")
    places: dict[int, int] = {}
    for place, ((_, unit), image) in enumerate(made.items()):
        row, column = divmod(place, columns)
        sheet.paste(image, (column * PICTURE_PX, row * PICTURE_PX))
        places[unit] = place
    return {
        "sheet": data_uri(_jpeg(sheet, 78)),
        "columns": columns,
        "rows": rows,
        "places": places,
        "kinds": {unit: one.entries[unit].what for unit in places},
    }


def _link(look: Look, one: LayerLook, unit: int, site: str) -> str | None:
    page = None if look.dictionary is None else look.dictionary.page(one.layer.name, unit)
    return None if page is None else f"{site.removesuffix(HOME).rstrip('/')}/{page}"


def _quick_png(image: Image.Image) -> Blob:
    """Numbers to be read back by a script: packed lightly, for there are many."""
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return Blob.of(file.getvalue())


def _jpeg(image: Image.Image, quality: int) -> Blob:
    file = io.BytesIO()
    image.convert("RGB").save(file, "JPEG", quality=quality, optimize=False)
    return Blob.of(file.getvalue(), "image/jpeg")
