"""The command `canzhi`: a click group whose commands come from entry points and are imported when called.

Help lines are parsed from the source of the commands, so that `canzhi --help` imports none of them.
"""

from __future__ import annotations

import ast
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points, version
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import click

from models.language import answering_in, command_language, terminal_language
from service.settings import Settings
from valuation.errors import CanzhiError, SettingError
from valuation.messages import Language, Message, say
from valuation.messages.language import known_language

GROUP = "canzhi.commands"
DONE, REFUSED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130


@cache
def command_table() -> dict[str, EntryPoint]:
    """Return the entry point of every command by name."""
    return {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)}


def load_command(name: str) -> click.Command | None:
    """Import and return a command, None for an unknown name.

    Raises
    ------
    SettingError
        If the command needs a package that is not installed.
    """
    point = command_table().get(name)
    if point is None:
        return None
    try:
        command = point.load()
    except ModuleNotFoundError as missing:
        raise SettingError(
            "cli.command_needs", hint="cli.package_missing.hint", command=name, package=missing.name
        ) from missing
    if not isinstance(command, click.Command):
        raise SettingError("cli.not_a_command", hint="cli.install_again", command=name, value=point.value)
    return command


def first_line(point: EntryPoint) -> str:
    """Return the first line of a command's docstring, parsed from its source."""
    try:
        spec = find_spec(point.module)
        source = Path(spec.origin).read_text("utf-8") if spec and spec.origin else ""
    except (OSError, ModuleNotFoundError):
        return ""
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == point.attr:
            return (ast.get_docstring(node) or "").partition("\n")[0]
    return ""


class LazyGroup(click.Group):
    """A click group that loads its commands from entry points."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - signature of click
        """Return the names of all commands."""
        return list(command_table())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - signature of click
        """Import and return a command."""
        return load_command(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the first argument names."""
        if not ctx.resilient_parsing and args[0] not in command_table() and not args[0].startswith("-"):
            ctx.fail(say(command_language(), "cli.usage.no_such_command", name=args[0]))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - signature of click
        """Write one line per command without importing it."""
        rows = [(name, first_line(point)) for name, point in command_table().items()]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(package_name="canzhi", message="%(prog)s %(version)s")
def canzhi() -> None:
    """Residual value of traction batteries (动力电池残值): a price with a calibrated band, from the traced history."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 refused or failed, 2 wrong usage."""
    warnings.formatwarning = _format_warning  # type: ignore[assignment]  # omits file and line
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def _format_warning(message: Warning | str, category: type[Warning], *_: object) -> str:
    """Return a warning as one line, without file and line, in the language of the command."""
    said = message.args[0] if isinstance(message, Warning) and message.args else message
    text = said.in_language(command_language()) if isinstance(said, Message) else message
    return f"canzhi: {text}\n" if category is RuntimeWarning else f"canzhi: {category.__name__}: {text}\n"


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code; every error becomes one sentence and a hint."""
    _use_utf8()
    with answering_in(_language_of(arguments)):
        try:
            _invoke(arguments)
        except BaseException as end:  # noqa: BLE001 - users never see a traceback
            return _report_failure(end)
    return DONE


def _language_of(arguments: Sequence[str]) -> Language:
    """Return the language that `--lang` asks for, else that of the terminal."""
    split = [part for one in arguments for part in (one.split("=", 1) if one.startswith("--lang") else [one])]
    for flag, value in pairwise(split):
        asked = known_language(value)
        if flag in {"--lang", "--language"} and asked is not None:
            return asked
    return terminal_language()


def _report_failure(end: BaseException) -> int:
    """Print why a command failed, and return the exit code."""
    code = REFUSED
    match end:
        case click.exceptions.Exit():
            code = end.exit_code
        case SystemExit():
            code = end.code if isinstance(end.code, int) else DONE if end.code is None else REFUSED
        case click.ClickException():
            _print_usage_error(end)
            code = end.exit_code
        case CanzhiError():
            print_message(end.text, end.hint_text)
        case KeyboardInterrupt() | click.Abort():
            print_message(Message("cli.interrupted"))
            code = INTERRUPTED
        case ModuleNotFoundError():
            print_message(Message("cli.package_missing", package=end.name), Message("cli.package_missing.hint"))
        case BrokenPipeError():
            _drop_output()
            code = DONE
        case _:
            _write_crash_report(end)
    return code


def _print_usage_error(error: click.ClickException) -> None:
    """Print a wrong usage; click itself has English sentences only."""
    language = command_language()
    if language == "en":
        error.show()
        return
    context = getattr(error, "ctx", None)
    if context is not None:
        click.echo(context.get_usage(), err=True)
        click.echo(say(language, "cli.usage.help", command=context.command_path), err=True)
    name = error.param.get_error_hint(context) if isinstance(error, click.BadParameter) and error.param else ""
    match error:
        case click.NoSuchOption():
            print_message(Message("cli.usage.no_such_option", option=error.option_name))
        case click.MissingParameter():
            print_message(Message("cli.usage.missing", name=name))
        case click.BadParameter():
            print_message(Message("cli.usage.bad_value", name=error.param_hint or name, reason=error.message))
        case _:
            print_message(Message("cli.usage.wrong", reason=error.message))


def _invoke(arguments: Sequence[str]) -> None:
    """Run a command without click's handler, which exits with 1 on a closed pipe."""
    if "_CANZHI_COMPLETE" in os.environ:  # shell completion
        canzhi.main(args=list(arguments), prog_name="canzhi")
    try:
        with canzhi.make_context("canzhi", list(arguments)) as context:
            canzhi.invoke(context)
    finally:
        sys.stdout.flush()


def print_message(message: Message, hint: Message | None = None) -> None:
    """Print a message and an optional hint on standard error, in the language of the command."""
    lines = [message, *([Message("cli.hint", hint=hint)] if hint else [])]
    language = command_language()
    click.echo(
        "\n".join(["canzhi: " + lines[0].in_language(language), *(one.in_language(language) for one in lines[1:])]),
        err=True,
    )


def print_line(identity: str, /, **parameters: object) -> None:
    """Print a message on standard output, in the language of the command."""
    click.echo(say(command_language(), identity, **parameters))


def _write_crash_report(fault: BaseException) -> None:
    """Print that canzhi failed, and write the traceback to a file."""
    hint = Message("cli.report")
    try:
        home = Settings.from_environment().home
        home.mkdir(parents=True, exist_ok=True)
        path = home / "last-fault.txt"
        path.write_text(f"canzhi {version('canzhi')}\n{''.join(traceback.format_exception(fault))}", "utf-8")
        hint = Message("cli.report_with", path=path)
    except (OSError, CanzhiError):
        pass
    first = (str(fault).splitlines() or [""])[0][:300]
    print_message(Message("cli.failed", kind=type(fault).__name__, reason=first), hint)


def _drop_output() -> None:
    """Redirect standard output to nowhere after its reader has closed it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())


def _use_utf8() -> None:
    """Write UTF-8 under any locale."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="replace")
