"""Compares reported prices with the bands of their packs (成交核验) before they are recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from models.artifact.predictor import Predictor as TrainedModel
from models.artifact.recentring import eligible, far_outside
from service.sales.features import SaleFeatures
from service.sales.histories import first_known_histories
from service.sales.record_sales import SaleReview
from service.sales.sale_types import EnteredSale
from service.sales.selection import NO_HISTORY, NO_MODEL, NOT_LEARNABLE, TRAINED_ON, Candidate, reported_to, set_prices
from service.sales.states import Hold, ReportedSale
from service.valuation_service import ValuationService
from valuation.numeric.rounding import money_column

_LEVEL: Final = 0.9
_NOT_ENTERED: Final = 2**62
_NOT_RECORDED: Final = "9999"
"""Sequence and time of sales that are not recorded yet; higher than any recorded ones."""


def review_sales(service: ValuationService, reported: Sequence[EnteredSale]) -> dict[str, SaleReview]:
    """Return the review of each sale by today's model, or why it is not used yet and is reviewed later.

    The price of a lot is shared among the packs that are reported together.
    """
    pending = [
        ReportedSale(sequence=_NOT_ENTERED + place, sale=one, recorded_at=_NOT_RECORDED, reporter="")
        for place, one in enumerate(reported)
    ]
    model = service.model
    if not isinstance(model, TrainedModel):
        with service.database.reading() as connection:
            known = first_known_histories(connection, pending)
        return {
            one.sale.sale_id: SaleReview(unused=NO_MODEL if one.sequence in known else NO_HISTORY) for one in pending
        }
    later = [one for one in pending if one.sale.sold_on.isoformat() > (model.trained_through or "")]
    packs = SaleFeatures(model, service.market)
    with service.database.reading() as connection:
        found = packs.of(connection, later)
    unused, sold = {one.sale_id: TRAINED_ON for one in reported}, []
    for one in later:
        pack = found.get(one.sequence)
        if pack is None or pack.left_out:
            unused[one.sale.sale_id] = NO_HISTORY if pack is None else pack.left_out
        else:
            sold.append(Candidate(one, "accepted", pack))
    set_prices(sold)
    learnable = eligible(model, np.array([one.price_per_kwh for one in sold])).tolist()
    unused |= {one.reported.sale.sale_id: NOT_LEARNABLE for one in sold}
    reviewed = _review(model, packs, [one for one, take in zip(sold, learnable, strict=True) if take])
    return {sale_id: SaleReview(unused=reason) for sale_id, reason in unused.items()} | reviewed


def _review(model: TrainedModel, packs: SaleFeatures, sold: Sequence[Candidate]) -> dict[str, SaleReview]:
    """Return which prices are far outside the band of their pack."""
    if not sold:
        return {}
    reported_sales = reported_to(packs, sold)
    energy = np.array([one.pack.energy_kwh for one in sold])
    far = far_outside(model, reported_sales).tolist()
    _, edges = model.state.price_of(reported_sales.predicted, np.array([0.5 - _LEVEL / 2.0, 0.5 + _LEVEL / 2.0]))
    edges_cny = money_column(edges * energy[:, np.newaxis]).tolist()
    paid_cny = money_column(reported_sales.price * energy).tolist()
    return {
        one.reported.sale.sale_id: SaleReview(
            model=model.digest,
            hold=Hold(
                price_cny=paid_cny[row],
                lower_cny=edges_cny[row][0],
                upper_cny=edges_cny[row][1],
                level=_LEVEL,
                model=model.digest,
            )
            if far[row]
            else None,
        )
        for row, one in enumerate(sold)
    }
