"""Hand-written baselines of a fleet valuation in one process with pandas.

`same answers` groups the events with pandas, builds a record per pack and appraises them in batches; its answers are
identical to ours. The two others compute a few dozen features per pack and the predictions of three LightGBM boosters
(point and two edges) with as many trees, leaves and columns as the model; they have no routes, checks, tiers or
cautions. `a function a pack` calls a function per group, `columns` uses one `groupby.agg`.
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
    """Train three boosters of the given size on noise and write them to a folder; the cost does not depend on data."""
    chance = np.random.default_rng(1)
    matrix = chance.normal(size=(6000, columns))
    price = matrix[:, :12].sum(axis=1) + chance.normal(size=len(matrix))
    for level in LEVELS:
        asked = {"objective": "quantile", "alpha": level, "num_leaves": leaves, "min_data_in_leaf": 5, "verbosity": -1}
        booster = lightgbm.train(asked, lightgbm.Dataset(matrix, price), num_boost_round=trees)
        booster.save_model(folder / f"{level}.txt")


def same_answers(packs: Path, events: Path, out: Path, surroundings: tuple[bytes, Predictor, date]) -> int:
    """Write our answers computed from pandas groups; return the number of valued packs."""
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
    """Yield records of :data:`LOT` packs as JSON lines."""
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
        answered = [_known(event) for event in found.drop(columns="battery_code").to_dict("records")]
        lines.append(json.dumps(record | {"events": answered} | ({"composition": composition} if composition else {})))
        if len(lines) == LOT:
            yield "\n".join(lines).encode()
            lines = []
    if lines:
        yield "\n".join(lines).encode()


def _known(row: dict[str, object]) -> dict[str, object]:
    """Return the cells that are not missing."""
    answered: dict[str, object] = {}
    for name, cell in row.items():
        if isinstance(cell, np.ndarray):
            answered[name] = [_known(one) for one in cell]
        elif cell is not None and cell is not pd.NA and cell == cell:  # noqa: PLR0124 - not-a-number differs from itself
            answered[name] = cell
    return answered


def a_function_a_pack(packs: Path, events: Path, out: Path, asked: tuple[Path, int, date]) -> int:
    """Write points and edges; the features are computed by one function call per pack."""
    folder, columns, as_of = asked
    plates, answered = pd.read_parquet(packs).set_index("battery_code"), _by_day(events, as_of)
    rows = {code: _features_of(life, as_of) for code, life in answered.groupby("battery_code")}
    features = pd.DataFrame.from_dict(rows, orient="index").reindex(plates.index)
    return _priced(plates, features, out, (folder, columns, as_of))


def _features_of(life: pd.DataFrame, as_of: date) -> dict[str, float]:
    """Return the features of the events of one pack, ordered by day."""
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
    """Write points and edges; the features of all packs are computed by aggregations."""
    as_of = asked[2]
    plates, answered = pd.read_parquet(packs).set_index("battery_code"), _by_day(events, as_of)
    lives = answered.groupby("battery_code")
    features = pd.DataFrame({"since_last_d": (pd.Timestamp(as_of) - lives["on"].last()).dt.days})
    features["longest_gap_d"] = lives["on"].diff().dt.days.groupby(answered["battery_code"]).max()
    readings = lives[list(READINGS)]
    steps = (readings.last() - readings.first()) / (readings.count() - 1).where(lambda counted: counted > 0)
    for name, found in (("last", readings.last()), ("highest", readings.max()), ("slope", steps)):
        features = features.join(found.add_prefix(f"{name}_"))
    times = pd.crosstab(answered["battery_code"], answered["type"]).reindex(columns=list(TYPES), fill_value=0)
    return _priced(plates, features.join(times.add_prefix("times_")).reindex(plates.index), out, asked)


def _by_day(events: Path, as_of: date) -> pd.DataFrame:
    """Return the events known by the day, ordered by pack and day."""
    answered = pd.read_parquet(events)
    for name in ("on", "reported_on"):
        answered[name] = pd.to_datetime(answered[name])
    day = pd.Timestamp(as_of)
    answered = answered[(answered["on"] <= day) & (answered["reported_on"].fillna(answered["on"]) <= day)]
    return answered.sort_values(["battery_code", "on"])


def _priced(plates: pd.DataFrame, features: pd.DataFrame, out: Path, asked: tuple[Path, int, date]) -> int:
    """Write the predictions of the boosters."""
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
