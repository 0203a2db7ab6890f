"""Simulate sales reported to a model in service: their reporters, which are held, and the recentring."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.synthetic.markets import fit_on, market_of
from models.artifact.bundle import About, Bundle
from models.artifact.predictor import Predictor
from models.artifact.recentring import RecentredPredictor, far_outside, recentre
from models.calibration.reported_sales import ReportedSales
from training.configuration import TrainingConfig
from training.simulation.plan import SimulationPlan
from valuation.numeric.columns import BoolArray, FloatArray

TRAINED_BEFORE_DAYS = 365.0
HONEST_SALES = 320
VALUED_PACKS = 200
HONEST_REPORTERS = (0.30, 0.20, 0.15, 0.12, 0.10, 0.08, 0.05)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A trained model, honest sales reported later, candidates for false sales, and packs to value."""

    model: Predictor
    honest: ReportedSales
    later: ReportedSales
    valued: ReportedSales


def scene_of(seed: int, packs: int) -> Scene:
    """Return the model of one synthetic market and the sales reported after its training."""
    config = TrainingConfig()
    market = market_of(SimulationPlan(packs=packs, seed=seed), config)
    start = float(market.sales.sold_day.max()) - TRAINED_BEFORE_DAYS
    estimator = fit_on(market, market.known_by(start, config), config)
    about = About(
        name="false-sales", version=str(seed), created_on="2026-11-20", trained_through="2025-11-20", demonstration=True
    )
    model = Predictor(Bundle(state=estimator.fitted_, about=about, digest=f"sha256:{seed}", signed_by=""))
    sales = market.sales.where(market.sales.sold_day > start).with_calibration(estimator.calibration_)
    chance = np.random.default_rng(seed)
    later = ReportedSales(
        predicted=model.state.predict(sales.matrix, sales.structural, list(sales.groups)),
        price=sales.price,
        day=np.floor(sales.sold_day),
        weight=np.ones(len(sales)),
        labels=sales.groups,
        reporter=reporters(chance, len(sales)),
        pack=sales.packs,
    )
    newest = np.argsort(later.day, kind="stable")[-HONEST_SALES:]
    valued = chance.choice(len(sales), VALUED_PACKS, replace=False)
    return Scene(model=model, honest=later.take(newest), later=later, valued=later.take(valued))


def reporters(chance: np.random.Generator, sales: int) -> tuple[str, ...]:
    """Return the reporter of each sale; large reporters are more frequent."""
    return tuple(f"honest-{one}" for one in chance.choice(len(HONEST_REPORTERS), sales, p=HONEST_REPORTERS))


def joined(first: ReportedSales, second: ReportedSales) -> ReportedSales:
    """Return both sets of sales as one."""
    return ReportedSales(
        predicted=first.predicted.joined(second.predicted),
        labels=first.labels + second.labels,
        price=np.concatenate([first.price, second.price]),
        day=np.concatenate([first.day, second.day]),
        weight=np.concatenate([first.weight, second.weight]),
        reporter=first.reporter + second.reporter,
        pack=first.pack + second.pack,
    )


def lived_through(
    model: Predictor, sales: ReportedSales, step_days: float
) -> Iterator[tuple[Predictor, BoolArray, BoolArray]]:
    """Yield for each step the model that reviewed the sales, the sales of the step, and all sales held so far."""
    held, known = np.zeros(len(sales.day), dtype=np.bool_), np.zeros(len(sales.day), dtype=np.bool_)
    standing, newest = model, float(sales.day.max())
    for day in np.arange(float(sales.day.min()), newest + 1.0, step_days).tolist():
        now = (sales.day >= day) & (sales.day < day + step_days)
        if not now.any():
            continue
        held[now] = far_outside(standing, sales.take(now))
        known |= now & ~held
        yield standing, now, held
        anchor = recentre(model, sales.take(known), min(day + step_days - 1.0, newest))
        standing = RecentredPredictor(model, anchor, "sha256:benchmark")
    yield standing, np.zeros(len(sales.day), dtype=np.bool_), held


def values_of(model: Predictor, packs: ReportedSales) -> tuple[FloatArray, FloatArray]:
    """Return points of packs and the widths of their bands. [CNY/kWh]"""
    point, quantiles = model.state.price_of(packs.predicted, np.array([0.05, 0.95]))
    return point, quantiles[:, 1] - quantiles[:, 0]
