# SPDX-License-Identifier: Apache-2.0
"""The command line: one command, one public function. Results on standard output, everything else on standard error."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, Sized
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer
from typer.exceptions import TyperException

import pellucid
from pellucid.errors import (
    FULL,
    FinishedWithProblems,
    InputError,
    Interrupted,
    NoSpace,
    PellucidError,
    StorageError,
)
from pellucid.figures.file import folder_path, picture_path
from pellucid.terminal import complain, document_only, print_json, print_table, progress_bar, say

if TYPE_CHECKING:
    from pellucid.models import BareNet, Net

app = typer.Typer(
    name="pellucid",
    help="Shows what a neural network has learned, and how far each picture can be trusted.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
store_app = typer.Typer(help="Look at an atlas file as a whole.", no_args_is_help=True)
app.add_typer(store_app, name="store")

Model = Annotated[
    str, typer.Argument(help="torchvision/NAME, timm/NAME, demo, FILE.py:FUNCTION or a model card (.toml)")
]
Data = Annotated[str, typer.Argument(help="a folder of images, or demo")]
Units = Annotated[
    list[str], typer.Argument(help="LAYER, LAYER:7, LAYER:0-15,40, LAYER:7@center or logits:LABEL")
]
OutDir = Annotated[Path, typer.Option("-o", "--out", help="the folder to write")]
OutPicture = Annotated[Path | None, typer.Option("-o", "--out", help="the PNG to write")]
Memory = Annotated[str, typer.Option("--memory", help="how much memory a batch may take, as 4GiB")]
AtlasFile = Annotated[Path, typer.Argument(help="an atlas file")]


@dataclass(frozen=True)
class Common:
    """Options that every command has."""

    json: Annotated[bool, typer.Option("--json", help="print one JSON document on standard output")] = False
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="no progress, no remarks")] = False
    seed: Annotated[int, typer.Option("--seed", help="the seed of everything random")] = 0
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps")] = "auto"


@dataclass(frozen=True)
class ModelOptions:
    """Options beside MODEL."""

    weights: Annotated[str | None, typer.Option("--weights", help="FILE, DEFAULT or random")] = None
    input: Annotated[str | None, typer.Option("--input", help="channels x height x width, as 3x224x224")] = (
        None
    )
    normalize: Annotated[
        str | None, typer.Option("--normalize", help='imagenet, none or "MEAN.../STD..."')
    ] = None
    labels: Annotated[Path | None, typer.Option("--labels", help="a file with one class name a line")] = None
    trust_code: Annotated[
        str | None, typer.Option("--trust-code", help="sha256:DIGEST of a file that may run code")
    ] = None

    def load(self, model: str, common: Common) -> Net:
        """The net, with its loud lines on standard error."""
        from pellucid.models import load

        net = load(model, **self._given(common))
        for note in () if common.quiet else net.notes:
            complain(note)
        return net

    def load_or_bare(self, model: str, common: Common) -> Net | BareNet:
        """The net; one of signals or volumes, which cannot be fed yet, only to be looked at."""
        from pellucid.models import opened_or_bare

        net = opened_or_bare(model, **self._given(common))
        for note in () if common.quiet else net.notes:
            complain(note)
        return net

    def _given(self, common: Common) -> dict[str, Any]:
        """The arguments of `load`."""
        return {**dataclasses.asdict(self), "device": common.device, "seed": common.seed}


@dataclass(frozen=True)
class AscentOptions:
    """Options of everything that optimizes."""

    objective: Annotated[
        str | None,
        typer.Option(
            "--objective",
            help="channel, excitation, neuron, layer, logit or probability; by the unit when left out",
        ),
    ] = None
    sign: Annotated[str, typer.Option("--sign", help="+, - or both")] = "both"
    steps: Annotated[int | None, typer.Option("--steps", help="steps of the climb")] = None
    size: Annotated[int | None, typer.Option("--size", help="side of the picture in pixels")] = None
    canvas: Annotated[
        str | None,
        typer.Option("--canvas", help="how the picture is parametrized: fourier, pixels, pyramid or maco"),
    ] = None
    transforms: Annotated[
        str | None, typer.Option("--transforms", help="lucid, distill2017, auto or none")
    ] = None
    copies: Annotated[int | None, typer.Option("--copies", help="views of each picture a step looks at")] = (
        None
    )
    regularize: Annotated[
        str | None, typer.Option("--regularize", help="tv, l1, l2 or blur with weights, as tv=0.25,l2=1")
    ] = None
    optimizer: Annotated[str | None, typer.Option("--optimizer", help="adam, nadam or gradient")] = None
    learning_rate: Annotated[
        float | None, typer.Option("--learning-rate", help="by the canvas when left out")
    ] = None
    constraint: Annotated[
        str | None,
        typer.Option("--constraint", help="norm=RADIUS, mahalanobis=RADIUS, or box=LOW..HIGH; canvas pixels"),
    ] = None
    stop: Annotated[
        str | None, typer.Option("--stop", help="fixed, or flat: each picture when it is done")
    ] = None

    def settings(self) -> dict[str, Any]:
        """What the user set, by name."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}


GROUPS = (Common, ModelOptions, AscentOptions)


def command(at: typer.Typer, name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as a command; a parameter that is one of `GROUPS` becomes that group's options."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(function, include_extras=True)
        groups = {key: hint for key, hint in hints.items() if hint in GROUPS}
        parameters = []
        for key, parameter in inspect.signature(function).parameters.items():
            if key not in groups:
                parameters.append(
                    parameter.replace(annotation=hints[key], kind=inspect.Parameter.KEYWORD_ONLY)
                )
        for group in groups.values():
            kinds = get_type_hints(group, include_extras=True)
            for each in dataclasses.fields(group):
                parameters.append(
                    inspect.Parameter(
                        each.name,
                        inspect.Parameter.KEYWORD_ONLY,
                        default=each.default,
                        annotation=kinds[each.name],
                    )
                )

        @functools.wraps(function)
        def invoke(**given: Any) -> None:
            for key, group in groups.items():
                given[key] = group(**{each.name: given.pop(each.name) for each in dataclasses.fields(group)})
            common = next((group for group in given.values() if isinstance(group, Common)), Common())
            try:
                # A model that prints when it runs must not print into the document.
                with document_only() if common.json else nullcontext():
                    function(**given)
            except KeyboardInterrupt as error:
                # Caught here: further out the parser would turn it into a silent exit.
                raise Interrupted(_stopped(name), _code(error)) from error

        invoke.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        invoke.__annotations__ = {each.name: each.annotation for each in parameters}
        at.command(name)(invoke)
        return function

    return register


def _stopped(name: str) -> str:
    on = "the same command goes on from there" if name in ("survey", "demo") else "run it again"
    return f"{name} was interrupted; what is finished is kept, {on}"


@command(app, "demo")
def demo(
    common: Common,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="where demo.atlas and site go")] = Path(
        "pellucid-demo"
    ),
    no_open: Annotated[bool, typer.Option("--no-open", help="do not open the site in a browser")] = False,
) -> None:
    """Survey the embedded network over real photographs, and open its atlas."""
    from pellucid.demo import demo as run

    with progress_bar(common.quiet or common.json) as progress:
        made = run(directory, seed=common.seed, device=common.device, progress=progress)
    if common.json:
        print_json(made.to_json())
    else:
        say(f"{made.report.units} units in {made.seconds:.0f} s: {made.report.atlas}", common.quiet)
        say(f"open {made.index}", common.quiet)
    if not (no_open or common.json):
        made.open()


@command(app, "layers")
def layers(model: Model, common: Common, options: ModelOptions) -> None:
    """The layers of a model: name, kind, grid, units, receptive field, stride, rectified or not."""
    net = options.load(model, common)
    found = net.layers()
    if common.json:
        card = net.card()
        print_json(
            {
                "model": net.name,
                "weights_digest": net.weights_digest,
                "input": {**card["input"], "preprocessing": str(net.input.recipe)},
                "notes": list(net.notes),
                "layers": [layer.to_json() for layer in found],
            }
        )
        return
    print_table(found.COLUMNS, found.rows())
    say(f"input: {net.input}", common.quiet)


@command(app, "filters")
def filters(
    model: Model,
    common: Common,
    options: ModelOptions,
    layer: Annotated[str | None, typer.Option("--layer", help="the first layer when left out")] = None,
    order: Annotated[
        str, typer.Option("--order", help="family, orientation, frequency, norm, cluster or index")
    ] = "family",
    scale: Annotated[str, typer.Option("--scale", help="own or shared")] = "own",
    bands: Annotated[
        str | None, typer.Option("--bands", help="the channels to draw as red, green and blue, as 3,2,1")
    ] = None,
    out: OutPicture = None,
) -> None:
    """The first layer's filters as pictures, and what each looks for."""
    from pellucid.evidence.filters import filters as read
    from pellucid.kernels import SheetStyle, band_colors

    picture = picture_path(out or Path("filters.png"), (".png", ".svg"))
    found = read(options.load_or_bare(model, common), layer)
    colors = None if bands is None else band_colors(found.bank, bands)
    found.save(picture, SheetStyle(order=order, scale=scale, bands=colors))
    if common.json:
        print_json({**found.to_json(), "picture": str(picture)})
    else:
        say(found.reading.verdict)
        say(f"{picture}", common.quiet)


@command(app, "respond")
def respond(
    image: Annotated[Path, typer.Argument(help="a picture")],
    common: Common,
    options: ModelOptions,
    kernel: Annotated[
        str | None, typer.Option("--kernel", help='rows as "0 1 0; 1 -4 1; 0 1 0", or a name as laplacian')
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="as for layers; all filters of its first layer")
    ] = None,
    unit: Annotated[
        str | None, typer.Option("--unit", help="one unit of the model's first layer, as features.0:17")
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", help="Y,X in the response map; the strongest when left out")
    ] = None,
    pad: Annotated[str | None, typer.Option("--pad", help="reflect or zero, for a kernel")] = None,
    color: Annotated[
        bool, typer.Option("--color", help="the kernel on red, green and blue one by one")
    ] = False,
    out: OutPicture = None,
) -> None:
    """The agreement of a filter with every patch of a picture, taken apart at one of them."""
    from pellucid.respond import respond as answer

    picture = picture_path(out or Path("response.png"), (".png", ".svg"))
    net = None if model is None else options.load(model, common)
    found = answer(image, kernel=kernel, net=net, unit=unit, at=_place(at), pad=pad, color=color)
    found.save(picture)
    if common.json:
        print_json({**found.to_json(), "picture": str(picture)})
    else:
        low, high = float(found.maps.min()), float(found.maps.max())
        say(f"responses from {low:.4g} to {high:.4g}: {picture}", common.quiet)


@command(app, "optimize")
def optimize(
    model: Model,
    units: Units,
    out: OutDir,
    common: Common,
    options: ModelOptions,
    ascent: AscentOptions,
    pictures: Annotated[int, typer.Option("--pictures", help="different pictures of each unit")] = 1,
    diversity: Annotated[
        float | None,
        typer.Option("--diversity", help="how strongly these keep apart; Lucid: 100"),
    ] = None,
    snapshots: Annotated[
        str | None, typer.Option("--snapshots", help="steps kept as an animation, as 0,8,32, or all")
    ] = None,
    like: Annotated[
        str | None,
        typer.Option(
            "--like", help="a folder of images, or demo, whose color and spectrum the pictures take"
        ),
    ] = None,
    memory: Memory = "4GiB",
) -> None:
    """Make the inputs that excite units most, and least."""
    from pellucid.evidence.optima import PictureFolder
    from pellucid.evidence.optimum import optimize as climb
    from pellucid.measure import measure

    pictures_of = PictureFolder(out)
    net = options.load(model, common)
    with progress_bar(common.quiet or common.json) as progress, _telling_what_is_kept(pictures_of.paths, out):
        optima = climb(
            net,
            *units,
            progress=progress,
            on_made=pictures_of.add,
            statistics=None if like is None else measure(net, like, progress=progress),
            seed=common.seed,
            memory=_bytes(memory),
            pictures=pictures,
            diversity=diversity,
            snapshots=snapshots,
            **ascent.settings(),
        )
    optima.save_sheets(out)
    if common.json:
        rows = [{**one.to_json(), "picture": str(pictures_of.paths[id(one)])} for one in optima]
        print_json({"units": rows, "seconds": round(optima.seconds, 3)})
        return
    for one in optima:
        if one.advice:
            complain(f"{one.unit} ({one.sign}): {one.advice}")
    if any(one.micro_batch is not None for one in optima):
        complain("memory ran out and batches were cut: not bit-reproducible; a smaller --memory would be")
    sheets = list(optima.sheets())
    together = out / f"{sheets[0]}.png" if len(sheets) == 1 else f"{len(sheets)} sheets"
    say(f"{len(optima)} pictures in {optima.seconds:.1f} s: {out}, all together in {together}", common.quiet)


@contextmanager
def _telling_what_is_kept(done: Sized, out: Path) -> Iterator[None]:
    """An interruption inside says how many pictures are there."""
    try:
        yield
    except KeyboardInterrupt as error:
        there = f"{len(done)} pictures are in {out}" if len(done) else "no picture was done"
        raise Interrupted(f"optimize was interrupted; {there}, run it again for all", _code(error)) from error


@command(app, "examples")
def examples(
    model: Model,
    data: Data,
    units: Units,
    out: OutDir,
    common: Common,
    options: ModelOptions,
    per_class: Annotated[
        bool, typer.Option("--per-class", help="also the best item of each class, of data that has classes")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="exit 4 when an item was skipped")] = False,
) -> None:
    """Each unit's whole spectrum of real inputs, from strongest to opposite, with statistics."""
    from pellucid.evidence.examples import examples as search

    folder_path(out)
    net = options.load(model, common)
    with progress_bar(common.quiet or common.json) as progress:
        found = search(net, data, *units, seed=common.seed, per_class=per_class, progress=progress)
    found.save(out)
    if common.json:
        print_json(found.to_json())
    else:
        for item, reason in found.skipped:
            complain(f"skipped {item}: {reason}")
        say(f"{len(found.units)} units over {found.items} items: {out}", common.quiet)
    if strict and found.skipped:
        raise FinishedWithProblems(
            f"{len(found.skipped)} of {found.items} items were skipped; the rest is complete"
        )


@command(app, "consistency")
def consistency(
    model: Model,
    units: Units,
    out: OutDir,
    common: Common,
    options: ModelOptions,
    ascent: AscentOptions,
    starts: Annotated[int, typer.Option("--starts", help="random starts of each unit")] = 9,
    memory: Annotated[
        str, typer.Option("--memory", help="how much memory a batch may take, as 4GiB")
    ] = "4GiB",
) -> None:
    """Climb each unit from several random starts: is it the same maximum, and the same picture?"""
    from pellucid.evidence.consistency import consistency as measure

    folder_path(out)
    net = options.load(model, common)
    asked = {**ascent.settings(), "seed": common.seed, "memory": _bytes(memory)}
    with progress_bar(common.quiet or common.json) as progress:
        found = measure(net, *units, starts=starts, progress=progress, **asked)
    paths = found.save(out)
    if common.json:
        rows = [
            {**one.to_json(), "pictures": [str(path) for path in own]}
            for one, own in zip(found, paths, strict=True)
        ]
        print_json({"units": rows, "seconds": round(found.seconds, 3)})
        return
    table = found.table()
    print_table(table.columns, table.rows)
    say(f"{len(found)} units from {starts} starts each in {found.seconds:.1f} s: {out}", common.quiet)


@command(app, "survey")
def survey(
    model: Model,
    data: Data,
    out: Annotated[Path, typer.Option("-o", "--out", help="the atlas file to write or to go on with")],
    common: Common,
    options: ModelOptions,
    ascent: AscentOptions,
    units: Annotated[list[str] | None, typer.Argument(help="as for optimize; all when left out")] = None,
    evidence: Annotated[
        str | None,
        typer.Option("--evidence", help="kinds by commas; filters,optimum,examples when left out"),
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="print units, time and disk, and stop")] = False,
    memory: Memory = "4GiB",
    engine: Annotated[str, typer.Option("--engine", help="local")] = "local",
    strict: Annotated[bool, typer.Option("--strict", help="exit 4 when an item was skipped")] = False,
) -> None:
    """Make an atlas: every kind of evidence for every unit, resumable."""
    from pellucid.survey import survey as make

    if engine != "local":
        raise InputError(f"the engine {engine!r} is not in this version; local is")
    net = options.load(model, common)
    settings = {**ascent.settings(), "seed": common.seed, "memory": _bytes(memory)}
    with progress_bar(common.quiet or common.json) as progress:
        report = make(
            net,
            data,
            out,
            *(units or ()),
            kinds=None if evidence is None else [name.strip() for name in evidence.split(",")],
            settings=settings,
            plan_only=plan,
            progress=progress,
        )
    if common.json:
        print_json(report.to_json())
    elif report.estimate is not None:
        say(report.estimate.in_words())
    else:
        for item, reason in report.skipped:
            complain(f"skipped {item}: {reason}")
        say(
            f"{report.units} units, {report.done} jobs run, {report.resumed} found done, {report.seconds:.0f} s: {out}",
            common.quiet,
        )
        say(f"digest {report.digest}", common.quiet)
        say(f"next: pellucid export {out} -o SITE, or pellucid serve {out}", common.quiet)
    if strict and report.skipped:
        raise FinishedWithProblems(
            f"{len(report.skipped)} items were skipped; the atlas is complete but for them"
        )


@command(app, "export")
def export(
    atlas: AtlasFile,
    common: Common,
    out: Annotated[Path, typer.Option("-o", "--out", help="the folder of the site")],
    verify: Annotated[
        bool, typer.Option("--verify", help="hold the site, if it is there already, against the atlas")
    ] = False,
) -> None:
    """Write an atlas as a static site that opens by double-click."""
    from pellucid.views import export as write
    from pellucid.views import verify as problems_of

    if not (verify and out.exists()):
        made = write(atlas, out).to_json()
    else:
        made = {"site": str(out), "index": str(out / "index.html")}
    problems = problems_of(out, atlas) if verify else []
    if common.json:
        print_json({**made, "problems": problems} if verify else made)
    elif not problems:
        say(f"{out / 'index.html'}{f' shows what {atlas} holds' if verify else ''}", common.quiet)
    if problems:
        raise StorageError(f"{out} is not what {atlas} shows{_first_of(problems)}; export again")


@command(app, "serve")
def serve(
    atlas: AtlasFile,
    common: Common,
    host: Annotated[str, typer.Option("--host", help="the address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="the port to listen on")] = 8420,
) -> None:
    """Serve an atlas on this machine."""
    from pellucid.views import serve as listen

    listen(atlas, host=host, port=port, announce=lambda line: say(line, common.quiet))


@command(store_app, "digest")
def digest(atlas: AtlasFile, common: Common) -> None:
    """The hash of an atlas's content, equal for equal content."""
    from pellucid.store import Atlas

    with Atlas.open(atlas) as opened:
        found = opened.digest()
    if common.json:
        print_json({"atlas": str(atlas), "digest": found})
    else:
        print(found)


@command(store_app, "verify")
def verify(atlas: AtlasFile, common: Common) -> None:
    """Check an atlas: every blob against its name, every record, the file itself."""
    from pellucid.store import Atlas

    with Atlas.open(atlas) as opened:
        problems = opened.verify()
    if common.json:
        print_json({"atlas": str(atlas), "problems": problems})
    elif not problems:
        say(f"{atlas} is whole", common.quiet)
    if problems:
        raise StorageError(f"{atlas} is damaged{_first_of(problems)}")


def _first_of(problems: list[str]) -> str:
    """The first of some problems, and how many there are."""
    count = f" in {len(problems)} places, the first" if len(problems) > 1 else ""
    return f"{count}: {problems[0]}"


@command(app, "show")
def show(picture: Annotated[Path, typer.Argument(help="a PNG that Pellucid wrote")], common: Common) -> None:
    """The provenance inside a picture."""
    from pellucid.figures.stamp import is_png, read_stamp

    stamp = read_stamp(picture)
    if stamp is None:
        what = "carries no provenance of Pellucid's" if is_png(picture) else "is no PNG"
        raise InputError(f"{picture} {what}; the pictures that `pellucid` saves carry theirs")
    if common.json:
        print_json(stamp)
    else:
        for key, value in stamp.items():
            say(f"{key}: {value}")


@command(app, "doctor")
def doctor(common: Common) -> None:
    """What is installed, what is broken, and how to mend it."""
    from pellucid.doctor import doctor as examine

    checks = examine()
    if common.json:
        print_json({"checks": [dataclasses.asdict(check) for check in checks]})
    else:
        print_table(("", "state", "found", "advice"), [(c.name, c.state, c.found, c.advice) for c in checks])


def _place(text: str | None) -> tuple[int, int] | None:
    """The position that `Y,X` says."""
    if text is None:
        return None
    match = re.fullmatch(r"\s*(\d+)\s*,\s*(\d+)\s*", text)
    if match is None:
        raise InputError(f"--at {text!r}: write Y,X, two whole numbers from 0, as 12,30")
    return int(match[1]), int(match[2])


def _bytes(text: str) -> int:
    """The number of bytes that `4GiB`, `512MB` or `2000000` says."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?", text.strip(), re.IGNORECASE)
    if match is None or float(match[1]) <= 0:
        raise InputError(f"--memory {text!r}: write a number of bytes, as 4GiB or 512MB")
    return int(float(match[1]) * (1024 if match[3] else 1000) ** " KMGT".index(match[2].upper() or " "))


ANYWHERE_FLAGS = ("--json", "--quiet", "-q")
ANYWHERE_VALUES = ("--seed", "--device")


def _arranged(arguments: list[str]) -> list[str]:
    """The arguments with the options that every command has moved behind the command, so that they may stand before it too."""
    ahead: list[str] = []
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        if rest[0] in ANYWHERE_FLAGS or (rest[0].split("=")[0] in ANYWHERE_VALUES and "=" in rest[0]):
            ahead.append(rest.pop(0))
        elif rest[0] in ANYWHERE_VALUES and len(rest) > 1:
            ahead += [rest.pop(0), rest.pop(0)]
        else:
            break
    if not ahead:
        return rest
    place = 2 if rest[:1] == ["store"] else 1
    return [*rest[:place], *ahead, *rest[place:]]


class Terminated(KeyboardInterrupt):
    """SIGTERM: stops the work as Ctrl-C does, with its own exit code."""


def _code(stop: KeyboardInterrupt) -> int:
    return 143 if isinstance(stop, Terminated) else 130


def _terminated(signum: int, frame: FrameType | None) -> None:
    raise Terminated


def run(arguments: list[str]) -> int:
    """Run a command; every failure is one line on standard error and an exit code of the contract."""
    if not arguments:
        arguments = ["--help"]
    try:
        return int(app(args=_arranged(arguments), prog_name="pellucid", standalone_mode=False) or 0)
    except PellucidError as error:
        complain(error)
        return error.exit_code
    except TyperException as error:
        if said := error.format_message():  # silent where a group without a command has shown its help
            complain(f"{said} (pellucid --help lists what there is)")
        return 2
    except SystemExit as stop:
        if stop.code == 130:  # the parser's own silent way out, before a command has begun
            complain("interrupted before anything was begun; run it again")
        return int(stop.code or 0)
    except KeyboardInterrupt as error:
        complain("interrupted")
        return _code(error)
    except BrokenPipeError:
        # The reader of our output went away, as `head` does: nothing to say, and nobody to say it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except MemoryError:
        complain("out of memory; a smaller --memory, a smaller --size or fewer units at once would work")
        return 2
    except OSError as error:
        kind = NoSpace if error.errno in FULL else StorageError
        complain(f"{error.strerror or error}: {error.filename or 'a file'}")
        return kind.exit_code
    except Exception as error:
        if os.environ.get("PELLUCID_TRACEBACK"):
            raise
        complain(
            f"a bug in Pellucid: {type(error).__name__}: {error}; set PELLUCID_TRACEBACK=1 to see where, and please report it"
        )
        return 1


def main() -> None:
    """The entry point of the `pellucid` command."""
    arguments = sys.argv[1:]
    if "--version" in arguments:
        print(f"pellucid {pellucid.__version__}")
        raise SystemExit(0)
    signal.signal(signal.SIGTERM, _terminated)
    raise SystemExit(run(arguments))
