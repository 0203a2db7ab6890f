"""`canzhi code`: decode and check battery codes (动力蓄电池编码)."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import datetime

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from service.answers.codes import code_answer
from service.commands.console import options
from service.commands.console.progress import with_progress
from valuation.battery_code.decoding import BatteryCode, decode
from valuation.battery_code.explanation import explain, vendor_id
from valuation.messages import Language, say

_MAX_EXPLAINED = 3  # more codes are listed, one per line
_FILE_WIDTH = 160  # table width if the output is not a terminal
_PROGRESS_BAR_FROM = 20_000  # more codes take longer than two seconds


@click.command()
@click.argument("codes", nargs=-1, required=True, metavar="CODE...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per code and line.")
@options.language
@click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="Day of the check; later production dates are refused.  [default: today]",
)
@click.pass_context
def code(
    context: click.Context, codes: tuple[str, ...], *, as_json: bool, language: Language, as_of: datetime | None
) -> None:
    """Decode and check battery codes under GB/T 34014 (动力蓄电池编码).

    A code printed in two halves can be given with a blank between them, in quotes. Use - to read codes from standard
    input, one per line. The exit code is 1 if a code is refused.
    """
    on = options.day_of(as_of)
    texts = [text for given in codes for text in (_lines() if given == "-" else [_printable(given)])]
    if not texts:
        raise click.UsageError(say(language, "command.no_code_on_input"))
    shown = with_progress(texts, "command.score.codes", shown_from=_PROGRESS_BAR_FROM)
    decoded = (decode(text, on) for text in shown)
    refused = _print_json(decoded) if as_json else _print_tables(list(decoded), language)
    context.exit(1 if refused else 0)


def _lines() -> list[str]:
    """Return the lines of standard input that are not blank, with invalid UTF-8 replaced."""
    text = sys.stdin.buffer.read().decode("utf-8", "replace")
    return [line for line in text.split("\n") if line.strip()]


def _printable(given: str) -> str:
    """Return an argument with invalid UTF-8 replaced."""
    return given.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _print_json(decoded: Iterable[BatteryCode]) -> int:
    """Print one JSON object per line, and return the number of refused codes."""
    refused = 0
    for each in decoded:
        refused += not each.valid
        click.echo(msgspec.json.encode(code_answer(each)))
    return refused


def _print_tables(decoded: list[BatteryCode], language: Language) -> int:
    """Print the codes as tables, and return the number of refused codes."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _FILE_WIDTH
    tables = (
        [_parts_table(each, language) for each in decoded]
        if len(decoded) <= _MAX_EXPLAINED
        else [_codes_table(decoded, language)]
    )
    for table in tables:
        console.print(table)
    return sum(not each.valid for each in decoded)


def _parts_table(decoded: BatteryCode, language: Language) -> Table:
    """Return a table of the parts of one code."""
    status = say(language, "code.status.valid" if decoded.valid else "code.status.refused")
    style = "green" if decoded.valid else "red"
    title = Text.assemble((decoded.code or decoded.text, "bold"), "  ", (status, style))
    table = Table(title=title, title_justify="left", show_header=False)
    for line in explain(decoded):
        table.add_row(
            Text(say(language, f"code.part.{line.part}")), Text(line.text_zh if language == "zh" else line.text_en)
        )
    return table


def _codes_table(decoded: list[BatteryCode], language: Language) -> Table:
    """Return a table with one row per code."""
    table = Table()
    for place, name in enumerate(("code", "vendor", "level", "type", "made_on", "result")):
        table.add_column(say(language, f"code.column.{name}"), no_wrap=place == 0, overflow="fold")
    for each in decoded:
        maker = vendor_id(each.vendor or "")
        status = Text(say(language, "code.status.valid"), "green")
        if each.reason is not None:
            status = Text(say(language, f"code.reason.{each.reason}"), "red")
        cells = (
            each.code or each.text,
            each.vendor or "" if maker == "code.vendor.unknown" else say(language, maker),
            say(language, f"code.level.{each.level}") if language == "zh" and each.level else each.level or "",
            each.battery_type or "",
            str(each.made_on or ""),
        )
        table.add_row(*map(Text, cells), status)
    return table
