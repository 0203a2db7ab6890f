"""`canzhi models`: list the registered models and the champion."""

from __future__ import annotations

import json

import click

from models.artifact.registry import list_versions
from training.commands.terminal import print_line
from valuation.messages import Message


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object per version.")
def models(*, as_json: bool) -> None:
    """List the registered models and mark the champion (模型登记)."""
    versions = list_versions()
    for version in versions:
        about = version.about
        if as_json:
            click.echo(
                json.dumps(
                    {
                        "name": about.name,
                        "version": about.version,
                        "digest": version.digest,
                        "trained_through": about.trained_through,
                        "demonstration": about.demonstration,
                        "champion": version.is_champion,
                        "problem": version.problem,
                    }
                )
            )
            continue
        mark = "*" if version.is_champion else " "
        remark = version.problem or (Message("train.models.demonstration") if about.demonstration else "")
        print_line(
            "train.models.line",
            mark=mark,
            model=f"{about.name}@{about.version:<4}",
            day=about.trained_through,
            digest=version.digest[:19],
            remark=remark,
        )
    if not versions and not as_json:
        print_line("train.models.none")
