"""`canzhi compare`: compare the values of a portfolio under two models, pack by pack."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from pathlib import Path

import click

from models.artifact.registry import home_folder, load_model
from models.clock import today
from models.language import command_language
from training.evaluation.portfolio_comparison import ComparisonTerms, PortfolioComparison, read_portfolio
from training.evaluation.portfolio_comparison import compare as compare_models
from valuation.ingest import read_market
from valuation.messages import say
from valuation.record.to_columns import day_number

_SHOWN = 10


@click.command()
@click.argument("a")
@click.argument("b")
@click.argument("packs", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--market",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    envvar="CANZHI_MARKET",
    help="Market quotes.  [default: CANZHI_MARKET, else market.csv in the home folder]",
)
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Valuation day.  [default: today]")
@click.option("--level", type=click.FloatRange(0.5, 0.99), default=0.9, show_default=True, help="Level of the bands.")
@click.option("--csv", "table", type=click.Path(dir_okay=False, path_type=Path), help="Write every pack to a CSV file.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per pack.")
def compare(  # noqa: PLR0913 - every option by name, as click hands them over
    a: str,
    b: str,
    packs: tuple[Path, ...],
    *,
    market: Path | None,
    as_of: datetime | None,
    level: float,
    table: Path | None,
    as_json: bool,
) -> None:
    """Compare the values of PACKS under model A and model B, pack by pack (模型对比).

    A and B are champion, name@version or a digest; PACKS are trace files, or a folder with the tables packs and events.
    """
    home = home_folder()
    quotes = read_market(_quotes(home, market))
    day = day_number(as_of.date() if as_of else today())
    pair = (load_model(a, home=home), load_model(b, home=home))
    compared = compare_models(pair, read_portfolio(packs), quotes, ComparisonTerms(as_of_day=day, level=level))
    if table is not None:
        _write(compared, table)
    if as_json:
        for row in compared.rows():
            click.echo(json.dumps(row, ensure_ascii=False))
        return
    labels = tuple(f"{model.name}@{model.version}" for model in pair)
    for line in _lines(compared, (labels[0], labels[1])):
        click.echo(line)


def _quotes(home: Path, market: Path | None) -> Path:
    path = market or home / "market.csv"
    if not path.exists():
        raise click.UsageError(say(command_language(), "train.compare.no_quotes"))
    return path


def _write(compared: PortfolioComparison, path: Path) -> None:
    rows = compared.rows()
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]) if rows else ["battery_code"])
        writer.writeheader()
        writer.writerows(rows)


def _lines(compared: PortfolioComparison, labels: tuple[str, str]) -> list[str]:
    """Return totals, totals by chemistry and the largest differences, one per line. [CNY without VAT]"""
    language = command_language()
    packs_head, difference = say(language, "train.compare.packs"), say(language, "train.compare.difference")
    lines = [f"{'':<26}{packs_head:>8}{labels[0]:>18}{labels[1]:>18}{difference:>18}{'':>9}"]
    for name, (packs, before, after) in compared.totals().items():
        lines.append(_line(name, f"{packs:,}", before, after))
    lines.append(say(language, "train.compare.movers"))
    for row in compared.movers(_SHOWN):
        before, after = float(compared.before[row, 0]), float(compared.after[row, 0])
        lines.append(_line(compared.codes[row], compared.chemistry[row], before, after))
    if compared.refused:
        lines.append(say(language, "train.compare.refused", count=len(compared.refused), codes=compared.refused[:3]))
    return lines


def _line(name: str, second: str, before: float, after: float) -> str:
    share = f"{(after - before) / abs(before):+.1%}" if before else ""
    return f"{name:<26}{second:>8}{before:>18,.2f}{after:>18,.2f}{after - before:>+18,.2f}{share:>9}"
