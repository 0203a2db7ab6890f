"""From a ledger and traced lives to what a model learns from: features, structural value and price of every sale.

Each sale is cut at its own day by the same :func:`valuation.cases.cut` that serves a request, so a model never learns
from what a valuation could not have known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from valuation.market import MarketHistory

from training.ledger import Ledger
from valuation import features
from valuation.cases import TraceTable, cut
from valuation.columns import BoolArray, FloatArray, IntArray
from valuation.dossier import Dossier, open_dossier
from valuation.pricing import calibration_groups

CHUNK = 20_000
"""Sales worked out at once; bounds memory, changes no figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSet:
    """Sales as a model sees them, one row a sale.

    Attributes
    ----------
    matrix : array of shape (sales, features)
        Features in the order of :data:`valuation.features.NAMES`.
    structural, price : arrays of shape (sales,)
        Structural value and price. [CNY/kWh without VAT]
    energy_kwh : array of shape (sales,)
        Rated energy by which prices were divided. [kWh]
    sold_day : array of shape (sales,)
        Day of sale, days since 1970-01-01.
    groups, packs, sale_id, region : tuples of length sales
        Calibration group, battery code, id and region of each sale.
    """

    matrix: FloatArray
    structural: FloatArray
    price: FloatArray
    energy_kwh: FloatArray
    sold_day: FloatArray
    groups: tuple[str, ...]
    packs: tuple[str, ...]
    sale_id: tuple[str, ...]
    region: tuple[str | None, ...]
    set_aside: dict[str, int]

    def __len__(self) -> int:
        """Return the number of sales."""
        return len(self.price)

    def where(self, keep: BoolArray) -> TrainingSet:
        """Return the sales that satisfy a condition."""
        chosen = np.flatnonzero(keep)
        return TrainingSet(
            matrix=self.matrix[chosen],
            structural=self.structural[chosen],
            price=self.price[chosen],
            energy_kwh=self.energy_kwh[chosen],
            sold_day=self.sold_day[chosen],
            groups=tuple(self.groups[i] for i in chosen),
            packs=tuple(self.packs[i] for i in chosen),
            sale_id=tuple(self.sale_id[i] for i in chosen),
            region=tuple(self.region[i] for i in chosen),
            set_aside=self.set_aside,
        )


def join(first: TrainingSet, second: TrainingSet) -> TrainingSet:
    """Return the sales of both sets, the first set's before the second's."""
    return TrainingSet(
        matrix=np.concatenate([first.matrix, second.matrix]),
        structural=np.concatenate([first.structural, second.structural]),
        price=np.concatenate([first.price, second.price]),
        energy_kwh=np.concatenate([first.energy_kwh, second.energy_kwh]),
        sold_day=np.concatenate([first.sold_day, second.sold_day]),
        groups=first.groups + second.groups,
        packs=first.packs + second.packs,
        sale_id=first.sale_id + second.sale_id,
        region=first.region + second.region,
        set_aside=first.set_aside,
    )


def build(table: TraceTable, ledger: Ledger, market: MarketHistory) -> TrainingSet:
    """Return what a model can learn from a ledger.

    Parameters
    ----------
    table : TraceTable
        Traced lives of the packs sold; more packs do no harm.
    ledger : Ledger
        The sales.
    market : MarketHistory
        Quotes over the time of the sales.
    """
    position = {code: row for row, code in enumerate(table.texts["battery_code"])}
    pack_row = np.array([position.get(code, -1) for code in ledger.battery_code], dtype=np.int64)
    ledger = ledger.where(pack_row >= 0, "no trace record of the pack")
    pack_row = pack_row[pack_row >= 0]
    parts = [_part(dossier, chosen, ledger) for dossier, chosen in _dossiers(table, ledger, market, pack_row)]
    dataset = parts[0]
    for part in parts[1:]:
        dataset = join(dataset, part)
    return _with_lot_prices(dataset, ledger)


def _dossiers(
    table: TraceTable, ledger: Ledger, market: MarketHistory, pack_row: IntArray
) -> Iterator[tuple[Dossier, IntArray]]:
    """Yield the dossiers of the sales, chunk by chunk, with the positions of the sales in the ledger."""
    for start in range(0, max(len(ledger), 1), CHUNK):
        chosen = np.arange(start, min(start + CHUNK, len(ledger)))
        cases = cut(table.take(pack_row[chosen]), ledger.sold_day[chosen])
        yield open_dossier(cases, market), chosen


def _part(dossier: Dossier, chosen: IntArray, ledger: Ledger) -> TrainingSet:
    """Return the rows of the training set for one chunk of sales."""
    energy_kwh = dossier.nameplate.energy_kwh
    return TrainingSet(
        matrix=features.compute(dossier),
        structural=dossier.routes.structural_per_kwh,
        price=ledger.price_cny[chosen] / energy_kwh,
        energy_kwh=energy_kwh,
        sold_day=ledger.sold_day[chosen],
        groups=calibration_groups(dossier),
        packs=tuple(ledger.battery_code[i] for i in chosen),
        sale_id=tuple(ledger.sale_id[i] for i in chosen),
        region=tuple(ledger.region[i] for i in chosen),
        set_aside=ledger.set_aside,
    )


def _with_lot_prices(dataset: TrainingSet, ledger: Ledger) -> TrainingSet:
    """Return the set with each lot's one price shared out among its packs in proportion to their structural value.

    Where the structural values of a lot do not add up to a clear positive sum, rated energy is the share instead.
    """
    price = dataset.price.copy()
    lots: dict[str, list[int]] = {}
    for row, lot in enumerate(ledger.lot_id):
        if lot is not None and np.isnan(price[row]):
            lots.setdefault(lot, []).append(row)
    for rows in lots.values():
        members = np.array(rows)
        worth = np.maximum(dataset.structural[members], 0.0) * dataset.energy_kwh[members]
        share = worth if float(worth.sum()) > 0.0 else dataset.energy_kwh[members]
        price[members] = ledger.lot_price_cny[members] * share / float(share.sum()) / dataset.energy_kwh[members]
    shared = TrainingSet(**{name: getattr(dataset, name) for name in dataset.__slots__ if name != "price"}, price=price)
    return shared.where(np.isfinite(price))
