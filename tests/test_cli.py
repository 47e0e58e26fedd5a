# SPDX-License-Identifier: Apache-2.0
"""The command line as a user meets it: documents, one clear line for every failure, and the exit codes of the contract."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pellucid.cli import run
from pellucid.cli.command import _stopped

SUPPORT = Path(__file__).parent / "support"


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        return json.loads(self.out)

    def refused(self, code: int, *words: str) -> None:
        """Raise unless the command ended with `code` and one line on standard error that has all `words`."""
        lines = self.err.strip().splitlines()
        assert self.code == code, (self.code, self.err)
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        for word in words:
            assert word in lines[0], (word, lines[0])


@pytest.fixture
def pellucid(capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    def call(*arguments: object) -> Answer:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return Answer(code, printed.out, printed.err)

    return call


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve small pictures and one broken one."""
    home = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for number in range(12):
        pixels = rng.integers(0, 256, (96, 96, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(home / f"{number:02}.png")
    (home / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    return home


@pytest.fixture(scope="session")
def atlas(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("atlas") / "small.atlas"
    code = run(
        [
            "survey",
            "demo",
            str(photos),
            "conv2:0-3",
            "-o",
            str(path),
            "--steps",
            "4",
            "--size",
            "64",
            "--quiet",
        ]
    )
    assert code == 0
    return path


def test_a_model_that_prints_does_not_print_into_the_document(
    pellucid: Callable[..., Answer], photos: Path, tmp_path: Path
) -> None:
    code = (
        "import torch\n\nclass Noisy(torch.nn.Conv2d):\n    def forward(self, x):\n        print('hello')\n"
    )
    code += "        return super().forward(x)\n\ndef build():\n    return Noisy(3, 4, 3)\n"
    (tmp_path / "noisy.py").write_text(code)
    model = (f"{tmp_path / 'noisy.py'}:build", "--input", "3x32x32")
    assert pellucid("layers", *model, "--json").document["layers"]
    answer = pellucid("examples", model[0], photos, "logits:0", *model[1:], "--json", "-o", tmp_path / "e")
    assert answer.document["items"] == 13
    assert "hello" in answer.err


def test_layers_document_has_the_keys_of_the_contract(pellucid: Callable[..., Answer]) -> None:
    document = pellucid("layers", "demo", "--json").document
    assert {"model", "weights_digest", "input", "layers"} <= set(document)
    wanted = {"name", "kind", "grid", "units", "receptive_field", "stride", "rectified", "fed_by"}
    assert all(wanted <= set(layer) for layer in document["layers"])
    assert document["layers"][-1]["name"] == "logits"


def test_options_stand_before_or_after(pellucid: Callable[..., Answer]) -> None:
    assert pellucid("--json", "layers", "demo").document == pellucid("layers", "--json", "demo").document


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "pellucid", "layers", "--version"], capture_output=True, text=True, timeout=60
    )
    assert answer.returncode == 0
    assert answer.stdout.startswith("pellucid 0.")


def test_help_is_fast_and_does_not_import_torch() -> None:
    code = "import sys, pellucid.cli as c; c.run(['--help']); assert 'torch' not in sys.modules"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert answer.returncode == 0, answer.stderr
    for name in (
        "demo",
        "layers",
        "filters",
        "optimize",
        "examples",
        "survey",
        "export",
        "serve",
        "store",
        "show",
        "doctor",
    ):
        assert name in answer.stdout


def test_filters_writes_a_sheet(pellucid: Callable[..., Answer], tmp_path: Path) -> None:
    document = pellucid("filters", "demo", "-o", tmp_path / "f.png", "--json").document
    assert document["layer"] == "conv1"
    assert len(document["filters"]) > 8
    with Image.open(document["picture"]) as sheet:
        assert sheet.width > 200


def test_optimize_with_everything_asked(pellucid: Callable[..., Answer], tmp_path: Path) -> None:
    answer = pellucid(
        *("optimize", "demo", "conv2:3@center", "-o", tmp_path, "--json", "--sign", "+", "--steps", 4),
        *("--transforms", "auto", "--copies", 2, "--regularize", "tv=0.01,l2=0.1", "--optimizer", "nadam"),
        *("--learning-rate", 0.1, "--stop", "flat", "--snapshots", "0,2", "--pictures", 2, "--diversity", 10),
        *("--memory", "1GiB"),
    )
    rows = answer.document["units"]
    assert [(row["unit"], row["objective"]) for row in rows] == [("conv2:3@center", "neuron")] * 2
    assert all(row["bit_reproducible"] and Path(row["picture"]).is_file() for row in rows)
    assert len(list(tmp_path.glob("*-climb.png"))) == 2


def test_optimize_one_picture_of_a_layer(pellucid: Callable[..., Answer], tmp_path: Path) -> None:
    answer = pellucid(
        "optimize", "demo", "conv2", "-o", tmp_path, "--json", "--objective", "layer", "--steps", 4
    )
    [row] = answer.document["units"]
    assert (row["unit"], row["objective"], row["sign"]) == ("conv2", "layer", "+")
    assert Path(row["picture"]).name == "conv2-positive.png"


def test_optimize_takes_color_and_spectrum_of_data(pellucid: Callable[..., Answer], tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        Image.effect_noise((96, 96), 40).point(lambda value: value // 8).save(tmp_path / name)
    command = ("optimize", "demo", "conv2:0", "--sign", "+", "--steps", 2, "--canvas", "fourier", "--json")
    answer = pellucid(*command, "-o", tmp_path / "out", "--like", tmp_path)
    [row] = answer.document["units"]
    assert np.asarray(Image.open(row["picture"])).mean() < 40
    stamp = pellucid("show", row["picture"], "--json").document
    assert stamp["settings"]["statistics"]["items"] == 2


def test_optimize_says_once_why_a_rectified_layer_has_one_side(
    pellucid: Callable[..., Answer], tmp_path: Path
) -> None:
    for sign in ((), ("--sign", "both")):
        said = pellucid("optimize", "demo", "relu4:0,1", "--steps", 2, "-o", tmp_path, *sign).err
        assert said.count("relu4 ends in its own ReLU") == 1
        assert "conv4" in said
    for quiet in (("--sign", "+"), ("--quiet",)):
        said = pellucid("optimize", "demo", "relu4:0", "--steps", 2, "-o", tmp_path, *quiet).err
        assert "ends in its own ReLU" not in said


def test_optimize_document_and_pictures(pellucid: Callable[..., Answer], tmp_path: Path) -> None:
    answer = pellucid(
        "optimize", "demo", "conv2:0-1", "logits:brick", "-o", tmp_path, "--steps", 4, "--json", "--size", 64
    )
    units = answer.document["units"]
    assert [(row["unit"], row["sign"]) for row in units[:4]] == [
        ("conv2:0", "+"),
        ("conv2:0", "-"),
        ("conv2:1", "+"),
        ("conv2:1", "-"),
    ]
    wanted = {
        "unit",
        "objective",
        "sign",
        "picture",
        "activation",
        "initial",
        "steps",
        "seconds",
        "seed",
        "clipped",
        "diagnosis",
    }
    assert all(wanted <= set(row) for row in units)
    assert units[-1]["objective"] == "logit"
    stamp = pellucid("show", units[0]["picture"], "--json").document
    assert stamp["unit"] == "conv2:0"
    assert stamp["weights_digest"]


def test_tuning_document_and_sheets(pellucid: Callable[..., Answer], tmp_path: Path) -> None:
    asked = ("demo", "conv2:3-4", "-o", tmp_path / "out", "--families", "edge,grating,color", "--phases", "4")
    found = pellucid("tuning", *asked, "--json").document
    assert [row["unit"] for row in found["units"]] == ["conv2:3", "conv2:4"]
    assert set(found["units"][0]["families"]) == {"edge", "grating", "color"}
    curve = found["units"][0]["families"]["grating"]["curves"]["phase"]
    assert len(curve["responses"]) == len(curve["values"]) == 4
    assert Path(found["units"][1]["picture"]).is_file()
    assert (tmp_path / "out" / "sheet.png").is_file()
    said = pellucid("tuning", *asked)
    assert "conv2:4" in said.out
    assert "prefers" in said.out
    pellucid("tuning", "demo", "conv2:3", "-o", tmp_path, "--families", "edgy").refused(2, "edge")


def test_examples_document(pellucid: Callable[..., Answer], photos: Path, tmp_path: Path) -> None:
    document = pellucid("examples", "demo", photos, "conv2:0-1", "-o", tmp_path, "--json").document
    assert document["items"] == 13
    assert [row["item"] for row in document["skipped"]] == ["broken.jpg"]
    bands = document["units"][0]["bands"]
    assert list(bands) == ["max", "slightly_positive", "near_zero", "slightly_negative", "min"]
    assert len(bands["max"]) == 9
    assert {"item", "response", "position", "box"} <= set(bands["max"][0])
    responses = [entry["response"] for entry in bands["max"]]
    assert responses == sorted(responses, reverse=True)


def test_survey_resumes_to_the_same_digest(
    pellucid: Callable[..., Answer], atlas: Path, photos: Path
) -> None:
    before = pellucid("store", "digest", atlas).out.strip()
    arguments = ("survey", "demo", photos, "conv2:0-3", "-o", atlas, "--steps", 4, "--size", 64, "--json")
    document = pellucid(*arguments).document
    assert document["digest"] == before
    assert document["done"] == 0
    assert document["resumed"] > 0
    assert document["skipped"] == [{"item": "broken.jpg", "reason": document["skipped"][0]["reason"]}]


def test_survey_plan_does_nothing(pellucid: Callable[..., Answer], photos: Path, tmp_path: Path) -> None:
    answer = pellucid(
        "survey", "demo", photos, "conv2:0-3", "-o", tmp_path / "p.atlas", "--plan", "--steps", 4
    )
    assert answer.code == 0
    assert "4" in answer.out
    assert not (tmp_path / "p.atlas").exists()


def test_strict_says_that_an_item_was_skipped(
    pellucid: Callable[..., Answer], photos: Path, tmp_path: Path
) -> None:
    answer = pellucid("examples", "demo", photos, "conv2:0", "-o", tmp_path, "--strict", "--json")
    assert answer.code == 4
    assert answer.document["items"] == 13


def test_export_and_verify(pellucid: Callable[..., Answer], atlas: Path, tmp_path: Path) -> None:
    assert pellucid("export", atlas, "-o", tmp_path / "site").code == 0
    assert (tmp_path / "site" / "index.html").is_file()
    assert pellucid("export", atlas, "-o", tmp_path / "site", "--verify").code == 0
    (tmp_path / "site" / "index.html").write_text("x")
    answer = pellucid("export", atlas, "-o", tmp_path / "site", "--verify")
    assert (answer.code, answer.out) == (74, "")
    assert "index.html has changed; export again" in answer.err


def test_a_place_that_cannot_take_the_result_is_told_before_the_work(
    pellucid: Callable[..., Answer], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    for arguments in (("optimize", "demo", "conv1:0"), ("examples", "demo", "demo", "conv1:0")):
        answer = pellucid(*arguments, "-o", tmp_path / "file")
        assert (answer.code, answer.out) == (2, "")
        assert "is a file; name a folder" in answer.err
    answer = pellucid("filters", "demo", "-o", tmp_path)
    assert (answer.code, "is a folder; name a file" in answer.err) == (2, True)
    answer = pellucid("filters", "demo", "-o", tmp_path / "a.bmp")
    assert (answer.code, ".png and .svg can be written" in answer.err) == (2, True)
    answer = pellucid("show", tmp_path / "file")
    assert (answer.code, "is no PNG" in answer.err) == (2, True)


def test_no_command_shows_the_help(pellucid: Callable[..., Answer]) -> None:
    answer = pellucid()
    assert (answer.code, answer.err) == (0, "")
    assert "survey" in answer.out


# Bad input: one clear line and the exit code of the contract, each.


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("layers", "torchvision/resnet81"), ("resnet18",)),
        (("layers", "nothing-of-this-name"), ("nothing-of-this-name", "torchvision/")),
        (("layers", "torchvision/resnet18"), ("--weights",)),
        (("layers", "demo", "--device", "gpu"), ("gpu", "cpu")),
        (("optimize", "demo", "conv22:0", "-o", "x"), ("conv22", "conv2")),
        (("optimize", "demo", "conv2:4000", "-o", "x"), ("4000", "0 to")),
        (("optimize", "demo", "conv2:9-3", "-o", "x"), ("9-3",)),
        (("optimize", "demo", "logits:unicorn", "-o", "x"), ("unicorn",)),
        (("optimize", "demo", "conv2:0", "-o", "x", "--transforms", "lucidd"), ("lucidd", "lucid")),
        (("optimize", "demo", "conv2:0", "-o", "x", "--canvas", "oil"), ("oil", "fourier")),
        (("optimize", "demo", "conv2:0", "-o", "x", "--sign", "up"), ("up", "both")),
        (("optimize", "demo", "conv2:0", "-o", "x", "--objective", "layer"), ("conv2:0", "write conv2")),
        (("optimize", "demo", "conv2:0@99,0", "-o", "x"), ("99,0", "grid")),
        (("optimize", "demo", "conv2:0", "-o", "x", "--size", "90000"), ("90000x90000", "--memory")),
        (("optimize", "demo", "conv2:0", "-o", "x", "--regularize", "tw=1"), ("tw", "tv")),
        (("optimize", "demo", "conv2:0", "-o", "x", "--memory", "much"), ("much", "4GiB")),
        (("optimize", "demo", "conv2:0", "-o", "x", "--steps", "0"), ("0",)),
        (("optimize", "demo", "conv2:0", "-o", "x", "--steps", "many"), ("--steps",)),
        (("optimize", "demo", "-o", "x"), ("units",)),
        (("survey", "demo", "demo", "-o", "x.atlas", "--evidence", "filtres"), ("filtres", "filters")),
        (("survey", "demo", "demo", "-o", "x.atlas", "--memory", "much"), ("much",)),
        (("paint", "demo"), ("paint",)),
        (("layers", "demo", "--colour"), ("--colour",)),
        (("examples", "demo", "no-such-folder", "conv2:0", "-o", "x"), ("no-such-folder",)),
        (("store", "digest", "missing.atlas"), ("missing.atlas",)),
        (("show", "missing.png"), ("missing.png",)),
    ],
    ids=lambda value: " ".join(value[:3]) if isinstance(value, tuple) else "",
)
def test_wrong_input_is_one_line_and_exit_2(
    pellucid: Callable[..., Answer],
    arguments: tuple[str, ...],
    words: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    pellucid(*arguments).refused(2, *words)
    assert list(tmp_path.iterdir()) == []  # nothing is left behind


def test_an_image_as_model(pellucid: Callable[..., Answer], photos: Path) -> None:
    pellucid("layers", photos / "00.png").refused(2, "00.png")


def test_an_empty_folder(pellucid: Callable[..., Answer], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    pellucid("examples", "demo", tmp_path / "empty", "conv2:0", "-o", tmp_path / "x").refused(2, "empty")


def test_only_broken_files(pellucid: Callable[..., Answer], tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_bytes(b"nothing")
    answer = pellucid("examples", "demo", tmp_path, "conv2:0", "-o", tmp_path / "x", "--quiet")
    answer.refused(2, "3")


def test_weights_that_do_not_fit(pellucid: Callable[..., Answer], tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    save_file({"other.weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    answer = pellucid(
        "layers", "torchvision/squeezenet1_0", "--weights", tmp_path / "other.safetensors", "--quiet"
    )
    answer.refused(2, "other.weight", "52")


class Payload:
    """Pickled, it would create a file when it is loaded."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.marker,)


def test_a_checkpoint_that_runs_code_is_refused(pellucid: Callable[..., Answer], tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    (tmp_path / "evil.pt").write_bytes(pickle.dumps(Payload(marker)))
    pellucid("layers", "torchvision/squeezenet1_0", "--weights", tmp_path / "evil.pt").refused(3, "evil.pt")
    assert not marker.exists()


def test_an_atlas_of_a_newer_version(pellucid: Callable[..., Answer], atlas: Path, tmp_path: Path) -> None:
    newer = tmp_path / "newer.atlas"
    shutil.copy(atlas, newer)
    with sqlite3.connect(newer) as base:
        base.execute("pragma user_version = 999")
    base.close()
    pellucid("store", "digest", newer).refused(2, "999")


def test_a_picture_is_no_atlas(pellucid: Callable[..., Answer], photos: Path, tmp_path: Path) -> None:
    pellucid("export", photos / "00.png", "-o", tmp_path / "site").refused(2, "00.png")


def test_an_atlas_of_another_network(
    pellucid: Callable[..., Answer], atlas: Path, photos: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.atlas"
    shutil.copy(atlas, copy)
    model = ("torchvision/squeezenet1_0", "--weights", "random")
    pellucid("survey", *model, photos, "features.0:0", "-o", copy, "--steps", 2, "--quiet").refused(
        2, "another network"
    )


def test_other_settings_are_refused(pellucid: Callable[..., Answer], atlas: Path, photos: Path) -> None:
    arguments = ("survey", "demo", photos, "conv2:0-3", "-o", atlas, "--steps", 5, "--size", 64, "--quiet")
    pellucid(*arguments).refused(2, "steps 4")


def test_a_second_writer(pellucid: Callable[..., Answer], atlas: Path, photos: Path) -> None:
    from pellucid.store import AtlasWriter

    with AtlasWriter.open(atlas):
        code = "import sys; from pellucid.cli import run; sys.exit(run(sys.argv[1:]))"
        command = [
            sys.executable,
            "-c",
            code,
            "survey",
            "demo",
            photos,
            "conv2:0-3",
            "-o",
            atlas,
            "--steps",
            "4",
            "--size",
            "64",
            "-q",
        ]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert answer.returncode == 73, answer.stderr
    assert str(os.getpid()) in answer.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk(
    pellucid: Callable[..., Answer], photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = (
        "import resource, signal, sys; from pellucid.cli import run\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "import pellucid.evidence.optimum, pellucid.survey\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "sys.exit(run(sys.argv[1:]))"
    )
    command = [
        sys.executable,
        "-c",
        script,
        "survey",
        "demo",
        photos,
        "conv2",
        "-o",
        tmp_path / "a.atlas",
        "--steps",
        "2",
        "-q",
    ]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert answer.returncode in (74, 75), answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_survey_says_how_to_go_on_and_does(
    number: int, code: int, photos: Path, tmp_path: Path
) -> None:
    path = tmp_path / "stopped.atlas"
    command = [
        sys.executable,
        "-m",
        "pellucid",
        "survey",
        "demo",
        photos,
        "conv2",
        "-o",
        path,
        "--steps",
        "30",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(number)
    asked = time.monotonic()
    _, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert time.monotonic() - asked < 10
    assert "Traceback" not in err
    assert "goes on" in err.strip().splitlines()[-1]
    assert sqlite3.connect(path).execute("pragma integrity_check").fetchone() == ("ok",)


def test_examples_and_surveys_take_batch_and_per_class(
    pellucid: Callable[..., Answer], photos: Path, tmp_path: Path
) -> None:
    for name, first in (("one", 0), ("other", 3)):
        (tmp_path / "data" / name).mkdir(parents=True)
        for place in sorted(photos.glob("*.png"))[first : first + 3]:
            shutil.copy(place, tmp_path / "data" / name)
    options = ("--batch", 4, "--per-class", "--json")
    answer = pellucid("examples", "demo", tmp_path / "data", "conv2:0", "-o", tmp_path / "out", *options)
    assert [row["class"] for row in answer.document["units"][0]["classes"]["best"]] == ["one", "other"]
    atlas = tmp_path / "a.atlas"
    survey = ("survey", "demo", tmp_path / "data", "conv2:0", "--evidence", "examples", "-o", atlas)
    document = pellucid(*survey, *options).document
    assert document["plan"]["passes"][0]["settings"] == {"batch": 4, "per_class": True}
    assert (document["units"], document["done"], document["resumed"]) == (1, 1, 0)
    assert (document["jobs"], document["jobs_done"], document["jobs_resumed"]) == (1, 1, 0)
    refused = pellucid("examples", "demo", photos, "conv2:0", "-o", tmp_path / "out", "--per-class")
    assert refused.code == 2
    assert "has no classes" in refused.err


def test_a_quiet_command_skips_in_silence_and_counts_what_it_used(
    pellucid: Callable[..., Answer], photos: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for place in sorted(photos.glob("*.png"))[:4]:
        shutil.copy(place, data)
    (data / "zz.png").write_bytes(b"broken")
    loud = pellucid("examples", "demo", data, "conv2:0", "-o", tmp_path / "a")
    assert "skipped zz.png" in loud.err
    assert loud.out.startswith("1 unit over 4 of 5 items: ")
    quiet = pellucid("examples", "demo", data, "conv2:0", "-o", tmp_path / "b", "--quiet")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")
    survey = ("survey", "demo", data, "conv2:0", "--evidence", "examples", "-o", tmp_path / "a.atlas")
    assert pellucid(*survey, "--quiet").err == ""


def test_small_mistakes_are_told_by_name(pellucid: Callable[..., Answer], tmp_path: Path) -> None:
    text = tmp_path / "words.txt"
    text.write_text("no picture")
    pellucid("respond", text, "--kernel", "laplacian", "-o", tmp_path / "r.png").refused(
        2, "words.txt: not a JPEG"
    )
    pellucid("show", tmp_path).refused(2, "is a folder; name one picture in it")


def test_what_is_said_of_an_interruption_is_true_of_each_command() -> None:
    assert _stopped("serve") == "serve was stopped"
    assert _stopped("filters") == "filters was interrupted; run it again"
    assert _stopped("survey").endswith("what is finished is kept, the same command goes on from there")
