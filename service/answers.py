"""How a valuation is spelled on the wire (CONTRACT section 5): key order, rounding, bytes; the same on every machine.

Money is rounded to the fen, fractions to six places; not known is null. This is the only place that rounds for JSON.
"""

from __future__ import annotations

from datetime import date

import msgspec

from valuation.result import (
    Band,
    Caution,
    Driver,
    Evidence,
    HealthEstimate,
    MarketCard,
    MetalValue,
    ModelCard,
    NextEvidence,
    PackState,
    RouteValue,
    Valuation,
)


class ValuationAnswer(msgspec.Struct, kw_only=True, frozen=True):
    """One pack valued as of one day; `base_cny` and the effects of all drivers add up to the point."""

    valuation_id: str
    battery_code: str | None
    as_of: date
    currency: str
    vat_included: bool
    region: str
    residual_value: Band
    routes: tuple[RouteValue, ...]
    best_route: str
    state: PackState
    metals: tuple[MetalValue, ...]
    drivers: tuple[Driver, ...]
    base_cny: float
    evidence: Evidence
    cautions: tuple[Caution, ...]
    model: ModelCard
    market: MarketCard
    input_digest: str


def encode(valuation: Valuation, valuation_id: str) -> bytes:
    """Return the bytes that answer for a valuation.

    Parameters
    ----------
    valuation : Valuation
        What the core says.
    valuation_id : str
        Under which it is kept.
    """
    return msgspec.json.encode(spell(valuation, valuation_id))


def spell(valuation: Valuation, valuation_id: str) -> ValuationAnswer:
    """Return a valuation as it is said to the world, rounded."""
    return ValuationAnswer(
        valuation_id=valuation_id,
        battery_code=valuation.battery_code,
        as_of=valuation.as_of,
        currency=valuation.currency,
        vat_included=valuation.vat_included,
        region=valuation.region,
        residual_value=_band(valuation.residual_value),
        routes=tuple(
            RouteValue(
                route=one.route,
                value=fen(one.value),
                probability=fraction(one.probability),
                open=one.open,
                blocked_by=one.blocked_by,
            )
            for one in valuation.routes
        ),
        best_route=valuation.best_route,
        state=_state(valuation.state),
        metals=tuple(_metal(one) for one in valuation.metals),
        drivers=tuple(
            Driver(
                feature=one.feature,
                label_en=one.label_en,
                label_zh=one.label_zh,
                effect_cny=fen(one.effect_cny),
            )
            for one in valuation.drivers
        ),
        base_cny=fen(valuation.base_cny),
        evidence=_evidence(valuation.evidence),
        cautions=valuation.cautions,
        model=_model(valuation.model),
        market=_market(valuation.market),
        input_digest=valuation.input_digest,
    )


def fen(money: float) -> float:
    """Return an amount rounded to the fen (分); there is no minus zero. [CNY]

    >>> fen(1234.567), fen(-0.001)
    (1234.57, 0.0)
    """
    return round(money, 2) + 0.0


def fraction(value: float) -> float:
    """Return a fraction or quantity rounded to six places.

    >>> fraction(1 / 3)
    0.333333
    """
    return round(value, 6) + 0.0


def _known(value: float | None) -> float | None:
    return None if value is None or value != value else fraction(value)  # noqa: PLR0124 - NaN is not itself


def _band(band: Band) -> Band:
    return Band(
        point=fen(band.point),
        lower=fen(band.lower),
        upper=fen(band.upper),
        level=band.level,
        per_kwh=fen(band.per_kwh),
        quantiles={level: fen(band.quantiles[level]) for level in sorted(band.quantiles, key=float)},
    )


def _state(state: PackState) -> PackState:
    soh = HealthEstimate(value=fraction(state.soh.value), sd=fraction(state.soh.sd), source=state.soh.source)
    return PackState(soh=soh, full_cycles=_known(state.full_cycles), calendar_age_a=_known(state.calendar_age_a))


def _metal(metal: MetalValue) -> MetalValue:
    return MetalValue(
        element=metal.element,
        mass_kg=fraction(metal.mass_kg),
        value_cny=fen(metal.value_cny),
        value_change_per_pct_cny=fen(metal.value_change_per_pct_cny),
    )


def _evidence(evidence: Evidence) -> Evidence:
    steps = tuple(
        NextEvidence(
            action=one.action,
            band_width_now_cny=fen(one.band_width_now_cny),
            band_width_after_cny=fen(one.band_width_after_cny),
        )
        for one in evidence.next_best
    )
    return Evidence(tier=evidence.tier, grade=evidence.grade, next_best=steps)


def _model(card: ModelCard) -> ModelCard:
    return ModelCard(
        name=card.name,
        version=card.version,
        digest=card.digest,
        trained_through=card.trained_through,
        demonstration=card.demonstration,
        group_used=card.group_used,
        effective_sales=fraction(card.effective_sales),
    )


def _market(card: MarketCard) -> MarketCard:
    return MarketCard(
        digest=card.digest,
        oldest_quote_days=_known(card.oldest_quote_days),
        quotes={name: card.quotes[name] for name in sorted(card.quotes)},
        synthetic=card.synthetic,
    )
