"""`canzhi promote` and `canzhi rollback`: who is champion, judged by the gate, with a reason that is kept."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from models.artifact.predictor import Predictor
    from models.artifact.promotion_log import Decision, Promotion
    from training.dataset.sources import Sources
    from training.evaluation.gate_rules import GateConfig
    from training.promotion import PromotionReview

STAGES = 5
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("version")
@click.option("--reason", "--why", "reason", help="The reason, kept in the log of promotions.")
@click.option("--force", is_flag=True, help="Promote without or against the gate; needs a reason.")
@click.option("--ledger", type=_FILE, help="Sales to judge on.  [default: those VERSION was trained from]")
@click.option("--traces", type=_FOLDER, help="Folder with the tables packs and events.  [default: as above]")
@click.option("--market", type=_FILE, help="Quotes over the time of the sales.  [default: as above]")
@click.option("--gate", "rules", type=_FILE, help="Rules of the gate, as TOML.")
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Language of reasons.")
@click.option("--dry-run", is_flag=True, help="Ask the gate, change nothing.")
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
    """Make VERSION (name@version) the champion if the gate says yes (上线).

    Challenger and champion are asked about the newest sales, none of which either has learned from. The exit code is 0
    if VERSION is champion afterwards, 1 if the gate says no.
    """
    from models.artifact.registry import home_folder, load_model  # noqa: PLC0415 - numpy waits
    from training.dataset.sources import sources_for  # noqa: PLC0415 - same
    from training.evaluation.gate_rules import read_gate  # noqa: PLC0415 - same

    if force and not (reason or "").strip():
        raise click.UsageError("--force needs --reason TEXT: the log says why the gate was not followed")
    home = home_folder()
    challenger = load_model(version, home=home)
    if not dry_run and _stands(challenger, home):
        click.echo(f"{version} is the champion already; nothing is changed")
        return
    if force and not dry_run:
        _say(_force(challenger, home, f"forced: {reason}"))
        return
    sources = sources_for(home, challenger.about, ledger, traces, market)
    hearing = _heard(challenger, home, sources, read_gate(rules))
    for line in _lines(hearing, lang):
        click.echo(line)
    if dry_run or not hearing.ruling.passed:
        context.exit(0 if hearing.ruling.passed else 1)
    from training.promotion import commit  # noqa: PLC0415 - same

    why = hearing.ruling.summary()
    _say(commit(hearing, home, decision(f"{reason}; {why}" if reason else why)))


@click.command()
@click.option("--reason", "--why", "reason", required=True, help="The reason, kept in the log of promotions.")
def rollback(reason: str) -> None:
    """Bring back the champion before the present one (回滚)."""
    from models.artifact.registry import rollback as bring_back  # noqa: PLC0415 - numpy waits

    _say(bring_back(decision(reason)))


def decision(why: str) -> Decision:
    """Return who decides, when and why."""
    from datetime import UTC, datetime  # noqa: PLC0415 - as above

    from models.artifact.promotion_log import Decision  # noqa: PLC0415 - numpy waits

    at = datetime.now(tz=UTC).isoformat(timespec="seconds")  # noqa: TID251 - the log says when, at the door
    return Decision(at=at, who=getpass.getuser(), why=why)


def _stands(challenger: Predictor, home: Path) -> bool:
    from training.promotion import current_champion  # noqa: PLC0415 - numpy waits

    champion, _ = current_champion(home)
    return champion is not None and champion.digest == challenger.digest


def _force(challenger: Predictor, home: Path, why: str) -> Promotion | None:
    from models.artifact.registry import promote as make_champion  # noqa: PLC0415 - numpy waits

    return make_champion(challenger.digest, decision(why), home)


def _heard(challenger: Predictor, home: Path, sources: Sources, rules: GateConfig) -> PromotionReview:
    from training.promotion import review  # noqa: PLC0415 - lightgbm waits

    with click.progressbar(length=STAGES, label="gate", file=sys.stderr) as bar:

        def begin(stage: str) -> None:
            bar.label = f"gate: {stage}"
            bar.update(1)

        heard = review(challenger, home, sources, rules, begin)
        begin("done")
    return heard


def _lines(hearing: PromotionReview, lang: str) -> list[str]:
    """Return the gate's reasons, a line each, and what was compared."""
    held = hearing.held
    challenger = f"{hearing.challenger.name}@{hearing.challenger.version}"
    champion = (
        ("structural value" if lang == "en" else "结构价值")
        if hearing.champion is None
        else f"{hearing.champion.name}@{hearing.champion.version}"
    )
    anew = [
        name
        for name, taught in ((challenger, held.challenger_taught_anew), (champion, held.champion_taught_anew))
        if taught
    ]
    day = held.started_on.isoformat()
    if lang == "zh":
        lines = [f"{challenger} 对 {champion}:{day} 之后 {len(held.judged):,} 笔成交,逐月评判"]
        lines += [f"  {', '.join(anew)} 已学过其中成交,故以各自配方仅用此前已知成交重训后参评"] if anew else []
        lines += ["  两者配方相同,重训后即为同一模型:此处无法分高下,只评判区间是否属实"] if held.one_recipe else []
    else:
        lines = [f"{challenger} against {champion} on {len(held.judged):,} sales after {day}, month by month"]
        lines += (
            [f"  {', '.join(anew)} knew of these sales: judged by its recipe, taught on what was known"] if anew else []
        )
        lines += (
            ["  both have one recipe and so give one answer here: nothing tells them apart, only the band is on trial"]
            if held.one_recipe
            else []
        )
    for reason in hearing.ruling.reasons:
        mark = ("不符", "通过")[reason.passed] if lang == "zh" else ("NO ", "yes")[reason.passed]
        lines.append(f"  {mark}  {reason.message_zh if lang == 'zh' else reason.message_en}")
    verdict = {
        ("en", True): "the gate says yes",
        ("en", False): "the gate says no; the champion stays (--force --reason TEXT overrules, and the log keeps it)",
        ("zh", True): "门槛通过",
        ("zh", False): "门槛未通过,现役模型不变(--force --reason 说明 可强制上线,理由写入日志)",
    }
    return [*lines, verdict[lang, hearing.ruling.passed]]


def _say(entry: Promotion | None) -> None:
    if entry is not None:
        click.echo(f"champion: {entry.after}" + (f", before: {entry.before}" if entry.before else ""))
