"""The answer: a residual value with its band, routes, reasons and cautions (评估结果).

Plain frozen values in the shape of the public contract; the doors only spell them as JSON or as a page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, TypeAlias

from valuation.record.not_used import NOTHING_LEFT_OUT, NotUsed

Severity = Literal["info", "warn", "block"]

ValuationDict: TypeAlias = "dict[str, Any]"
"""A valuation as it is told: the fields of :class:`Valuation` by name, in their order, and so on inside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caution:
    """A fact that weakens the answer (提示): a stale market, no test, a pack outside experience."""

    id: str
    severity: Severity
    message_en: str
    message_zh: str
    effect: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """The residual value and its band (预测区间). [CNY without VAT unless the valuation says otherwise]"""

    point: float
    lower: float
    upper: float
    level: float
    per_kwh: float
    quantiles: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteValue:
    """What one route (利用途径) would fetch, how likely it is the one taken, and what closes it."""

    route: str
    value: float
    probability: float
    open: bool
    blocked_by: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthEstimate:
    """State of health (健康状态) with one standard deviation and where it comes from. [1]"""

    value: float
    sd: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PackState:
    """Condition of the pack on the day: health, equivalent full cycles [1], age [a]."""

    soh: HealthEstimate
    full_cycles: float | None
    calendar_age_a: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetalValue:
    """Mass of one metal in the pack, what a recycler pays for it, and what a 1 % price move changes."""

    element: str
    mass_kg: float
    value_cny: float
    value_change_per_pct_cny: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """One reason for the value: a structural term or a learned effect; with the base they add up to the point."""

    feature: str
    label_en: str
    label_zh: str
    effect_cny: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WidthDriver:
    """One reason for the band's width: above 1 it widens, below 1 it narrows; base width times all is the width."""

    feature: str
    label_en: str
    label_zh: str
    factor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NextEvidence:
    """An action that would narrow the band, with the width now and the width to expect after it. [CNY]"""

    action: str
    band_width_now_cny: float
    band_width_after_cny: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """How much is known: tier T0 (code alone) to T4 (laboratory test), trust grade A to D, and what to do next."""

    tier: str
    grade: str
    next_best: tuple[NextEvidence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """Which model answered; `demonstration` is true for the bundled model trained on a synthetic market."""

    name: str
    version: str
    digest: str
    trained_through: str | None
    demonstration: bool
    group_used: str
    effective_sales: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketCard:
    """Which market was used: digest of the quotes read, the oldest one's age, and each quote's day."""

    digest: str
    oldest_quote_days: float | None
    quotes: Mapping[str, str]
    synthetic: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Valuation:
    """One pack valued as of one day (评估结果).

    `best_route` is an open route. Where every route is closed it is None, `disposal_cny` is what it costs to be rid of
    the pack, and the point is its negative; everywhere else `disposal_cny` is None.
    """

    battery_code: str | None
    as_of: date
    currency: str
    vat_included: bool
    region: str
    residual_value: Band
    routes: tuple[RouteValue, ...]
    best_route: str | None
    disposal_cny: float | None = None
    state: PackState
    metals: tuple[MetalValue, ...]
    drivers: tuple[Driver, ...]
    base_cny: float
    width_drivers: tuple[WidthDriver, ...]
    base_width_cny: float
    evidence: Evidence
    cautions: tuple[Caution, ...]
    not_used: NotUsed = NOTHING_LEFT_OUT
    model: ModelCard
    market: MarketCard
    input_digest: str


def valuation_of(told: ValuationDict) -> Valuation:
    """Return a valuation as it is told as an object."""
    band, state, evidence = told["residual_value"], told["state"], told["evidence"]
    inside = {
        "residual_value": Band(**band),
        "routes": tuple(RouteValue(**one) for one in told["routes"]),
        "state": PackState(**{**state, "soh": HealthEstimate(**state["soh"])}),
        "metals": tuple(MetalValue(**one) for one in told["metals"]),
        "drivers": tuple(Driver(**one) for one in told["drivers"]),
        "width_drivers": tuple(WidthDriver(**one) for one in told["width_drivers"]),
        "evidence": Evidence(
            **{**evidence, "next_best": tuple(NextEvidence(**one) for one in evidence["next_best"])},
        ),
        "model": ModelCard(**told["model"]),
    }
    return Valuation(**{**told, **inside})
