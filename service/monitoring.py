"""Drift (漂移): compares recent packs and reported sales with the training data and the bands of the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from sqlalchemy import Connection

from models.artifact.predictor import Predictor as TrainedModel
from models.drift import (
    LEAST_SALES,
    Shift,
    calls_for_action,
    feature_columns,
    is_undercovered,
    least_coverage,
    pack_shifts,
    shifts,
)
from service.quotes import QuotedMarket
from service.sales.histories import first_known_histories
from service.sales.live_recentring import AnchorSummary
from service.sales.prices import without_vat
from service.sales.record_sales import closed_sales
from service.sales.sale_types import Sale
from service.sales.states import COUNTS, ReportedSale, SalesLog
from service.store import valuations
from service.valuation_service import RequestTerms, ValuationService
from valuation import features
from valuation.dossier import build_dossier
from valuation.errors import TraceError
from valuation.features import label_of
from valuation.ingest import read_trace
from valuation.messages import Language, Message
from valuation.ports import Predictor
from valuation.record.cases import cut
from valuation.record.history import PackHistory
from valuation.record.to_columns import day_number, tabulate

MIN_PACKS = 100
"""Fewest valued packs for a comparison with the training data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RealisedCoverage:
    """Coverage of the bands that were answered before the packs were sold.

    `sales`: sales of packs valued before; `inside`: of these, with a price inside the band; `promised`: mean level;
    `bias`: median of point / price − 1.
    """

    sales: int = 0
    inside: int = 0
    promised: float = 0.9
    bias: float = 0.0

    @property
    def coverage(self) -> float:
        """Share of the sales inside their bands; NaN without sales."""
        return self.inside / self.sales if self.sales else float("nan")

    @property
    def undercovered(self) -> bool:
        """Whether the coverage is significantly below the level."""
        return is_undercovered(self.sales, self.coverage, least_coverage(self.sales, self.promised))


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReport:
    """Drift of features (largest first), coverage of the bands, and recentring."""

    packs: int
    shifts: tuple[Shift, ...]
    realised: RealisedCoverage
    anchor: AnchorSummary | None

    @property
    def moved(self) -> tuple[Shift, ...]:
        """Pack features with significant drift; market features are excluded."""
        return tuple(shift for shift in pack_shifts(self.shifts) if shift.moved)

    @property
    def calls_for_action(self) -> bool:
        """Whether coverage, recentring or features require attention."""
        moved = None if self.anchor is None else self.anchor.moved
        bias = None if moved is None else moved.point
        return calls_for_action(self.shifts, bias, undercovered=self.realised.undercovered)

    @property
    def too_few(self) -> bool:
        """Whether there are too few valuations and sales for an assessment."""
        return self.realised.sales < LEAST_SALES and not self.shifts

    def advice(self, language: Language = "en") -> list[str]:
        """Return the findings and the recommended action as sentences in a language."""
        closing = "retrain" if self.calls_for_action else "too_few" if self.too_few else "nothing_to_do"
        messages = [_describe_bands(self.realised), _describe_anchor(self.anchor), _describe_packs(self)]
        return [one.in_language(language) for one in (*messages, Message(f"drift.{closing}"))]


def drift_report(service: ValuationService, *, most_sales: int, most_packs: int) -> DriftReport:
    """Return the drift of packs and prices since the training of the current model."""
    with service.database.reading() as connection:
        packs, found = valued_packs(connection, service.market, service.model, most_packs)
        realised = realised_bands(connection, service.market, most_sales)
    return DriftReport(packs=packs, shifts=found, realised=realised, anchor=service.models.current.summary)


def realised_bands(connection: Connection, market: QuotedMarket, most: int) -> RealisedCoverage:
    """Return the coverage of the bands by the newest reported sales.

    Sales of packs that were never valued, held or voided sales, and sales into closed routes do not count.
    """
    log = SalesLog()
    log.read(connection)
    counting = [one for one, state in log.states(log.newest) if state in COUNTS and one.sale.price_cny is not None]
    held: list[tuple[bool, float, float]] = []
    for sale in _without_closed_routes(connection, market, counting[-most:]):
        answer = valuations.last_answer(connection, sale.battery_code, sale.sold_on.isoformat())
        if answer is not None and sale.price_cny is not None:
            value = msgspec.json.decode(answer)["residual_value"]
            paid = without_vat(sale.price_cny, sale)
            held.append(
                (value["lower"] <= paid <= value["upper"], value["level"], value["point"] / paid if paid else 1.0)
            )
    if not held:
        return RealisedCoverage()
    return RealisedCoverage(
        sales=len(held),
        inside=sum(inside for inside, _, _ in held),
        promised=float(np.mean([level for _, level, _ in held])),
        bias=float(np.median([ratio for _, _, ratio in held])) - 1.0,
    )


def _without_closed_routes(connection: Connection, market: QuotedMarket, reported: list[ReportedSale]) -> list[Sale]:
    """Return the sales without those into closed routes; a sale with an unreadable history is kept."""
    quoted = [one for one in reported if day_number(one.sale.sold_on) >= market.history.complete_from]
    records = first_known_histories(connection, quoted)
    known = [
        (one.sale, history)
        for one in quoted
        if one.sequence in records and (history := _history(records[one.sequence].record)) is not None
    ]
    if not known:
        return [one.sale for one in reported]
    examined, histories = [sale for sale, _ in known], [history for _, history in known]
    day = np.array([day_number(sale.sold_on) for sale in examined])
    dossier = build_dossier(cut(tabulate(histories), day), market.history, region=[sale.region for sale in examined])
    kept_out = closed_sales(examined, dossier).kept_out.tolist()
    closed = {sale.sale_id for sale, out in zip(examined, kept_out, strict=True) if out}
    return [one.sale for one in reported if one.sale.sale_id not in closed]


def _history(record: bytes) -> PackHistory | None:
    """Return the history of a sold pack, None if it cannot be read."""
    try:
        return read_trace(record).histories[0]
    except (TraceError, ValueError):
        return None


def valued_packs(
    connection: Connection, market: QuotedMarket, model: Predictor | None, most: int
) -> tuple[int, tuple[Shift, ...]]:
    """Return the number of recently valued packs, and the drift of their features."""
    reference: dict[str, Any] = {}
    if isinstance(model, TrainedModel):
        reference = dict(model.about.summary.get("reference", {}))
    latest: dict[str, tuple[bytes, RequestTerms]] = {}
    for record, code, request in valuations.newest_records(connection, most):
        latest.setdefault(code or record.decode(), (record, msgspec.json.decode(request, type=RequestTerms)))
    if not reference or len(latest) < MIN_PACKS:
        return len(latest), ()
    table = tabulate([read_trace(record).histories[0] for record, _ in latest.values()])
    day = np.array([day_number(terms.as_of) for _, terms in latest.values()])
    dossier = build_dossier(cut(table, day), market.history, region=[terms.region for _, terms in latest.values()])
    return len(latest), shifts(reference, feature_columns(features.compute(dossier)))


def _describe_bands(realised: RealisedCoverage) -> Message:
    if realised.sales < LEAST_SALES:
        return Message("drift.bands_unknown", count=realised.sales, least=LEAST_SALES)
    return Message(
        "drift.bands",
        coverage=realised.coverage,
        count=realised.sales,
        level=realised.promised,
        comparison=Message("drift.undercovered" if realised.undercovered else "drift.as_expected"),
        bias=realised.bias,
    )


def _describe_anchor(anchor: AnchorSummary | None) -> Message:
    if anchor is None or anchor.moved is None or anchor.moved.point is None:
        return Message("drift.not_recentred")
    return Message("drift.recentred", count=anchor.used, point=anchor.moved.point, width=anchor.moved.width)


def _describe_packs(drift: DriftReport) -> Message:
    if not drift.shifts:
        return Message("drift.packs_unknown", count=drift.packs, least=MIN_PACKS)
    if not drift.moved:
        return Message("drift.packs_alike", count=drift.packs)
    names = [label_of(shift.name) for shift in drift.moved[:3]]
    return Message("drift.packs_moved", moved=len(drift.moved), count=drift.packs, names=names)
