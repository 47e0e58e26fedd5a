# SPDX-License-Identifier: Apache-2.0
"""`load`: each form of MODEL, what is read from libraries, what is assumed aloud, what is refused."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
import urllib.error
import warnings
from pathlib import Path

import pytest
import torch
from nets import edge_picture, planted_net
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from pellucid.data.recipe import Recipe
from pellucid.errors import InputError, MissingExtra, PellucidError, RefusedFile, UnknownName
from pellucid.models import ImageInput, load, opened, tap


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    save_file(planted_net().state_dict(), tmp_path / "planted.safetensors")
    return tmp_path / "planted.safetensors"


# ---------------------------------------------------------------- a module


def test_a_module_as_it_is() -> None:
    module = planted_net()
    net = load(module, input=ImageInput(32), labels=("a", "b"))
    assert net.module is module
    assert (net.name, net.labels, net.notes) == ("Sequential", ("a", "b"), ())


def test_weights_without_values_are_told() -> None:
    with torch.device("meta"):
        empty = torch.nn.Conv2d(3, 4, 3)
    with pytest.raises(InputError, match=r"no values in 2 of its weights \(weight is on the meta device\)"):
        load(empty, input=ImageInput(32))


def test_lazy_layers_draw_the_same_weights_from_the_same_seed() -> None:
    def lazy() -> torch.nn.Module:
        return torch.nn.Sequential(torch.nn.LazyConv2d(4, 3), torch.nn.Flatten(), torch.nn.LazyLinear(2))

    first, again, other = (load(lazy(), input=ImageInput(16), seed=seed) for seed in (0, 0, 1))
    assert first.weights_digest == again.weights_digest != other.weights_digest
    assert not any("random numbers" in note for note in first.notes)
    module = lazy()
    load(module, input=ImageInput(16))
    assert torch.nn.parameter.is_lazy(module[0].weight)  # the user's own is not touched


def test_a_model_that_ends_the_program_is_told() -> None:
    class Leaves(torch.nn.Conv2d):
        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            raise SystemExit(0)

    with pytest.raises(InputError, match="SystemExit: 0"):
        load(Leaves(3, 4, 3), input=ImageInput(16))


@pytest.mark.parametrize("seed", [2**63, 10**30])
def test_a_seed_has_63_bits(seed: int) -> None:
    with pytest.raises(InputError, match="at most 63 bits"):
        load("demo", seed=seed)


def test_what_is_no_model_is_told() -> None:
    with pytest.raises(InputError, match=r"'int' is no model; give a torch\.nn\.Module"):
        load(3)  # type: ignore[arg-type]


def test_a_net_stays_itself_and_anything_else_is_loaded() -> None:
    net = load("demo")
    assert opened(net) is net
    assert opened("demo").weights_digest == net.weights_digest


def test_what_is_assumed_is_said() -> None:
    net = load(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(2 * 26 * 26, 3)))
    assert (net.input.channels, net.input.size) == (1, (28, 28))
    assert [note.split()[0] for note in net.notes] == ["ASSUMED", "ASSUMED:"]
    assert "1x28x28" in net.notes[1]
    assert load(planted_net()).input.size == (224, 224)
    assert len(load(planted_net(), input="3x32x32").notes) == 1
    assert load(planted_net(), input="3x32x32", normalize="imagenet").notes == ()


def test_nothing_that_runs_is_told_with_the_first_failure() -> None:
    with pytest.raises(InputError, match="does not run on an input of 3x224x224"):
        load(nn.Sequential(nn.Flatten(), nn.Linear(7, 3)))


def test_timm_modules_carry_their_input() -> None:
    timm = pytest.importorskip("timm")
    net = load(timm.create_model("test_vit"))
    assert (net.input.size, net.input.mean, net.notes) == ((160, 160), (0.5, 0.5, 0.5), ())


def test_a_module_that_must_change_is_copied(weights: Path) -> None:
    module = planted_net().half()
    net = load(module, input="3x32x32", normalize="none")
    assert module.conv.weight.dtype == torch.float16
    assert net.notes == ("the module holds float16; a copy of it computes in float32",)
    with tap(net, ["conv"]) as run:
        assert run(edge_picture()[None])["conv"].max() == 11.25
    blank = planted_net()
    nn.init.zeros_(blank.conv.weight)
    net = load(blank, weights=weights, input="3x32x32", normalize="none")
    assert blank.conv.weight.abs().max() == 0
    assert net.module.conv.weight.abs().max() > 0


def test_a_module_inside_a_wrapper_is_not_changed_either() -> None:
    module = nn.DataParallel(planted_net().double())
    net = load(module, input="3x32x32", normalize="none")
    assert module.module.conv.weight.dtype == torch.float64
    assert net.module.conv.weight.dtype == torch.float32


def test_flat_squares_are_gray() -> None:
    net = load(nn.Sequential(nn.Flatten(), nn.Linear(784, 5)))
    assert (net.input.channels, net.input.size) == (1, (28, 28))


def test_random_weights_where_there_are_none_to_draw() -> None:
    assert "RANDOM" in load("demo", weights="random").notes[0]
    assert load("demo", weights="random").weights_digest != load("demo").weights_digest
    with pytest.raises(InputError, match="Sequential brings its own weights"):
        load(planted_net(), weights="random")


def test_torchscript_modules_are_refused() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = torch.jit.trace(planted_net(), torch.rand(1, 3, 32, 32))
    with pytest.raises(InputError, match="TorchScript"):
        load(module)


# ---------------------------------------------------------------- libraries


def test_torchvision_says_the_input_and_the_labels() -> None:
    models = pytest.importorskip("torchvision.models")
    net = load("torchvision/squeezenet1_1", weights="random")
    assert net.name == "torchvision/squeezenet1_1"
    assert net.input == ImageInput(
        224,
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
        recipe=Recipe((224, 224), resize=256, interpolation="bilinear"),
    )
    assert net.labels == tuple(models.SqueezeNet1_1_Weights.DEFAULT.meta["categories"])
    assert net.notes == ("the weights of torchvision/squeezenet1_1 are RANDOM (seed 0): nothing was learned",)


def test_the_weights_chosen_choose_the_recipe() -> None:
    from pellucid.models.from_torchvision import torchvision_blueprint

    def resize(weights: str) -> int | None:
        image = torchvision_blueprint("resnet50", weights).input
        assert image is not None
        return image.recipe.resize

    assert resize("DEFAULT") == resize("IMAGENET1K_V2") == 232
    assert resize("IMAGENET1K_V1") == 256
    assert resize("/somewhere/resnet50-0676ba61.pth") == 256
    assert resize("/somewhere/mine.pth") == 232


def test_labels_of_another_number_of_outputs_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    from pellucid.models import origin

    monkeypatch.setattr(origin, "EMBEDDED", dataclasses.replace(origin.EMBEDDED, labels=("one", "two")))
    assert load("demo").labels is None


def test_segmentation_gives_its_map() -> None:
    pytest.importorskip("torchvision")
    net = load("torchvision/lraspp_mobilenet_v3_large", weights="random", input="3x64x64")
    assert (net.layer("logits").units, net.layer("logits").grid) == (21, (64, 64))
    assert net.labels is not None
    assert net.labels[0] == "__background__"


def test_timm_says_the_input_and_the_labels() -> None:
    pytest.importorskip("timm")
    net = load("timm/test_resnet", weights="random")
    assert net.input.recipe == Recipe((160, 160), resize=168, interpolation="bilinear")
    assert net.labels is not None
    assert net.labels[281] == "tabby, tabby cat"


def test_random_weights_follow_the_seed_and_leave_the_generator_alone() -> None:
    pytest.importorskip("torchvision")
    state = torch.get_rng_state()
    digests = [
        load("torchvision/squeezenet1_1", weights="random", seed=seed).weights_digest for seed in (0, 0, 1)
    ]
    assert digests[0] == digests[1] != digests[2]
    assert torch.equal(state, torch.get_rng_state())


def test_weights_are_asked_for() -> None:
    for model in ("torchvision/resnet18", "timm/resnet18"):
        with pytest.raises(InputError, match=r"add --weights FILE, --weights DEFAULT .* or --weights random"):
            load(model)


@pytest.mark.parametrize(
    ("model", "module"), [("torchvision/resnet18", "torchvision.models"), ("timm/resnet18", "timm")]
)
def test_a_missing_or_broken_library_is_told(
    model: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=r'pip install "pellucid\[models\]"'):
        load(model, weights="random")

    def broken(name: str) -> None:
        raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr("importlib.import_module", broken)
    with pytest.raises(InputError, match="torchvision made for this torch"):
        load(model, weights="random")


def test_offline_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("timm")

    def offline(*_: object, **__: object) -> None:
        raise urllib.error.URLError("no route")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr("urllib.request.urlopen", offline)
    for model in ("torchvision/squeezenet1_1", "timm/test_resnet"):
        with pytest.raises(InputError, match=r"could not be downloaded .*no route.*--weights FILE"):
            load(model, weights="DEFAULT")


def test_a_download_is_read_like_any_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torchvision's own loader would unpickle it in this process."""
    models = pytest.importorskip("torchvision.models")
    state = models.squeezenet1_1().state_dict()
    entry = models.SqueezeNet1_1_Weights.DEFAULT
    asked = []

    def download(url: str, path: str, digest: str, progress: bool) -> None:
        asked.append((url, digest))
        save_file(state, path)

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    for _ in range(2):
        net = load("torchvision/squeezenet1_1", weights="DEFAULT")
    assert asked == [(entry.url, "b8a52dc0")]
    assert torch.equal(net.module.features[0].weight, state["features.0.weight"])


def test_old_densenet_files_fit() -> None:
    from pellucid.models.from_torchvision import torchvision_blueprint

    rename = torchvision_blueprint("densenet121", None).rename
    assert (
        rename("features.denseblock1.denselayer2.norm.1.weight")
        == "features.denseblock1.denselayer2.norm1.weight"
    )
    assert torchvision_blueprint("resnet18", None).rename("a.norm.1") == "a.norm.1"


# ---------------------------------------------------------------- demo, cards, exported programs


def test_demo() -> None:
    net = load("demo")
    assert net.name == "demo"
    assert net.notes == ()
    assert len(net.labels or ()) == net.layer("logits").units


def test_a_card_is_one_argument_and_arguments_win(tmp_path: Path, weights: Path) -> None:
    (tmp_path / "build.py").write_text("from nets import planted_net as build")
    card = tmp_path / "card.toml"
    card.write_text(
        'model = "build.py:build"\nweights = "planted.safetensors"\ninput = "3x32x32"\nnormalize = "imagenet"\n'
        'labels = ["edge", "color"]'
    )
    net = load(card)
    assert (net.name, net.labels, net.input.size) == ("build.py:build", ("edge", "color"), (32, 32))
    assert net.input.mean == (0.485, 0.456, 0.406)
    net = load(str(card), input="3x40x40", normalize="none", labels=["x", "y"])
    assert (net.labels, net.input.size, net.input.mean) == (("x", "y"), (40, 40), (0, 0, 0))


def test_an_exported_program_with_its_digest(tmp_path: Path) -> None:
    path = tmp_path / "planted.pt2"
    dynamic = {"input": {0: torch.export.Dim("items", min=1, max=1024)}}
    program = torch.export.export(planted_net(), (torch.rand(2, 3, 32, 32),), dynamic_shapes=dynamic)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(program, path)
    digest = f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    with pytest.raises(RefusedFile, match=f"exported program .* --trust-code {digest}"):
        load(path)
    with pytest.raises(RefusedFile, match="another one"):
        load(path, trust_code="sha256:" + "0" * 64)
    net = load(path, trust_code=digest, normalize="none")
    assert net.input.size == (32, 32)
    assert [layer.name for layer in net.layers()] == ["conv", "relu", "pool", "flatten", "fc", "logits"]
    with tap(net, ["conv"]) as run:
        assert run(edge_picture()[None])["conv"].max() == 11.25


def test_an_exported_program_of_one_batch_size_is_told(tmp_path: Path) -> None:
    path = tmp_path / "planted.pt2"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(torch.export.export(planted_net(), (torch.rand(1, 3, 32, 32),)), path)
    digest = f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    with pytest.raises(InputError, match="batches of exactly 1; export it with a dynamic batch"):
        load(path, trust_code=digest)


def test_a_pickled_module_with_its_digest(tmp_path: Path) -> None:
    path = tmp_path / "whole.pth"
    torch.save(planted_net(), path)
    digest = f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    with pytest.raises(
        RefusedFile, match=f"could run code; if you trust who made it: --trust-code {digest}"
    ) as caught:
        load(path)
    assert caught.value.exit_code == 3
    assert load(path, trust_code=digest, input="3x32x32").layer("conv").units == 4


# ---------------------------------------------------------------- refusals


def test_files_that_are_no_model(tmp_path: Path, weights: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "cat.jpg")
    Image.new("RGB", (8, 8)).save(tmp_path / "cat.png")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "net.onnx").write_bytes(b"\x08\x07\x12\x07pytorch")
    (tmp_path / "noise.bin").write_bytes(bytes(range(256)))
    told = {
        "cat.jpg": "cat.jpg is a picture, not a network; MODEL is torchvision/NAME",
        "cat.png": "cat.png is a picture",
        "notes.txt": "notes.txt is text",
        "net.onnx": "ONNX files are not supported yet; use",
        weights.name: "holds weights, not a network; write MODEL --weights planted.safetensors",
        "": "is a folder",
        "none.pth": "no model and no file",
    }
    for name, line in told.items():
        with pytest.raises(InputError, match=line) as caught:
            load(tmp_path / name)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("resnet18", "did you mean torchvision/resnet18 or timm/resnet18"),
        ("torchvision/resnet81", "did you mean resnet18"),
        ("timm/resnet18.a9_in1k", "did you mean resnet18"),
        ("torchvizion/resnet18", "no model and no file 'torchvizion/resnet18'"),
        ("hf/google/vit", "hf/ models are not supported yet"),
        ("", "no model was named"),
    ],
)
def test_unknown_models(model: str, told: str) -> None:
    pytest.importorskip("timm")
    with pytest.raises(InputError, match=told) as caught:
        load(model, weights="random")
    assert "\n" not in str(caught.value)


def test_weights_that_are_not_there() -> None:
    pytest.importorskip("torchvision")
    with pytest.raises(UnknownName, match=r"no weights file /no/w\.pth"):
        load("torchvision/resnet18", weights="/no/w.pth")
    with pytest.raises(UnknownName, match="has DEFAULT, IMAGENET1K_V1"):
        load("torchvision/resnet18", weights="IMAGENET1K_V7")
    with pytest.raises(UnknownName, match="nothing to download"):
        load(planted_net(), weights="DEFAULT")


def test_labels(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_text("\ufeffüber, alles\nb \n\n")
    assert load(planted_net(), input="3x32x32", labels=path).labels == ("über, alles", "b")
    path.write_text("a\nb\nc\n")
    with pytest.raises(InputError, match="3 labels were given, Sequential has 2 outputs"):
        load(planted_net(), input="3x32x32", labels=str(path))
    with pytest.raises(UnknownName, match="no label file"):
        load(planted_net(), input="3x32x32", labels=tmp_path / "none.txt")
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read as labels"):
        load(planted_net(), input="3x32x32", labels=path)


@pytest.mark.parametrize(
    "device", ["gpu", "cuda:99", "mps" if not torch.backends.mps.is_available() else "tpu"]
)
def test_devices_that_are_not_there(device: str) -> None:
    with pytest.raises(PellucidError, match="device"):
        load(planted_net(), input="3x32x32", device=device)


# ---------------------------------------------------------------- the net as a whole


def test_the_card_of_a_net_is_json_without_paths(tmp_path: Path, weights: Path) -> None:
    (tmp_path / "build.py").write_text("from nets import planted_net as build")
    card = load(f"{tmp_path / 'build.py'}:build", weights=weights).card()
    text = json.dumps(card)
    assert set(card) == {"name", "weights_digest", "input", "labels", "notes", "versions"}
    assert str(tmp_path) not in text
    assert str(Path.home()) not in text


def test_the_digest_follows_the_weights() -> None:
    net = load(planted_net(), input="3x32x32")
    before = net.weights_digest
    assert before == load(planted_net(), input="3x32x32").weights_digest
    with torch.no_grad():
        net.module.conv.bias[0] += 1
    assert net.weights_digest != before


def test_modules_with_more_than_tensors_in_their_state() -> None:
    class Extra(nn.Conv2d):
        def get_extra_state(self) -> str:
            return "more"

        def set_extra_state(self, state: str) -> None:
            pass

    with torch.inference_mode():
        module = nn.Sequential(Extra(3, 2, 1))
        net = load(module, input="3x8x8", normalize="none")
    assert len(net.weights_digest) == 64
    with tap(net, ["0"]) as run:
        assert run(torch.rand(1, 3, 8, 8))["0"].shape == (1, 2, 8, 8)


def test_the_digest_is_what_it_says() -> None:
    module = nn.Sequential(nn.Conv2d(1, 1, 1))
    with torch.no_grad():
        module[0].weight.fill_(1.0)
        module[0].bias.fill_(2.0)
    told = hashlib.sha256()
    told.update(b"0.bias torch.float32 (1,)\n" + torch.tensor(2.0).numpy().tobytes())
    told.update(b"0.weight torch.float32 (1, 1, 1, 1)\n" + torch.tensor(1.0).numpy().tobytes())
    assert load(module, input="1x8x8").weights_digest == told.hexdigest()


def test_other_sizes() -> None:
    net = load(planted_net(), input="3x32x32")
    assert net.accepts(64)
    assert net.accepts((5, 9))
    assert not net.accepts(4)
    fixed = load(nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(72, 3)), input="3x8x8")
    assert fixed.accepts(8)
    assert not fixed.accepts(9)
    assert fixed.accepts(9, "0")


def test_the_real_squeezenet_on_its_card(real_data: Path, tmp_path: Path) -> None:
    pytest.importorskip("torchvision")
    folder = real_data / "squeezenet"
    card = tmp_path / "squeezenet.toml"
    card.write_text(
        f'model = "torchvision/squeezenet1_0"\nweights = "{folder / "squeezenet1_0.safetensors"}"\n'
        f'input = "3x227x227"\nlabels = "{folder / "labels.txt"}"\n'
    )
    net = load(card)
    assert net.input.recipe == Recipe((227, 227), resize=259)
    assert len(net.labels or ()) == 1000
    from pellucid.data.recipe import fed

    right = 0
    photos = sorted((real_data / "photos").iterdir())[:20]
    with tap(net, ["logits"]) as run:
        for photo in photos:
            pixels, _ = fed(Image.open(photo).convert("RGB"), net.input.recipe)
            best = run(torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None] / 255)["logits"].argmax()
            right += (net.labels or ())[int(best)].replace(" ", "_") == photo.stem.partition("_")[2]
    assert right >= 10  # 62 % of ImageNet


@pytest.mark.parametrize(("channels", "words"), [(1, "gray"), (3, "RGB"), (12, "12 channels")])
def test_what_is_assumed_of_the_input_is_true_of_its_channels(channels: int, words: str) -> None:
    net = load(nn.Sequential(nn.Conv2d(channels, 2, 3)), input=f"{channels}x16x16")
    assert f"no normalization ({words} in 0..1, as given)" in net.notes[0]


def test_a_decision_is_no_response() -> None:
    class Decides(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.conv(x).mean((2, 3)).argmax(1)

    with pytest.raises(InputError, match=r"returns whole numbers \(int64\), a decision as argmax makes it"):
        load(Decides(), input="3x16x16")
