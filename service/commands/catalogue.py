"""`canzhi catalogue`: vehicle models with energy and chemistry (车型目录), for packs known by their vehicle."""

from __future__ import annotations

from pathlib import Path

import click

from service.cli import print_line, print_message
from service.settings import Settings
from service.vehicles import keep_catalogue
from valuation.errors import UnreadableRecord
from valuation.ingest.tables.vehicle_catalogue import read_catalogue
from valuation.messages import Message


@click.group()
def catalogue() -> None:
    """Import vehicle models with energy and chemistry (车型目录)."""


@catalogue.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
def import_file(file: Path) -> None:
    """Read a catalogue of vehicles from FILE (CSV or Parquet) and use it before the built-in table (导入车型目录).

    Columns: make, vehicle_model, model_year, variant, chemistry, rated_energy_kwh (or the usable energy); other
    spellings are found. A catalogue imported before is replaced.
    """
    read = read_catalogue(file, file.name)
    if not read.variants:
        raise UnreadableRecord("table.no_vehicle", name=file.name)
    place = keep_catalogue(Settings.from_environment().home, read.variants)
    models = len({(one.make, one.model) for one in read.variants})
    for name, spelled in read.columns.items():
        print_line("command.catalogue.column", name=name, column=spelled)
    for reason, count in read.left_out.items():
        print_line("command.catalogue.left_out", count=count, reason=reason)
    kept = read.rows - sum(read.left_out.values())
    print_message(Message("command.catalogue.kept", rows=kept, models=models, place=place))
