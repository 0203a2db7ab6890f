"""The dossier (评估底稿): what is worked out about a batch of packs before a price is named, each thing once.

One line of work, from top to bottom: nameplate, health, market, metals, findings, routes. Features, the structural
answer and the explanation all read from here, so nothing is computed twice and nothing can disagree.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """What is known and worked out about a batch of packs, one row a pack."""

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


TREND_DAYS = 90.0
"""How far back the market's trend looks. [d]"""


def build_dossier(
    cases: Cases,
    market_history: MarketHistory,
    *,
    region: str | Sequence[str | None] = "CN",
    market_shift: Mapping[str, float] | None = None,
    habits: Mapping[str, float] | None = None,
) -> Dossier:
    """Work out everything about a batch of packs that a price rests on.

    Parameters
    ----------
    cases : Cases
        Packs cut at their valuation days.
    market_history : MarketHistory
        All quotes; only those made by each pack's valuation day are used.
    region : str or one a pack
        Where the packs are sold: a country, or a province by ISO 3166-2; quotes are taken by country.
    market_shift : mapping of instrument to factor, optional
        A scenario: today's quotes multiplied, for example ``{"lithium_carbonate": 1.1}``.

    habits : mapping of habit to move, optional
        How a trained model found the market's constants to differ from the judged ones, and the sizes of designs.

    Raises
    ------
    MissingQuote
        If a price is not quoted without which a pack cannot be valued.
    """
    country = region.partition("-")[0] if isinstance(region, str) else "CN"
    nameplate = read_nameplate(cases, habits)
    market = market_history.on(cases.as_of_day, region=country).for_packs(nameplate.chemistry)
    if market_shift:
        market = market.shifted(market_shift)
    return _worked_out(
        cases=cases,
        region=_region_codes(region, cases.rows),
        nameplate=nameplate,
        market=market,
        earlier_market=market_history.on(cases.as_of_day - TREND_DAYS, region=country),
        assumptions=_assumptions(market.region, tuple((habits or {}).items())),
    )


def dossier_of_twins(dossier: Dossier, rows: IntArray) -> Dossier:
    """Work out the packs of these rows anew as if no finding closed a route to them, on the same day and market."""
    return _worked_out(
        cases=sound_twins(dossier.cases, rows),
        region=dossier.region[rows],
        nameplate=dossier.nameplate.take(rows),
        market=dossier.market.take(rows),
        earlier_market=dossier.earlier_market.take(rows),
        assumptions=dossier.assumptions,
    )


def _worked_out(  # noqa: PLR0913 - what a dossier starts from
    *,
    cases: Cases,
    region: FloatArray,
    nameplate: Nameplate,
    market: Market,
    earlier_market: Market,
    assumptions: Assumptions,
) -> Dossier:
    """Return the dossier of packs whose nameplate and market are known."""
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
def _assumptions(region: str, habits: tuple[tuple[str, float], ...]) -> Assumptions:
    """Return a region's assumptions as a market's sales have moved them."""
    return apply_calibration(assumptions_for(region), dict(habits))


def _region_codes(region: str | Sequence[str | None], rows: int) -> FloatArray:
    """Return the province of each pack as its number in :data:`valuation.record.fields.REGIONS`."""
    if isinstance(region, str):
        return np.full(rows, _REGION_CODE.get(region, UNKNOWN))
    return np.array([_REGION_CODE.get(name or "", UNKNOWN) for name in region])


_REGION_CODE = {name: float(code) for code, name in enumerate(REGIONS)}
