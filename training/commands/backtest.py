"""`canzhi backtest`: what would have happened, had the model been asked at every step only what was known then."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from training.configuration import TrainingConfig
    from training.dataset.prepare import TrainingInput
    from training.dataset.sources import Sources
    from training.dataset.training_set import TrainingSet
    from training.evaluation.backtest import Backtest
    from training.evaluation.vat_scenario import VatChange
    from training.parallel import Workers
    from training.sales_ledger import Ledger

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("ledger", type=_FILE)
@click.option(
    "--traces",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with the tables packs and events.",
)
@click.option("--market", required=True, type=_FILE, help="Quotes over the time of the sales.")
@click.option("--from", "start", type=click.DateTime(["%Y-%m-%d"]), help="First origin.  [default: newest two fifths]")
@click.option("--step", default="3months", show_default=True, metavar="N months", help="From one origin to the next.")
@click.option("--refit/--no-refit", default=True, show_default=True, help="Teach the model anew at every origin.")
@click.option("--vat", type=click.Choice(["included", "excluded"]), help="What prices are where the ledger is silent.")
@click.option(
    "--vat-change",
    "vat_changes",
    multiple=True,
    metavar="DAY=RATE",
    help="Scenario: VAT changes on DAY and the ledger's reader is not told; may be repeated.",
)
@click.option("--config", type=_FILE, help="Choices of the training, as TOML.")
@click.option(
    "--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Language of the report."
)
@click.option(
    "--processes", type=click.IntRange(0), default=0, help="Processes that share the origins.  [default: all]"
)
@click.option("--spark", metavar="MASTER", help="Let a Spark cluster work on the origins instead (spark://…, yarn).")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("backtest.html"),
    show_default=True,
    help="The report; figures go beside it as JSON.",
)
def backtest(  # noqa: PLR0913 - every option by name, as click hands them over
    ledger: Path,
    *,
    traces: Path,
    market: Path,
    start: datetime | None,
    step: str,
    refit: bool,
    vat: str | None,
    vat_changes: tuple[str, ...],
    config: Path | None,
    lang: str,
    processes: int,
    spark: str | None,
    out: Path,
) -> None:
    """Roll through a sales LEDGER as if living it, against the champion and plain rivals, and write a report (回测).

    An interrupted back-test goes on where it stood: finished windows are kept beside the report until it is done. The
    figures are the same however many processes or machines share the work.
    """
    from training.configuration import read_config  # noqa: PLC0415 - numpy waits
    from training.dataset.sources import Sources  # noqa: PLC0415 - same
    from training.evaluation.vat_scenario import read_vat_change  # noqa: PLC0415 - same
    from training.parallel import Workers  # noqa: PLC0415 - same

    basis = None if vat is None else vat
    sources = Sources(ledger=ledger, traces=traces, market=market, vat=basis)  # type: ignore[arg-type]  # click checked
    asked = _Asked(
        start=start,
        months=_months(step),
        refit=refit,
        changes=tuple(read_vat_change(text) for text in vat_changes),
        crew=Workers(processes=processes, spark=spark),
        chinese=lang == "zh",
    )
    tested, sold, note = _tested(sources, read_config(config), out, asked)
    _write(tested, out, lang, (sold, note))
    if asked.changes or sold.closed_routes:
        click.echo(note)
    for line in _lines(tested):
        click.echo(line)
    click.echo(f"report in {out}, figures in {out.with_suffix('.json')}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What is asked of a back-test: first origin, step, whether taught anew, scenario, workers, language."""

    start: datetime | None
    months: int
    refit: bool
    changes: tuple[VatChange, ...]
    crew: Workers
    chinese: bool


def _months(step: str) -> int:
    """Return a step as months.

    >>> _months("3months"), _months("1 month"), _months("6")
    (3, 1, 6)
    """
    number = step.strip().removesuffix("s").removesuffix("month").strip()
    if not number.isdigit() or not 1 <= int(number) <= 60:
        raise click.BadParameter(f"{step!r} is no number of months such as 3months", param_hint="--step")
    return int(number)


def _tested(sources: Sources, config: TrainingConfig, out: Path, asked: _Asked) -> tuple[Backtest, Ledger, str]:
    """Return the back-test, the ledger it stands on, and a remark on that."""
    from models.artifact.registry import home_folder  # noqa: PLC0415 - numpy waits
    from training.dataset.prepare import prepare  # noqa: PLC0415 - same
    from training.evaluation.backtest import Plan, key_of, plan_origins  # noqa: PLC0415 - lightgbm waits
    from training.evaluation.backtest import backtest as roll_through  # noqa: PLC0415 - same
    from training.promotion import current_champion  # noqa: PLC0415 - same

    incumbent, problem = current_champion(home_folder())
    with click.progressbar(length=2, label="back-test", file=sys.stderr) as bar:

        def tell(stage: str) -> None:
            bar.label = f"back-test: {stage}"
            bar.update(1)

        prepared = prepare(sources, config, tell)
    lessons, said = _lessons(prepared, asked)
    origins = plan_origins(prepared.sales, config, asked.start.date() if asked.start else None, asked.months)
    parts = out.with_suffix(".parts")
    changes = [(change.on.isoformat(), change.rate) for change in asked.changes]
    key = key_of(sources.digests(), config, incumbent, [origins, asked.refit, *changes])
    plan = Plan(origins=origins, refit=asked.refit, parts=parts, key=key, crew=asked.crew)
    with click.progressbar(length=len(origins), label="back-test", file=sys.stderr) as bar:
        tested = roll_through(lessons, incumbent, config, plan, tell, truth=prepared.sales)
    for kept in parts.glob(f"{key[:16]}-*.npz"):
        kept.unlink()
    if parts.is_dir() and not any(parts.iterdir()):
        parts.rmdir()
    if problem:
        tested = replace(tested, absent={**tested.absent, "incumbent": problem})
    return tested, prepared.ledger, _remark(prepared, chinese=asked.chinese) + said


def _lessons(prepared: TrainingInput, asked: _Asked) -> tuple[tuple[TrainingSet, TrainingSet], str]:
    """Return the sales and their thinner copies as they are read, and what to say of the scenario."""
    if not asked.changes:
        return (prepared.sales, prepared.extra), ""
    from training.evaluation.vat_scenario import apply_vat_mistake  # noqa: PLC0415 - numpy waits

    seen = apply_vat_mistake(prepared.sales, prepared.ledger.tax, asked.changes)
    count, read = int(seen.wrong.sum()), seen.factor[seen.wrong]
    shares = "–".join(dict.fromkeys((f"{read.min():.1%}", f"{read.max():.1%}")))
    said = (
        f"。情景:增值税{'、'.join(f'自 {one.on.isoformat()} 起变为 {one.rate:.0%}' for one in asked.changes)},"
        f"台账读取方不知情;{count:,} 笔含税成交被读作真实价格的 {shares},评判按真实价格"
        if asked.chinese
        else f"; scenario: VAT becomes {', '.join(f'{one.rate:.0%} on {one.on.isoformat()}' for one in asked.changes)} "
        f"and nobody tells who reads the ledger; {count:,} sales with VAT are read as {shares} of what they were, "
        "and judged at what they were"
    )
    return (seen.sales, seen.copies(prepared.extra)), said


def _remark(prepared: TrainingInput, *, chinese: bool) -> str:
    """Return what a back-test stands on: sales used, set aside, and kept out because their route is closed."""
    from training.sales_ledger.reasons import in_chinese  # noqa: PLC0415 - numpy waits

    ledger, used = prepared.ledger, len(prepared.sales)
    closed = ledger.closed_routes
    aside = sum(ledger.reject_row.values()) - sum(closed.values())
    if chinese:
        synthetic = "合成市场:数字说明方法,不代表真实市场;" if prepared.market.synthetic else ""
        kept_out = "".join(f";未参与 {count:,} 笔({in_chinese(reason)})" for reason, count in closed.items())
        return f"{synthetic}可用成交 {used:,} 笔,剔除 {aside:,} 笔{kept_out}"
    synthetic = "synthetic market: figures show the method, not a market; " if prepared.market.synthetic else ""
    kept_out = "".join(f"; {count:,} kept out: {reason}" for reason, count in closed.items())
    return f"{synthetic}{used:,} usable sales, {aside:,} set aside{kept_out}"


def _write(tested: Backtest, out: Path, lang: str, stands_on: tuple[Ledger, str]) -> None:
    """Write the report, and beside it the figures with the sales that were kept out by reason."""
    from training.evaluation.backtest_report import report_html  # noqa: PLC0415 - numpy waits

    ledger, note = stands_on
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(report_html(tested, "zh" if lang == "zh" else "en", note), encoding="utf-8")
    figures = json.dumps(tested.as_dict() | {"closed_routes": ledger.closed_routes}, ensure_ascii=False, indent=1)
    out.with_suffix(".json").write_text(figures + "\n", encoding="utf-8")


def _lines(tested: Backtest) -> list[str]:
    lines = [f"{'':<28}{'sales':>8}{'coverage':>10}{'width':>9}{'score':>9}{'MAPE':>8}{'bias':>8}{'lost at point':>16}"]
    for one in tested.contestants:
        told = one.overall
        lines.append(
            f"{one.name:<28}{told.sales:>8,}{told.coverage:>10.1%}{told.relative_width:>9.1%}"
            f"{told.interval_score_per_kwh:>9.1f}{told.mape:>8.1%}{told.bias:>+8.1%}{one.money.lost_at_point:>16,.0f}"
        )
    return [*lines, *(f"not compared: {name}, because {why}" for name, why in tested.absent.items())]
