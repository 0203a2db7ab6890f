"""`canzhi drift`: drift of packs, prices and realised coverage since the training."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click
import msgspec

from models.artifact.registry import home_folder
from models.drift import shift_message
from service.cli import DONE, REFUSED
from service.commands.console import options
from service.commands.console.opened_service import open_service, settings_with
from service.monitoring import drift_report
from service.plugins import load_plugin
from valuation.messages import Language, say

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_MAX_SALES, _MAX_PACKS, _SHOWN = 5000, 2000, 10


@click.command()
@click.argument("ledger", required=False, type=_FILE)
@click.option("--traces", type=_FOLDER, help="With LEDGER: folder with the tables packs and events.")
@click.option("--market", type=_FILE, help="With LEDGER: quotes over the time of the sales.")
@click.option(
    "--vat", type=click.Choice(["included", "excluded"]), help="Tax basis of prices if LEDGER does not state it."
)
@options.language
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def drift(  # noqa: PLR0913 - one parameter per option
    context: click.Context,
    ledger: Path | None,
    *,
    traces: Path | None,
    market: Path | None,
    vat: str | None,
    language: Language,
    as_json: bool,
) -> None:
    """Report how far packs and prices have moved since the training of the champion (漂移).

    Without LEDGER: the packs valued and the sales reported in this store. With LEDGER, --traces and --market: the sales
    of the ledger after the training, by month. The exit code is 1 if action is recommended, else 0.
    """
    if ledger is not None or traces is not None or market is not None:
        if ledger is None or traces is None or market is None:
            raise click.UsageError(say(language, "command.drift_needs_all"))
        context.exit(_ledger_drift((ledger, traces, market), vat, language, as_json=as_json))

    service = context.with_resource(open_service(settings_with()))
    found = drift_report(service, most_sales=_MAX_SALES, most_packs=_MAX_PACKS)
    if as_json:
        output = {
            "packs": found.packs,
            "shifts": [asdict(shift) | {"moved": shift.moved} for shift in found.shifts],
            "realised": asdict(found.realised),
            "anchor": None if found.anchor is None else msgspec.to_builtins(found.anchor),
            "calls_for_action": found.calls_for_action,
            "advice": found.advice(language),
        }
        click.echo(json.dumps(output, ensure_ascii=False))
    else:
        for shift in found.shifts[:_SHOWN]:
            click.echo(shift_message(shift).in_language(language))
        for sentence in found.advice(language):
            click.echo(sentence)
    context.exit(REFUSED if found.calls_for_action else DONE)


def _ledger_drift(files: tuple[Path, Path, Path], vat: str | None, language: Language, *, as_json: bool) -> int:
    """Report the coverage of the champion's bands on later sales of a ledger, and return the exit code."""
    found = load_plugin("ledger-drift")(files, vat, home_folder())
    if as_json:
        click.echo(json.dumps(found.as_dict(), ensure_ascii=False))
    else:
        for line in found.lines(language):
            click.echo(line)
    return REFUSED if found.calls_for_action else DONE
