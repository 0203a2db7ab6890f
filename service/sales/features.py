"""Features of sold packs as of the day of sale (成交特征), cached in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from sqlalchemy import Connection

from models.artifact.predictor import Predictor as TrainedModel
from models.inference.fitted_model import RowPredictions
from service.quotes import QuotedMarket
from service.sales.histories import KnownHistory, first_known_histories
from service.sales.record_sales import closed_sales
from service.sales.states import ReportedSale
from valuation import features
from valuation.dossier import Dossier, build_dossier
from valuation.errors import TraceError
from valuation.ingest import Traces, join_traces, read_trace
from valuation.numeric.columns import FloatArray
from valuation.pricing import calibration_groups
from valuation.record.cases import cut
from valuation.record.to_columns import day_number

UNREADABLE: Final = "sale.unused.unreadable"
NO_ENERGY: Final = "sale.unused.no_energy"
CLOSED_ROUTE: Final = "ledger.reason.closed_route"
UNSTATED_ROUTE: Final = "ledger.reason.route_not_stated"


@dataclass(frozen=True, slots=True, kw_only=True)
class SoldPack:
    """A sold pack as model input, as of the day of sale.

    Attributes
    ----------
    known_at
        Time from which both the sale and the pack's history are known.
    row
        Row in :attr:`SaleFeatures.predicted`; -1 if the history cannot be read.
    base, label
        Structural value [CNY/kWh] and calibration group.
    day
        Day of the sale, days since 1970-01-01.
    energy_kwh
        Rated energy, by which the price is divided.
    left_out
        Message id of the reason why the sale can never be used; "" if it can.

    """

    known_at: str
    row: int = -1
    base: float = np.nan
    label: str = ""
    day: float
    energy_kwh: float = np.nan
    left_out: str = ""


class SaleFeatures:
    """Features of sold packs for one model and market, by ledger sequence of the sale."""

    def __init__(self, model: TrainedModel, market: QuotedMarket) -> None:
        self._model = model
        self._market = market
        self._known: dict[int, SoldPack] = {}
        self.predicted = self._predict(np.zeros((0, len(model.feature_names))), np.zeros(0), [])
        """Predictions of the model for the packs, before the band is added."""

    def of(self, connection: Connection, reported: Sequence[ReportedSale]) -> dict[int, SoldPack]:
        """Return the sold packs with a known history, by ledger sequence of the sale; computes only new ones."""
        missing = [one for one in reported if one.sequence not in self._known]
        histories = first_known_histories(connection, missing) if missing else {}
        known = [(one, histories[one.sequence]) for one in missing if one.sequence in histories]
        self._known |= self._compute(known)
        return {one.sequence: self._known[one.sequence] for one in reported if one.sequence in self._known}

    def _compute(self, known: Sequence[tuple[ReportedSale, KnownHistory]]) -> dict[int, SoldPack]:
        found: dict[int, SoldPack] = {}
        readable: list[tuple[ReportedSale, KnownHistory, Traces]] = []
        for one, kept in known:
            traces = _read(kept.record)
            if traces is None:
                day = day_number(one.sale.sold_on)
                found[one.sequence] = SoldPack(known_at=kept.known_at, day=day, left_out=UNREADABLE)
            else:
                readable.append((one, kept, traces))
        if not readable:
            return found
        dossier = self._build_dossier([one for one, _, _ in readable], [traces for _, _, traces in readable])
        columns = [features.NAMES.index(name) for name in self._model.feature_names]
        base, energy = dossier.routes.structural_per_kwh, dossier.nameplate.energy_kwh
        labels, reasons = calibration_groups(dossier), left_out([one for one, _, _ in readable], dossier)
        first = len(self.predicted.mean)
        self.predicted = self.predicted.joined(self._predict(features.compute(dossier)[:, columns], base, labels))
        for row, (one, kept, _) in enumerate(readable):
            found[one.sequence] = SoldPack(
                known_at=kept.known_at,
                row=first + row,
                base=float(base[row]),
                label=labels[row],
                day=day_number(one.sale.sold_on),
                energy_kwh=float(energy[row]),
                left_out=reasons[row],
            )
        return found

    def _build_dossier(self, sold: Sequence[ReportedSale], traces: Sequence[Traces]) -> Dossier:
        """Return the dossier of packs as of the days of their sales."""
        cases = cut(join_traces(traces).table, np.array([day_number(one.sale.sold_on) for one in sold]))
        region = [one.sale.region for one in sold]
        return build_dossier(
            cases, self._market.history, region=region, market_calibration=self._model.market_calibration
        )

    def _predict(self, matrix: FloatArray, base: FloatArray, labels: Sequence[str]) -> RowPredictions:
        state = self._model.state
        return state.predict(state.vocabulary.checked(matrix), base, list(labels))


def _read(record: bytes) -> Traces | None:
    """Return the one pack of a kept record, None where it cannot be read."""
    try:
        traces = read_trace(record)
    except (TraceError, ValueError):
        return None
    return traces if traces.packs == 1 else None


def left_out(reported: Sequence[ReportedSale], dossier: Dossier) -> list[str]:
    """Return the message id of the reason why each sale can never be used by a model, "" if it can."""
    closed = closed_sales([one.sale for one in reported], dossier)
    reasons = np.full(len(reported), "", dtype=object)
    for where, reason in (
        (~(dossier.nameplate.energy_kwh > 0.0), NO_ENERGY),
        (closed.ambiguous, UNSTATED_ROUTE),
        (closed.certain, CLOSED_ROUTE),
    ):
        reasons[where] = reason
    return [str(reason) for reason in reasons]
