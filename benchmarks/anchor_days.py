"""Measure the cost of the first valuation of a day, which recentres the band by thousands of sales.

Run: ``.venv/bin/python -m benchmarks.anchor_days [--sales N] [--write]``

One process and one thread, CPU time, medians of the rounds. The sales come from a synthetic market and lie in the
ninety days before the first valuation day; the model is the frozen one of the tests.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
import pyarrow.parquet as pq

from benchmarks.batch_scoring import BUNDLE, PAGE
from benchmarks.report import replace_section, table_of
from models import clock, load_model
from models.artifact.recentring import recentre
from service.quotes import open_market
from service.sales import live_recentring
from service.sales.sale_types import EnteredSale
from service.sales.serving_models import serving_models
from service.server.process import tune_garbage_collector
from service.settings import Settings
from service.store import ledger, packs, sales
from service.store.database import Database
from service.store.upgrade import upgrade
from training.simulation.market_simulation import simulate
from training.simulation.plan import SimulationPlan
from training.simulation.write_files import write

FIRST = date(2026, 11, 13)
"""The day after the last sale in the training data."""
DAYS = 90
WEEK = 7
"""From the eighth day on, the stored anchor of a week before is compared with the new one."""


def main() -> None:
    """Measure, print, and on request write the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sales", type=int, default=5000)
    options.add_argument("--write", action="store_true")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        table = _measured(Path(folder), asked.sales)
    print(table)
    if asked.write:
        replace_section(PAGE, "anchor-days", table)


def _measured(folder: Path, count: int) -> str:
    """Return the table of the cost of days with a number of sales."""
    settings = Settings(home=folder)
    market, model = open_market(settings), load_model(str(BUNDLE))
    database = _filled(folder, count, settings)
    _set_clock(FIRST + timedelta(days=DAYS))
    begun = time.process_time()
    models = serving_models(model, market, database)
    cold = time.process_time() - begun
    tune_garbage_collector()  # as the service does
    new_days, statistics = [], []
    for number in range(1, 2 * WEEK):
        _set_clock(FIRST + timedelta(days=DAYS + number))
        spent = _watched()
        new_days.append(_timed(models.refreshed))
        statistics.append(sum(spent))
    past = FIRST + timedelta(days=DAYS)
    begun = time.process_time()
    restarted = serving_models(model, market, database)
    restart = time.process_time() - begun
    from_store = _timed(lambda: restarted.on(past + timedelta(days=1)))
    _set_clock(past + timedelta(days=2 * WEEK))
    after_restart = _timed(restarted.refreshed)
    rows = {
        "first start, every sale prepared": cold,
        "a new day": median(new_days[WEEK:]),
        "of it the statistics of `models.artifact.recentring`": median(statistics[WEEK:]),
        "a past day, from the store": from_store,
        "a past day, from memory": min(_timed(lambda: models.on(past)) for _ in range(3)),
        "a restart on a day that is in the store": restart,
        "the first new day after a restart, every sale prepared": after_restart,
    }
    database.close()
    head = (f"{count:,} sales, {len(model.state.groups.names)} groups", "ms")
    return table_of(head, [(name, f"{1000.0 * spent:.2f}") for name, spent in rows.items()])


def _filled(folder: Path, count: int, settings: Settings) -> Database:
    """Return a store with sales and the histories of their packs, recorded on the days of the sales."""
    market = folder / "market"
    write(simulate(SimulationPlan(packs=2 * count, seed=7)), market)
    nameplates = {one.pop("battery_code"): one for one in _rows(market / "packs.parquet")}
    events: dict[str, list[bytes]] = {}
    for one in _rows(market / "events.parquet"):
        events.setdefault(one.pop("battery_code"), []).append(msgspec.json.encode(one))
    sold = [one for one in pq.read_table(market / "sales.parquet").to_pylist() if one["price_cny"] is not None]
    known = {one["battery_code"]: one["price_cny"] for one in sold if one["battery_code"] in nameplates}
    upgrade(settings.store_url)
    database = Database(settings.store_url)
    for number, (code, price_cny) in enumerate(list(known.items())[:count]):
        day = FIRST + timedelta(days=number * DAYS // count)
        _set_clock(day)
        entered = EnteredSale(
            sale_id=f"S{number}", battery_code=packs.canonical_code(code), sold_on=day, vat_included=False,
            price_cny=price_cny, judged_by="the benchmark", reporter=f"yard {number % 9}",
        )  # fmt: skip
        with database.writing() as connection:
            nameplate = msgspec.json.encode(nameplates[code])
            packs.append_report(connection, entered.battery_code, nameplate, events.get(code, []), recorded_by="yard")
            entry = ledger.Entry(kind=sales.SALE, subject=entered.sale_id, payload=msgspec.json.encode(entered))
            ledger.append(connection, [entry], recorded_by="yard")
    return database


def _rows(file: Path) -> list[dict[str, Any]]:
    """Return the rows of a table without empty fields."""
    return [{name: part for name, part in row.items() if part is not None} for row in pq.read_table(file).to_pylist()]


def _watched() -> list[float]:
    """Record the time spent in the statistics from now on, and return the records. [s]"""
    spent: list[float] = []

    def noted(*arguments: object) -> object:
        begun = time.process_time()
        made = _RECENTRE(*arguments)  # type: ignore[arg-type]  # as the service calls it
        spent.append(time.process_time() - begun)
        return made

    vars(live_recentring)["recentre"] = noted  # affects only this process
    return spent


_RECENTRE = recentre


def _timed(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def _set_clock(day: date) -> None:
    """Set the clock to noon of a day in China."""
    moment = datetime.combine(day, time_of_day(4), tzinfo=UTC)
    clock.moment = lambda: moment  # affects only this process


if __name__ == "__main__":
    main()
