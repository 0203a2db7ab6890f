"""`canzhi import`: telemetry, logs, workbooks and passports to trace records (导入为溯源记录)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import msgspec

from service.cli import DONE, REFUSED, print_message
from service.clock import today
from service.commands.console import options
from service.commands.console.localised_error import localised_error
from service.pack_files import read_document, read_documents
from valuation.errors import CanzhiError
from valuation.ingest import GivenFacts, read_given
from valuation.ingest.telemetry.trace_of_log import import_log
from valuation.messages import Message, Wording


@click.command(name="import")
@click.argument("files", nargs=-1, required=True, type=options.FILES, metavar="FILE...")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Where to write.  [default: standard output]",
)
@options.given
@click.pass_context
def import_file(context: click.Context, files: tuple[Path, ...], *, out: Path | None, given: dict[str, object]) -> None:
    """Write trace records from telemetry, logs, workbooks and passports, one JSON object per line (导入为溯源记录).

    Logs of LeafSpy, TeslaMate, EVNotify, GB/T 32960 and Battery Archive become usage events by month; with the rated
    energy their charges give the state of health. What was read from which column goes to standard error. What a
    file lacks can be given beside it.
    """
    facts = read_given(given, source="command_line", as_of=today(), from_text=True)
    written: list[bytes] = []
    refused = False
    for file in files:
        for line in _records(file, facts):
            if line is None:
                refused = True
            else:
                written.append(line + b"\n")
    if out is None:
        click.echo(b"".join(written), nl=False)
    else:
        out.write_bytes(b"".join(written))
    context.exit(REFUSED if refused or not written else DONE)


def _records(file: Path, facts: GivenFacts | None) -> Iterator[bytes | None]:
    """Yield the records in a file as JSON, None for what was refused, and say what was read."""
    try:
        document = read_document(file)
        log = import_log(document, document.name, _plate(facts))
    except CanzhiError as error:
        print_message(*localised_error(file.name, error))
        yield None
        return
    if log is not None:
        print_message(Message("command.imported_log", place=document.name, source=log.source, taken=log.taken))
        yield msgspec.json.encode(log.record)
        return
    traces, problems = read_documents([document], given=facts)
    for row in range(traces.packs):
        notes = [Wording(note.caution.message_en, note.caution.message_zh) for note in traces.notes[row]]
        code = traces.histories[row].battery_code or Message("command.unnamed_pack")
        identity = "command.imported_with_notes" if notes else "command.imported"
        print_message(Message(identity, place=document.name, code=code, notes=notes))
        yield traces.written(row)
    for where, problem in problems:
        print_message(*localised_error(where, problem))
        yield None


def _plate(facts: GivenFacts | None) -> Mapping[str, object]:
    return {} if facts is None else facts.pack
