"""The options that stand for settings, and how a command gets at them."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

from qa.config import Settings

Command = TypeVar("Command", bound=Callable[..., Any])


def _remember(context: click.Context, parameter: click.Parameter, value: object) -> None:
    """An option becomes the variable of its name: both are checked in one place, and the option wins."""
    if value is not None:
        context.ensure_object(dict)[f"WENBAO_{str(parameter.name).upper()}"] = str(value)


def setting(flag: str, metavar: str, text: str) -> Callable[[Command], Command]:
    """An option that becomes the setting of its name."""
    return click.option(flag, metavar=metavar, help=text, expose_value=False, callback=_remember)


def with_settings(command: Command) -> Command:
    """The options that stand before or after any command."""
    for option in (
        click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error."),
        setting("--engine-url", "URL", "Where the Milvus server is, like http://127.0.0.1:19530."),
        setting("--engine", "NAME", "What keeps the indexes: embedded (default) or milvus."),
        setting("--dict", "DIR", "Folder with the owner's dictionary.txt and synonyms.txt."),
        setting("--model", "MODEL", "Sentence model: a folder or a hub id; default is the embedded one."),
        setting("--data", "DIR", "Folder of the corpus and its indexes; default ./data."),
    ):
        command = option(command)
    return command


def settings() -> Settings:
    """The settings of the environment, with the options given on the command line over them."""
    given: dict[str, str] = click.get_current_context().ensure_object(dict)
    return Settings.read({**os.environ, **given})
