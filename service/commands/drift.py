"""`canzhi drift`: how far packs, prices and realised bands have moved from what the model learned."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

_MOST_SALES, _MOST_PACKS, _SHOWN = 5000, 2000, 10


@click.command()
@click.option(
    "--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Language of the advice."
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as one JSON object.")
@click.pass_context
def drift(context: click.Context, *, lang: str, as_json: bool) -> None:
    """Say how far packs valued and sales reported have moved from what the model in service learned (漂移).

    The exit code is 0 where nothing calls for action, 1 where somebody should look into it.
    """
    from service.cli import DONE, REFUSED  # noqa: PLC0415 - --help stays quick
    from service.commands.surroundings import opened, settings_with  # noqa: PLC0415 - as above
    from service.drifting import look  # noqa: PLC0415 - as above
    from valuation.features import LABELS  # noqa: PLC0415 - as above

    found = look(opened(settings_with()), most_sales=_MOST_SALES, most_packs=_MOST_PACKS)
    if as_json:
        told = {
            "packs": found.packs,
            "shifts": [asdict(shift) | {"moved": shift.moved} for shift in found.shifts],
            "realised": asdict(found.realised),
            "anchor": None if found.anchor is None else asdict(found.anchor) | {"as_of": str(found.anchor.as_of)},
            "calls_for_action": found.calls_for_action,
            "advice": found.advice(lang),
        }
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        for shift in found.shifts[:_SHOWN]:
            label = LABELS.get(shift.name, (shift.name, shift.name))[1 if lang == "zh" else 0]
            mark = "*" if shift.moved else " "
            click.echo(f"{mark} PSI {shift.psi:6.3f}  KS {shift.ks:5.3f}  {label}")
        for sentence in found.advice(lang):
            click.echo(sentence)
    context.exit(REFUSED if found.calls_for_action else DONE)
