"""`canzhi check`: findings on the traced history of packs (溯源核验), without a price."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click
import msgspec

from service.answers.checks import CheckAnswer, check_traces
from service.cli import DONE, REFUSED, print_message
from service.commands.console import options
from service.commands.console.localised_error import localised_error
from service.commands.console.tables import new_table, terminal
from service.pack_files import read_files
from service.web.valuation_view import caution_lines
from valuation.ingest import read_given
from valuation.messages import Language, Message, name, say


@click.command()
@click.argument("files", nargs=-1, required=True, type=options.FILES, metavar="FILE...")
@options.given
@options.as_of
@options.as_json
@options.language
@click.pass_context
def check(  # noqa: PLR0913 - one parameter an option
    context: click.Context,
    files: tuple[Path, ...],
    *,
    given: dict[str, str | None],
    as_of: datetime | None,
    as_json: bool,
    language: Language,
) -> None:
    """Check the traced history of packs: findings, trust grade, evidence tier (溯源核验).

    Use - for standard input. The exit code is 1 if a finding closes a route or refuses the pack.
    """
    day = options.day_of(as_of)
    facts = read_given(given, source="command_line", as_of=day, from_text=True)
    traces, problems = read_files(files, day, facts)
    answers = check_traces(traces, day)
    if as_json:
        for answer in answers:
            click.echo(msgspec.json.encode(answer))
    else:
        _print_tables(answers, language)
    for where, error in problems:
        print_message(*localised_error(where, error))
    context.exit(REFUSED if problems or any(answer.blocks for answer in answers) else DONE)


def _print_tables(answers: Sequence[CheckAnswer], language: Language) -> None:
    """Print one table per pack."""
    console = terminal()
    titles = [say(language, f"command.table.{name}") for name in ("id", "severity", "finding", "effect")]
    for answer in answers:
        title = Message(
            "command.check.title",
            code=answer.battery_code or "-",
            tier=answer.tier,
            grade=answer.grade,
            status=Message("command.check.refused") if answer.refused else "",
        )
        table = new_table(title.in_language(language), titles)
        for caution in caution_lines(answer.cautions, language):
            severity = name(language, "severity", caution.severity)
            table.add_row(caution.id, severity, caution.message, caution.effect or "-")
        if not answer.cautions:
            table.add_row("", "", say(language, "command.check.nothing"), "")
        console.print(table)
