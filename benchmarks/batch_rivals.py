"""The rivals of a fleet's valuation, one process with pandas: three ways in which it is written by hand.

`same answers` groups the events with pandas, makes a record of each pack and has them appraised in lots, which gives
our answers to the last bit. The two others compute what an afternoon computes: a few dozen features of the pack's life
and the answers of three LightGBM boosters (point and two edges) that have as many trees, leaves and columns as the
model; no routes, no checks, no tiers, no cautions. `a function a pack` calls a function for each group, `columns` has
one `groupby.agg` for all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd

from models.artifact.predictor import Predictor
from valuation.appraisal import appraise_many
from valuation.errors import CanzhiError
from valuation.ingest import Document, read_market, read_trace

LOT = 1000
LEVELS = (0.05, 0.5, 0.95)
PLATE = ("rated_energy_kwh", "rated_capacity_ah", "nominal_voltage_v", "mass_kg")
READINGS = (
    "odometer_km", "full_cycles", "soh", "resistance_growth", "cell_spread_mv", "fast_charge_share",
    "mean_temperature_c", "hours_above_45c", "mean_soc", "mean_depth_of_discharge", "remaining_capacity_ah",
)  # fmt: skip
TYPES = ("usage", "maintained", "negative", "tested", "sold", "owner_changed", "retired", "removed")
_DAYS = ("on", "reported_on", "made_on")


def train(folder: Path, trees: int, leaves: int, columns: int) -> None:
    """Train three boosters of that size on noise, which costs the same, and write them to a folder."""
    chance = np.random.default_rng(1)
    matrix = chance.normal(size=(6000, columns))
    price = matrix[:, :12].sum(axis=1) + chance.normal(size=len(matrix))
    for level in LEVELS:
        asked = {"objective": "quantile", "alpha": level, "num_leaves": leaves, "min_data_in_leaf": 5, "verbosity": -1}
        booster = lightgbm.train(asked, lightgbm.Dataset(matrix, price), num_boost_round=trees)
        booster.save_model(folder / f"{level}.txt")


def same_answers(packs: Path, events: Path, out: Path, surroundings: tuple[bytes, Predictor, date]) -> int:
    """Write our own answers by way of pandas' groups; return how many packs were valued."""
    quotes, model, as_of = surroundings
    market = read_market(quotes)
    rows = []
    for lot in _lots(pd.read_parquet(packs), pd.read_parquet(events)):
        traces = read_trace([Document(name="lot.jsonl", content=lot)])
        for answer in appraise_many(traces, market, model=model, as_of=as_of, explain=False):
            if not isinstance(answer, CanzhiError):
                value = answer.residual_value
                rows.append({
                    "battery_code": answer.battery_code, "as_of": as_of, "point_cny": value.point,
                    "lower_cny": value.lower, "upper_cny": value.upper, "level": value.level,
                    "best_route": answer.best_route, "evidence_tier": answer.evidence.tier,
                    "grade": answer.evidence.grade, "caution_ids": [caution.id for caution in answer.cautions],
                })  # fmt: skip
    pd.DataFrame(rows).to_parquet(out)
    return len(rows)


def _lots(packs: pd.DataFrame, events: pd.DataFrame) -> Iterator[bytes]:
    """Yield records of some packs as JSON lines."""
    for frame in (packs, events):
        for name in set(_DAYS) & set(frame.columns):
            frame[name] = frame[name].astype("string")
    lives = events.groupby("battery_code", sort=False)
    lines = []
    for pack in packs.to_dict("records"):
        record = _known(pack)
        code = record["battery_code"]
        composition = {name: record.pop(name) for name in [*record] if name.endswith("_kg") and name != "mass_kg"}
        found = lives.get_group(code) if code in lives.indices else events.iloc[:0]
        told = [_known(event) for event in found.drop(columns="battery_code").to_dict("records")]
        lines.append(json.dumps(record | {"events": told} | ({"composition": composition} if composition else {})))
        if len(lines) == LOT:
            yield "\n".join(lines).encode()
            lines = []
    if lines:
        yield "\n".join(lines).encode()


def _known(row: dict[str, object]) -> dict[str, object]:
    """Return the cells that say something."""
    told = {}
    for name, cell in row.items():
        if isinstance(cell, np.ndarray):
            told[name] = [_known(one) for one in cell]
        elif cell is not None and cell is not pd.NA and cell == cell:  # noqa: PLR0124 - not-a-number differs from itself
            told[name] = cell
    return told


def a_function_a_pack(packs: Path, events: Path, out: Path, asked: tuple[Path, int, date]) -> int:
    """Write points and edges, the features of each pack computed by a function that is given its events."""
    folder, columns, as_of = asked
    plates, told = pd.read_parquet(packs).set_index("battery_code"), _by_day(events, as_of)
    rows = {code: _features_of(life, as_of) for code, life in told.groupby("battery_code")}
    features = pd.DataFrame.from_dict(rows, orient="index").reindex(plates.index)
    return _priced(plates, features, out, (folder, columns, as_of))


def _features_of(life: pd.DataFrame, as_of: date) -> dict[str, float]:
    """Return the features of one pack's events, which stand in the order of their days."""
    row: dict[str, float] = {
        "since_last_d": (pd.Timestamp(as_of) - life["on"].iloc[-1]).days,
        "longest_gap_d": life["on"].diff().dt.days.max(),
    }
    for name in READINGS:
        known = life[name].dropna()
        row[f"last_{name}"] = known.iloc[-1] if len(known) else np.nan
        row[f"highest_{name}"] = known.max()
        row[f"slope_{name}"] = known.diff().mean()
    counted = life["type"].value_counts()
    for name in TYPES:
        row[f"times_{name}"] = counted.get(name, 0)
    return row


def in_columns(packs: Path, events: Path, out: Path, asked: tuple[Path, int, date]) -> int:
    """Write points and edges, the features of all packs computed by aggregations."""
    as_of = asked[2]
    plates, told = pd.read_parquet(packs).set_index("battery_code"), _by_day(events, as_of)
    lives = told.groupby("battery_code")
    features = pd.DataFrame({"since_last_d": (pd.Timestamp(as_of) - lives["on"].last()).dt.days})
    features["longest_gap_d"] = lives["on"].diff().dt.days.groupby(told["battery_code"]).max()
    readings = lives[list(READINGS)]
    steps = (readings.last() - readings.first()) / (readings.count() - 1).where(lambda counted: counted > 0)
    for name, found in (("last", readings.last()), ("highest", readings.max()), ("slope", steps)):
        features = features.join(found.add_prefix(f"{name}_"))
    times = pd.crosstab(told["battery_code"], told["type"]).reindex(columns=list(TYPES), fill_value=0)
    return _priced(plates, features.join(times.add_prefix("times_")).reindex(plates.index), out, asked)


def _by_day(events: Path, as_of: date) -> pd.DataFrame:
    """Return the events known by the day, in the order of packs and days."""
    told = pd.read_parquet(events)
    for name in ("on", "reported_on"):
        told[name] = pd.to_datetime(told[name])
    day = pd.Timestamp(as_of)
    told = told[(told["on"] <= day) & (told["reported_on"].fillna(told["on"]) <= day)]
    return told.sort_values(["battery_code", "on"])


def _priced(plates: pd.DataFrame, features: pd.DataFrame, out: Path, asked: tuple[Path, int, date]) -> int:
    """Write what the boosters say of the features."""
    folder, columns, as_of = asked
    made = pd.to_datetime(plates["made_on"])
    age = ((pd.Timestamp(as_of) - made).dt.days / 365.25).rename("age_a")
    frame = plates[list(PLATE)].join(age).join(features)
    blank = [f"more_{number}" for number in range(columns - frame.shape[1])]
    matrix = frame.reindex(columns=[*frame.columns, *blank]).astype(float)
    answers = pd.DataFrame(index=plates.index)
    for level, name in zip(LEVELS, ("lower_cny", "point_cny", "upper_cny"), strict=True):
        booster = lightgbm.Booster(model_file=folder / f"{level}.txt")
        answers[name] = booster.predict(matrix) * plates["rated_energy_kwh"]
    answers.reset_index().to_parquet(out)
    return len(answers)
