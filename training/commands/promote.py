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
from training.dataset.source_files import Sources, sources_for
from training.evaluation.gate_rules import GateConfig, read_gate
from training.promotion import PromotionReview, commit, current_champion, review

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
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Language of reasons.")
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
    lang: str,
    dry_run: bool,
) -> None:
    """Make VERSION (name@version) the champion if the gate passes (上线).

    Challenger and champion are compared on the newest sales, which neither was trained on. The exit code is 0 if
    VERSION is champion afterwards, 1 if the gate rejects it.
    """
    if force and not (reason or "").strip():
        raise click.UsageError("--force needs --reason TEXT, which is written to the promotion log")
    home = home_folder()
    challenger = load_model(version, home=home)
    if not dry_run and _is_champion(challenger, home):
        click.echo(f"{version} is already the champion; nothing is changed")
        return
    if force and not dry_run:
        _print_promotion(_force(challenger, home, f"forced: {reason}"))
        return
    sources = sources_for(home, challenger.about, ledger, traces, market)
    reviewed = _review(challenger, home, sources, read_gate(rules))
    for line in _lines(reviewed, lang):
        click.echo(line)
    if dry_run or not reviewed.gate_decision.passed:
        context.exit(0 if reviewed.gate_decision.passed else 1)

    why = reviewed.gate_decision.summary()
    _print_promotion(commit(reviewed, home, decision(f"{reason}; {why}" if reason else why)))


@click.command()
@click.option("--reason", "--why", "reason", required=True, help="Reason, written to the promotion log.")
def rollback(reason: str) -> None:
    """Restore the previous champion (回滚)."""
    _print_promotion(bring_back(decision(reason)))


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
    with click.progressbar(length=STAGES, label="gate", file=sys.stderr) as bar:

        def begin(stage: str) -> None:
            bar.label = f"gate: {stage}"
            bar.update(1)

        reviewed = review(challenger, home, sources, rules, begin)
        begin("done")
    return reviewed


def _lines(reviewed: PromotionReview, lang: str) -> list[str]:
    """Return the comparison and the result of each gate rule, one per line."""
    comparison = reviewed.comparison
    challenger = f"{reviewed.challenger.name}@{reviewed.challenger.version}"
    champion = (
        ("structural value" if lang == "en" else "结构价值")
        if reviewed.champion is None
        else f"{reviewed.champion.name}@{reviewed.champion.version}"
    )
    anew = [
        name
        for name, refitted in ((challenger, comparison.challenger_refitted), (champion, comparison.champion_refitted))
        if refitted
    ]
    day = comparison.started_on.isoformat()
    if lang == "zh":
        lines = [f"{challenger} 对 {champion}：{day} 之后 {len(comparison.evaluated):,} 笔成交，逐月评判"]
        lines += (
            [f"  {', '.join(anew)} 的训练数据含其中成交，故按各自训练选项，仅用此前已知成交重新训练后参评"]
            if anew
            else []
        )
        lines += (
            ["  两者训练选项相同，重新训练后即为同一模型：不比较高下，只评判区间覆盖率"]
            if comparison.same_config
            else []
        )
    else:
        lines = [f"{challenger} against {champion} on {len(comparison.evaluated):,} sales after {day}, month by month"]
        lines += (
            [f"  {', '.join(anew)} was trained on some of these sales and is refitted on the sales known before"]
            if anew
            else []
        )
        lines += (
            ["  both have the same options and are the same model after refitting: only the coverage is evaluated"]
            if comparison.same_config
            else []
        )
    for reason in reviewed.gate_decision.results:
        mark = ("不符", "通过")[reason.passed] if lang == "zh" else ("NO ", "yes")[reason.passed]
        lines.append(f"  {mark}  {reason.message_zh if lang == 'zh' else reason.message_en}")
    scores = {
        ("en", True): "the gate passes",
        ("en", False): "the gate rejects; the champion stays (--force --reason TEXT overrides it and is logged)",
        ("zh", True): "门槛通过",
        ("zh", False): "门槛未通过，现役模型不变（--force --reason 说明 可强制上线，理由写入日志）",
    }
    return [*lines, scores[lang, reviewed.gate_decision.passed]]


def _print_promotion(entry: Promotion | None) -> None:
    if entry is not None:
        click.echo(f"champion: {entry.after}" + (f", before: {entry.before}" if entry.before else ""))
