"""Measure the health estimated from age, distance and cycles on real cars whose health is known.

Run: ``.venv/bin/python -m benchmarks.health_from_history [--data FOLDER] [--write]``

FOLDER holds the sets named in :data:`SETS`, each in a folder of its own. They may not be passed on, so they are no part
of this repository; those that are absent are left out, and the page says so. The published figures
(`benchmarks/data/published_health.csv`) are always compared. With ``--write`` the tables go into
docs/explanation/health-from-history.md.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.report import replace_section, table_of
from valuation.condition.health import StateOfHealth, assess_health
from valuation.numeric.columns import FloatArray
from valuation.pack.nameplate import read_nameplate
from valuation.record.cases import cut
from valuation.record.history import PackHistory, TraceEvent
from valuation.record.to_columns import day_number, tabulate

HERE = Path(__file__).parent
PUBLISHED = HERE / "data" / "published_health.csv"
PAGE = HERE.parent / "docs" / "explanation" / "health-from-history.md"
DAY = date(2024, 6, 1)
"""Day on which every pack is judged; only ages matter."""
KM_PER_MILE = 1.609344
CHANGAN_KM_PER_DAY = 137.0
"""Median of the vehicles of the Changan set, to give an age to rows that state a distance only. [km/d]"""
Z90 = 1.6448536269514722
FOLDS = 10
MOST_BIAS, MOST_RMSE, MOST_SD = 2.0, 1.1, 1.3
"""Largest bias [points], error over that of the best fit, and mean standard deviation over the error."""
INSIDE = (0.85, 0.95)
MOST_OFF = 4.0  # points between a published figure and ours


@dataclass(frozen=True, slots=True)
class Cars:
    """Real cars of one set: what is told of them, and their health.

    Attributes
    ----------
    name : str
        The set and what is told.
    inputs : array of shape (cars, columns)
        Age, distance or cycles as numbers, for the fit.
    soh : array of shape (cars,)
        Measured health. [1]
    packs : histories of the same cars
    counted : bool
        Whether the set counts in the pooled figures; each car counts once.
    """

    name: str
    inputs: FloatArray
    soh: FloatArray
    packs: list[PackHistory]
    counted: bool = True


def car(  # noqa: PLR0913 - what is told of a car
    chemistry: str,
    energy_kwh: float,
    duty: str | None,
    age_a: float | None,
    *,
    km: float | None = None,
    cycles: float | None = None,
    vehicle: str | None = None,
    retired: bool = False,
) -> PackHistory:
    """Return the record of a car that is read on the day, or has left its vehicle a month before."""
    made = DAY - timedelta(days=round(age_a * 365.25)) if age_a is not None else None
    known: dict[str, Any] = {}
    if km is not None:
        known["odometer_km"] = km
    if cycles is not None:
        known["full_cycles"] = cycles
    last = DAY - timedelta(days=30) if retired else DAY
    first = () if made is None else (TraceEvent(type="installed", on=made),)
    left = (TraceEvent(type="retired", on=last),) if retired else ()
    return PackHistory(
        chemistry=chemistry,
        rated_energy_kwh=energy_kwh,
        duty=duty,
        made_on=made,
        vehicle_model=vehicle,
        events=(*first, TraceEvent(type="usage", on=last, facts=known), *left),
    )


def judged(packs: list[PackHistory]) -> StateOfHealth:
    """Return the health of packs on the day."""
    table = tabulate(packs)
    cases = cut(table, np.full(table.rows, day_number(DAY)))
    return assess_health(cases, read_nameplate(cases))


def rows_of(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def standard_range(folder: Path) -> Iterable[Cars]:
    """Yield the Tesla Model 3 SR of a survey of owners; health is against the range when new."""
    rows = [row for row in rows_of(folder / "tesla_model3_sr_survey.csv") if row["age_months"] and row["degradation"]]
    age, km, lost = (
        np.array([float(row[name]) for row in rows]) for name in ("age_months", "odometer_km", "degradation")
    )
    age, soh = age / 12.0, 1.0 - lost
    cycles = [float(row["reported_cycles"]) if row["reported_cycles"] else None for row in rows]
    numbers = np.array([np.nan if count is None else count for count in cycles])
    facts = list(zip(age.tolist(), km.tolist(), cycles, strict=True))
    yield Cars(
        "Tesla Model 3 SR, age", age[:, None], soh, [car("NCA", 54.5, "private", a) for a, _, _ in facts], counted=False
    )
    yield Cars(
        "Tesla Model 3 SR, age and distance",
        np.stack([age, km], axis=1),
        soh,
        [car("NCA", 54.5, "private", a, km=d) for a, d, _ in facts],
    )
    yield Cars(
        "Tesla Model 3 SR, age, distance and cycles",
        np.stack([age, km, np.where(np.isnan(numbers), km / 398.0, numbers)], axis=1),
        soh,
        [car("NCA", 54.5, "private", a, km=d, cycles=c) for a, d, c in facts],
        counted=False,
    )


def long_range(folder: Path) -> Iterable[Cars]:
    """Yield the Tesla Model 3 LR of 2, 4 and 6 years; health is usable energy over the 78 kWh of a new car."""
    rows = [row for row in rows_of(folder / "tesla_model3_lr_teslainfo.csv") if float(row["odometer_miles"]) >= 0.0]
    miles, energy, age = (
        np.array([float(row[name]) for row in rows]) for name in ("odometer_miles", "usable_kwh", "age_years")
    )
    km = miles * KM_PER_MILE
    packs = [car("NCA", 78.0, "private", a, km=d) for a, d in zip(age.tolist(), km.tolist(), strict=True)]
    yield Cars("Tesla Model 3 LR, age and distance", np.stack([age, km], axis=1), energy / 78.0, packs)


def changan(folder: Path) -> Iterable[Cars]:
    """Yield the Changan 300 EV of a Chinese fleet; health is against nominal, from partial charges."""
    rows = rows_of(folder / "soh_vs_mileage.csv")
    km, soh = (np.array([float(row[name]) for row in rows]) for name in ("mileage_km", "soh"))
    age = km / CHANGAN_KM_PER_DAY / 365.25
    packs = [car("NMC523", 45.0, "taxi", a, km=d) for a, d in zip(age.tolist(), km.tolist(), strict=True)]
    yield Cars("Changan 300 EV, distance", km[:, None], soh, packs)


SETS: dict[str, tuple[str, str, tuple[Callable[[Path], Iterable[Cars]], ...]]] = {
    "tesla_model3_owner_field": (
        "NREL/BLAST-Lite at bae8c719, examples (survey of owners; TeslaInfo)",
        "BSD-3-Clause for the repository, survey without a licence",
        (standard_range, long_range),
    ),
    "changan_300ev_field": (
        "Liu et al., Nature Communications 16 (2025) 1137, source data",
        "MIT",
        (changan,),
    ),
}
"""Folder of each set: source, licence, and its cars."""


def best_fit_error(inputs: FloatArray, soh: FloatArray) -> float:
    """Return the cross-validated error of the best fit on the same inputs. [1]

    Least squares on the inputs, their roots and products, and gradient boosting; ten folds at random, so cars
    of every age are in every fold. A fit knows the set, the library does not.
    """
    from lightgbm import LGBMRegressor  # noqa: PLC0415 - slow to import

    scaled = np.maximum(inputs, 0.0) / np.maximum(inputs.mean(axis=0), 1e-9)
    products = [scaled[:, i] * scaled[:, j] for i in range(scaled.shape[1]) for j in range(i)]
    basis = np.column_stack([np.ones(len(soh)), scaled, np.sqrt(scaled), *products])
    fold = np.random.default_rng(0).integers(0, FOLDS, len(soh))
    linear, boosted = np.zeros(len(soh)), np.zeros(len(soh))
    for one in range(FOLDS):
        train, test = fold != one, fold == one
        linear[test] = basis[test] @ np.linalg.lstsq(basis[train], soh[train], rcond=None)[0]
        booster = LGBMRegressor(n_estimators=150, learning_rate=0.05, num_leaves=8, n_jobs=1, verbose=-1)
        boosted[test] = booster.fit(inputs[train], soh[train]).predict(inputs[test])
    return min(float(np.sqrt(np.mean((guess - soh) ** 2))) for guess in (linear, boosted))


def held(ok: bool) -> str:  # noqa: FBT001 - a word for a truth
    """Return the word for a bar that is held or not."""
    return "yes" if ok else "**no**"


def measure(sets: Iterable[Cars]) -> tuple[list[tuple[str, ...]], list[str]]:
    """Return a row for each set, and the pooled figures as sentences."""
    rows: list[tuple[str, ...]] = []
    errors: list[FloatArray] = []
    spreads: list[FloatArray] = []
    for cars in sets:
        health = judged(cars.packs)
        error = health.soh - cars.soh
        rmse, best = float(np.sqrt(np.mean(error**2))), best_fit_error(cars.inputs, cars.soh)
        bias = 100.0 * float(error.mean())
        inside = float(np.mean(np.abs(error) <= Z90 * health.soh_sd))
        rows.append(
            (
                cars.name,
                f"{len(cars.soh):,}",
                f"{cars.soh.mean():.3f}",
                f"{health.soh.mean():.3f}",
                f"{bias:+.1f}",
                f"{100.0 * rmse:.2f}",
                f"{100.0 * best:.2f}",
                f"{rmse / best:.2f}",
                f"{100.0 * health.soh_sd.mean():.1f}",
                f"{inside:.2f}",
                held(abs(bias) <= MOST_BIAS and rmse <= MOST_RMSE * best),
            )
        )
        if cars.counted:
            errors.append(error)
            spreads.append(health.soh_sd)
    if not errors:
        return rows, []
    error, spread = np.concatenate(errors), np.concatenate(spreads)
    rmse, inside = float(np.sqrt(np.mean(error**2))), float(np.mean(np.abs(error) <= Z90 * spread))
    ratio = float(spread.mean()) / rmse
    pooled = (
        f"Pooled over {len(error):,} cars: {inside:.3f} inside the 90 % band (bar {INSIDE[0]} to {INSIDE[1]}: "
        f"{held(INSIDE[0] <= inside <= INSIDE[1])}), mean standard deviation {100.0 * spread.mean():.1f} points, "
        f"{ratio:.2f} times the error of {100.0 * rmse:.1f} (bar {MOST_SD}: {held(ratio <= MOST_SD)})."
    )
    return rows, [pooled]


def published_rows() -> list[tuple[str, ...]]:
    """Return every published figure with ours beside it."""
    rows: list[tuple[str, ...]] = []
    for row in rows_of(PUBLISHED):
        health = judged(
            [
                car(
                    row["chemistry"],
                    float(row["energy_kwh"]),
                    row["duty"] or None,
                    float(row["age_a"]) if row["age_a"] else None,
                    km=float(row["km"]) if row["km"] else None,
                    vehicle=row["vehicle"] or None,
                    retired=row["retired"] == "yes",
                )
            ]
        )
        ours, spread = float(health.soh[0]), float(health.soh_sd[0])
        low, high = float(row["soh_low"]), float(row["soh_high"])
        gap = max(low - ours, ours - high, 0.0)
        rows.append(
            (
                row["what"],
                f"{low:.3f}" if low == high else f"{low:.2f} to {high:.2f}",
                f"{ours:.3f} ± {spread:.3f}",
                f"{100.0 * (ours - (low + high) / 2.0):+.1f}",
                held(gap <= Z90 * spread),
                held(100.0 * gap <= MOST_OFF),
                row["used_to_set_a_constant"],
                f"{row['source']}; {row['reliability']}",
            )
        )
    return rows


SET_HEADS = (
    *("cars, and what is told", "cars", "health", "ours", "bias", "error", "best fit", "ratio", "mean sd", "in 90 %"),
    "bars held",
)
PUBLISHED_HEADS = (
    *("published", "health", "ours", "off, points", "in 90 %", f"within {MOST_OFF:.0f} points"),
    *("used to set a constant", "source and reliability"),
)


def report(folder: Path | None) -> tuple[str, str]:
    """Return the tables of the real sets and of the published figures."""
    sets, absent, sources = [], [], []
    for name, (source, licence, readers) in SETS.items():
        path = folder / name if folder else None
        if path is None or not path.is_dir():
            absent.append(f"{name} ({source})")
            continue
        sources.append(f"{name}: {source}. Licence: {licence}.")
        sets += [cars for read in readers for cars in read(path)]
    rows, pooled = measure(sets)
    text = [table_of(SET_HEADS, rows)] if rows else []
    text += pooled + sources + [f"Not there, so not measured: {', '.join(absent)}." for _ in absent[:1]]
    return "\n\n".join(text), table_of(PUBLISHED_HEADS, published_rows())


def main() -> None:
    """Measure, print, and write on request."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.health_from_history")
    parser.add_argument("--data", type=Path, help="the folder of the real sets; without it only published figures")
    parser.add_argument("--write", action="store_true", help="write the tables into the page")
    chosen = parser.parse_args()
    real, published = report(chosen.data)
    print(real, published, sep="\n\n")
    if not chosen.write:
        return
    replace_section(PAGE, "published health", published)
    if "| ---" in real:
        replace_section(PAGE, "real cars", real)
    else:
        print("the sets are not there: the table of real cars is kept as it was")


if __name__ == "__main__":
    main()
