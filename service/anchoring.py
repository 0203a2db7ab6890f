"""Reported sales re-anchor the band (重新锚定): what they make of the model, kept once for all.

The anchor depends on the model and on the sales entered up to one entry of the ledger, on nothing else: no clock, no
order of arrival. Whichever server process works it out first keeps it; all others, and a reproduction, read it back.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import cast

import msgspec
import numpy as np
from sqlalchemy import Connection

from models.predictor import Predictor as TrainedModel
from models.reanchor import (
    Moved,
    Reanchor,
    ReanchoredPredictor,
    Reported,
    how_far,
    read_anchor,
    reanchor,
    usable,
    write_anchor,
)
from service.quotes import QuotedMarket
from service.reported_sales import closed_sales
from service.schemas import Sale
from service.store import anchors, packs, valuations
from service.store.anchors import KeptAnchor
from service.store.database import Database
from valuation import features
from valuation.columns import BoolArray, FloatArray
from valuation.dossier import Dossier, open_dossier
from valuation.errors import TraceError, UnknownPack
from valuation.intake import read_trace
from valuation.market.instruments import vat_rate_on
from valuation.ports import Predictor
from valuation.pricing import calibration_groups
from valuation.record.cases import cut
from valuation.record.history import PackHistory
from valuation.record.tabulation import day_number, tabulate

_MOST_SALES = 20_000
"""The newest so many sales are used; older ones have faded from the anchor by their half-life of sixty days."""
_BROKEN_LOT = "the one sum of a lot cannot be shared out: a pack of it is missing, or it is told in two ways"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorSummary:
    """What an anchor was made of: the sales used, how many were left out and why, how far the model has moved."""

    used: tuple[str, ...]
    left_out: dict[str, int]
    as_of: date | None = None
    moved: Moved | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """A sale with the record of its pack as it was known."""

    sale: Sale
    history: PackHistory


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The model that answers, None for the structural value, and the ledger's entry of the newest sale it knows."""

    model: Predictor | None
    sales_through: int


def stand(model: Predictor | None, market: QuotedMarket, database: Database) -> Standing:
    """Return the model re-anchored on every sale reported so far; as it was trained where none can be used."""
    trained = model.trained if isinstance(model, ReanchoredPredictor) else model
    with database.reading() as connection:
        newest = anchors.newest_sale(connection)
        if not newest or not isinstance(trained, TrainedModel):
            return Standing(model=model, sales_through=newest)
        kept = anchors.find(connection, trained.digest, newest)
    if kept is None:
        kept = _work_out(trained, newest, market, database)
    return Standing(model=applied(trained, kept), sales_through=newest)


def trained_digest(model: Predictor | None) -> str:
    """Return the digest of a model as it was trained, before any reported sale; "" for the structural value."""
    if isinstance(model, ReanchoredPredictor):
        return model.trained.digest
    return "" if model is None else model.digest


def summary_of(model: Predictor | None, database: Database) -> AnchorSummary | None:
    """Return what the anchor of a model in service was made of, None where no sale was reported."""
    trained = model.trained if isinstance(model, ReanchoredPredictor) else model
    if not isinstance(trained, TrainedModel):
        return None
    with database.reading() as connection:
        kept = anchors.find(connection, trained.digest, anchors.newest_sale(connection))
    return None if kept is None else msgspec.json.decode(kept.summary, type=AnchorSummary)


def applied(model: TrainedModel, kept: KeptAnchor) -> Predictor:
    """Return a model with a kept anchor."""
    return cast("Predictor", read_anchor(model, kept.content, kept.digest) if kept.content else model)


def _work_out(model: TrainedModel, newest: int, market: QuotedMarket, database: Database) -> KeptAnchor:
    """Return the anchor of a model after the sales up to an entry of the ledger, worked out and kept."""
    left_out: Tally[str] = Tally()
    with database.reading() as connection:
        entered = [
            msgspec.json.decode(entry, type=Sale) for entry in anchors.reported_sales(connection, newest)[-_MOST_SALES:]
        ]
        known = [one for sale in entered if (one := _known(connection, sale, model, left_out)) is not None]
    known = _in_whole_lots(_quoted(known, market, left_out), entered, left_out)
    known, news = _worked_out(known, model, market, left_out)
    made: Reanchor | None = reanchor(model, news, float(news.day.max())) if known else None
    content, digest = (b"", model.digest) if made is None else write_anchor(made)
    summary = AnchorSummary(
        used=tuple(one.sale.sale_id for one in known),
        left_out=dict(sorted(left_out.items())),
        as_of=max((one.sale.sold_on for one in known), default=None),
        moved=None if made is None else how_far(model, made, news),
    )
    anchor = KeptAnchor(
        model_digest=model.digest,
        sale_sequence=newest,
        digest=digest,
        market_digest=market.digest,
        summary=msgspec.json.encode(asdict(summary)),
        content=content,
    )
    with database.writing() as connection:
        return anchors.keep(connection, anchor, recorded_by="canzhi")


def _known(connection: Connection, sale: Sale, model: TrainedModel, left_out: Tally[str]) -> _Known | None:
    """Return a sale with its pack's record, nothing where the model learned from its time or the pack is not known."""
    if sale.sold_on.isoformat() <= (model.trained_through or ""):
        left_out["sold before the model's last training"] += 1
        return None
    record = record_of(connection, sale)
    if record is None:
        left_out["no history of the pack is kept; report it with its events, or value it first"] += 1
        return None
    try:
        (history,) = read_trace(record).histories
    except (TraceError, ValueError):
        left_out["the pack's history cannot be read"] += 1
        return None
    return _Known(sale=sale, history=history)


def record_of(connection: Connection, sale: Sale) -> bytes | None:
    """Return the record of a sold pack: from the histories kept, else from its last valuation before."""
    try:
        return packs.as_reported(connection, sale.battery_code)
    except UnknownPack:
        return valuations.record_before(connection, sale.battery_code, sale.sold_on.isoformat())


def _quoted(known: Sequence[_Known], market: QuotedMarket, left_out: Tally[str]) -> list[_Known]:
    """Return the sales of days on which every instrument is quoted."""
    quoted = [one for one in known if day_number(one.sale.sold_on) >= market.history.complete_from]
    if len(quoted) < len(known):
        left_out["sold before every instrument is quoted"] += len(known) - len(quoted)
    return quoted


def _in_whole_lots(known: Sequence[_Known], entered: Sequence[Sale], left_out: Tally[str]) -> list[_Known]:
    """Return the sales but those of a lot whose one sum cannot be shared out: a pack of it is missing, or two are told.

    Sharing it among the packs that are left would make each of them dearer than it was.
    """
    told: dict[str | None, set[tuple[float | None, bool, date]]] = {}
    for sale in entered:
        if sale.price_cny is None:
            told.setdefault(sale.lot_id, set()).add((sale.lot_price_cny, sale.vat_included, sale.sold_on))
    packs_told = Tally(sale.lot_id for sale in entered if sale.price_cny is None)
    packs_known = Tally(one.sale.lot_id for one in known if one.sale.price_cny is None)
    whole = {lot for lot, ways in told.items() if len(ways) == 1 and packs_known[lot] == packs_told[lot]}
    kept = [one for one in known if one.sale.price_cny is not None or one.sale.lot_id in whole]
    if len(kept) < len(known):
        left_out[_BROKEN_LOT] += len(known) - len(kept)
    return kept


def _worked_out(
    known: Sequence[_Known], model: TrainedModel, market: QuotedMarket, left_out: Tally[str]
) -> tuple[list[_Known], Reported]:
    """Return the sales that can be used, and what the model reads of them."""
    if not known:
        nothing = np.zeros(0)
        empty = Reported(
            matrix=np.zeros((0, len(model.feature_names))), base=nothing, labels=(), price=nothing, day=nothing
        )
        return [], empty
    day = np.array([day_number(one.sale.sold_on) for one in known])
    table = tabulate([one.history for one in known])
    dossier = open_dossier(
        cut(table, day), market.history, region=[one.sale.region for one in known], habits=model.habits
    )
    columns = [features.NAMES.index(name) for name in model.feature_names]
    news = Reported(
        matrix=features.compute(dossier)[:, columns],
        base=dossier.routes.structural_per_kwh,
        labels=calibration_groups(dossier),
        price=_prices([one.sale for one in known], dossier),
        day=day,
    )
    lawful = _lawful([one.sale for one in known], dossier, left_out)
    keep = lawful & usable(model, news.price)
    if not np.array_equal(keep, lawful):
        left_out["a price the model cannot learn from"] += int(np.sum(lawful & ~keep))
    return [one for one, take in zip(known, keep.tolist(), strict=True) if take], news.where(keep)


def _lawful(sales: Sequence[Sale], dossier: Dossier, left_out: Tally[str]) -> BoolArray:
    """Return which sales were made into an open route, or may have been; the others are counted by reason.

    A lot that was sold for one sum is left out whole, for the sum holds the price of the pack that is left out.
    """
    found = closed_sales(sales, dossier)
    lots = {sale.lot_id for sale, out in zip(sales, found.kept_out.tolist(), strict=True) if out}
    with_them = np.array([sale.price_cny is None and sale.lot_id in lots for sale in sales], dtype=np.bool_)
    for where, reason in (
        (found.certain, "sold into a route that a finding on the record of that day closes"),
        (found.ambiguous, "route not stated, and a closed route would have fetched more than the open ones"),
        (with_them & ~found.kept_out, _BROKEN_LOT),
    ):
        if where.any():
            left_out[reason] += int(where.sum())
    lawful: BoolArray = ~(found.kept_out | with_them)
    return lawful


def _prices(sales: Sequence[Sale], dossier: Dossier) -> FloatArray:
    """Return what each pack fetched per rated kWh without VAT; a lot's one sum is shared by structural value."""
    energy = dossier.nameplate.energy_kwh
    worth = np.maximum(dossier.routes.structural_per_kwh, 0.0) * energy
    lots: dict[str, list[int]] = {}
    paid = np.full(len(sales), np.nan)
    for row, sale in enumerate(sales):
        if sale.price_cny is not None:
            paid[row] = without_vat(sale.price_cny, sale)
        elif sale.lot_id is not None:
            lots.setdefault(sale.lot_id, []).append(row)
    for rows in lots.values():
        total = sales[rows[0]].lot_price_cny
        share = worth[rows] if float(worth[rows].sum()) > 0.0 else energy[rows]
        if total is not None:
            paid[rows] = without_vat(total, sales[rows[0]]) * share / float(share.sum())
    return paid / energy


def without_vat(price_cny: float, sale: Sale) -> float:
    """Return a price of a sale without the tax of its day."""
    rate = float(vat_rate_on(np.array([day_number(sale.sold_on)]))[0])
    return price_cny / (1.0 + rate) if sale.vat_included else price_cny
