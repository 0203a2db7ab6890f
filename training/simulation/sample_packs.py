"""Write sample packs of a synthetic market as readable trace records, and matching quotes (示例数据).

``python -m training.simulation.sample_packs data_samples`` reproduces the files byte for byte.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TypeAlias

import click
import numpy as np
import pyarrow as pa

from models.language import command_language
from training.simulation.event_fields import EVENT_TYPES
from training.simulation.market_simulation import SimulatedMarket, simulate
from training.simulation.packs.chemistries import NAMES
from training.simulation.packs.fleet import DUTIES
from training.simulation.packs.service_lives import BURNED, INTACT, LEAKING
from training.simulation.plan import SimulationPlan
from training.simulation.prices.quotes import Quotes
from training.simulation.sales.buyer_view import LAB_TEST
from training.simulation.sales.pricing import RECYCLING
from training.simulation.write_files import events_table, packs_table, write_quotes
from valuation.messages import say
from valuation.numeric.columns import BoolArray, IntArray

Record: TypeAlias = dict[str, object]

PLAN = SimulationPlan(packs=20_000, seed=4)
_DAILY_SPAN_DAYS, _WEEKLY_SPAN_DAYS = 60, 4 * 366


def sample_records(market: SimulatedMarket) -> dict[str, list[Record]]:
    """Return the sample packs by file name; each record contains what was reported before the sale."""
    chosen = {
        "taxi_lfp_readings.json": [_taxi(market)],
        "private_nmc811_laboratory.json": [_latest(market, _private_811(market))],
        "damaged.json": [_latest(market, _damaged(market))],
        "second_life_product.json": [_latest(market, market.fleet.parent[market.offers.row] >= 0)],
        "lot.jsonl": _lot(market),
    }
    packs, events = packs_table(market), events_table(market)
    sold_on = np.full(market.fleet.rows, market.plan.last_day)
    sold_on[market.offers.row] = market.offers.sold_on
    files = {
        name: [_record(market, (packs, events), row, sold_on[row]) for row in rows] for name, rows in chosen.items()
    }
    recycled = _latest(market, _recycled(market))
    files["recycled.json"] = [_record(market, (packs, events), recycled, market.plan.last_day)]
    files["code_alone.json"] = [{"battery_code": files["taxi_lfp_readings.json"][0]["battery_code"]}]
    return files


def sample_quotes(quotes: Quotes, last_day: int) -> Quotes:
    """Return the quotes of four years: all of the last sixty days, and before that the last of each week."""
    week = (quotes.quoted_on + 3) // 7
    key = quotes.instrument * 100_000 + week
    last_of_week = np.zeros(len(key), dtype=np.bool_)
    _, from_behind = np.unique(key[::-1], return_index=True)
    last_of_week[len(key) - 1 - from_behind] = True
    recent = quotes.quoted_on > last_day - _DAILY_SPAN_DAYS
    kept = (recent | last_of_week) & (quotes.quoted_on > last_day - _WEEKLY_SPAN_DAYS)
    return replace(
        quotes, quoted_on=quotes.quoted_on[kept], instrument=quotes.instrument[kept], price=quotes.price[kept]
    )


def write_samples(folder: Path) -> None:
    """Write the sample records and quotes into a folder."""
    market = simulate(PLAN)
    for name, records in sample_records(market).items():
        if name.endswith(".jsonl"):
            text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        else:
            text = _readable(records[0])
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    write_quotes(sample_quotes(market.quotes, market.plan.last_day), folder / "quotes.csv")


def _readable(record: Record) -> str:
    """Format a record as JSON with one line per field and per event."""
    events = record.get("events")
    head = {name: value for name, value in record.items() if name != "events"}
    text = json.dumps(head, indent=2, ensure_ascii=False)
    if not isinstance(events, list):
        return text + "\n"
    lines = ",\n    ".join(json.dumps(event, ensure_ascii=False) for event in events)
    return text.removesuffix("\n}") + f',\n  "events": [\n    {lines}\n  ]\n}}\n'


def _has_nameplate(market: SimulatedMarket) -> BoolArray:
    fleet = market.fleet
    size: BoolArray = fleet.recorded_chemistry & fleet.recorded_energy & fleet.recorded_capacity & fleet.recorded_mass
    size &= fleet.recorded_model & fleet.recorded_duty & fleet.recorded_made_on & ~fleet.legacy
    return size


def _taxi(market: SimulatedMarket) -> int:
    """Return the recently retired LFP pack of a taxi with the most health readings."""
    fleet, lives, last_day = market.fleet, market.lives, market.plan.last_day
    fit = _has_nameplate(market) & (fleet.chemistry == NAMES.index("LFP")) & (fleet.duty == DUTIES.index("taxi"))
    fit &= (lives.retired_on > last_day - 400) & (lives.retired_on < last_day - 20) & (lives.condition == INTACT)
    fit[market.offers.row[market.offers.tampering > 0]] = False
    readings = market.events.row[~np.isnan(market.events.numbers("soh"))]
    count = np.bincount(readings, minlength=fleet.rows)
    return int(np.argmax(np.where(fit, count, -1)))


def _private_811(market: SimulatedMarket) -> BoolArray:
    row = market.offers.row
    fit: BoolArray = (
        _has_nameplate(market) & (market.fleet.duty == DUTIES.index("private")) & market.fleet.recorded_grade
    )[row]
    fit &= (market.fleet.chemistry[row] == NAMES.index("NMC811")) & (market.offers.tampering == 0)
    fit &= market.view.tier == LAB_TEST
    return fit


def _damaged(market: SimulatedMarket) -> BoolArray:
    fit: BoolArray = np.isin(market.view.damage, (BURNED, LEAKING)) & _has_nameplate(market)[market.offers.row]
    fit &= market.offers.tampering == 0
    return fit


def _recycled(market: SimulatedMarket) -> BoolArray:
    done = market.events.row[market.events.type == EVENT_TYPES.index("recycled_done")]
    fit: BoolArray = np.isin(market.offers.row, done) & (market.priced.route == RECYCLING)
    fit &= _has_nameplate(market)[market.offers.row]
    return fit


def _lot(market: SimulatedMarket) -> list[int]:
    offers = market.offers
    fit = (offers.lot_size >= 5) & (offers.lot_size <= 8)
    newest = offers.lot[np.flatnonzero(fit)[np.argmax(offers.sold_on[fit])]]
    return [int(row) for row in offers.row[offers.lot == newest]]


def _latest(market: SimulatedMarket, fit: BoolArray) -> int:
    """Return the pack of the selected offers that was sold last."""
    places: IntArray = np.flatnonzero(fit)
    return int(market.offers.row[places[np.argmax(market.offers.sold_on[places])]])


def _record(market: SimulatedMarket, tables: tuple[pa.Table, pa.Table], row: int, day: int) -> Record:
    """Return a trace record with the events reported by a day, without empty fields."""
    packs, events = tables
    record = _plain(packs.slice(row, 1).to_pylist()[0])
    if not record.get("missing_modules"):
        record.pop("missing_modules", None)
    metals = {name: record.pop(name) for name in [key for key in record if key.endswith("_kg") and key != "mass_kg"]}
    if metals:
        record["composition"] = metals
    if "modules" in record:
        record["modules"] = record.pop("modules")
    places = np.flatnonzero((market.events.row == row) & (market.events.reported_on <= day))
    reported = events.take(pa.array(places)).drop_columns(["battery_code"]).to_pylist()
    record["events"] = [_plain(event) for event in reported]
    return record


def _plain(fields: Mapping[str, object]) -> Record:
    """Return the fields that are set, as JSON values."""
    plain: Record = {}
    for name, value in fields.items():
        if isinstance(value, date):
            plain[name] = value.isoformat()
        elif isinstance(value, list):
            plain[name] = [_plain(entry) for entry in value]
        elif value is not None:
            plain[name] = value
    return plain


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(folder: Path) -> None:
    """Write the synthetic sample packs and quotes into FOLDER again."""
    write_samples(folder)
    click.echo(say(command_language(), "train.simulate.samples", folder=folder))


if __name__ == "__main__":
    main()
