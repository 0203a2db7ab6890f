"""A fleet valued in columns: the answers of :func:`valuation.appraisal.appraise_many`, without an object a pack.

Point, band, route, evidence and cautions of a pack are those of its own valuation, bit for bit; what a person reads of
one pack (sentences, metals, what would narrow the band) is not spelled here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from valuation.answer.build_answer import money
from valuation.answer.caution_masks import caution_masks
from valuation.answer.drivers import reasons
from valuation.answer.priced_batch import PricedBatch
from valuation.dossier import Dossier, build_dossier
from valuation.errors import CanzhiError, MissingQuote, RefusedPack
from valuation.market.snapshot import MarketHistory
from valuation.numeric.columns import BoolArray, FloatArray, IntArray
from valuation.pack.materials import metal_content
from valuation.pack.nameplate import read_nameplate
from valuation.ports import Predictor
from valuation.pricing import check_level, price
from valuation.provenance.catalogue import CHECKS
from valuation.provenance.run_checks import Findings
from valuation.record.cases import Cases, TraceTable, cut
from valuation.record.to_columns import day_number
from valuation.result import Caution
from valuation.routes.recycling import missing_quotes

_NO_SHIFT: Mapping[str, float] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetTerms:
    """What is asked of every pack of a fleet, as :func:`valuation.appraisal.appraise` asks it of one.

    `drivers` tells whether the reasons are worked out, in money.
    """

    as_of: date
    level: float = 0.9
    region: str = "CN"
    market_shift: Mapping[str, float] = field(default_factory=lambda: _NO_SHIFT)
    drivers: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetValues:
    """What the packs of a table are worth, one row a pack that is valued.

    Attributes
    ----------
    rows : integers
        The row of each valued pack in the table; every other row is in `refused`.
    point_cny, lower_cny, upper_cny : floats
        Money to the fen.
    best, tier, grade : integers
        Codes into `valuation.routes.structural_value.ROUTES` (-1 where every route is closed), of the evidence tier
        (0 to 4), and of the grade (0 to 3).
    cautions : pairs of id and mask
        Which packs the caution is raised for, in the order in which an answer lists them.
    base_cny, effects_cny : float columns
        The reasons by driver: base plus effects is the point, to the fen; empty unless they were asked for.
    refused : by row
        Why a pack is not valued.
    """

    rows: IntArray
    point_cny: FloatArray
    lower_cny: FloatArray
    upper_cny: FloatArray
    best: IntArray
    tier: IntArray
    grade: IntArray
    cautions: tuple[tuple[str, BoolArray], ...]
    base_cny: FloatArray
    effects_cny: Mapping[str, FloatArray]
    refused: Mapping[int, CanzhiError]


def appraise_fleet(table: TraceTable, market: MarketHistory, model: Predictor | None, terms: FleetTerms) -> FleetValues:
    """Return what each pack of a table would fetch on the day, in columns (批量评估).

    Parameters
    ----------
    table : TraceTable
        Packs and their events, as :func:`valuation.ingest.read_tables` reads them.
    market : MarketHistory
        All quotes; only those made by the day are used.
    model : Predictor, optional
        The trained model; without one the structural value answers.
    terms : FleetTerms
        Day, level, region, scenario, and whether the reasons are wanted.
    """
    if table.rows == 0:
        return _nothing({})
    cases = cut(table, np.full(table.rows, day_number(terms.as_of)))
    rows, refused = np.arange(table.rows), dict[int, CanzhiError]()
    try:
        dossier = _dossier(cases, market, model, terms)
    except MissingQuote:
        refused.update(_unquoted(cases, market, terms))
        rows = np.array([row for row in range(table.rows) if row not in refused], dtype=np.int64)
        if len(rows) == 0:
            return _nothing(refused)
        kept = table.take(rows)
        dossier = _dossier(cut(kept, np.full(kept.rows, day_number(terms.as_of))), market, model, terms)
    valued = _value(dossier, model, terms)
    for place, why in _refusals(dossier.findings):
        refused[int(rows[place])] = RefusedPack(why.message_en, hint=why.effect, field="battery_code", value=why.id)
    return _columns(valued, rows, np.flatnonzero(~dossier.findings.refused), refused)


def money_column(amounts_cny: FloatArray) -> FloatArray:
    """Return amounts to the fen, each exactly as :func:`valuation.answer.build_answer.money` rounds it.

    >>> money_column(np.array([12.3456, -0.001, 2.675, 0.125])).tolist()
    [12.35, 0.0, 2.67, 0.12]
    """
    fen = amounts_cny * 100.0
    whole = np.rint(fen)
    rounded: FloatArray = whole / 100.0 + 0.0
    # Where the product may have crossed a half by its own rounding, the decimal digits decide.
    near = np.abs(np.abs(fen - whole) - 0.5) <= 1e-9 * (1.0 + np.abs(fen))
    for place in np.flatnonzero(near).tolist():
        rounded[place] = money(float(amounts_cny[place]))
    return rounded


def _dossier(cases: Cases, market: MarketHistory, model: Predictor | None, terms: FleetTerms) -> Dossier:
    """Return the dossier of the packs on the terms."""
    habits = None if model is None else model.habits
    return build_dossier(cases, market, region=terms.region, market_shift=terms.market_shift or None, habits=habits)


def _unquoted(cases: Cases, market: MarketHistory, terms: FleetTerms) -> Mapping[int, MissingQuote]:
    """Return which packs hold a metal that was never quoted."""
    nameplate = read_nameplate(cases)
    quotes = market.on(cases.as_of_day, region=terms.region.partition("-")[0]).for_packs(nameplate.chemistry)
    return missing_quotes(
        nameplate,
        quotes.shifted(terms.market_shift) if terms.market_shift else quotes,
        metal_content(cases, nameplate),
    )


def _refusals(findings: Findings) -> Iterator[tuple[int, Caution]]:
    """Yield the packs that must not be valued, each with the first finding that says so, as one pack's refusal is."""
    open_ = findings.refused.copy()
    for place in sorted(range(len(CHECKS)), key=lambda place: CHECKS[place].id):
        if CHECKS[place].refuses:
            for row in np.flatnonzero(open_ & ~np.isnan(findings.numbers[:, place])).tolist():
                yield row, CHECKS[place].caution(float(findings.numbers[row, place]))
                open_[row] = False


def _value(dossier: Dossier, model: Predictor | None, terms: FleetTerms) -> PricedBatch:
    """Return the packs priced, with reasons where they are wanted."""
    prices = price(dossier, model, terms.level)
    return PricedBatch(
        dossier=dossier,
        prices=prices,
        reasons=reasons(dossier, prices, model) if terms.drivers else None,
        explain_band=None,
        evidence_ratio={},
        model=model,
        as_of=terms.as_of,
        level=terms.level,
        region=terms.region,
        market_shift=terms.market_shift,
    )


def _nothing(refused: Mapping[int, CanzhiError]) -> FleetValues:
    """Return the answer where no pack is valued."""
    none, nowhere = np.zeros(0), np.zeros(0, dtype=np.int64)
    return FleetValues(
        rows=nowhere, point_cny=none, lower_cny=none, upper_cny=none, best=nowhere, tier=nowhere, grade=nowhere,
        cautions=(), base_cny=none, effects_cny={}, refused=refused,
    )  # fmt: skip


def _columns(valued: PricedBatch, rows: IntArray, kept: IntArray, refused: Mapping[int, CanzhiError]) -> FleetValues:
    """Return the valued packs in columns."""
    dossier, prices = valued.dossier, valued.prices
    energy = dossier.nameplate.energy_kwh[kept]
    point = money_column(prices.point[kept] * energy)
    effects = {} if valued.reasons is None else valued.reasons.effects
    fen = {name: np.rint(effect[kept] * 100.0) for name, effect in effects.items()}
    base = np.rint(point * 100.0) if effects else np.zeros(0)
    for amount in fen.values():
        base = base - amount
    return FleetValues(
        rows=rows[kept],
        point_cny=point,
        lower_cny=money_column(prices.lower[kept] * energy),
        upper_cny=money_column(prices.upper[kept] * energy),
        best=np.nan_to_num(dossier.routes.best[kept], nan=-1.0).astype(np.int64),
        tier=dossier.findings.tier[kept].astype(np.int64),
        grade=dossier.findings.grade[kept].astype(np.int64),
        cautions=tuple((name, mask[kept]) for name, mask in caution_masks(valued)),
        base_cny=base / 100.0,
        effects_cny={name: amount / 100.0 + 0.0 for name, amount in fen.items()},
        refused=refused,
    )


def check_terms(terms: FleetTerms, market: MarketHistory) -> None:
    """Raise where the terms cannot be asked of any pack, before a job is begun.

    Raises
    ------
    FieldError
        If the level is outside its bounds.
    MarketError
        If the scenario names no instrument or no positive factor.
    """
    check_level(terms.level)
    market.on(np.array([day_number(terms.as_of)])).shifted(terms.market_shift)
