"""`canzhi score`: value a fleet from Parquet to Parquet (批量评估), on this machine or on a Spark cluster."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import cast

import click
import msgspec

from models.artifact.predictor import Predictor
from models.language import command_language
from service.cli import print_message
from service.commands.console import options
from service.commands.console.opened_service import settings_with, warn_synthetic
from service.quotes import open_market
from service.scoring.job_context import JobContext
from service.scoring.local import Request, score_files
from service.scoring.memory_settings import without_pandas
from service.scoring.progress import OnTerminal
from service.scoring.spark import ClusterRequest, score_on_cluster
from service.valuation_service import model_on
from service.vehicles import kept_catalogue
from valuation.answer.fleet_values import check_terms
from valuation.messages import Message, say
from valuation.terms import ValuationTerms

_TABLE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


@click.command()
@click.argument("packs")
@click.argument("events")
@click.argument("out")
@click.option(
    "--engine",
    type=click.Choice(["local", "spark"]),
    default="local",
    show_default=True,
    help="Execution engine.",
)
@options.as_of
@options.level
@options.market
@options.model
@options.region
@click.option(
    "--market-shift",
    multiple=True,
    metavar="NAME=FACTOR",
    help="Factor on a quote, such as lithium_carbonate=1.1; may be repeated.",
)
@click.option("--drivers", is_flag=True, help="Add the drivers: base_cny and one effect_ column per feature.")
@click.option("--processes", type=click.IntRange(0), default=0, help="Processes of the local engine.  [default: all]")
@click.option("--master", metavar="URL", help="Spark master.  [default: from spark-submit or SPARK_MASTER]")
@click.option("--shares", type=click.IntRange(1), help="Number of Spark tasks.")
def score(  # noqa: PLR0913 - one parameter per option
    packs: str,
    events: str,
    out: str,
    *,
    engine: str,
    as_of: datetime | None,
    level: float,
    market: Path | None,
    model: str | None,
    region: str,
    market_shift: tuple[str, ...],
    drivers: bool,
    processes: int,
    master: str | None,
    shares: int | None,
) -> None:
    """Value every pack of PACKS with its EVENTS (Parquet) into OUT, one row per pack (批量评估).

    Refused packs and unreadable rows go to OUT.rejected.parquet with the reason. The same command resumes an
    interrupted run.
    """
    terms = {"level": level, "region": region, "explain": drivers, "market_shift": _shifts(market_shift)}
    context = _prepare_job(market, model, as_of, terms)
    if engine == "spark":
        done = score_on_cluster(
            ClusterRequest(packs=packs, events=events, out=out, master=master, shares=shares), context
        )
        print_message(_scored(done.valued, done.rejected, out, done.rejected_folder))
        return

    request = Request(packs=_file(packs), events=_file(events), out=Path(out), processes=processes)
    with without_pandas():
        outcome = score_files(request, context, OnTerminal(print_message))
    print_message(_scored(outcome.valued, outcome.rejected, out, outcome.rejected_file))


def _scored(valued: int, rejected: int, out: str, rejects: object) -> Message:
    return Message("command.scored", valued=valued, rejected=rejected, out=out, rejects=rejects)


def _prepare_job(
    market: Path | None, model: str | None, as_of: datetime | None, terms: dict[str, object]
) -> JobContext:
    """Return quotes, model and terms; invalid terms are refused before the work starts."""
    settings = settings_with(market, model)
    quotes = open_market(settings)
    checked = msgspec.convert({"as_of": options.day_of(as_of), **terms}, ValuationTerms)
    check_terms(checked, quotes.history)
    warn_synthetic(quotes)
    loaded = cast("Predictor | None", model_on(settings, quotes, checked.as_of))  # the registry contains no other type
    return JobContext.of(quotes.content, loaded, checked, kept_catalogue(settings.home))


def _shifts(given: tuple[str, ...]) -> dict[str, float]:
    """Return the factors of a market scenario from `NAME=FACTOR` options.

    >>> _shifts(("lithium_carbonate=1.1",))
    {'lithium_carbonate': 1.1}
    """
    shifts = {}
    for one in given:
        name, _, factor = one.partition("=")
        try:
            shifts[name.strip()] = float(factor)
        except ValueError as error:
            problem = say(command_language(), "command.not_a_factor", value=one)
            raise click.BadParameter(problem, param_hint="--market-shift") from error
    return shifts


def _file(path: str) -> Path:
    converted: Path = _TABLE.convert(path, None, None)
    return converted
