# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.errors import InputError, NotAnAtlas
from pellucid.figures import Blob, Curve, Histogram, Item, Items, Map, Number, Picture, Table
from pellucid.records import Provenance, Record
from pellucid.store import AtlasWriter
from pellucid.store.record_json import json_text, json_value, record_from_text, record_text

text = st.text(st.characters(codec="utf-8"), max_size=12)  # any Unicode, NUL and line ends too
finite = st.floats(allow_nan=False, allow_infinity=False)
whole = st.integers(-(2**63), 2**63 - 1)
json = st.recursive(
    st.none() | st.booleans() | st.integers() | finite | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
cell = st.none() | st.booleans() | whole | finite | text
blobs = st.builds(Blob.of, st.binary(max_size=40))
items = st.builds(
    Item,
    text,
    finite,
    st.tuples(whole, whole),
    st.none() | st.tuples(whole, whole, whole, whole),
    whole,
    whole,
    blobs,
)


def several(inner):
    return st.lists(inner, max_size=4).map(tuple)


figures = st.one_of(
    st.builds(Number, cell, text, text),
    st.builds(Picture, blobs, whole, whole, text, st.booleans()),
    st.builds(Curve, several(finite), several(finite), text, text),
    st.builds(Histogram, several(finite), several(whole), text, several(st.tuples(text, finite))),
    st.builds(Items, several(items)),
    st.builds(Table, several(text), several(several(cell))),
    st.builds(Map, several(several(finite)), text),
)
sources = st.builds(
    Provenance, text, text, text, st.dictionaries(text, json, max_size=3), st.none() | whole,
    st.dictionaries(text, text, max_size=3), st.none() | text,
)  # fmt: skip
records = st.builds(
    Record,
    st.just("optimum"),
    st.just("conv1"),
    st.integers(0, 2**63 - 1),
    st.dictionaries(text, figures, max_size=3),
    st.none() | sources,
)


@given(records)
def test_a_record_survives_the_text(record):
    found = record_from_text(record.kind, record.layer, record.index, record_text(record))
    assert found == record
    assert found.provenance == record.provenance
    assert record_text(found) == record_text(record)


@given(st.lists(records, max_size=4, unique_by=lambda record: record.index), st.sets(text, max_size=4))
@settings(max_examples=12, deadline=None)
def test_records_and_names_survive_the_atlas(tmp_path_factory, made, names):
    import toy_atlas

    with AtlasWriter.open(tmp_path_factory.mktemp("round") / "toy.atlas") as writer:
        toy_atlas.prepare(writer)
        writer.put_items(sorted(names))
        writer.skip([(row, name) for row, name in enumerate(sorted(names))])
        writer.commit_job("all", made)
        assert list(writer.records()) == sorted(made, key=lambda record: record.index)
        for record in made:
            found = writer.record("optimum", "conv1", record.index)
            assert (found, found.provenance) == (record, record.provenance)
            for blob in (blob for figure in record.figures.values() for blob in figure.blobs()):
                assert writer.blob(blob.hash).data == blob.data
        assert writer.skipped() == [(name, name) for name in sorted(names)]
        assert writer.verify() == []


def test_what_is_no_json_is_refused_by_name():
    for value in (float("nan"), float("inf"), {1, 2}, "\ud800", 10**5000):
        with pytest.raises(InputError, match=r"^the card cannot be kept as JSON"):
            json_text({"x": value}, "the card")


@pytest.mark.parametrize(
    "text", ["", "{", "NaN", "[1, 2]", '{"a":1,"a":2}', "1e999", r'"\ud800"', r'"\u0041"', "[" * 99_999]
)
def test_only_canonical_json_is_read(text):
    with pytest.raises(NotAnAtlas, match="the card is damaged"):
        json_value(text, "the card")
