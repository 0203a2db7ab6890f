"""Training set (训练数据集): features, structural value and price of every sale of a ledger.

Each record is cut at the day of its sale by :func:`valuation.record.cases.cut`, which also serves valuations. A model
is therefore fitted only on information that was available on that day.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

from training.dataset.degraded_records import DEGRADATIONS, Degradation, draw_degradation
from training.sales_ledger import SalesLedger
from training.sales_ledger.cross_check import SaleFacts, check_price_unit, match_traces, plausible
from training.sales_ledger.dedupe import share_lots
from valuation import features
from valuation.dossier import Dossier, build_dossier
from valuation.errors import TooFewSales
from valuation.market.snapshot import MarketHistory
from valuation.messages import Message
from valuation.numeric.columns import BoolArray, FloatArray, IntArray
from valuation.pricing import calibration_groups, price
from valuation.record.cases import TraceTable, cut

CHUNK = 20_000
"""Number of sales computed at once; it bounds memory and does not affect results."""

LEVEL = 0.9
"""Level of the structural band that a model is compared with. [1]"""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """Source data of a training set: trace records, quotes and calibrated market constants.

    `calibration` maps names of :data:`valuation.routes.market_calibration.CALIBRATED_CONSTANTS` to deviations from the
    default constants; it is empty for the defaults.
    """

    table: TraceTable
    market: MarketHistory
    calibration: Mapping[str, float] = field(default_factory=dict)

    def dossier(self, sales: TrainingSet, degrade: Degradation | None = None) -> Dossier:
        """Return what was known of each pack on the day of its sale, from the degraded record if given."""
        taken = self.table.take(sales.pack_row)
        cases = cut(taken if degrade is None else degrade(taken), sales.sold_day)
        return build_dossier(cases, self.market, region=sales.region, market_calibration=self.calibration)

    def recompute(self, sales: TrainingSet, degradation: FloatArray) -> TrainingSet:
        """Return the sales with features and structural values recomputed from degraded records."""
        return _recompute(replace(sales, degradation=degradation), self)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSet:
    """Sales as columns, one row per sale.

    Attributes
    ----------
    matrix : array of shape (sales, features)
        Features in the order of :data:`valuation.features.NAMES`.
    structural, structural_lower, structural_upper : arrays of shape (sales,)
        Structural value and its own band at :data:`LEVEL`. [CNY/kWh without VAT]
    energy_kwh : array of shape (sales,)
        Rated energy that prices are divided by. [kWh]
    price_cny, sold_day : arrays of shape (sales,)
        Price of each sale [CNY without VAT] and its day since 1970-01-01.
    tier, chemistry : arrays of shape (sales,)
        Evidence tier 0 to 4 and chemistry code, used for segments.
    pack_row : integers of shape (sales,)
        Row of the pack in the trace table.
    groups, packs, sale_id, region : tuples of length sales
        Calibration group, battery code, id and region of each sale.
    lot : tuple of length sales
        Lot of a pack that was sold with others for one total price, of which its own price is a share; else None.
    degradation : array of shape (sales,), or None
        Index into :data:`training.dataset.degraded_records.DEGRADATIONS`; NaN or None for a full record.
    archive : Archive, or None
        Source data, from which the columns can be recomputed.
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
    degradation: FloatArray | None = None
    archive: Archive | None = None

    def __len__(self) -> int:
        """Return the number of sales."""
        return len(self.price_cny)

    @property
    def price(self) -> FloatArray:
        """Price per rated kWh. [CNY/kWh without VAT]"""
        return self.price_cny / self.energy_kwh

    @property
    def single_sale(self) -> BoolArray:
        """Mask of the sales that have a price of their own."""
        return np.array([lot is None for lot in self.lot], dtype=np.bool_)

    @property
    def repeat_sale_group(self) -> tuple[str, ...]:
        """Group name of each sale that stays in one fold: sales of one pack, and packs of one lot."""
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
        """Return the selected sales."""
        return self.take(np.flatnonzero(keep))

    def take(self, rows: IntArray) -> TrainingSet:
        """Return the given rows in the given order."""
        return _made({name: _take(getattr(self, name), rows) for name in self.__slots__})

    def with_calibration(self, calibration: Mapping[str, float]) -> TrainingSet:
        """Return the sales recomputed with calibrated market constants; an empty mapping means the defaults."""
        if self.archive is None or dict(self.archive.calibration) == dict(calibration) or not len(self):
            return self
        return _recompute(self, replace(self.archive, calibration=calibration))


def _made(columns: Mapping[str, Any]) -> TrainingSet:
    """Return the training set with these columns."""
    return TrainingSet(**columns)


def _take(
    values: FloatArray | tuple[Item, ...] | Archive | None, rows: IntArray
) -> FloatArray | tuple[Item, ...] | Archive | None:
    """Return the given rows of a column; an archive is returned unchanged."""
    if values is None or isinstance(values, Archive):
        return values
    return tuple(values[row] for row in rows) if isinstance(values, tuple) else values[rows]


def join(parts: Sequence[TrainingSet]) -> TrainingSet:
    """Concatenate training sets."""
    columns = {name: [getattr(part, name) for part in parts] for name in TrainingSet.__slots__}
    degradation = [np.full(len(part), np.nan) if part.degradation is None else part.degradation for part in parts]
    joined = {
        name: sum(pieces, ()) if isinstance(pieces[0], tuple) else np.concatenate(pieces)
        for name, pieces in columns.items()
        if name not in {"degradation", "archive"}
    }
    return _made({**joined, "degradation": np.concatenate(degradation), "archive": parts[0].archive})


def build(table: TraceTable, ledger: SalesLedger, market: MarketHistory) -> tuple[TrainingSet, dict[Message, int]]:
    """Return the training set of a ledger and the number of rejected rows by reason; see :func:`build_training_set`."""
    sales, kept = build_training_set(table, ledger, market)
    return sales, kept.rejected_rows


def build_training_set(
    table: TraceTable, ledger: SalesLedger, market: MarketHistory, unread: Collection[str] = ()
) -> tuple[TrainingSet, SalesLedger]:
    """Return the training set of a ledger, and the ledger of its sales with all rejected rows.

    Sales into a route that findings close are excluded here (:func:`valuation.routes.closed_sales.find_closed_sales`).
    Training, calibration, gate, model comparison, back-test, realised coverage and drift all start with this function.

    Parameters
    ----------
    table : TraceTable
        Trace records of the packs sold; other packs are ignored.
    ledger : Ledger
        The sales.
    market : MarketHistory
        Quotes over the time of the sales.
    unread : collection of str
        Codes of packs whose trace records were rejected.

    Raises
    ------
    TooFewSales
        If no sale is left.
    UnreadableLedger
        If the prices are plainly in another unit than their heading states.
    """
    ledger, pack_row = match_traces(ledger, table, market, unread)
    _require_sales(ledger)
    dataset, plain = _build_rows(table, ledger, market, pack_row)
    place = {row: at for at, row in enumerate(ledger.row.tolist())}
    check_price_unit(ledger, plain, dataset.structural)
    ledger = plausible(ledger, plain, dataset.structural)
    _require_sales(ledger)
    dataset = dataset.take(np.array([place[row] for row in ledger.row.tolist()], dtype=np.int64))
    archive = Archive(table=table, market=market)
    worth = np.maximum(dataset.structural, 0.0) * dataset.energy_kwh
    return replace(dataset, price_cny=share_lots(ledger, worth, dataset.energy_kwh), archive=archive), ledger


def _require_sales(ledger: SalesLedger) -> None:
    """Raise if no sale is left."""
    if not len(ledger):
        reasons = [
            Message("training.rejected", count=count, reason=reason) for reason, count in ledger.rejected_rows.items()
        ]
        raise TooFewSales("training.no_usable_sale", reasons=reasons)


def degraded(sales: TrainingSet, table: TraceTable, market: MarketHistory, *, share: float, seed: int) -> TrainingSet:
    """Return copies of a random share of the sales, each with a degraded record."""
    drawn = draw_degradation(len(sales), share, seed)
    archive = sales.archive or Archive(table=table, market=market)
    return _recompute(replace(sales, degradation=drawn).where(~np.isnan(drawn)), archive)


def _recompute(sales: TrainingSet, archive: Archive) -> TrainingSet:
    """Recompute all columns but price and day, each sale from its full or degraded record."""
    kinds = np.full(len(sales), np.nan) if sales.degradation is None else sales.degradation
    parts, order = [], []
    for kind, degrade in ((float("nan"), None), *enumerate(DEGRADATIONS)):
        mine = np.flatnonzero(np.isnan(kinds) if degrade is None else kinds == kind)
        for start in range(0, len(mine), CHUNK):
            rows = mine[start : start + CHUNK]
            part = sales.take(rows)
            parts.append(replace(part, **_feature_columns(archive.dossier(part, degrade)), archive=archive))
            order.append(rows)
    return join(parts).take(np.argsort(np.concatenate(order))) if parts else sales


def _feature_columns(dossier: Dossier) -> dict[str, Any]:
    """Return the training-set columns computed from a dossier."""
    band = price(dossier, None, LEVEL)
    return {
        "matrix": features.compute(dossier),
        "structural": dossier.routes.structural_per_kwh,
        "structural_lower": band.lower,
        "structural_upper": band.upper,
        "energy_kwh": dossier.nameplate.energy_kwh,
        "tier": dossier.findings.tier,
        "chemistry": dossier.nameplate.chemistry,
        "groups": calibration_groups(dossier),
    }


def _build_rows(
    table: TraceTable, ledger: SalesLedger, market: MarketHistory, pack_row: IntArray
) -> tuple[TrainingSet, SaleFacts]:
    """Return the training set of a ledger without the prices of lots, and the facts for plausibility checks."""
    parts, facts = [], []
    for dossier, chosen in _dossiers(table, ledger, market, pack_row):
        facts.append(SaleFacts.of(dossier, [ledger.route[row] for row in chosen]))
        parts.append(
            TrainingSet(
                **_feature_columns(dossier),
                price_cny=ledger.price_cny[chosen],
                sold_day=ledger.sold_day[chosen],
                pack_row=pack_row[chosen],
                packs=tuple(ledger.battery_code[row] for row in chosen),
                sale_id=tuple(ledger.sale_id[row] for row in chosen),
                region=tuple(ledger.region[row] for row in chosen),
                lot=tuple(ledger.lot_id[row] if np.isnan(ledger.price_cny[row]) else None for row in chosen),
            )
        )
    return join(parts), SaleFacts.join(facts)


def _dossiers(
    table: TraceTable, ledger: SalesLedger, market: MarketHistory, pack_row: IntArray
) -> Iterator[tuple[Dossier, IntArray]]:
    """Yield the dossiers of the sales in chunks, with their positions in the ledger."""
    for start in range(0, len(ledger), CHUNK):
        chosen = np.arange(start, min(start + CHUNK, len(ledger)))
        cases = cut(table.take(pack_row[chosen]), ledger.sold_day[chosen])
        yield build_dossier(cases, market, region=[ledger.region[row] for row in chosen]), chosen
