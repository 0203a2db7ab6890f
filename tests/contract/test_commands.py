"""The entry points of pyproject.toml are commands, and the documentation uses only their names and options."""

import importlib
import re
import tomllib
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).parents[2]
COMMANDS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["entry-points"]["canzhi.commands"]
OWN_WORDS = {"test", "check", "lock", "add", "golden", "kernel"}  # of ./canzhi itself
PAGES = [ROOT / "README.md", ROOT / "README.zh-CN.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("name", COMMANDS)
def test_each_entry_point_is_a_command_with_help(name):
    command = load(name)
    assert isinstance(command, click.Command)
    assert command.name == name
    assert command.get_short_help_str()


def load(name):
    module, _, attribute = COMMANDS[name].partition(":")
    return getattr(importlib.import_module(module), attribute)


def options_of(command):
    return {option for parameter in command.params for option in [*parameter.opts, *parameter.secondary_opts]}


def called_commands(page):
    """Commands and their options in code blocks, and between backticks, of a page."""
    text = page.read_text("utf-8")
    code = "\n".join(
        [*re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE), *re.findall(r"`([^`\n]+)`", text)]
    )
    code = code.replace("\\\n", " ")
    for name, rest in re.findall(r"(?:^|[\s;])(?:\./)?canzhi ([a-z][a-z-]*)([^\n;|]*)", code, re.MULTILINE):
        yield name, set(re.findall(r"(?<!\S)(--[a-z-]+)", rest.partition("#")[0]))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_use_only_existing_commands_and_options(page):
    unknown = [
        f"{name} {option}"
        for name, options in called_commands(page)
        if name not in OWN_WORDS
        for option in ({""} if name not in COMMANDS else options - options_of(load(name)))
    ]
    assert unknown == []


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
def test_commands_of_a_page_are_found(page):
    names = {name for name, _ in called_commands(ROOT / page)}
    assert {"run", "test", "value", "score", "serve", "train", "drift"} <= names


def test_both_readmes_use_the_same_code():
    """Options that only select the language may differ."""
    english, chinese = (
        [
            re.sub(r" --lang zh|#.*|--why \S.*", "", line).split()
            for line in re.findall(r"^(?:\$|>>>|[A-Z]\w+$).*", text, re.MULTILINE)
        ]
        for text in ((ROOT / name).read_text("utf-8") for name in ("README.md", "README.zh-CN.md"))
    )
    assert english == chinese


@pytest.mark.parametrize("name", COMMANDS)
def test_the_reference_lists_only_existing_options(name):
    page = (ROOT / "docs" / "reference" / "commands.md").read_text("utf-8")
    sections = re.split(rf"^## `canzhi {name}[ `]", page, flags=re.MULTILINE)[1:]
    options = {option for text in sections for option in re.findall(r"`(--[a-z-]+)", text.partition("\n## ")[0])}
    assert options <= options_of(load(name))
