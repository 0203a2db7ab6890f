"""`canzhi promote` and `canzhi rollback`: change the champion model, with the gate decision and a logged reason."""

from __future__ import annotations

import getpass
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from models.artifact.predictor import Predictor
from models.artifact.promotion_log import Decision, Promotion
from models.artifact.registry import home_folder, load_model
from models.artifact.registry import promote as make_champion
from models.artifact.registry import rollback as bring_back
from models.language import command_language
from training.commands.terminal import language_option, stage_name, work_name
from training.dataset.source_files import Sources, sources_for
from training.evaluation.gate_rules import GateConfig, read_gate
from training.promotion import PromotionReview, commit, current_champion, review
from valuation.messages import Language, Message, say

STAGES = 5
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("version")
@click.option("--reason", "--why", "reason", help="Reason, written to the promotion log.")
@click.option("--force", is_flag=True, help="Promote without the gate; needs a reason.")
@click.option("--ledger", type=_FILE, help="Sales to evaluate on.  [default: those VERSION was trained from]")
@click.option("--traces", type=_FOLDER, help="Folder with the tables packs and events.  [default: as above]")
@click.option("--market", type=_FILE, help="Quotes over the time of the sales.  [default: as above]")
@click.option("--gate", "rules", type=_FILE, help="Gate rules, as TOML.")
@language_option("Language of reasons.")
@click.option("--dry-run", is_flag=True, help="Evaluate the gate and change nothing.")
@click.pass_context
def promote(  # noqa: PLR0913 - every option by name, as click hands them over
    context: click.Context,
    version: str,
    *,
    reason: str | None,
    force: bool,
    ledger: Path | None,
    traces: Path | None,
    market: Path | None,
    rules: Path | None,
    lang: Language,
    dry_run: bool,
) -> None:
    """Make VERSION (name@version) the champion if the gate passes (上线).

    Challenger and champion are compared on the newest sales, which neither was trained on. The exit code is 0 if
    VERSION is champion afterwards, 1 if the gate rejects it.
    """
    if force and not (reason or "").strip():
        raise click.UsageError(say(lang, "gate.force_needs_reason"))
    home = home_folder()
    challenger = load_model(version, home=home)
    if not dry_run and _is_champion(challenger, home):
        click.echo(say(lang, "gate.already_champion", model=version))
        return
    if force and not dry_run:
        _print_promotion(_force(challenger, home, str(Message("gate.forced", reason=reason))), lang)
        return
    sources = sources_for(home, challenger.about, ledger, traces, market)
    reviewed = _review(challenger, home, sources, read_gate(rules))
    for line in _lines(reviewed):
        click.echo(line.in_language(lang))
    if dry_run or not reviewed.gate_decision.passed:
        context.exit(0 if reviewed.gate_decision.passed else 1)

    why = reviewed.gate_decision.summary()
    _print_promotion(commit(reviewed, home, decision(f"{reason}; {why}" if reason else why)), lang)


@click.command()
@click.option("--reason", "--why", "reason", required=True, help="Reason, written to the promotion log.")
def rollback(reason: str) -> None:
    """Restore the previous champion (回滚)."""
    _print_promotion(bring_back(decision(reason)), command_language())


def decision(why: str) -> Decision:
    """Return the log entry: time, user and reason."""
    at = datetime.now(tz=UTC).isoformat(timespec="seconds")  # noqa: TID251 - time stamp of the log entry
    return Decision(at=at, who=getpass.getuser(), why=why)


def _is_champion(challenger: Predictor, home: Path) -> bool:
    champion, _ = current_champion(home)
    return champion is not None and champion.digest == challenger.digest


def _force(challenger: Predictor, home: Path, why: str) -> Promotion | None:
    return make_champion(challenger.digest, decision(why), home)


def _review(challenger: Predictor, home: Path, sources: Sources, rules: GateConfig) -> PromotionReview:
    with click.progressbar(length=STAGES, label=work_name("gate"), file=sys.stderr) as bar:

        def begin(stage: str) -> None:
            bar.label = stage_name("gate", stage)
            bar.update(1)

        reviewed = review(challenger, home, sources, rules, begin)
        begin(Message("stage.done"))
    return reviewed


def _lines(reviewed: PromotionReview) -> list[Message]:
    """Return the comparison and the result of each gate rule, one per line."""
    comparison, passed = reviewed.comparison, reviewed.gate_decision.passed
    challenger = f"{reviewed.challenger.name}@{reviewed.challenger.version}"
    champion = (
        Message("gate.structural_value")
        if reviewed.champion is None
        else f"{reviewed.champion.name}@{reviewed.champion.version}"
    )
    refitted = [
        name
        for name, anew in ((challenger, comparison.challenger_refitted), (champion, comparison.champion_refitted))
        if anew
    ]
    day, count = comparison.started_on.isoformat(), len(comparison.evaluated)
    lines = [Message("gate.compared", challenger=challenger, champion=champion, count=count, day=day)]
    lines += [Message("gate.refitted", models=refitted)] if refitted else []
    lines += [Message("gate.same_options")] if comparison.same_config else []
    for result in reviewed.gate_decision.results:
        lines.append(Message("gate.passed_rule" if result.passed else "gate.failed_rule", reason=result.message))
    return [*lines, Message("gate.passes" if passed else "gate.champion_stays")]


def _print_promotion(entry: Promotion | None, language: Language) -> None:
    if entry is not None:
        identity = "gate.champion_changed" if entry.before else "gate.now_champion"
        click.echo(say(language, identity, model=entry.after, before=entry.before))
