"""The answer (评估结果): a residual value with its band, routes, drivers and cautions.

The classes are frozen and have the shape of the public contract; service and page only format them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal, TypeAlias, get_args

from valuation.messages import Message, both
from valuation.record.unused_events import NOTHING_LEFT_OUT, NotUsed

Severity = Literal["info", "warn", "block"]
RouteName = Literal["recycling", "second_life", "reuse"]
Tier = Literal["T0", "T1", "T2", "T3", "T4"]
Grade = Literal["A", "B", "C", "D"]
TIERS: Final[tuple[Tier, ...]] = get_args(Tier)
GRADES: Final[tuple[Grade, ...]] = get_args(Grade)

ValuationDict: TypeAlias = "dict[str, Any]"
"""A valuation as nested dicts: the fields of :class:`Valuation` and of its parts by name, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caution:
    """A fact that weakens the answer (提示): a stale market, no test, a kind of pack without sales."""

    id: str
    severity: Severity
    message_en: str
    message_zh: str
    effect: str
    effect_zh: str = ""


def make_caution(identity: str, severity: Severity, *, effect: Message | None = None, **parameters: object) -> Caution:
    """Return the caution with this id and these parameters of its sentence (`caution.<id>` in the catalogue).

    >>> make_caution("K04", "info").effect_zh
    '关闭再装车使用'
    """
    words = both(f"caution.{identity}", **parameters)
    does = Message(f"caution.{identity}.effect", **parameters) if effect is None else effect
    return Caution(
        id=identity,
        severity=severity,
        message_en=words.en,
        message_zh=words.zh,
        effect=str(does),
        effect_zh=does.in_language("zh"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """The residual value and its band (预测区间). [CNY without VAT unless the valuation says otherwise]

    `per_kwh` is over rated energy, `per_remaining_kwh` over what health leaves of it, `per_kg` over the mass of the
    pack. `with_vat` is what a buyer pays in cash for the point, by the seller's `invoice`
    (:mod:`valuation.market.invoice`). Answers of older versions lack the last four.
    """

    point: float
    lower: float
    upper: float
    level: float
    per_kwh: float
    quantiles: Mapping[str, float]
    per_kg: float | None = None
    per_remaining_kwh: float | None = None
    with_vat: float | None = None
    invoice: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A limit of use that a route is subject to on the valuation day (使用条件)."""

    id: str
    message_en: str
    message_zh: str


def make_condition(identity: str) -> Condition:
    """Return the condition with this id (`limit.<id>` in the catalogue).

    >>> make_condition("L03").message_zh
    '不得用于电动自行车'
    """
    words = both(f"limit.{identity}")
    return Condition(id=identity, message_en=words.en, message_zh=words.zh)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteValue:
    """Value of one route (利用途径), the probability that it is taken, the ids of what closes it, its conditions."""

    route: RouteName
    value: float
    probability: float
    open: bool
    blocked_by: tuple[str, ...]
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthEstimate:
    """State of health (健康状态) with one standard deviation and its source. [1]"""

    value: float
    sd: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PackState:
    """Condition of the pack on the valuation day: health, equivalent full cycles [1], age [a]."""

    soh: HealthEstimate
    full_cycles: float | None
    calendar_age_a: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetalValue:
    """Mass of one metal in the pack, its value to a recycler, and the effect of a 1 % price change."""

    element: str
    mass_kg: float
    value_cny: float
    value_change_per_pct_cny: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """One driver of the value: a structural term or a learned effect; base plus all drivers is the point."""

    feature: str
    label_en: str
    label_zh: str
    effect_cny: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WidthDriver:
    """One factor of the band's width, above 1 if it widens it; base width times all factors is the width."""

    feature: str
    label_en: str
    label_zh: str
    factor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NextEvidence:
    """An action that would narrow the band, with the width now and the expected width after it. [CNY]"""

    action: str
    band_width_now_cny: float
    band_width_after_cny: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Evidence tier T0 (code alone) to T4 (laboratory test), trust grade A to D, and the best next actions."""

    tier: Tier
    grade: Grade
    next_best: tuple[NextEvidence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """The model behind the answer; `demonstration` is true for the bundled model trained on a synthetic market."""

    name: str
    version: str
    digest: str
    trained_through: str | None
    demonstration: bool
    group_used: str
    effective_sales: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketCard:
    """The market behind the answer: digest of the quotes, age of the oldest one, and the day of each quote."""

    digest: str
    oldest_quote_days: float | None
    quotes: Mapping[str, str]
    synthetic: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Valuation:
    """Valuation of one pack as of one day (评估结果).

    `base_cny` and the effects of all drivers add up to the point. `base_width_cny` times the factors of all width
    drivers is the width of the band; answers stored before there were any lack both.

    `best_route` is an open route. If every route is closed it is None, `disposal_cny` is the cost of disposal and the
    point is its negative; otherwise `disposal_cny` is None.
    """

    battery_code: str | None
    as_of: date
    currency: str
    vat_included: bool
    region: str
    residual_value: Band
    routes: tuple[RouteValue, ...]
    best_route: RouteName | None
    disposal_cny: float | None = None
    state: PackState
    metals: tuple[MetalValue, ...]
    drivers: tuple[Driver, ...]
    base_cny: float
    width_drivers: tuple[WidthDriver, ...] = ()
    base_width_cny: float | None = None
    evidence: Evidence
    cautions: tuple[Caution, ...]
    not_used: NotUsed = NOTHING_LEFT_OUT
    model: ModelCard
    market: MarketCard
    input_digest: str


def valuation_of(answer: ValuationDict) -> Valuation:
    """Return the valuation object of an answer given as nested dicts."""
    band, state, evidence = answer["residual_value"], answer["state"], answer["evidence"]
    inside = {
        "residual_value": Band(**band),
        "routes": tuple(RouteValue(**one) for one in answer["routes"]),
        "state": PackState(**{**state, "soh": HealthEstimate(**state["soh"])}),
        "metals": tuple(MetalValue(**one) for one in answer["metals"]),
        "drivers": tuple(Driver(**one) for one in answer["drivers"]),
        "width_drivers": tuple(WidthDriver(**one) for one in answer["width_drivers"]),
        "evidence": Evidence(
            **{**evidence, "next_best": tuple(NextEvidence(**one) for one in evidence["next_best"])},
        ),
        "model": ModelCard(**answer["model"]),
    }
    return Valuation(**{**answer, **inside})
