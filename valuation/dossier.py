"""The dossier (评估底稿): everything that is computed about a batch of packs before it is priced, each value once.

The steps in order are nameplate, market, health, metals, findings and routes. Features, the structural value and the
explanations all read from the dossier, so that nothing is computed twice and the results agree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from valuation.condition.health import StateOfHealth, assess_health
from valuation.market.snapshot import Market, MarketHistory
from valuation.numeric.columns import UNKNOWN, FloatArray, IntArray
from valuation.pack.materials import MetalContent, metal_content
from valuation.pack.nameplate import Nameplate, read_nameplate
from valuation.provenance.run_checks import Findings, run_checks
from valuation.provenance.sound_twin import sound_twins
from valuation.record.cases import Cases
from valuation.record.fields import REGIONS
from valuation.routes.assumptions import Assumptions, assumptions_for
from valuation.routes.market_calibration import apply_calibration
from valuation.routes.structural_value import Routes, price_routes
from valuation.vehicle.catalogue_lookup import describe_vehicles


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """All data of a batch of packs that its prices depend on, one row per pack."""

    cases: Cases
    region: FloatArray
    nameplate: Nameplate
    health: StateOfHealth
    market: Market
    earlier_market: Market
    metals: MetalContent
    findings: Findings
    assumptions: Assumptions
    routes: Routes

    @property
    def rows(self) -> int:
        """Number of packs."""
        return self.cases.rows

    def priced_routes(self, assumptions: Assumptions) -> Routes:
        """Return the structural value recomputed from the parts of the dossier, under given assumptions."""
        return price_routes(
            self.cases,
            self.nameplate,
            self.health,
            self.market,
            self.metals,
            self.findings,
            assumptions=assumptions,
            earlier=self.earlier_market,
        )


TREND_DAYS = 90.0
"""Time over which the trend of the market is measured. [d]"""


def build_dossier(
    cases: Cases,
    market_history: MarketHistory,
    *,
    region: str | Sequence[str | None] = "CN",
    market_shift: Mapping[str, float] | None = None,
    market_calibration: Mapping[str, float] | None = None,
) -> Dossier:
    """Compute all data of a batch of packs that its prices depend on.

    Parameters
    ----------
    cases : Cases
        Packs cut at their valuation days.
    market_history : MarketHistory
        All quotes. Only those made up to the valuation day of each pack are used.
    region : str or one per pack
        Where the packs are sold: a country, or a province by ISO 3166-2. Quotes are chosen by country.
    market_shift : mapping of instrument to factor, optional
        A scenario that multiplies the quotes of the day, for example ``{"lithium_carbonate": 1.1}``.
    market_calibration : mapping of constant to shift, optional
        Market calibration of a trained model (:mod:`valuation.routes.market_calibration`), and the rated energy of
        known designs (:mod:`valuation.pack.design_sizes`).

    Raises
    ------
    MissingQuote
        If a price that a pack cannot be valued without is not quoted.
    """
    country = region.partition("-")[0] if isinstance(region, str) else "CN"
    nameplate = read_nameplate(cases, market_calibration, describe_vehicles(cases))
    market = market_history.on(cases.as_of_day, region=country).for_packs(nameplate.chemistry)
    if market_shift:
        market = market.shifted(market_shift)
    return _complete(
        cases=cases,
        region=_region_codes(region, cases.rows),
        nameplate=nameplate,
        market=market,
        earlier_market=market_history.on(cases.as_of_day - TREND_DAYS, region=country),
        assumptions=_assumptions(market.region, tuple((market_calibration or {}).items())),
    )


def dossier_of_twins(dossier: Dossier, rows: IntArray) -> Dossier:
    """Return the dossier of some packs without their route-closing findings, on the same day and market."""
    return _complete(
        cases=sound_twins(dossier.cases, rows),
        region=dossier.region[rows],
        nameplate=dossier.nameplate.take(rows),
        market=dossier.market.take(rows),
        earlier_market=dossier.earlier_market.take(rows),
        assumptions=dossier.assumptions,
    )


def dossier_of_other_chemistry(dossier: Dossier, rows: IntArray) -> Dossier:
    """Return the dossier of some packs as of the other chemistry that their vehicle may have, on the same day."""
    nameplate = dossier.nameplate.take(rows).of_other_chemistry()
    return _complete(
        cases=dossier.cases.take(rows),
        region=dossier.region[rows],
        nameplate=nameplate,
        market=dossier.market.take(rows).for_packs(nameplate.chemistry),
        earlier_market=dossier.earlier_market.take(rows),
        assumptions=dossier.assumptions,
    )


def _complete(  # noqa: PLR0913 - the inputs of a dossier
    *,
    cases: Cases,
    region: FloatArray,
    nameplate: Nameplate,
    market: Market,
    earlier_market: Market,
    assumptions: Assumptions,
) -> Dossier:
    """Return the dossier of packs whose nameplate and market are known: health, metals, findings and routes added."""
    health = assess_health(cases, nameplate)
    metals = metal_content(cases, nameplate)
    findings = run_checks(cases, nameplate, health)
    return Dossier(
        cases=cases,
        region=region,
        nameplate=nameplate,
        health=health,
        market=market,
        earlier_market=earlier_market,
        metals=metals,
        findings=findings,
        assumptions=assumptions,
        routes=price_routes(
            cases, nameplate, health, market, metals, findings, assumptions=assumptions, earlier=earlier_market
        ),
    )


@lru_cache(maxsize=64)
def _assumptions(region: str, market_calibration: tuple[tuple[str, float], ...]) -> Assumptions:
    """Return the assumptions of a region with the calibration of the market applied."""
    return apply_calibration(assumptions_for(region), dict(market_calibration))


def _region_codes(region: str | Sequence[str | None], rows: int) -> FloatArray:
    """Return the province of each pack as its index in :data:`valuation.record.fields.REGIONS`."""
    if isinstance(region, str):
        return np.full(rows, _REGION_CODE.get(region, UNKNOWN))
    return np.array([_REGION_CODE.get(name or "", UNKNOWN) for name in region])


_REGION_CODE = {name: float(code) for code, name in enumerate(REGIONS)}
