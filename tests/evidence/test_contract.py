# SPDX-License-Identifier: Apache-2.0
"""What every kind of evidence promises, over the whole table: complete records, the same again, the model untouched."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from nets import planted_net

import pellucid as pl
from pellucid.data import open_source
from pellucid.evidence import EVIDENCE, Given, evidence
from pellucid.figures import Blob
from pellucid.records import Record, Unit, canonical_json
from pellucid.scan import scan

ASKED = {"steps": 3, "seed": 5}


class Made:
    """Records as an atlas holds them."""

    def __init__(self, records: list[Record]) -> None:
        self._records = {(one.kind, one.layer, one.index): one for one in records}
        self._blobs = {blob.hash: blob for one in records for blob in blobs_in(one)}

    def record(self, kind: str, layer: str, index: int | None) -> Record | None:
        found = self._records.get((kind, layer, index))
        return None if found is None else Record.from_json(kind, layer, index, found.to_json())

    def blob(self, hash: str) -> Blob:
        return self._blobs[hash]


def blobs_in(record: Record) -> list[Blob]:
    return [blob for figure in record.figures.values() for blob in figure.blobs()]


def settings_of(kind: str, net: pl.Net) -> dict[str, object]:
    module = evidence(kind)
    return module.settings(net, ASKED if module.NEEDS == "ascent" else {})


def records_of(kind: str, net: pl.Net, photos: Path) -> list[Record]:
    module = evidence(kind)
    settings = settings_of(kind, net)
    units = module.units(net, [Unit("conv", index) for index in range(4)])
    source = open_source(photos)
    given = Given(
        scan(net, source, ["conv"]) if module.NEEDS == "scan" else None,
        source if module.NEEDS == "data" else None,
        Made([one for name in module.READS for one in records_of(name, net, photos)])
        if module.READS
        else None,
    )
    return [
        record
        for job in module.plan(net, units, settings)
        for record in module.run(net, job, settings, given)
    ]


def text_of(records: list[Record]) -> list[str]:
    return [canonical_json([record.layer, record.index, record.to_json()]) for record in records]


@pytest.mark.parametrize("kind", EVIDENCE)
def test_same_settings_same_records(kind: str, planted: pl.Net, planted_photos: Path) -> None:
    assert text_of(records_of(kind, planted, planted_photos)) == text_of(
        records_of(kind, planted, planted_photos)
    )


@pytest.mark.parametrize("kind", EVIDENCE)
def test_one_record_for_each_unit_with_all_it_declares(
    kind: str, planted: pl.Net, planted_photos: Path
) -> None:
    records = records_of(kind, planted, planted_photos)
    declared = evidence(kind).KIND
    assert declared.name == kind
    assert [record.index for record in records] == [0, 1, 2, 3]
    shown = {name for panel in declared.panels for name in panel.figures}
    for record in records:
        assert record.kind == kind
        assert set(record.figures) <= shown, "a figure that no panel shows"
        assert record.provenance is not None
        assert record.provenance.weights_digest == planted.weights_digest
        if declared.thumbnail is not None:
            assert declared.thumbnail in record.figures
        for name in declared.sortable:
            assert name in (
                record.figures if name != "selectivity" else shown
            )  # which takes data with classes
    for panel in declared.panels:
        assert panel.note.endswith(".")
        assert len(panel.note) > 60


@pytest.mark.parametrize("kind", EVIDENCE)
def test_a_record_survives_the_store(
    kind: str, planted: pl.Net, planted_photos: Path, tmp_path: Path
) -> None:
    from pellucid.store import Atlas, AtlasWriter

    records = records_of(kind, planted, planted_photos)
    with AtlasWriter.open(tmp_path / "a.atlas") as writer:
        writer.put_card(planted.card())
        writer.put_layers(planted.layers())
        writer.put_kinds([evidence(kind).KIND])
        writer.commit_job("job", records)
    with Atlas.open(tmp_path / "a.atlas") as atlas:
        assert text_of(list(atlas.records(kind=kind))) == text_of(records)
        assert atlas.kinds() == [evidence(kind).KIND]


@pytest.mark.parametrize("kind", EVIDENCE)
def test_the_model_is_left_as_it_was(kind: str, planted_photos: Path) -> None:
    module = planted_net().train()
    module.conv.weight.requires_grad_(True)
    net = pl.load(module, input=pl.ImageInput(32))
    before = {name: weight.clone() for name, weight in module.state_dict().items()}
    torch.manual_seed(3)
    state = torch.get_rng_state()
    records_of(kind, net, planted_photos)
    assert module.training
    assert module.conv.weight.requires_grad
    assert torch.equal(torch.get_rng_state(), state)
    assert all(not part._forward_hooks and not part._forward_pre_hooks for part in module.modules())
    assert all(torch.equal(before[name], weight) for name, weight in module.state_dict().items())


@pytest.mark.parametrize("kind", EVIDENCE)
def test_settings_are_json_and_jobs_cover_each_unit_once(kind: str, planted: pl.Net) -> None:
    module = evidence(kind)
    settings = settings_of(kind, planted)
    canonical_json(settings)
    units = module.units(planted, [Unit("conv", index) for index in range(4)])
    jobs = module.plan(planted, units, settings)
    covered = [Unit(job.layer, index) for job in jobs for index in job.indices]
    assert sorted(covered) == sorted(units)
    assert len({job.name for job in jobs}) == len(jobs)
