"""`canzhi value`: value the packs in files (评估), as tables or JSON lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeGuard

import click
import msgspec

from models.language import command_language
from service.api.problems import problem_of
from service.cli import DONE, REFUSED, print_message
from service.commands.console import options
from service.commands.console.localised_error import localised_error
from service.commands.console.opened_service import chosen_day, open_service, settings_with
from service.commands.console.progress import with_progress
from service.commands.console.valuation_table import print_valuations
from service.pack_files import chunks, read_files
from service.store.idempotency import Outcome
from service.valuation_service import Answer, RequestTerms, ValuationService
from valuation.errors import CanzhiError
from valuation.ingest import Traces, read_given
from valuation.market.invoice import INVOICES, Invoice
from valuation.messages import Language, Message

_CHUNK = 1000
_MAX_REFUSALS = 20  # more refusals are only counted
_PROGRESS_BAR_FROM = 3000  # packs from which the work takes longer than two seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFormat:
    """Output as JSON lines, or as tables in a language."""

    as_json: bool = False
    language: Language = field(default_factory=command_language)


@click.command()
@click.argument("files", nargs=-1, required=True, type=options.FILES, metavar="FILE...")
@options.given
@options.as_of
@options.level
@options.market
@options.model
@options.region
@click.option(
    "--invoice",
    type=click.Choice(INVOICES),
    default="general",
    show_default=True,
    help="The seller's invoice, which decides what a buyer pays in cash.",
)
@options.as_json
@options.language
@click.pass_context
def value(  # noqa: PLR0913 - one parameter per option
    context: click.Context,
    files: tuple[Path, ...],
    *,
    given: dict[str, str | None],
    as_of: datetime | None,
    level: float,
    market: Path | None,
    model: str | None,
    region: str,
    invoice: Invoice,
    as_json: bool,
    language: Language,
) -> None:
    """Value the packs in trace records, JSONL, passports, CSV, Excel or Parquet (评估残值).

    What a file lacks can be given beside it: a code, a nameplate, a health. Use - for standard input. Every valuation
    is stored, for canzhi reproduce. The exit code is 1 if a pack is refused.
    """
    service = context.with_resource(open_service(settings_with(market, model)))
    terms = RequestTerms(as_of=chosen_day(service, as_of), level=level, region=region, invoice=invoice)
    facts = read_given(given, source="command_line", as_of=terms.as_of, from_text=True)
    traces, problems = read_files(files, terms.as_of, facts)
    context.exit(value_and_print(service, traces, terms, problems, OutputFormat(as_json=as_json, language=language)))


def value_and_print(
    service: ValuationService,
    traces: Traces,
    terms: RequestTerms,
    problems: Sequence[tuple[str, CanzhiError]],
    output: OutputFormat | None = None,
) -> int:
    """Value packs, store and print the answers, and return the exit code."""
    output = output or OutputFormat()
    results = list(_answers(service, traces, terms))
    if output.as_json:
        _print_json(traces, results)
    else:
        print_valuations([one for one in results if _is_answer(one)], output.language)
    return _report(traces, results, problems)


def _answers(service: ValuationService, traces: Traces, terms: RequestTerms) -> Iterator[Answer | CanzhiError]:
    """Yield the answer or error of each pack; answers are stored in chunks."""
    parts = list(chunks(traces, _CHUNK))
    for chunk in with_progress(parts, "command.score.packs", shown_from=_PROGRESS_BAR_FROM // _CHUNK):
        results = service.value_many(chunk, terms, channel="cli")
        given = [one for one in results if _is_answer(one)]
        service.save(given, Outcome(status=0, body=b""), recorded_by="cli")
        yield from results


def _is_answer(one: object) -> TypeGuard[Answer]:
    return isinstance(one, Answer)


def _print_json(traces: Traces, results: Sequence[Answer | CanzhiError]) -> None:
    """Print one JSON object per line: a valuation or a problem."""
    for history, one in zip(traces.histories, results, strict=True):
        if isinstance(one, Answer):
            click.echo(one.body)
        else:
            refused = {"battery_code": history.battery_code, "problem": problem_of(one)}
            click.echo(msgspec.json.encode(refused))


def _report(
    traces: Traces,
    results: Sequence[Answer | CanzhiError],
    problems: Sequence[tuple[str, CanzhiError]],
) -> int:
    """Print refused and unreadable packs on standard error, and return the exit code."""
    said = [(where, error) for where, error in problems]
    for history, one in zip(traces.histories, results, strict=True):
        if isinstance(one, CanzhiError):
            said.append((history.battery_code or Message("command.no_code"), one))
    for where, error in said[:_MAX_REFUSALS]:
        print_message(*localised_error(where, error))
    if len(said) > _MAX_REFUSALS:
        print_message(Message("command.more_refused", count=len(said) - _MAX_REFUSALS))
    return REFUSED if said else DONE
