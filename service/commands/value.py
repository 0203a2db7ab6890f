"""`canzhi value`: value the packs in files (评估), in a table for people or as JSON lines for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

import click

from service.commands import options

if TYPE_CHECKING:
    from service.valuation_service import Answer, Terms, ValuationService
    from service.web.messages import Language
    from valuation.errors import CanzhiError
    from valuation.ingest import Traces

_AT_ONCE = 1000
_TOLD = 20  # a person reads no more refusals than these
_WORTH_A_BAR = 3000  # packs from which the work takes longer than two seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """How answers are shown: as JSON lines for programs, or as tables in a language for people."""

    as_json: bool = False
    language: Language = "en"


_AS_TABLES = Shown()


@click.command()
@click.argument("files", nargs=-1, required=True, type=options.FILES, metavar="FILE...")
@options.as_of
@click.option(
    "--level", type=click.FloatRange(0.5, 0.99), default=0.9, show_default=True, help="Share of deals the band holds."
)
@options.market
@options.model
@click.option("--region", default="CN", show_default=True, help="Region whose quotes are preferred.")
@options.as_json
@options.language
@click.pass_context
def value(  # noqa: PLR0913 - one parameter an option
    context: click.Context,
    files: tuple[Path, ...],
    *,
    as_of: datetime | None,
    level: float,
    market: Path | None,
    model: str | None,
    region: str,
    as_json: bool,
    language: Language,
) -> None:
    """Value the packs in trace records, JSONL, passports, CSV or Parquet (评估残值).

    Give - to read standard input. Every valuation is kept: canzhi reproduce brings it back. The exit code is 1 if any
    pack is refused.
    """
    from service.commands.context import chosen_day, opened, settings_with  # noqa: PLC0415 - --help stays quick
    from service.files import read_files  # noqa: PLC0415 - as above
    from service.valuation_service import Terms  # noqa: PLC0415 - as above

    counter = context.with_resource(opened(settings_with(market, model)))
    terms = Terms(as_of=chosen_day(counter, as_of), level=level, region=region)
    traces, problems = read_files(files)
    context.exit(value_and_print(counter, traces, terms, problems, Shown(as_json=as_json, language=language)))


def value_and_print(
    counter: ValuationService,
    traces: Traces,
    terms: Terms,
    problems: Sequence[tuple[str, CanzhiError]],
    shown: Shown = _AS_TABLES,
) -> int:
    """Value packs, keep what is answered, show everything and return the exit code."""
    results = list(_answers(counter, traces, terms))
    if shown.as_json:
        _print_json(traces, results)
    else:
        from service.commands.valuation_table import print_valuations  # noqa: PLC0415 - as above

        print_valuations([one for one in results if _is_answer(one)], shown.language)
    return _report(traces, results, problems, shown.language)


def _answers(counter: ValuationService, traces: Traces, terms: Terms) -> Iterator[Answer | CanzhiError]:
    """Yield what becomes of each pack; what is answered is kept, a thousand at a time."""
    from service.files import chunks  # noqa: PLC0415 - as above
    from service.store.idempotency import Outcome  # noqa: PLC0415 - as above

    for chunk in _with_progress(list(chunks(traces, _AT_ONCE))):
        results = counter.value_many(chunk, terms, channel="cli")
        given = [one for one in results if _is_answer(one)]
        counter.keep(given, Outcome(status=0, body=b""), recorded_by="cli")
        yield from results


def _with_progress(parts: Sequence[Traces]) -> Iterator[Traces]:
    """Yield the parts, with a bar on the terminal of a person where they are many."""
    if len(parts) * _AT_ONCE < _WORTH_A_BAR:
        yield from parts
        return
    from rich.console import Console  # noqa: PLC0415 - as above
    from rich.progress import track  # noqa: PLC0415 - as above

    errors = Console(stderr=True)
    yield from track(parts, "packs", console=errors, transient=True, disable=not errors.is_terminal)


def _is_answer(one: object) -> TypeGuard[Answer]:
    from service.valuation_service import Answer  # noqa: PLC0415 - as above

    return isinstance(one, Answer)


def _print_json(traces: Traces, results: Sequence[Answer | CanzhiError]) -> None:
    """Print one object a line: the valuation, or the problem that prevented it."""
    import msgspec  # noqa: PLC0415 - as above

    from service.api.problems import problem_of  # noqa: PLC0415 - as above
    from service.valuation_service import Answer  # noqa: PLC0415 - as above

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
    language: Language,
) -> int:
    """Say on standard error which packs were refused or could not be read, and return the exit code."""
    from service.cli import DONE, REFUSED, say  # noqa: PLC0415 - the command line imports the commands
    from service.commands.refusals import told  # noqa: PLC0415 - as above
    from valuation.errors import CanzhiError  # noqa: PLC0415 - as above

    said = [(where, error) for where, error in problems]
    for history, one in zip(traces.histories, results, strict=True):
        if isinstance(one, CanzhiError):
            said.append((history.battery_code or "a pack without code", one))
    for where, error in said[:_TOLD]:
        message, way_out = told(error, language)
        say(f"{where}: {message}", way_out)
    if len(said) > _TOLD:
        say(f"and {len(said) - _TOLD} more are refused; --json tells the reason of every pack")
    return REFUSED if said else DONE
