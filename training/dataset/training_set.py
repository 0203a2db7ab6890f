"""From a ledger and traced lives to what a model learns from: features, structural value and price of every sale.

Each sale is cut at its own day by the same :func:`valuation.record.cases.cut` that serves a request, so a model never
learns from what a valuation could not have known.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

from training.dataset.degraded_records import DEGRADATIONS, Degradation, draw_degradation
from training.sales_ledger import Ledger
from training.sales_ledger.cross_check import PlainFacts, matched, plausible
from training.sales_ledger.dedupe import share_lots
from valuation import features
from valuation.dossier import Dossier, build_dossier
from valuation.errors import TooFewSales
from valuation.market.snapshot import MarketHistory
from valuation.numeric.columns import BoolArray, FloatArray, IntArray
from valuation.pricing import calibration_groups, price
from valuation.record.cases import TraceTable, cut

CHUNK = 20_000
"""Sales worked out at once; bounds memory, changes no figure."""

LEVEL = 0.9
"""Level of the structural band beside which a model is judged."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """What sales are worked out from: traced lives, quotes, and how the market's constants differ from the judged ones.

    `habits` are by name of :data:`valuation.routes.market_calibration.HABITS`; none are the judged constants
    themselves.
    """

    table: TraceTable
    market: MarketHistory
    habits: Mapping[str, float] = field(default_factory=dict)

    def dossier(self, sales: TrainingSet, thin: Degradation | None = None) -> Dossier:
        """Return what was known of each pack on the day of its sale, its record cut down first where asked."""
        taken = self.table.take(sales.pack_row)
        cases = cut(taken if thin is None else thin(taken), sales.sold_day)
        return build_dossier(cases, self.market, region=sales.region, market_calibration=self.habits)

    def reworked(self, sales: TrainingSet, thinning: FloatArray) -> TrainingSet:
        """Return sales with everything but price and day worked out anew, each record cut down as told."""
        return _reworked(replace(sales, thinning=thinning), self)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSet:
    """Sales as a model sees them, one row a sale.

    Attributes
    ----------
    matrix : array of shape (sales, features)
        Features in the order of :data:`valuation.features.NAMES`.
    structural, structural_lower, structural_upper : arrays of shape (sales,)
        Structural value and its own band at :data:`LEVEL`. [CNY/kWh without VAT]
    energy_kwh : array of shape (sales,)
        The rated energy prices are divided by. [kWh]
    price_cny, sold_day : arrays of shape (sales,)
        What each sale fetched [CNY without VAT] and its day since 1970-01-01.
    tier, chemistry : arrays of shape (sales,)
        Evidence tier 0 to 4 and chemistry code, to judge by.
    pack_row : integers of shape (sales,)
        Row of the pack in the trace table.
    groups, packs, sale_id, region : tuples of length sales
        Calibration group, battery code, id and region of each sale.
    lot : tuple of length sales
        The lot of a pack that was sold with others for one sum, whose own price is a share of it; None for all others.
    thinning : array of shape (sales,), or None
        Position in :data:`training.dataset.degraded_records.THINNINGS` of how each record was cut down; NaN and None
        where it was not.
    archive : Archive, or None
        What the sales were worked out from, by which they can be worked out again.
    """

    matrix: FloatArray
    structural: FloatArray
    structural_lower: FloatArray
    structural_upper: FloatArray
    energy_kwh: FloatArray
    price_cny: FloatArray
    sold_day: FloatArray
    tier: FloatArray
    chemistry: FloatArray
    pack_row: IntArray
    groups: tuple[str, ...]
    packs: tuple[str, ...]
    sale_id: tuple[str, ...]
    region: tuple[str | None, ...]
    lot: tuple[str | None, ...]
    thinning: FloatArray | None = None
    archive: Archive | None = None

    def __len__(self) -> int:
        """Return the number of sales."""
        return len(self.price_cny)

    @property
    def price(self) -> FloatArray:
        """Prices per rated kWh. [CNY/kWh without VAT]"""
        return self.price_cny / self.energy_kwh

    @property
    def alone(self) -> BoolArray:
        """Which sales have a price of their own."""
        return np.array([lot is None for lot in self.lot], dtype=np.bool_)

    @property
    def together(self) -> tuple[str, ...]:
        """What must not be parted between folds, by name: the sales of one pack, and the packs of one lot."""
        first: dict[str, str] = {}

        def root(name: str) -> str:
            while first.setdefault(name, name) != name:
                name = first[name]
            return name

        for pack, lot in zip(self.packs, self.lot, strict=True):
            if lot is not None:
                first[root(f"lot {lot}")] = root(pack)
        return tuple(root(pack) for pack in self.packs)

    def where(self, keep: BoolArray) -> TrainingSet:
        """Return the sales that satisfy a condition."""
        return self.take(np.flatnonzero(keep))

    def take(self, rows: IntArray) -> TrainingSet:
        """Return some sales, in the order asked for."""
        return _made({name: _take(getattr(self, name), rows) for name in self.__slots__})

    def seen(self, habits: Mapping[str, float]) -> TrainingSet:
        """Return the sales worked out with a market's calibrated constants; none are the judged constants."""
        if self.archive is None or dict(self.archive.habits) == dict(habits) or not len(self):
            return self
        return _reworked(self, replace(self.archive, habits=habits))


def _made(columns: Mapping[str, Any]) -> TrainingSet:
    """Return the training set of these columns."""
    return TrainingSet(**columns)


def _take(
    values: FloatArray | tuple[Item, ...] | Archive | None, rows: IntArray
) -> FloatArray | tuple[Item, ...] | Archive | None:
    """Return some rows of a column, of numbers or of texts; what belongs to all sales stays."""
    if values is None or isinstance(values, Archive):
        return values
    return tuple(values[row] for row in rows) if isinstance(values, tuple) else values[rows]


def join(parts: Sequence[TrainingSet]) -> TrainingSet:
    """Return the sales of all parts below one another."""
    columns = {name: [getattr(part, name) for part in parts] for name in TrainingSet.__slots__}
    thinning = [np.full(len(part), np.nan) if part.thinning is None else part.thinning for part in parts]
    joined = {
        name: sum(pieces, ()) if isinstance(pieces[0], tuple) else np.concatenate(pieces)
        for name, pieces in columns.items()
        if name not in {"thinning", "archive"}
    }
    return _made({**joined, "thinning": np.concatenate(thinning), "archive": parts[0].archive})


def build(table: TraceTable, ledger: Ledger, market: MarketHistory) -> tuple[TrainingSet, dict[str, int]]:
    """Return what a model can learn from a ledger, and how many of its rows were set aside, by reason.

    See :func:`with_calibration`.
    """
    sales, kept = with_calibration(table, ledger, market)
    return sales, kept.reject_row


def with_calibration(
    table: TraceTable, ledger: Ledger, market: MarketHistory, unread: Collection[str] = ()
) -> tuple[TrainingSet, Ledger]:
    """Return what a model can learn from a ledger, and the ledger of those sales with everything set aside.

    Sales into a route that findings close are kept out here, before anybody learns from sales, is judged by them or is
    re-anchored on them: training, habits, calibration, gate, contest, back-test, realised coverage and drift all begin
    with this function (:func:`valuation.routes.closed_sales.find_closed_sales`).

    Parameters
    ----------
    table : TraceTable
        Traced lives of the packs sold; more packs do no harm.
    ledger : Ledger
        The sales.
    market : MarketHistory
        Quotes over the time of the sales.
    unread : collection of str
        Codes of packs whose trace records were set aside.

    Raises
    ------
    TooFewSales
        If no sale is left.
    """
    ledger, pack_row = matched(ledger, table, market, unread)
    _require_sales(ledger)
    dataset, plain = _work_out(table, ledger, market, pack_row)
    place = {row: at for at, row in enumerate(ledger.row.tolist())}
    ledger = plausible(ledger, plain)
    _require_sales(ledger)
    dataset = dataset.take(np.array([place[row] for row in ledger.row.tolist()], dtype=np.int64))
    archive = Archive(table=table, market=market)
    worth = np.maximum(dataset.structural, 0.0) * dataset.energy_kwh
    return replace(dataset, price_cny=share_lots(ledger, worth, dataset.energy_kwh), archive=archive), ledger


def _require_sales(ledger: Ledger) -> None:
    """Raise where no sale is left."""
    if not len(ledger):
        raise TooFewSales(
            f"none of the ledger's sales can be used: {ledger.reject_row}",
            hint="check that battery codes of ledger and traces agree and that quotes cover the days of sale",
        )


def degraded(sales: TrainingSet, table: TraceTable, market: MarketHistory, *, share: float, seed: int) -> TrainingSet:
    """Return a share of the sales again, each with its record cut down to a thinner tier of evidence."""
    drawn = draw_degradation(len(sales), share, seed)
    archive = sales.archive or Archive(table=table, market=market)
    return _reworked(replace(sales, thinning=drawn).where(~np.isnan(drawn)), archive)


def _reworked(sales: TrainingSet, archive: Archive) -> TrainingSet:
    """Return sales with everything but price and day worked out anew, each from its record as it was cut down."""
    kinds = np.full(len(sales), np.nan) if sales.thinning is None else sales.thinning
    parts, order = [], []
    for kind, thin in ((float("nan"), None), *enumerate(DEGRADATIONS)):
        mine = np.flatnonzero(np.isnan(kinds) if thin is None else kinds == kind)
        for start in range(0, len(mine), CHUNK):
            rows = mine[start : start + CHUNK]
            part = sales.take(rows)
            parts.append(replace(part, **_worked_out(archive.dossier(part, thin)), archive=archive))
            order.append(rows)
    return join(parts).take(np.argsort(np.concatenate(order))) if parts else sales


def _worked_out(dossier: Dossier) -> dict[str, Any]:
    """Return the columns of a training set that a dossier tells."""
    bare = price(dossier, None, LEVEL)
    return {
        "matrix": features.compute(dossier),
        "structural": dossier.routes.structural_per_kwh,
        "structural_lower": bare.lower,
        "structural_upper": bare.upper,
        "energy_kwh": dossier.nameplate.energy_kwh,
        "tier": dossier.findings.tier,
        "chemistry": dossier.nameplate.chemistry,
        "groups": calibration_groups(dossier),
    }


def _work_out(
    table: TraceTable, ledger: Ledger, market: MarketHistory, pack_row: IntArray
) -> tuple[TrainingSet, PlainFacts]:
    """Return the training set of a ledger, prices of lots still open, and what by itself speaks against a sale."""
    parts, facts = [], []
    for dossier, chosen in _dossiers(table, ledger, market, pack_row):
        facts.append(PlainFacts.of(dossier, [ledger.route[row] for row in chosen]))
        parts.append(
            TrainingSet(
                **_worked_out(dossier),
                price_cny=ledger.price_cny[chosen],
                sold_day=ledger.sold_day[chosen],
                pack_row=pack_row[chosen],
                packs=tuple(ledger.battery_code[row] for row in chosen),
                sale_id=tuple(ledger.sale_id[row] for row in chosen),
                region=tuple(ledger.region[row] for row in chosen),
                lot=tuple(ledger.lot_id[row] if np.isnan(ledger.price_cny[row]) else None for row in chosen),
            )
        )
    return join(parts), PlainFacts.join(facts)


def _dossiers(
    table: TraceTable, ledger: Ledger, market: MarketHistory, pack_row: IntArray
) -> Iterator[tuple[Dossier, IntArray]]:
    """Yield the dossiers of the sales, chunk by chunk, with the positions of the sales in the ledger."""
    for start in range(0, len(ledger), CHUNK):
        chosen = np.arange(start, min(start + CHUNK, len(ledger)))
        cases = cut(table.take(pack_row[chosen]), ledger.sold_day[chosen])
        yield build_dossier(cases, market, region=[ledger.region[row] for row in chosen]), chosen
