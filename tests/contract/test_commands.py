"""The table of commands in pyproject.toml leads to commands, and what the README calls is in it."""

import importlib
import re
import tomllib
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).parents[2]
COMMANDS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["entry-points"]["canzhi.commands"]
OWN_WORDS = {"test", "check", "lock"}  # of ./canzhi itself


@pytest.mark.parametrize("name", COMMANDS)
def test_every_row_leads_to_a_command_of_that_name_with_a_line_of_help(name):
    module, _, attribute = COMMANDS[name].partition(":")
    command = getattr(importlib.import_module(module), attribute)
    assert isinstance(command, click.Command)
    assert command.name == name
    assert command.get_short_help_str()


def test_the_readme_calls_only_what_there_is():
    called = set(re.findall(r"\./canzhi ([a-z-]+)", (ROOT / "README.md").read_text("utf-8")))
    assert called <= set(COMMANDS) | OWN_WORDS


@pytest.mark.parametrize("name", COMMANDS)
def test_the_reference_names_no_option_that_is_not_there(name):
    page = (ROOT / "docs" / "reference" / "commands.md").read_text("utf-8")
    module, _, attribute = COMMANDS[name].partition(":")
    command = getattr(importlib.import_module(module), attribute)
    sections = re.split(rf"^## `canzhi {name}[ `]", page, flags=re.MULTILINE)[1:]
    told = {option for text in sections for option in re.findall(r"`(--[a-z-]+)", text.partition("\n## ")[0])}
    assert told <= {option for one in command.params for option in [*one.opts, *one.secondary_opts]}
