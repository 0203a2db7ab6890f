"""`canzhi train`: a ledger in, a judged and registered model out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from training.judgement import Judgement

STAGES = 5


@click.command()
@click.argument("ledger", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--traces",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with the tables packs and events (Parquet or CSV).",
)
@click.option(
    "--market",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Quotes over the time of the sales.",
)
@click.option("--name", default="canzhi", show_default=True, help="Name under which the model is kept.")
@click.option(
    "--config", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Choices of the training, as TOML."
)
def train(ledger: Path, traces: Path, market: Path, name: str, config: Path | None) -> None:
    """Train a model on a sales LEDGER, judge it on the newest sales, and keep it (训练模型)."""
    from models.bundle import check_name  # noqa: PLC0415 - numpy waits
    from models.registry import home_folder  # noqa: PLC0415 - numpy waits
    from training.configuration import read_config  # noqa: PLC0415 - same
    from training.retrain import retrain  # noqa: PLC0415 - lightgbm waits
    from training.sources import Sources  # noqa: PLC0415 - same

    check_name(name)
    sources = Sources(ledger=ledger, traces=traces, market=market)
    with click.progressbar(length=STAGES, label="training", file=sys.stderr) as bar:

        def begin(stage: str) -> None:
            bar.label = f"training: {stage}"
            bar.update(1)

        trained = retrain(sources, name, read_config(config), home_folder(), begin)
    about = trained.version.about
    click.echo(f"{about.name}@{about.version}  {trained.version.digest}")
    click.echo(f"  sales learned from  {trained.sales:,}")
    for reason, count in sorted(trained.set_aside.items()):
        click.echo(f"  set aside           {count:,}  {reason}")
    for line in report(trained.judgement):
        click.echo(f"  {line}")
    if about.demonstration:
        click.echo("  trained on a synthetic market: a demonstration model")
    click.echo(
        "  champion" if trained.is_champion else f"  make it champion: canzhi promote {about.name}@{about.version}"
    )


def report(judgement: Judgement | None) -> list[str]:
    """Return what the newest sales said, a line a figure."""
    if judgement is None:
        return ["too few sales to judge on the newest: the band rests on the folds alone"]
    mine, bare = judgement.overall, judgement.structural
    lines = [
        f"newest sales        {mine.sales:,}, never trained on",
        f"MAPE                {mine.mape:.1%}  (structural value alone {bare.mape:.1%})",
        f"coverage at 90 %    {mine.coverage:.1%}  (without news of sales meanwhile {judgement.untold.coverage:.1%})",
        f"width over price    {mine.relative_width:.1%}",
    ]
    if mine.mape > bare.mape:
        lines.append("no better than the structural value alone on these sales: its points have little to add yet")
    for name, verdict in (*judgement.by_chemistry.items(), *judgement.by_tier.items()):
        lines.append(f"  {name:<8} {verdict.sales:>7,} sales  coverage {verdict.coverage:.1%}  MAPE {verdict.mape:.1%}")
    return lines
