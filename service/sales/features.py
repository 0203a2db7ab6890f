"""What a model reads of sold packs (成交特征): worked out once for each sale, for as long as the process lives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from sqlalchemy import Connection

from models.artifact.predictor import Predictor as TrainedModel
from service.quotes import QuotedMarket
from service.sales.enter_sales import closed_sales
from service.sales.histories import KnownHistory, first_known
from service.sales.states import ReportedSale
from valuation import features
from valuation.dossier import Dossier, build_dossier
from valuation.errors import TraceError
from valuation.ingest import read_trace
from valuation.numeric.columns import FloatArray
from valuation.pricing import calibration_groups
from valuation.record.cases import cut
from valuation.record.history import PackHistory
from valuation.record.to_columns import day_number, tabulate

UNREADABLE: Final = "the pack's history cannot be read"
NO_ENERGY: Final = "the pack's rated energy is not known"
CLOSED_ROUTE: Final = "sold into a route that a finding on the record of that day closes"
UNSTATED_ROUTE: Final = "route not stated, and a closed route would have fetched more than the open ones"


@dataclass(frozen=True, slots=True, kw_only=True)
class SoldPack:
    """A sold pack as a model reads it on the day of the sale.

    Attributes
    ----------
    known_at
        Moment from which the sale and the pack's history are known together.
    matrix, base, label
        Features in the model's order, structural value [CNY/kWh] and calibration group.
    day
        Day of the sale, days since 1970-01-01.
    energy_kwh
        Rated energy, by which a price is divided.
    left_out
        Why the sale can never be used; "" where it can.

    """

    known_at: str
    matrix: FloatArray
    base: float
    label: str
    day: float
    energy_kwh: float
    left_out: str = ""


class SaleFeatures:
    """The sold packs of one model and market, kept by the number of the sale's entry in the ledger."""

    def __init__(self, model: TrainedModel, market: QuotedMarket) -> None:
        self._model = model
        self._market = market
        self._known: dict[int, SoldPack] = {}

    def of(self, connection: Connection, reported: Sequence[ReportedSale]) -> dict[int, SoldPack]:
        """Return the sold packs whose history is known, by the number of the sale's entry; only new ones cost time."""
        missing = [one for one in reported if one.sequence not in self._known]
        histories = first_known(connection, missing) if missing else {}
        known = [(one, histories[one.sequence]) for one in missing if one.sequence in histories]
        self._known |= self._worked_out(known)
        return {one.sequence: self._known[one.sequence] for one in reported if one.sequence in self._known}

    def _worked_out(self, known: Sequence[tuple[ReportedSale, KnownHistory]]) -> dict[int, SoldPack]:
        found: dict[int, SoldPack] = {}
        readable: list[tuple[ReportedSale, KnownHistory, PackHistory]] = []
        for one, kept in known:
            try:
                (history,) = read_trace(kept.record).histories
            except (TraceError, ValueError):
                found[one.sequence] = self._unreadable(one, kept)
            else:
                readable.append((one, kept, history))
        if not readable:
            return found
        dossier = self._open([(one, history) for one, _, history in readable])
        columns = [features.NAMES.index(name) for name in self._model.feature_names]
        matrix = features.compute(dossier)[:, columns]
        base, energy = dossier.routes.structural_per_kwh, dossier.nameplate.energy_kwh
        labels, reasons = calibration_groups(dossier), left_out([one for one, _, _ in readable], dossier)
        for row, (one, kept, _) in enumerate(readable):
            found[one.sequence] = SoldPack(
                known_at=kept.known_at,
                matrix=matrix[row],
                base=float(base[row]),
                label=labels[row],
                day=day_number(one.sale.sold_on),
                energy_kwh=float(energy[row]),
                left_out=reasons[row],
            )
        return found

    def _open(self, known: Sequence[tuple[ReportedSale, PackHistory]]) -> Dossier:
        """Return all that is worked out about packs as of the day of their sale."""
        day = np.array([day_number(one.sale.sold_on) for one, _ in known])
        table = tabulate([history for _, history in known])
        region = [one.sale.region for one, _ in known]
        return build_dossier(
            cut(table, day), self._market.history, region=region, market_calibration=self._model.market_calibration
        )

    def _unreadable(self, one: ReportedSale, kept: KnownHistory) -> SoldPack:
        return SoldPack(
            known_at=kept.known_at,
            matrix=np.full(len(self._model.feature_names), np.nan),
            base=np.nan,
            label="",
            day=day_number(one.sale.sold_on),
            energy_kwh=np.nan,
            left_out=UNREADABLE,
        )


def left_out(reported: Sequence[ReportedSale], dossier: Dossier) -> list[str]:
    """Return why each sale can never be used by a model, "" where it can; each reason is counted and reported apart."""
    closed = closed_sales([one.sale for one in reported], dossier)
    reasons = np.full(len(reported), "", dtype=object)
    for where, reason in (
        (~(dossier.nameplate.energy_kwh > 0.0), NO_ENERGY),
        (closed.ambiguous, UNSTATED_ROUTE),
        (closed.certain, CLOSED_ROUTE),
    ):
        reasons[where] = reason
    return [str(reason) for reason in reasons]
