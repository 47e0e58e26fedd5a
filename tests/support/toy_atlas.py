# SPDX-License-Identifier: Apache-2.0
"""A small atlas that needs no network: 400 jobs whose records follow from their number alone.

As a program it writes that atlas, or goes on writing it, and prints each job that is on the disk:

    python -m toy_atlas FILE [JOBS]
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path

from pellucid.errors import PellucidError
from pellucid.figures import Blob, Curve, Histogram, Item, Items, Map, Number, Picture, Table
from pellucid.records import Kind, Layer, Panel, Provenance, Record
from pellucid.store import AtlasWriter

LAYERS = [
    Layer("conv1", "Conv2d", (27, 27), 100, (3, 3), (2, 2), False),
    Layer("relu1", "ReLU", (27, 27), 100, (3, 3), (2, 2), True, ("conv1",)),
    Layer("logits", "Linear", (), 100, None, None, False),
]
KINDS = [
    Kind("filters", "Filters", "layer", (Panel("Filters", "Look for edges.", ("sheet",)),)),
    Kind(
        "optimum",
        "Optimum",
        "unit",
        (Panel("Optimum", "Not real.", ("positive",)),),
        "positive",
        ("activation",),
    ),
    Kind("examples", "Examples", "unit", (Panel("Most", "Nine of many.", ("max",)),)),
]
ITEMS = [f"photos/{n:02d} ü.jpg" for n in range(30)]
CARD = {"name": "toy", "weights_digest": "0" * 64, "labels": None}
PLAN = {"seed": 0, "passes": [{"kind": "optimum", "units": [0, 99]}]}


def picture(number: int) -> Picture:
    """Some bytes, different for each number, that call themselves a picture."""
    data = random.Random(number).randbytes(200 + number % 3000)
    return Picture(Blob.of(data), 8, 8, f"noise {number}", pixelated=True)


def item(number: int) -> Item:
    """One of the items, with a preview that many records share."""
    return Item(ITEMS[number], number / 7, (1, 2), (0, 0, 5, 6), 40, 30, picture(number).blob)


def record(kind: str, layer: str, index: int | None) -> Record:
    """The one record of that kind about that unit."""
    n = 0 if index is None else index + 1
    provenance = Provenance(
        "toy", "0" * 64, kind, {"steps": 8, "rate": 0.05}, n, {"toy": "1"}, f"{layer}:{index}"
    )
    if kind == "filters":
        return Record(
            kind, layer, index, {"sheet": picture(9_000), "table": Table(("a", "b"), (("x", 1.5), (None, 2)))}
        )
    if kind == "optimum":
        figures = {
            "positive": picture(1_000 + n * 3 + len(layer)),
            "activation": Number(n / 3, "activation"),
            "diagnosis": Number(None if n % 2 else "dead", "diagnosis"),
            "history": Curve((0.0, 1.0), (0.5, n / 9), "step", "activation"),
        }
        return Record(kind, layer, index, figures, provenance)
    shown = Items(tuple(item((n + k) % len(ITEMS)) for k in range(3)))
    counts = Histogram((0.0, 0.5, 1.0), (n, 2), "response", (("optimum", 0.75),))
    return Record(
        kind, layer, index, {"max": shown, "spread": counts, "map": Map(((0.5, n / 2),), "r")}, provenance
    )


def jobs(count: int = 400) -> Iterator[tuple[str, list[Record]]]:
    """The jobs in the order in which they are run."""
    yield "filters/conv1", [record("filters", "conv1", None)]
    for number in range(count - 1):
        kind = ("optimum", "examples")[number % 2]
        layer, index = LAYERS[number // 2 % 3].name, number // 6
        yield f"{kind}/{layer}/{index}", [record(kind, layer, index)]


def prepare(writer: AtlasWriter) -> None:
    """Everything that comes before the first job."""
    writer.put_card(CARD)
    writer.put_layers(LAYERS)
    writer.put_kinds(KINDS)
    writer.put_items(ITEMS)
    writer.skip([(7, "truncated JPEG")])
    writer.put_plan(PLAN)


def fill(writer: AtlasWriter, count: int = 400, say: bool = False) -> None:
    """Run every job that carries no mark."""
    prepare(writer)
    done = writer.done_jobs()
    for name, records in jobs(count):
        if name not in done:
            writer.save_state("work", name.encode() * 50)
            writer.commit_job(name, records)
            if say:
                print(name, flush=True)
    writer.drop_state("work")


def make(path: Path, count: int = 60) -> Path:
    """A finished atlas of that many jobs at `path`."""
    with AtlasWriter.open(path) as writer:
        fill(writer, count)
    return path


if __name__ == "__main__":
    try:
        with AtlasWriter.open(sys.argv[1]) as own:
            fill(own, int(sys.argv[2]) if len(sys.argv) > 2 else 400, say=True)
    except PellucidError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
