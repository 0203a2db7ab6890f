"""`canzhi reproduce`: recompute a stored valuation and compare it bit for bit (复算)."""

from __future__ import annotations

from contextlib import closing

import click

from service.cli import DONE, REFUSED, print_message
from service.reproduction import Reproduction, open_archive, reproduce_valuation
from service.settings import Settings


@click.command()
@click.argument("valuation_id", metavar="VALUATION_ID")
@click.option("--json", "as_json", is_flag=True, help="Print the stored answer as JSON.")
@click.pass_context
def reproduce(context: click.Context, valuation_id: str, *, as_json: bool) -> None:
    """Recompute a stored valuation from its record, quotes and model, bit for bit (复算).

    The exit code is 1 if the answers differ or no valuation is stored under the id, else 0.
    """
    settings = Settings.from_environment()
    with closing(open_archive(settings)) as archive:
        done = reproduce_valuation(archive, valuation_id, settings.home)
    if as_json:
        click.echo(done.stored.answer)
    if done.identical:
        print_message(f"valuation {valuation_id} is bit-identical") if as_json else click.echo(_identical_message(done))
        context.exit(DONE)
    print_message(f"valuation {valuation_id} is not identical: {', '.join(done.differences)} differ", _reason(done))
    context.exit(REFUSED)


def _identical_message(done: Reproduction) -> str:
    stored = done.stored
    return (
        f"bit-identical: {stored.valuation_id}, valued {stored.created_at} as of {stored.as_of} "
        f"with model {(stored.model_digest or 'structural')[:19]} and market {stored.market_digest[:19]}"
    )


def _reason(done: Reproduction) -> str:
    if done.same_code:
        return "the same version gives another answer: please report it with the id"
    return f"it was made by canzhi {done.stored.code_version}; install that version to get the same bits"
