# SPDX-License-Identifier: Apache-2.0
"""The parser, and how a function becomes a command."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, get_type_hints

import typer

from pellucid.cli.options import AscentOptions, Common, ModelOptions, RemakeOptions
from pellucid.cli.stopping import exit_code
from pellucid.errors import Interrupted
from pellucid.terminal import document_only

__all__ = ["app", "command", "store_app"]

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

GROUPS = (Common, ModelOptions, AscentOptions, RemakeOptions)


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
                raise Interrupted(_stopped(name), exit_code(error)) from error

        invoke.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        invoke.__annotations__ = {each.name: each.annotation for each in parameters}
        at.command(name)(invoke)
        return function

    return register


# What keeps its finished work, and goes on from there.
RESUMABLE = ("survey", "demo", "look")


def _stopped(name: str) -> str:
    if name == "serve":
        return "serve was stopped"
    if name in RESUMABLE:
        return f"{name} was interrupted; what is finished is kept, the same command goes on from there"
    return f"{name} was interrupted; run it again"
