"""`canzhi backtest`: back-test the model against the champion and baseline methods."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import click

from models.artifact.registry import home_folder
from models.language import command_language
from training.commands.terminal import language_option, stage_name, work_name
from training.configuration import TrainingConfig, read_config
from training.dataset.prepare import TrainingInput, prepare
from training.dataset.source_files import Sources
from training.dataset.training_set import TrainingSet
from training.evaluation.backtest.report import report_html
from training.evaluation.backtest.rolling_origin import Backtest, Plan, key_of, plan_origins
from training.evaluation.backtest.rolling_origin import backtest as roll_through
from training.evaluation.backtest.vat_scenario import VatChange, apply_vat_mistake, read_vat_change
from training.parallel import Workers
from training.promotion import current_champion
from training.sales_ledger import SalesLedger
from valuation.messages import Language, Message, say

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
@click.option("--refit/--no-refit", default=True, show_default=True, help="Refit the model at every origin.")
@click.option(
    "--vat", type=click.Choice(["included", "excluded"]), help="Tax basis of prices if the ledger does not state it."
)
@click.option(
    "--vat-change",
    "vat_changes",
    multiple=True,
    metavar="DAY=RATE",
    help="Scenario: VAT changes to RATE on DAY and prices are read with the old rate; may be repeated.",
)
@click.option("--config", type=_FILE, help="Training options, as TOML.")
@language_option("Language of the report.")
@click.option(
    "--processes", type=click.IntRange(0), default=0, help="Processes that share the origins.  [default: all]"
)
@click.option("--spark", metavar="MASTER", help="Run the origins on a Spark cluster (spark://…, yarn).")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("backtest.html"),
    show_default=True,
    help="Report file; the figures are written next to it as JSON.",
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
    lang: Language,
    processes: int,
    spark: str | None,
    out: Path,
) -> None:
    """Back-test the model on a sales LEDGER against the champion and baseline methods, and write a report (回测).

    An interrupted back-test continues: finished windows are stored next to the report until it is complete. The figures
    do not depend on the number of processes or machines.
    """
    basis = None if vat is None else vat
    sources = Sources(ledger=ledger, traces=traces, market=market, vat=basis)  # type: ignore[arg-type]  # click checked
    options = _BacktestOptions(
        start=start,
        months=_months(step),
        refit=refit,
        changes=tuple(read_vat_change(text) for text in vat_changes),
        workers=Workers(processes=processes, spark=spark),
    )
    tested, sold, note = _run_backtest(sources, read_config(config), out, options)
    _write(tested, out, lang, (sold, note))
    if options.changes or sold.closed_routes:
        click.echo(note.in_language(lang))
    for line in _lines(tested, lang):
        click.echo(line)
    click.echo(say(lang, "backtest.written", report=out, figures=out.with_suffix(".json")))


@dataclass(frozen=True, slots=True, kw_only=True)
class _BacktestOptions:
    """Options of a back-test: first origin, step, refit, VAT scenario and workers."""

    start: datetime | None
    months: int
    refit: bool
    changes: tuple[VatChange, ...]
    workers: Workers


def _months(step: str) -> int:
    """Parse a step in months.

    >>> _months("3months"), _months("1 month"), _months("6")
    (3, 1, 6)
    """
    number = step.strip().removesuffix("s").removesuffix("month").strip()
    if not number.isdigit() or not 1 <= int(number) <= 60:
        raise click.BadParameter(say(command_language(), "backtest.months", value=step), param_hint="--step")
    return int(number)


def _run_backtest(
    sources: Sources, config: TrainingConfig, out: Path, options: _BacktestOptions
) -> tuple[Backtest, SalesLedger, Message]:
    """Run the back-test; return it with its ledger and a note on the sales used."""
    incumbent, problem = current_champion(home_folder())
    with click.progressbar(length=2, label=work_name("back_test"), file=sys.stderr) as bar:

        def show_stage(stage: str) -> None:
            bar.label = stage_name("back_test", stage)
            bar.update(1)

        prepared = prepare(sources, config, show_stage)
    training_data, scenario = _training_data(prepared, options)
    origins = plan_origins(prepared.sales, config, options.start.date() if options.start else None, options.months)
    parts = out.with_suffix(".parts")
    changes = [(change.on.isoformat(), change.rate) for change in options.changes]
    key = key_of(sources.digests(), config, incumbent, [origins, options.refit, *changes])
    plan = Plan(origins=origins, refit=options.refit, parts=parts, key=key, workers=options.workers)
    with click.progressbar(length=len(origins), label=work_name("back_test"), file=sys.stderr) as bar:
        tested = roll_through(training_data, incumbent, config, plan, show_stage, truth=prepared.sales)
    for kept in parts.glob(f"{key[:16]}-*.npz"):
        kept.unlink()
    if parts.is_dir() and not any(parts.iterdir()):
        parts.rmdir()
    if problem:
        tested = replace(tested, absent={**tested.absent, "incumbent": problem})
    return tested, prepared.ledger, _remark(prepared, scenario)


def _training_data(
    prepared: TrainingInput, options: _BacktestOptions
) -> tuple[tuple[TrainingSet, TrainingSet], Message | None]:
    """Return the sales and degraded copies as read in the VAT scenario, and a sentence on the scenario."""
    if not options.changes:
        return (prepared.sales, prepared.augmentation), None

    mistake = apply_vat_mistake(prepared.sales, prepared.ledger.tax, options.changes)
    count, read = int(mistake.wrong.sum()), mistake.factor[mistake.wrong]
    shares = "–".join(dict.fromkeys((f"{read.min():.1%}", f"{read.max():.1%}")))
    changes = [Message("backtest.note.change", day=one.on.isoformat(), rate=one.rate) for one in options.changes]
    scenario = Message("backtest.note.scenario", changes=changes, count=count, shares=shares)
    return (mistake.sales, mistake.copies(prepared.augmentation)), scenario


def _remark(prepared: TrainingInput, scenario: Message | None) -> Message:
    """Return the note on the sales: used, rejected, and excluded because their route is closed."""
    closed = prepared.ledger.closed_routes
    excluded = [Message("backtest.note.excluded_count", count=count, reason=reason) for reason, count in closed.items()]
    return Message(
        "backtest.note",
        synthetic=Message("backtest.note.synthetic") if prepared.market.synthetic else "",
        used=len(prepared.sales),
        rejected=sum(prepared.ledger.rejected_rows.values()) - sum(closed.values()),
        excluded=Message("backtest.note.excluded", excluded=excluded) if excluded else "",
        scenario=scenario or "",
    )


def _write(tested: Backtest, out: Path, lang: Language, stands_on: tuple[SalesLedger, Message]) -> None:
    """Write the report and the figures as JSON, with the excluded sales by reason."""
    ledger, note = stands_on
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(report_html(tested, lang, note.in_language(lang)), encoding="utf-8")
    figures = json.dumps(
        tested.as_dict() | {"closed_routes": {str(reason): count for reason, count in ledger.closed_routes.items()}},
        ensure_ascii=False,
        indent=1,
    )
    out.with_suffix(".json").write_text(figures + "\n", encoding="utf-8")


def _lines(tested: Backtest, language: Language) -> list[str]:
    lines = [say(language, "backtest.table")]
    for one in tested.entries:
        scores = one.overall
        lines.append(
            f"{one.name:<28}{scores.sales:>8,}{scores.coverage:>10.1%}{scores.relative_width:>9.1%}"
            f"{scores.interval_score_per_kwh:>9.1f}{scores.mape:>8.1%}{scores.bias:>+8.1%}{one.money.lost_at_point:>16,.0f}"
        )
    absent = tested.absent.items()
    return [*lines, *(say(language, "backtest.not_compared", method=name, reason=why) for name, why in absent)]
