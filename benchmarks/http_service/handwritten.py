"""Two alternatives for comparison: a simple hand-written service, once with pandas and once with numpy.

Both read the same request, compute a few dozen features of the pack, and predict point and edges with three LightGBM
boosters. They store, explain and check nothing. The boosters have as many trees, leaves and columns as the model under
comparison; they are trained on noise, which does not affect the cost.
"""

from __future__ import annotations

import os
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
from fastapi import FastAPI

from benchmarks.http_service.echo import PackRequest

BOOSTERS = "HANDWRITTEN_BOOSTERS"
LEVELS = (0.05, 0.5, 0.95)
READINGS = (
    "odometer_km", "full_cycles", "soh", "resistance_growth", "cell_spread_mv", "fast_charge_share",
    "mean_temperature_c", "hours_above_45c", "mean_soc", "mean_depth_of_discharge", "remaining_capacity_ah",
)  # fmt: skip
TYPES = ("usage", "maintained", "negative", "tested", "sold", "owner_changed", "retired", "removed")
PLATE = ("rated_energy_kwh", "rated_capacity_ah", "nominal_voltage_v", "mass_kg")
FEATURES = len(PLATE) + 3 + 3 * len(READINGS) + len(TYPES)


def train(folder: Path, trees: int, leaves: int, columns: int) -> None:
    """Train three boosters of a given size on noise and write them to a folder."""
    chance = np.random.default_rng(1)
    rows = 6000
    matrix = chance.normal(size=(rows, columns))
    price = matrix[:, :12].sum(axis=1) + chance.normal(size=rows)
    for level in LEVELS:
        asked = {"objective": "quantile", "alpha": level, "num_leaves": leaves, "min_data_in_leaf": 5, "verbosity": -1}
        booster = lightgbm.train(asked, lightgbm.Dataset(matrix, price), num_boost_round=trees)
        booster.save_model(folder / f"{level}.txt")


def with_pandas(asked: PackRequest, columns: int) -> pd.DataFrame:
    """Return the features of one pack as a frame of one row."""
    trace, as_of = asked.trace, pd.Timestamp(asked.as_of or date(2026, 11, 20))
    events = pd.DataFrame([event.model_dump() for event in trace.events])
    events["on"] = pd.to_datetime(events["on"])
    reported = pd.to_datetime(events["reported_on"]).fillna(events["on"])
    events = events[(events["on"] <= as_of) & (reported <= as_of)].sort_values("on")
    row: dict[str, Any] = {name: getattr(trace, name) for name in PLATE}
    row["age_a"] = (as_of - pd.Timestamp(trace.made_on)).days / 365.25 if trace.made_on else np.nan
    row["since_last_d"] = (as_of - events["on"].max()).days
    row["longest_gap_d"] = events["on"].diff().dt.days.max()
    for name in READINGS:
        known = pd.to_numeric(events[name]).dropna()
        row[f"last_{name}"] = known.iloc[-1] if len(known) else np.nan
        row[f"highest_{name}"] = known.max()
        row[f"slope_{name}"] = known.diff().mean()
    counted = events["type"].value_counts()
    for name in TYPES:
        row[f"times_{name}"] = counted.get(name, 0)
    frame = pd.DataFrame([row])
    return frame.reindex(columns=[*frame.columns, *(f"more_{n}" for n in range(columns - frame.shape[1]))]).astype(
        float
    )


def with_numpy(asked: PackRequest, columns: int) -> np.ndarray:
    """Return the same features as one row of numbers, computed in plain Python."""
    trace, as_of = asked.trace, asked.as_of or date(2026, 11, 20)
    events = [event for event in trace.events if max(event.on, event.reported_on or event.on) <= as_of]
    events.sort(key=lambda event: event.on)
    missing = float("nan")
    row: list[float | None] = [getattr(trace, name) for name in PLATE]
    row.append((as_of - trace.made_on).days / 365.25 if trace.made_on else missing)
    row.append((as_of - events[-1].on).days if events else missing)
    row.append(max(((b.on - a.on).days for a, b in pairwise(events)), default=missing))
    for name in READINGS:
        known = [value for event in events if (value := getattr(event, name)) is not None]
        steps = len(known) - 1
        row.append(known[-1] if known else missing)
        row.append(max(known, default=missing))
        row.append((known[-1] - known[0]) / steps if steps > 0 else missing)
    kinds = [event.type for event in events]
    row.extend(kinds.count(name) for name in TYPES)
    return np.array([[*row, *[missing] * (columns - len(row))]], dtype=np.float64)


def create_app() -> FastAPI:
    """Return both services, with the boosters in the folder HANDWRITTEN_BOOSTERS."""
    folder = Path(os.environ[BOOSTERS])
    boosters = [lightgbm.Booster(model_file=folder / f"{level}.txt") for level in LEVELS]
    columns = boosters[0].num_feature()
    app = FastAPI()

    @app.post("/pandas")
    def answer_with_pandas(asked: PackRequest) -> dict[str, float]:
        frame = with_pandas(asked, columns)
        lower, point, upper = (float(booster.predict(frame)[0]) for booster in boosters)
        return {"point": point, "lower": lower, "upper": upper}

    @app.post("/numpy")
    async def answer_with_numpy(asked: PackRequest) -> dict[str, float]:
        row = with_numpy(asked, columns)
        lower, point, upper = (float(booster.predict(row, num_threads=1)[0]) for booster in boosters)
        return {"point": point, "lower": lower, "upper": upper}

    return app
