"""Selects the reported sales that recentre a model as of a day (选用成交), and counts the others by reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import msgspec
import numpy as np

from models.artifact.predictor import Predictor as TrainedModel
from models.artifact.recentring import eligible, far_outside
from models.calibration.reported_sales import ReportedSales
from service.sales.features import SaleFeatures, SoldPack
from service.sales.prices import prices_cny, whole_lots
from service.sales.states import COUNTS, ReportedSale, State
from valuation.messages import Message, find

NO_MODEL: Final = "sale.unused.no_model"
NO_HISTORY: Final = "sale.unused.no_history"
TRAINED_ON: Final = "sale.unused.trained_on"
NOT_QUOTED: Final = "sale.unused.not_quoted"
BROKEN_LOT: Final = "sale.unused.broken_lot"
SOLD_AGAIN: Final = "sale.unused.sold_again"
NOT_LEARNABLE: Final = "sale.unused.not_learnable"


def reason_text(reason: str) -> str:
    """Return the message of a reason; summaries stored by older versions hold the sentence itself.

    >>> str(reason_text(NOT_QUOTED)), reason_text("a sentence")
    ('sold before every instrument is quoted', 'a sentence')
    """
    return reason if find(reason) is None else Message(reason)


class Candidate(msgspec.Struct, gc=False):
    """A sale that may recentre the model: report, state, pack as model input, unit price."""

    reported: ReportedSale
    state: State
    pack: SoldPack
    price_per_kwh: float = float("nan")


@dataclass(slots=True, kw_only=True)
class Selection:
    """Selected sales, number of held and voided ones, and of others by the message id of the reason.

    ``unconfirmed``: ids of held sales that were accepted when reported.
    """

    candidates: list[Candidate] = field(default_factory=list)
    held: int = 0
    voided: int = 0
    unconfirmed: tuple[str, ...] = ()
    left_out: Counter[str] = field(default_factory=Counter)

    def keep(self, wanted: Iterable[bool], otherwise: str) -> None:
        """Keep the sales that satisfy a condition, and count the others under a reason."""
        kept = [one for one, take in zip(self.candidates, wanted, strict=True) if take]
        if len(kept) < len(self.candidates):
            self.left_out[otherwise] += len(self.candidates) - len(kept)
        self.candidates = kept


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSales:
    """Every reported sale with its state as of a day, and the sold packs with known histories."""

    as_of: date
    states: Sequence[tuple[ReportedSale, State]]
    packs: dict[int, SoldPack]
    features: SaleFeatures
    complete_from: float


def candidates(model: TrainedModel, states: Sequence[tuple[ReportedSale, State]], as_of: date) -> list[ReportedSale]:
    """Return the accepted or confirmed sales up to a day and after the model's training."""
    after = _learned_through(model)
    return [one for one, state in states if state in COUNTS and after < one.sale.sold_on <= as_of]


def select(model: TrainedModel, known: KnownSales) -> tuple[ReportedSales, Selection]:
    """Return the selected sales of a day as model input, and the selection with its counts."""
    chosen = Selection()
    learned_through, states = _learned_through(model), Counter[State]()
    for one, state in known.states:
        sold_on = one.sale.sold_on
        if sold_on > known.as_of:
            continue
        states[state] += 1
        if state not in COUNTS:
            continue
        pack = known.packs.get(one.sequence)
        if sold_on <= learned_through:
            chosen.left_out[TRAINED_ON] += 1
        elif pack is None:
            chosen.left_out[NO_HISTORY] += 1
        elif pack.left_out or pack.day < known.complete_from:
            chosen.left_out[pack.left_out or NOT_QUOTED] += 1
        else:
            chosen.candidates.append(Candidate(one, state, pack))
    chosen.held, chosen.voided = states["held"], states["voided"] + states["corrected"]
    whole = whole_lots(known.states, [one.reported for one in chosen.candidates])
    sales = [one.reported.sale for one in chosen.candidates]
    chosen.keep([sale.price_cny is not None or sale.lot_id in whole for sale in sales], BROKEN_LOT)
    set_prices(chosen.candidates)
    _drop_unconfirmed(model, known.features, chosen)
    newest = _newest_of_each_pack(chosen.candidates)
    chosen.keep([newest[one.reported.sale.battery_code] is one for one in chosen.candidates], SOLD_AGAIN)
    return reported_to(known.features, chosen.candidates), chosen


def set_prices(sold: Sequence[Candidate]) -> None:
    """Set the price of each pack. [CNY/kWh without VAT]"""
    energy = np.array([one.pack.energy_kwh for one in sold])
    worth = np.array([one.pack.base for one in sold]) * energy
    day = np.array([one.pack.day for one in sold])
    paid = prices_cny([one.reported.sale for one in sold], day, worth, energy) / energy
    for one, price in zip(sold, paid.tolist(), strict=True):
        one.price_per_kwh = price


def reported_to(features: SaleFeatures, sold: Sequence[Candidate]) -> ReportedSales:
    """Return sales as model input."""
    return ReportedSales(
        predicted=features.predicted.take(np.array([one.pack.row for one in sold], dtype=np.int64)),
        price=np.array([one.price_per_kwh for one in sold]),
        day=np.array([one.pack.day for one in sold]),
        weight=np.ones(len(sold)),
        labels=tuple([one.pack.label for one in sold]),
        reporter=tuple([one.reported.reporter for one in sold]),
        pack=tuple([one.reported.sale.battery_code for one in sold]),
    )


def _learned_through(model: TrainedModel) -> date:
    """Return the day of the newest sale in the training data."""
    return date.fromisoformat(model.trained_through) if model.trained_through else date.min


def _newest_of_each_pack(sold: Iterable[Candidate]) -> dict[str, Candidate]:
    """Return the newest sale of each pack; of two on one day, the one reported later."""
    newest: dict[str, Candidate] = {}
    for one in sold:  # in order of reporting
        code = one.reported.sale.battery_code
        before = newest.get(code)
        if before is None or before.pack.day <= one.pack.day:
            newest[code] = one
    return newest


def _drop_unconfirmed(model: TrainedModel, features: SaleFeatures, chosen: Selection) -> None:
    """Drop the sales that the model cannot use, and those that must be confirmed first.

    A sale that was not reviewed when reported is reviewed here against the trained model, so that the order of
    reporting has no effect.
    """
    prices = np.array([one.price_per_kwh for one in chosen.candidates])
    chosen.keep(eligible(model, prices).tolist(), NOT_LEARNABLE)
    unjudged = [one for one in chosen.candidates if one.reported.sale.judged_by is None and one.state == "accepted"]
    if not unjudged:
        return
    far = far_outside(model, reported_to(features, unjudged)).tolist()
    waiting = {one.reported.sale.sale_id for one, is_far in zip(unjudged, far, strict=True) if is_far}
    chosen.candidates = [one for one in chosen.candidates if one.reported.sale.sale_id not in waiting]
    chosen.held += len(waiting)
    chosen.unconfirmed = tuple(sorted(waiting))
