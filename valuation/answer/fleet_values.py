"""Value a fleet in columns (批量评估): the numbers of :func:`valuation.appraisal.appraise_many` without their objects.

Point, band, route, evidence and cautions are identical to the bit to the valuation of a single pack. Texts, metals and
the next best evidence are not part of the columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from valuation.answer.cautions import caution_masks
from valuation.answer.priced_batch import PricedBatch, value_batch
from valuation.errors import CanzhiError, MissingQuote
from valuation.market.snapshot import MarketHistory
from valuation.numeric.columns import BoolArray, FloatArray, IntArray
from valuation.numeric.rounding import fen_column, money_column
from valuation.pack.materials import metal_content
from valuation.pack.nameplate import read_nameplate
from valuation.ports import Predictor
from valuation.pricing import check_level
from valuation.record.cases import TraceTable, cut
from valuation.record.to_columns import day_number
from valuation.routes.recycling import missing_quotes
from valuation.terms import ValuationTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetValues:
    """Values of the packs in a table, one row per valued pack.

    Attributes
    ----------
    rows : integers
        Row of each valued pack in the table; every other row is in `refused`.
    point_cny, lower_cny, upper_cny : floats
        Money, rounded to the fen.
    best, tier, grade : integers
        Index into `valuation.routes.structural_value.ROUTES` (-1 if every route is closed), evidence tier (0 to 4) and
        trust grade (0 to 3).
    cautions : pairs of id and mask
        Packs that each caution is raised for, in the order of an answer.
    base_cny, effects_cny : float columns
        Drivers: base plus effects is the point, to the fen; empty unless requested.
    refused : by row
        Error of each pack that is not valued.
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


def appraise_fleet(
    table: TraceTable, market: MarketHistory, model: Predictor | None, terms: ValuationTerms
) -> FleetValues:
    """Return the value of each pack in a table on the valuation day, in columns (批量评估).

    Parameters
    ----------
    table : TraceTable
        Packs and their events, as :func:`valuation.ingest.read_tables` reads them.
    market : MarketHistory
        All quotes. Only those made up to the valuation day are used.
    model : Predictor, optional
        The trained model. Without one the values are structural.
    terms : ValuationTerms
        Valuation day, level, region, scenario, and whether drivers are requested (`explain`).
    """
    if table.rows == 0:
        return _no_values({})
    rows, refused = np.arange(table.rows), dict[int, CanzhiError]()
    try:
        priced = value_batch(table, market, model, terms)
    except MissingQuote:
        refused.update(_missing_quotes(table, market, terms))
        rows = np.array([row for row in range(table.rows) if row not in refused], dtype=np.int64)
        if len(rows) == 0:
            return _no_values(refused)
        priced = value_batch(table.take(rows), market, model, terms)
    findings = priced.dossier.findings
    refusals = ((row, findings.refusal_error(row)) for row in np.flatnonzero(findings.refused).tolist())
    refused.update({int(rows[row]): refusal for row, refusal in refusals if refusal is not None})
    return _columns(priced, rows, np.flatnonzero(~findings.refused), refused)


def _missing_quotes(table: TraceTable, market: MarketHistory, terms: ValuationTerms) -> Mapping[int, MissingQuote]:
    """Return, by row, the error of each pack with a metal that was never quoted."""
    cases = cut(table, np.full(table.rows, day_number(terms.as_of)))
    nameplate = read_nameplate(cases)
    quotes = market.on(cases.as_of_day, region=terms.region.partition("-")[0]).for_packs(nameplate.chemistry)
    return missing_quotes(
        nameplate,
        quotes.shifted(terms.market_shift) if terms.market_shift else quotes,
        metal_content(cases, nameplate),
    )


def _no_values(refused: Mapping[int, CanzhiError]) -> FleetValues:
    """Return the columns of a fleet in which no pack is valued."""
    none, no_rows = np.zeros(0), np.zeros(0, dtype=np.int64)
    return FleetValues(
        rows=no_rows, point_cny=none, lower_cny=none, upper_cny=none, best=no_rows, tier=no_rows, grade=no_rows,
        cautions=(), base_cny=none, effects_cny={}, refused=refused,
    )  # fmt: skip


def _columns(priced: PricedBatch, rows: IntArray, kept: IntArray, refused: Mapping[int, CanzhiError]) -> FleetValues:
    """Return the values of the packs that are not refused, in columns."""
    dossier, prices = priced.dossier, priced.prices
    energy = dossier.nameplate.energy_kwh[kept]
    point = money_column(prices.point[kept] * energy)
    effects = {} if priced.value_drivers is None else priced.value_drivers.effects
    fen = {name: fen_column(effect[kept]) for name, effect in effects.items()}
    base = fen_column(point) if effects else np.zeros(0)
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
        cautions=tuple((name, mask[kept]) for name, mask in caution_masks(priced)),
        base_cny=base / 100.0,
        effects_cny={name: amount / 100.0 + 0.0 for name, amount in fen.items()},
        refused=refused,
    )


def check_terms(terms: ValuationTerms, market: MarketHistory) -> None:
    """Check the terms before a job starts.

    Raises
    ------
    FieldError
        If the level is outside its bounds.
    MarketError
        If the scenario names an unknown instrument or a factor that is not positive.
    """
    check_level(terms.level)
    market.on(np.array([day_number(terms.as_of)])).shifted(terms.market_shift)
