"""What the commands of a training share on the terminal: the option of the language, lines and names of stages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from models.language import command_language
from valuation.messages import Message, say

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def language_option(purpose: str) -> Callable[[Decorated], Decorated]:
    """Return the option `--lang`, by default the language of the terminal."""
    return click.option(
        "--lang",
        type=click.Choice(["en", "zh"]),
        default=command_language,
        show_default="CANZHI_LANG or the locale",
        help=purpose,
    )


def print_line(identity: str, /, **parameters: object) -> None:
    """Print a message on standard output, in the language of the command."""
    click.echo(say(command_language(), identity, **parameters))


def stage_name(work: str, stage: str) -> str:
    """Return the name of a stage of some work as a progress bar shows it, in the language of the command.

    >>> stage_name("gate", "42")
    'gate: 42'
    """
    named = Message("stage.of", work=Message(f"stage.{work}"), stage=stage)
    return named.in_language(command_language())


def work_name(work: str) -> str:
    """Return the name of some work in the language of the command."""
    return say(command_language(), f"stage.{work}")
