"""Recentres the model in service (重新锚定) by the sales known on a day, and stores the result for all processes.

The anchor of a valuation day depends only on the model, the sales made and recorded by that day, and the quotes up to
it. Later sales never change it. The first server process that computes it stores it; other processes and reproductions
read it.
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
    median_move,
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
_KEPT_BANDS: Final = 16
_MEASURED_ON: Final = 1000
"""Number of newest sales by which the shift of the model is measured."""


class AnchorSummary(msgspec.Struct, kw_only=True, frozen=True):
    """Sales used for an anchor, and how far it shifts the model.

    Attributes
    ----------
    used, held, voided
        Number of sales that were used; that wait for confirmation; that were voided or corrected.
    left_out
        Number of other sales that were not used, by reason.
    unconfirmed
        Ids of held sales that were accepted when reported, because pack or model were not known then.
    as_of
        Day of the newest sale used.
    moved
        Shift of the model since its training, measured on the packs sold last.
    week_move
        Relative shift of the points within the previous week, median over the packs sold last.

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
    """The part of a summary that a reproduction needs; older versions stored other fields."""

    week_move: float | None = None


class Anchors:
    """The anchors of one trained model by valuation day, stored in the database."""

    def __init__(self, model: TrainedModel, market: QuotedMarket, database: Database) -> None:
        self.model = model
        self._market = market
        self._database = database
        self._log = SalesLog()
        self._features = SaleFeatures(model, market)
        self._tracer = tracer_of(model.state)
        self._bands: dict[AnchorKey, Band] = {}
        """The bands of the newest anchors computed here, by which the move of a week is measured."""

    def read(self) -> int:
        """Read new entries about sales, and return the sequence of the newest one."""
        with self._database.reading() as connection:
            self._log.read(connection)
        return self._log.newest

    def on(self, as_of: date, through: int) -> StoredAnchor | None:
        """Return the anchor of a day from the entries up to a sequence; None if no sale was known."""
        key = self._key(as_of, through)
        if key is None:
            return None
        with self._database.reading() as connection:
            stored = anchors.find(connection, key)
        return self._compute_anchor(as_of, key) if stored is None else stored

    def _key(self, as_of: date, through: int) -> AnchorKey | None:
        """Return the key of a day's anchor; None if no sale was known."""
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
        """Compute and store the anchor of a day."""
        known, chosen = self._known_sales(as_of, key.sale_sequence)
        content, digest, moved, week_move = b"", self.model.digest, None, None
        if chosen.candidates:
            made = recentre(self.model, known, day_number(as_of), self._tracer)
            content, digest = write_anchor(made)
            self._keep(key, made.band)
            newest = known.take(_newest(known))
            moved = recentring_summary(self.model, self.model.state.band, made.band, newest)
            before = self._week_before(as_of, key.sale_sequence)
            week_move = median_move(self.model, before, made.band, newest)
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
        """Return the recentred band of a week earlier; computed if needed, but not stored."""
        before = as_of - WEEK
        key = self._key(before, through)
        if key is None:
            return self.model.state.band
        if key in self._bands:
            return self._bands[key]
        with self._database.reading() as connection:
            stored = anchors.find(connection, key)
        if stored is not None:
            return (
                read_anchor(self.model, stored.content, stored.digest).band if stored.content else self.model.state.band
            )
        known, _ = self._known_sales(before, key.sale_sequence)
        return recentre(self.model, known, day_number(before), self._tracer).band

    def _keep(self, key: AnchorKey, band: Band) -> None:
        """Keep the band of an anchor; the oldest ones are dropped."""
        self._bands[key] = band
        while len(self._bands) > _KEPT_BANDS:
            del self._bands[next(iter(self._bands))]

    def _known_sales(self, as_of: date, through: int) -> tuple[ReportedSales, Selection]:
        """Return the sales known on a day as model input, and how they were selected."""
        states, moment = self._log.states(through), self._log.moment(through)
        with self._database.reading() as connection:
            packs = self._features.of(connection, candidates(self.model, states, as_of))
        later = [
            sequence
            for sequence, pack in packs.items()
            if pack.known_at > moment and recorded_day(pack.known_at) >= as_of
        ]
        for sequence in later:
            del packs[sequence]
        complete_from = self._market.until(as_of).complete_from
        return select(
            self.model,
            KnownSales(as_of=as_of, states=states, packs=packs, features=self._features, complete_from=complete_from),
        )


def _newest(known: ReportedSales) -> BoolArray:
    """Return a mask of the newest sales, including all of the oldest day among them."""
    if len(known.day) <= _MEASURED_ON:
        return np.ones(len(known.day), dtype=bool)
    newest: BoolArray = known.day >= np.sort(known.day)[-_MEASURED_ON]
    return newest


def apply_anchor(model: TrainedModel, stored: StoredAnchor) -> TrainedModel:
    """Return a model recentred by a stored anchor."""
    if not stored.content:
        return model
    moved = msgspec.json.decode(stored.summary, type=_WeekMove)
    anchor = read_anchor(model, stored.content, stored.digest)
    return RecentredPredictor(model, anchor, stored.digest, moved.week_move)


def read_summary(stored: StoredAnchor) -> AnchorSummary:
    """Return the summary of a stored anchor; anchors without a day have none."""
    return msgspec.json.decode(stored.summary, type=AnchorSummary)


def trained_digest(model: Predictor | None) -> str:
    """Return the digest of the model before recentring; "" for the structural value."""
    if isinstance(model, RecentredPredictor):
        return model.trained.digest
    return "" if model is None else model.digest
