"""A small synthetic fleet with every kind of fault, and the model and quotes to value it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models import load_model
from service.scoring.job_context import JobContext
from training.simulation.market_simulation import simulate
from training.simulation.plan import SimulationPlan
from training.simulation.write_files import write
from valuation.terms import ValuationTerms

BUNDLE = Path(__file__).parents[2] / "golden" / "bundle"


@dataclass(frozen=True)
class Fleet:
    """Files of a fleet: packs, events and quotes."""

    packs: Path
    events: Path
    quotes: Path

    def context(self, *, model: bool = True, **terms) -> JobContext:
        """Return the job context with model, quotes and terms."""
        asked = ValuationTerms(**({"as_of": date(2025, 6, 1), "explain": False} | terms))
        return JobContext.of(self.quotes.read_bytes(), load_model(BUNDLE) if model else None, asked)

    def rewritten(self, folder: Path, *, seed: int | None = None, group: int = 700, packs=None, events=None) -> Fleet:
        """Return the fleet written again: shuffled by a seed, in row groups of a given size, with tables replaced."""
        rng = np.random.default_rng(seed)
        folder.mkdir(parents=True, exist_ok=True)
        paths = {}
        for name, given in (("packs", packs), ("events", events)):
            table = pq.read_table(getattr(self, name)) if given is None else given
            if seed is not None and name != "packs":
                table = table.take(pa.array(rng.permutation(table.num_rows)))
            paths[name] = folder / f"{name}.parquet"
            pq.write_table(table, paths[name], row_group_size=group)
        return Fleet(**paths, quotes=self.quotes)


@pytest.fixture(scope="session")
def fleet(tmp_path_factory) -> Fleet:
    """About 400 packs of a synthetic market."""
    folder = tmp_path_factory.mktemp("fleet")
    write(simulate(SimulationPlan(packs=400, seed=11)), folder)
    return Fleet(packs=folder / "packs.parquet", events=folder / "events.parquet", quotes=folder / "quotes.csv")


# Events that close routes, each on a day before the fleet is valued; the last ones close every route.
CLOSING = (
    ({"type": "negative", "kind": "water", "severity": 0.2},),
    ({"type": "negative", "kind": "leak", "severity": 0.4},),
    ({"type": "negative", "kind": "accident", "severity": 0.6},),
    ({"type": "removed", "condition": "swollen"},),
    ({"type": "removed", "condition": "damaged"},),
    ({"type": "removed", "condition": "opened"},),
    ({"type": "dismantled"},),
    ({"type": "recycled_in"},),
    ({"type": "second_life_out"},),
    ({"type": "negative", "kind": "fire", "severity": 0.95}, {"type": "removed", "condition": "burned"}),
)


@pytest.fixture(scope="session")
def closed_fleet(fleet, tmp_path_factory) -> Fleet:
    """The same packs with findings that close some or all routes of each."""
    events, codes = pq.read_table(fleet.events), pq.read_table(fleet.packs)["battery_code"].to_pylist()
    harm = [
        {"battery_code": code, "on": date(2025, 5, 20), "reported_on": date(2025, 5, 20), **event}
        for place, code in enumerate(codes)
        for event in CLOSING[place % len(CLOSING)]
    ]
    more = pa.concat_tables([events, pa.Table.from_pylist(harm, schema=events.schema)])
    return fleet.rewritten(tmp_path_factory.mktemp("closed"), events=more.sort_by("battery_code"))


@pytest.fixture
def small_parts(monkeypatch):
    """Small chunks, so that a small fleet has several."""
    monkeypatch.setattr("service.scoring.partitions.EVENTS_PER_SHARE", 700)
