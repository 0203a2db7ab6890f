"""`canzhi promote` and `canzhi rollback`: who is champion, with a reason that is kept."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from models.promotions import Decision


@click.command()
@click.argument("version")
@click.option("--why", required=True, help="The reason, kept in the log of promotions.")
def promote(version: str, why: str) -> None:
    """Make VERSION (name@version) the champion (上线)."""
    from models.registry import promote as make_champion  # noqa: PLC0415 - numpy waits

    entry = make_champion(version, _decision(why))
    if entry is None:
        click.echo(f"{version} is the champion already; nothing is changed")
        return
    click.echo(f"champion: {entry.after}" + (f", before: {entry.before}" if entry.before else ""))


@click.command()
@click.option("--why", required=True, help="The reason, kept in the log of promotions.")
def rollback(why: str) -> None:
    """Bring back the champion before the present one (回滚)."""
    from models.registry import rollback as bring_back  # noqa: PLC0415 - numpy waits

    entry = bring_back(_decision(why))
    click.echo(f"champion: {entry.after}, before: {entry.before}")


def _decision(why: str) -> Decision:
    """Return who decides, when and why."""
    from datetime import UTC, datetime  # noqa: PLC0415 - as above

    from models.promotions import Decision  # noqa: PLC0415 - numpy waits

    at = datetime.now(tz=UTC).isoformat(timespec="seconds")  # noqa: TID251 - the log says when, at the door
    return Decision(at=at, who=getpass.getuser(), why=why)
