# SPDX-License-Identifier: Apache-2.0
"""A small atlas with every sort of page, made of crops of scikit-image's photographs, and a browser for it."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from chromium import browser as browser
from PIL import Image

from pellucid.figures import Blob, Curve, Histogram, Item, Items, Map, Number, Picture, Table
from pellucid.records import Kind, Layer, Panel, Provenance, Record
from pellucid.store import AtlasWriter

FILTERS = Kind(
    "filters",
    "Filters",
    "unit",
    (
        Panel(
            "Filter",
            "The weights, as colors of the input: look for edges, bars and blobs. Each is shown on a scale of "
            "its own, so a faint filter looks as strong as a loud one.",
            ("filter",),
        ),
    ),
    "filter",
)
VERDICT = Kind("verdict", "Verdict", "layer", (Panel("Verdict", "Of the layer as a whole.", ("untrained",)),))
OPTIMUM = Kind(
    "optimum",
    "Optimum",
    "unit",
    (
        Panel(
            "Optimized input",
            "Look for the texture or part that repeats, and compare it with the examples. It is one answer "
            "of many, and it lies outside the data: never believe it alone.",
            (
                "positive",
                "activation_positive",
                "negative",
                "activation_negative",
                "negative_note",
                "diagnosis",
            ),
        ),
    ),
    "positive",
    ("activation_positive", "activation_negative"),
)
EXAMPLES = Kind(
    "examples",
    "Examples",
    "unit",
    (
        Panel("Strongest items", "Name what the nine share; the box is all that the unit can see.", ("max",)),
        Panel(
            "Weakest items", "What the unit is held down by; often not the opposite of its best.", ("min",)
        ),
        Panel(
            "Statistics",
            "Over all positions of all items.",
            ("mean", "sd", "zeros", "dead", "responses", "climb"),
        ),
        Panel("More", "What other kinds may bring.", ("where", "classes", "unheard_of")),
    ),
    None,
    ("mean", "sd", "zeros", "dead"),
)
NOTE = "rectified: it has no negative side"


class Photographs:
    """Crops and previews of photographs, the same on every run."""

    def __init__(self, seed: int = 0) -> None:
        self._random = np.random.default_rng(seed)
        names = ("astronaut", "chelsea", "coffee", "rocket")
        self.whole = {name: np.asarray(getattr(skimage.data, name)()) for name in names}
        self.previews = {name: self._preview(pixels) for name, pixels in self.whole.items()}

    @staticmethod
    def _preview(pixels: np.ndarray) -> Blob:
        image, encoded = Image.fromarray(pixels), io.BytesIO()
        image.thumbnail((256, 256))
        image.save(encoded, "WEBP", quality=80)
        return Blob.of(encoded.getvalue(), "image/webp")

    def crop(self, side: int) -> np.ndarray:
        pixels = self.whole[str(self._random.choice(list(self.whole)))]
        y, x = (int(self._random.integers(0, size - side)) for size in pixels.shape[:2])
        return pixels[y : y + side, x : x + side]

    def item(self, response: float, box_side: int | None, name: str = "") -> Item:
        photo = str(self._random.choice(list(self.whole)))
        height, width = self.whole[photo].shape[:2]
        box = None
        if box_side is not None:
            x, y = int(self._random.integers(0, width - 20)), int(self._random.integers(0, height - 20))
            box = (x, y, min(x + box_side, width), min(y + box_side, height))
        shown = name or f"{photo}/{int(self._random.integers(9999)):04d}.jpg"
        return Item(shown, response, (3, 5), box, width, height, self.previews[photo])


def provenance(layer: str, index: int, method: str) -> Provenance:
    return Provenance(
        "squeezenet1_0",
        "5f2e" * 16,
        method,
        {"steps": 256, "size": 96, "transforms": "lucid", "learning_rate": 0.05},
        0,
        {"pellucid": "0.1.0", "torch": "2.13.0"},
        f"{layer}:{index}",
    )


def optimum(photos: Photographs, layer: Layer, index: int, side: int) -> Record:
    figures: dict = {}
    dead = index == 3
    if dead:
        figures["positive_note"] = Number("dead: nothing the climb tried changed this unit", "no picture")
        figures["diagnosis"] = Number("dead: nothing the climb tried changed this unit", "diagnosis")
    else:
        alt = f"Input that excites {layer.name}:{index} most"
        figures["positive"] = Picture.of(photos.crop(side), {"unit": f"{layer.name}:{index}"}, alt=alt)
        figures["activation_positive"] = Number(100 / (index + 1) + 3.21, "activation")
        figures["diagnosis"] = Number(None, "diagnosis")
    if layer.rectified or dead:
        figures["negative_note"] = Number(NOTE if layer.rectified else "dead", "no picture")
    else:
        alt = f"Input that excites {layer.name}:{index} least"
        figures["negative"] = Picture.of(photos.crop(side), {"unit": f"{layer.name}:{index}"}, alt=alt)
        figures["activation_negative"] = Number(-42.5 - index, "activation")
    return Record("optimum", layer.name, index, figures, provenance(layer.name, index, "optimum"))


def examples(photos: Photographs, layer: Layer, index: int, name: str) -> Record:
    side = layer.receptive_field[0] if layer.receptive_field else None
    top = tuple(photos.item(90.0 - 3 * rank - index, side, name if rank == 4 else "") for rank in range(9))
    figures: dict = {"max": Items(top)}
    if not layer.rectified:
        figures["min"] = Items(tuple(photos.item(-70.0 + 3 * rank, side) for rank in range(9)))
    shares = np.exp(-(np.linspace(-2.2, 3, 24) ** 2))
    figures |= {
        "mean": Number(1.5 * index - 2.25, "mean response"),
        "sd": Number(3.0 + index, "standard deviation"),
        "zeros": Number(12.5 * (index % 3), "zeros", "%"),
        "dead": Number(index == 3, "dead: never changes on this data"),
        "responses": Histogram(
            tuple(np.linspace(-30.0, 60.0, 25).tolist()),
            tuple(int(2000 * share) for share in shares),
            "response",
            (("optimum", 55.0),),
        ),
        "climb": Curve(tuple(range(40)), tuple(50 * (1 - 0.9**x) for x in range(40)), "step", "activation"),
    }
    if index == 0:
        figures["where"] = Map(((-1.0, 0.5), (2.0, 0.0)), "response")
        figures["classes"] = Table(("class", "mean peak"), ((name or "tabby", 12.5), ("coffee mug", 3.0)))
    return Record("examples", layer.name, index, figures, provenance(layer.name, index, "examples"))


def write_atlas(
    path: Path, *, units: int = 8, side: int = 40, names: Sequence[str] = (), card: dict | None = None
) -> Path:
    """An atlas of a net of six layers, four of them surveyed. `names` take turns as layer, item and label names."""

    def name(place: int, otherwise: str) -> str:
        return names[place % len(names)] + f" {place}" * (place >= len(names)) if names else otherwise

    first, middle, pool = name(0, "features.0"), name(1, "features.3.squeeze"), name(3, "features.2")
    layers = [
        Layer(first, "Conv2d", (55, 55), units, (7, 7), (2, 2), False),
        Layer(name(2, "features.1"), "ReLU", (55, 55), units, (7, 7), (2, 2), True, (first,)),
        Layer(pool, "MaxPool2d", (27, 27), units, (11, 11), (4, 4), True, (first,)),
        Layer(middle, "Conv2d", (27, 27), units, (59, 59), (16, 16), False),
        Layer(
            name(4, "features.3"),
            "Fire",
            (27, 27),
            units,
            (59, 59),
            (16, 16),
            True,
            (middle, pool),
        ),
        Layer("logits", "Linear", (), units, None, None, False),
    ]
    photos = Photographs()
    records: list[Record] = [
        Record("verdict", first, None, {"untrained": Number(1, "filters that look untrained")})
    ]
    for layer in (layers[0], layers[3], layers[4], layers[5]):
        for index in range(units):
            if layer is layers[0]:
                weights = photos.crop(7)
                picture = Picture.of(weights, {}, alt=f"Filter {index} of {first}", pixelated=True)
                records.append(
                    Record("filters", first, index, {"filter": picture}, provenance(first, index, "filters"))
                )
            records.append(optimum(photos, layer, index, side))
            if not (layer is layers[3] and index == units - 1):
                records.append(examples(photos, layer, index, name(5 + index, "")))
    labels = [
        name(6 + index, ("tabby", "coffee mug", "space suit", "Persian cat")[index % 4])
        for index in range(units)
    ]
    with AtlasWriter.open(path) as writer:
        writer.put_card(card if card is not None else standard_card(labels))
        data = {
            "name": "photographs",
            "items": 250,
            "digest": "c0ffee" * 8,
            "credits": ["NASA (public domain)", "Stéfan"],
        }
        passes = [{"number": 0, "kind": "optimum", "units": [], "settings": {"steps": 256, "size": 96}}]
        writer.put_plan({"net": "5f2e" * 16, "data": data, "passes": passes})
        writer.put_layers(layers)
        writer.put_kinds([FILTERS, VERDICT, OPTIMUM, EXAMPLES])
        writer.put_items([f"photo/{row:04d}.jpg" for row in range(250)])
        writer.commit_job("all", records, skipped=[(17, "the file ends early")])
    return path


def standard_card(labels: Sequence[str]) -> dict:
    return {
        "name": "squeezenet1_0",
        "weights_digest": "5f2e" * 16,
        "input": {
            "kind": "image",
            "shape": [3, 224, 224],
            "mean": [0.485, 0.456, 0.406],
            "std": [0.229, 0.224, 0.225],
            "value_range": "0..1",
            "order": "rgb",
            "recipe": {"size": [224, 224], "resize": 256, "interpolation": "bilinear", "channels": 3},
        },
        "labels": list(labels),
        "notes": ["the prefix module. was stripped from 52 names of the weights"],
        "versions": {"pellucid": "0.1.0", "torch": "2.13.0", "python": "3.11.7"},
    }


@pytest.fixture(scope="session")
def atlas_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_atlas(tmp_path_factory.mktemp("atlas") / "small.atlas")


@pytest.fixture(scope="session")
def make_atlas() -> Callable[..., Path]:
    return write_atlas
