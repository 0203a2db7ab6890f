"""`canzhi train`: train, evaluate and register a model from a sales ledger."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from models.artifact.bundle import check_name
from models.artifact.registry import home_folder, same_digest
from models.language import command_language
from training.commands.terminal import print_line, stage_name, work_name
from training.configuration import TrainingConfig, read_config
from training.dataset.prepare import TrainingInput, prepare
from training.dataset.source_files import Sources
from training.evaluation.holdout import HoldoutReport
from training.parallel import Workers
from training.promotion import current_champion
from training.repeat_run import differences, repeat
from training.runs.run_record import libraries
from training.sales_ledger import SalesLedger
from training.sales_ledger.report import summary, write_report
from training.train_model import Trained, train_on
from valuation.errors import TrainingError
from valuation.messages import Message, say

_STAGES = 6
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("ledger", type=_FILE, required=False)
@click.option("--traces", type=_FOLDER, help="Folder with the tables packs and events (Parquet, CSV or Excel).")
@click.option("--market", type=_FILE, help="Quotes over the time of the sales.")
@click.option("--name", default="canzhi", show_default=True, help="Name of the model.")
@click.option("--config", type=_FILE, help="Training options, as TOML.")
@click.option(
    "--vat", type=click.Choice(["included", "excluded"]), help="Tax basis of prices if the ledger does not state it."
)
@click.option("--check-only", is_flag=True, help="Only check the rows of the ledger.")
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="File for the report of rejected rows.")
@click.option(
    "--search", type=click.IntRange(min=1), metavar="N", help="Search better training options with N trials in total."
)
@click.option(
    "--processes", type=click.IntRange(1), default=1, show_default=True, help="Processes that share the trials."
)
@click.option("--from-run", metavar="RUN", help="Repeat a run from its stored data and compare the digests.")
def train(ledger: Path | None, traces: Path | None, market: Path | None, **options: object) -> None:
    """Train a model on a sales LEDGER, evaluate it on held-out sales and register it (训练模型).

    The ledger may be CSV, Excel or Parquet, with English or Chinese headings. Rows that cannot be used are listed in a
    report with the reason and how to correct them.
    """
    check_name(str(options["name"]))
    if options["from_run"]:
        if ledger or traces or market or options["search"] or options["check_only"]:
            raise click.UsageError(say(command_language(), "train.from_run_alone"))
        _repeat(str(options["from_run"]))
        return
    if ledger is None or traces is None or market is None:
        raise click.UsageError(say(command_language(), "train.needs_inputs"))

    sources = Sources(ledger=ledger, traces=traces, market=market, vat=options["vat"])  # type: ignore[arg-type]  # a choice of click
    if options["check_only"]:
        _check(sources, options["config"], options["report"])  # type: ignore[arg-type]  # paths of click
    else:
        _train(sources, options)


def _train(sources: Sources, options: dict[str, object]) -> None:
    """Train a model and print the result."""
    config, home, trials = read_config(options["config"]), home_folder(), options["search"]  # type: ignore[arg-type]  # a path
    with _progress("training", _STAGES + int(trials or 0)) as begin:  # type: ignore[call-overload]  # a number of click
        prepared = prepare(sources, config, begin)
        lines: list[Message] = []
        if trials:
            seek = _TuningOptions(trials=int(trials), processes=int(options["processes"]))  # type: ignore[call-overload]  # same
            config, lines = _tune(prepared, config, seek, home, begin)
        trained = train_on(prepared, str(options["name"]), config, home, begin)
    about = trained.version.about
    click.echo(f"{about.name}@{about.version}  {trained.version.digest}")
    report = _keep_report(trained.ledger, home, options["report"])  # type: ignore[arg-type]  # a path
    for line in (*_ledger_lines(trained.ledger, trained.sales, report), *lines, *report_lines(trained.holdout)):
        click.echo("  " + line.in_language(command_language()))
    for line in _closing(trained, home):
        click.echo("  " + line.in_language(command_language()))


def _check(sources: Sources, config: Path | None, report: Path | None) -> None:
    """Print the check of the ledger rows without training."""
    with _progress("checking", 2) as begin:
        prepared = prepare(sources, read_config(config), begin)
    for line in _ledger_lines(
        prepared.ledger, len(prepared.sales), _keep_report(prepared.ledger, home_folder(), report)
    ):
        click.echo(line.in_language(command_language()))


def _repeat(run_id: str) -> None:
    """Repeat a run and print whether the digests are equal."""
    with _progress("repeating", _STAGES - 1) as begin:
        repeated = repeat(run_id, home_folder(), begin)
    if not repeated.same:
        other = differences(run_id, home_folder(), libraries()) or [Message("training.libraries_same")]
        raise TrainingError(
            "training.run_differs",
            field="run",
            value=run_id,
            model=repeated.name,
            found=repeated.found,
            recorded=repeated.recorded,
            other=other,
        )
    click.echo(f"{repeated.name}  {repeated.found}")
    print_line("train.identical")


@contextmanager
def _progress(work: str, stages: int) -> Iterator[Callable[[str], None]]:
    """Show a progress bar on standard error; yield a function to call with the name of the next stage."""
    with click.progressbar(length=stages, label=work_name(work), file=sys.stderr) as bar:
        begun = 0

        def begin(stage: str) -> None:
            nonlocal begun
            bar.label = stage_name(work, stage)
            bar.update(1 if begun else 0)
            begun += 1

        yield begin
        bar.label = work_name(work)
        bar.update(stages - max(begun - 1, 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class _TuningOptions:
    """Total number of trials of a search, and the number of processes."""

    trials: int
    processes: int


def _tune(
    prepared: TrainingInput, config: TrainingConfig, seek: _TuningOptions, home: Path, begin: Callable[[str], None]
) -> tuple[TrainingConfig, list[Message]]:
    """Search the training options; return the best ones and the lines to print."""
    from training.tuning import Execution, search  # noqa: PLC0415 - Optuna, which only a search needs

    work = Execution(workers=Workers(processes=seek.processes), tick=lambda: begin(Message("stage.searching")))
    found = search(prepared, config, seek.trials, home, work)
    lines = [Message("train.search.trials", trials=found.trials, earlier=found.earlier)]
    if found.changed:
        won = [f"{name} {value:.4g}" for name, value in found.changed.items()]
        lines.append(Message("train.search.best", options=won))
        lines.append(Message("train.search.gain", gain=found.gain, before=found.before))
    else:
        lines.append(Message("train.search.as_given"))
    return found.config, lines


def _keep_report(ledger: SalesLedger, home: Path, chosen: Path | None) -> Path | None:
    """Write the report of rejected rows, if there are any, and return its path."""
    if not ledger.row_errors and chosen is None:
        return None
    path = chosen or home / "reports" / f"{Path(ledger.name.split(' [')[0]).stem}-rows-set-aside.csv"
    write_report(ledger, path)
    return path


def _ledger_lines(ledger: SalesLedger, used: int, report: Path | None) -> list[Message]:
    """Return the summary of the ledger rows, one figure per line."""
    return [*summary(ledger, used), *([Message("train.ledger.report", path=report)] if report else [])]


def report_lines(holdout: HoldoutReport | None) -> list[Message]:
    """Return the held-out metrics, one per line."""
    if holdout is None:
        return [Message("train.holdout.unknown")]
    model, structural = holdout.overall, holdout.structural
    newest = holdout.method == "newest"
    score = model.interval_score_per_kwh
    lines = [
        Message("train.holdout.newest" if newest else "train.holdout.folds", count=model.sales),
        Message("train.holdout.mape", model=model.mape, structural=structural.mape),
        Message("train.holdout.coverage", model=model.coverage, structural=structural.coverage),
        Message("train.holdout.width", model=model.relative_width, structural=structural.relative_width),
        Message("train.holdout.score", model=score, structural=structural.interval_score_per_kwh),
    ]
    if newest:
        lines.insert(3, Message("train.holdout.not_recentred", coverage=holdout.frozen.coverage))
    for name, scores in (*holdout.by_chemistry.items(), *holdout.by_tier.items()):
        figures = {"count": scores.sales, "coverage": scores.coverage, "mape": scores.mape}
        lines.append(Message("train.holdout.segment", name=name, **figures))
    return lines


def compare_with_structural(holdout: HoldoutReport | None) -> Message:
    """Return one line on whether the model is better than the structural value."""
    if holdout is None:
        return Message("train.better.unknown")
    model, structural = holdout.overall, holdout.structural
    gain = 1.0 - model.interval_score_per_kwh / structural.interval_score_per_kwh
    if not holdout.beats_structural:
        return Message("train.better.no", share=-gain)
    return Message("train.better.yes" if model.mape <= structural.mape else "train.better.yes_but_mape", share=gain)


def _closing(trained: Trained, home: Path) -> list[Message]:
    """Return the last lines: comparison with the structural value, model card, run, and the next step."""
    about = trained.version.about
    label = f"{about.name}@{about.version}"
    same = same_digest(trained.version, home)
    lines = [Message("train.closing.same_model", models=same)] if same else []
    lines.append(compare_with_structural(trained.holdout))
    lines.append(Message("train.closing.card", path=f"{home / 'cards' / label}.html"))
    if trained.run_id:
        lines.append(Message("train.closing.run", run=trained.run_id))
        lines.append(Message("train.closing.repeat", run=trained.run_id))
    if about.demonstration:
        lines.append(Message("train.closing.demonstration"))
    if trained.is_champion:
        return [*lines, Message("train.closing.champion")]
    _, problem = current_champion(home)
    lines += [Message("train.closing.champion_unreadable", problem=problem)] if problem else []
    return [*lines, Message("train.closing.promote", model=label)]
