"""Reported sales re-anchor the band (重新锚定): what those known by a day make of the model, kept once for all.

The anchor of a valuation day depends on the model, on the sales made and recorded by that day, and on the quotes made
by then; on nothing else, and on no order of arrival. A sale reported later never changes it. Whichever server process
works it out first keeps it; all others, and a reproduction, read it back.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, timedelta
from typing import Final

import msgspec
import numpy as np

from models.artifact.predictor import Predictor as TrainedModel
from models.artifact.recentring import (
    RecentredPredictor,
    RecentringSummary,
    read_anchor,
    recentre,
    recentring_summary,
    write_anchor,
)
from models.calibration.reported_sales import ReportedSales, tracer_of
from models.inference.band import Band
from service.clock import recorded_day
from service.quotes import QuotedMarket
from service.sales.features import SaleFeatures
from service.sales.selection import KnownSales, Selection, candidates, select
from service.sales.states import SalesLog
from service.store import anchors
from service.store.anchors import AnchorKey, StoredAnchor
from service.store.database import Database
from valuation.numeric.columns import BoolArray
from valuation.ports import Predictor
from valuation.record.to_columns import day_number

WEEK: Final = timedelta(days=7)
_MEASURED_ON: Final = 1000
"""How far a model has moved is seen on the packs sold last; that of thousands more would be much the same."""


class AnchorSummary(msgspec.Struct, kw_only=True, frozen=True):
    """What an anchor was made of, and how far it moves the model.

    Attributes
    ----------
    used, held, voided
        How many sales were used; wait to be confirmed; were withdrawn or put right by another one.
    left_out
        How many others were not used, by reason.
    unconfirmed
        Which sales wait though they were not held when they were reported: pack or model were not known then.
    as_of
        Day of the newest sale used.
    moved
        How far the sales have moved the model since its training, seen on the packs sold last.
    week_move
        By which share the points moved within the week before, the median over the packs sold last.

    """

    used: int = 0
    held: int = 0
    voided: int = 0
    left_out: dict[str, int] = {}
    unconfirmed: tuple[str, ...] = ()
    as_of: date | None = None
    moved: RecentringSummary | None = None
    week_move: float | None = None


class _WeekMove(msgspec.Struct):
    """What a reproduction reads of a summary, which older versions of canzhi wrote otherwise."""

    week_move: float | None = None


class Anchors:
    """The anchors of one trained model by valuation day: found in the store, or worked out and kept there."""

    def __init__(self, model: TrainedModel, market: QuotedMarket, database: Database) -> None:
        self.model = model
        self._market = market
        self._database = database
        self._log = SalesLog()
        self._features = SaleFeatures(model, market)
        self._tracer = tracer_of(model.state)

    def read(self) -> int:
        """Read what was entered about sales since, and return the number of the newest entry about one."""
        with self._database.reading() as connection:
            self._log.read(connection)
        return self._log.newest

    def on(self, as_of: date, through: int) -> StoredAnchor | None:
        """Return the anchor of a day after the entries about sales up to one; None where no sale was known by then."""
        key = self._key(as_of, through)
        if key is None:
            return None
        with self._database.reading() as connection:
            kept = anchors.find(connection, key)
        return self._compute_anchor(as_of, key) if kept is None else kept

    def _key(self, as_of: date, through: int) -> AnchorKey | None:
        """Return what the anchor of a day depends on; None where no sale was known by then."""
        known_through = min(through, self._log.through(as_of))
        if not known_through:
            return None
        return AnchorKey(
            model_digest=self.model.digest,
            as_of=as_of.isoformat(),
            sale_sequence=known_through,
            market_digest=self._market.until(as_of).digest,
        )

    def _compute_anchor(self, as_of: date, key: AnchorKey) -> StoredAnchor:
        """Return the anchor of a day, worked out and kept."""
        known, chosen = self._known_sales(as_of, key.sale_sequence)
        content, digest, moved, week_move = b"", self.model.digest, None, None
        if chosen.candidates:
            made = recentre(self.model, known, day_number(as_of), self._tracer)
            content, digest = write_anchor(made)
            newest = known.take(_newest(known))
            moved = recentring_summary(self.model, self.model.state.band, made.band, newest)
            before = self._week_before(as_of, key.sale_sequence)
            week_move = recentring_summary(self.model, before, made.band, newest).point
        summary = AnchorSummary(
            used=len(chosen.candidates),
            held=chosen.held,
            voided=chosen.voided,
            left_out=dict(sorted(chosen.left_out.items())),
            unconfirmed=chosen.unconfirmed,
            as_of=max((one.reported.sale.sold_on for one in chosen.candidates), default=None),
            moved=moved,
            week_move=week_move,
        )
        anchor = StoredAnchor(**asdict(key), digest=digest, summary=msgspec.json.encode(summary), content=content)
        with self._database.writing() as connection:
            return anchors.save(connection, anchor, recorded_by="canzhi")

    def _week_before(self, as_of: date, through: int) -> Band:
        """Return the band as it stood a week before a day; what nobody asked then is worked out, but not kept."""
        before = as_of - WEEK
        key = self._key(before, through)
        if key is None:
            return self.model.state.band
        with self._database.reading() as connection:
            kept = anchors.find(connection, key)
        if kept is not None:
            return read_anchor(self.model, kept.content, kept.digest).band if kept.content else self.model.state.band
        known, _ = self._known_sales(before, key.sale_sequence)
        return recentre(self.model, known, day_number(before), self._tracer).band

    def _known_sales(self, as_of: date, through: int) -> tuple[ReportedSales, Selection]:
        """Return what the model reads of the sales known by a day, and which they are."""
        states, moment = self._log.states(through), self._log.moment(through)
        with self._database.reading() as connection:
            packs = self._features.of(connection, candidates(self.model, states, as_of))
        known = {
            sequence: pack
            for sequence, pack in packs.items()
            if pack.known_at <= moment or recorded_day(pack.known_at) < as_of
        }
        complete_from = self._market.until(as_of).complete_from
        return select(
            self.model,
            KnownSales(as_of=as_of, states=states, packs=known, features=self._features, complete_from=complete_from),
        )


def _newest(known: ReportedSales) -> BoolArray:
    """Return which sales show how far the model has moved: the newest, and all others of the day of the oldest."""
    if len(known.day) <= _MEASURED_ON:
        return np.ones(len(known.day), dtype=bool)
    newest: BoolArray = known.day >= np.sort(known.day)[-_MEASURED_ON]
    return newest


def apply_anchor(model: TrainedModel, kept: StoredAnchor) -> TrainedModel:
    """Return a model with a kept anchor."""
    if not kept.content:
        return model
    moved = msgspec.json.decode(kept.summary, type=_WeekMove)
    anchor = read_anchor(model, kept.content, kept.digest)
    return RecentredPredictor(model, anchor, kept.digest, moved.week_move)


def read_summary(kept: StoredAnchor) -> AnchorSummary:
    """Return what a kept anchor was made of; it must have a day."""
    return msgspec.json.decode(kept.summary, type=AnchorSummary)


def trained_digest(model: Predictor | None) -> str:
    """Return the digest of a model as it was trained, before any reported sale; "" for the structural value."""
    if isinstance(model, RecentredPredictor):
        return model.trained.digest
    return "" if model is None else model.digest
