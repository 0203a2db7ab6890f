"""`canzhi simulate`: write a synthetic market with the true expected prices."""

from __future__ import annotations

import sys
from datetime import date, datetime
from pathlib import Path

import click

from models.language import command_language
from training.commands.terminal import print_line, stage_name, work_name
from training.simulation.market_simulation import simulate as simulate_market
from training.simulation.plan import SimulationPlan
from training.simulation.write_files import summary, write
from valuation.messages import Message


@click.command()
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--packs", type=click.IntRange(min=1), default=20_000, show_default=True, help="Packs built into vehicles."
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=1, show_default=True, help="The same seed gives the same bytes."
)
@click.option(
    "--years", type=click.FloatRange(1.0, 25.0), default=10.0, show_default=True, help="Length of the ledger."
)
@click.option("--through", type=click.DateTime(["%Y-%m-%d"]), help="Last day of the market.  [default: 2026-11-20]")
def simulate(out: Path, packs: int, seed: int, years: float, through: datetime | None) -> None:
    """Write a synthetic market into the folder OUT: traces, sales, quotes and the expected price of every sale."""
    last_day = date(2026, 11, 20) if through is None else through.date()
    plan = SimulationPlan(packs=packs, seed=seed, years=years, through=last_day)
    stages = 7
    with click.progressbar(length=stages, label=work_name("synthetic_market"), file=sys.stderr) as bar:

        def begin(stage: str) -> None:
            bar.label = stage_name("synthetic_market", stage)
            bar.update(1)

        market = simulate_market(plan, begin)
        begin(Message("stage.writing"))
        write(market, out)
    language = command_language()
    print_line("train.simulate.done", folder=out)
    for label, value in summary(market):
        shown = value.in_language(language) if isinstance(value, Message) else value
        click.echo(f"  {label.in_language(language):<26} {shown}")
