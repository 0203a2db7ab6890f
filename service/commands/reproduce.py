"""`canzhi reproduce`: recompute a stored valuation and compare it bit for bit (复算)."""

from __future__ import annotations

from contextlib import closing

import click

from models.language import command_language
from service.cli import DONE, REFUSED, print_message
from service.reproduction import Reproduction, open_archive, reproduce_valuation
from service.settings import Settings
from valuation.messages import Message


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
        if as_json:
            print_message(Message("command.bit_identical", valuation=valuation_id))
        else:
            click.echo(_identical_message(done).in_language(command_language()))
        context.exit(DONE)
    print_message(Message("command.not_identical", valuation=valuation_id, fields=done.differences), _reason(done))
    context.exit(REFUSED)


def _identical_message(done: Reproduction) -> Message:
    stored = done.stored
    return Message(
        "command.reproduced",
        valuation=stored.valuation_id,
        created_at=stored.created_at,
        as_of=stored.as_of,
        model=stored.model_digest[:19] if stored.model_digest else Message("command.structural"),
        market=stored.market_digest[:19],
    )


def _reason(done: Reproduction) -> Message:
    if done.same_code:
        return Message("command.same_version_differs")
    return Message("command.other_version", version=done.stored.code_version)
