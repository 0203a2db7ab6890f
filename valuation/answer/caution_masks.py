"""Which cautions (提示) are raised for which packs of a batch, as masks: the ids that the spelled answers carry.

One pack's cautions are spelled by :mod:`valuation.answer.cautions`; a fleet needs their ids only. A test holds the
two to each other.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from valuation.answer.cautions import FEW_SALES, OLD_NEWS_DAYS, news_age_days
from valuation.answer.late_reports import late_report_masks
from valuation.answer.priced_batch import PricedBatch
from valuation.dossier import Dossier
from valuation.market.cautions import market_cautions
from valuation.numeric.columns import BoolArray
from valuation.pack.chemistry import CHEMISTRY_CODE
from valuation.provenance.catalogue import CHECKS

_SEVERITIES = ("block", "warn", "info")


def caution_masks(valued: PricedBatch) -> Iterator[tuple[str, BoolArray]]:
    """Yield the id of each caution with the packs it is raised for, in the order in which an answer lists them.

    The notes of intake, which an answer lists first, are not among them: they belong to what was read.
    """
    dossier = valued.dossier
    places = sorted(range(len(CHECKS)), key=lambda place: (_SEVERITIES.index(CHECKS[place].severity), CHECKS[place].id))
    for place in places:
        yield CHECKS[place].id, ~np.isnan(dossier.findings.numbers[:, place])
    yield from late_report_masks(dossier.cases)
    yield from _of_model(valued)
    yield from _of_market(dossier)
    yield from _of_pack(dossier)
    yield from _of_routes(dossier)
    recycling = dossier.routes.value_per_kwh["recycling"]
    below = valued.prices.point < recycling - 0.01 * np.abs(recycling)
    yield "V04", below & dossier.routes.open["recycling"]


def _of_model(valued: PricedBatch) -> Iterator[tuple[str, BoolArray]]:
    """Yield what weakens the learned part, and that a scenario is valued."""
    rows = valued.dossier.rows
    everywhere = np.ones(rows, dtype=bool)
    if valued.model is None:
        yield "V01", everywhere
    else:
        if valued.model.demonstration:
            yield "V02", everywhere
        yield "V03", valued.prices.effective_sales < FEW_SALES
        yield "V07", news_age_days(valued) > OLD_NEWS_DAYS
        yield "V05", ~np.array(valued.prices.group_known, dtype=bool)
        if not valued.model.turn.reliable:
            yield "V08", everywhere
        elif valued.model.turn.widening > 1.0:
            yield "V09", everywhere
    if valued.market_shift:
        yield "V06", everywhere


def _of_market(dossier: Dossier) -> Iterator[tuple[str, BoolArray]]:
    """Yield what weakens the quotes: they speak of a day and a chemistry, so one pack of each kind is asked."""
    market, chemistry = dossier.market, dossier.nameplate.chemistry
    _, first, kind = np.unique(
        np.stack([market.row.astype(np.float64), chemistry]), axis=1, return_index=True, return_inverse=True
    )
    said = [{caution.id for caution in market_cautions(market, row)} for row in first.tolist()]
    for name in sorted(set().union(*said)):
        yield name, np.array([name in ids for ids in said], dtype=bool)[kind.reshape(-1)]


def _of_pack(dossier: Dossier) -> Iterator[tuple[str, BoolArray]]:
    """Yield what had to be assumed of the nameplate and could not be taken as stated of the metals."""
    chemistry = dossier.nameplate.chemistry
    yield "N01", dossier.nameplate.energy_log_sd > 0.0
    yield "N02", chemistry == CHEMISTRY_CODE["OTHER"]
    yield "N03", chemistry == CHEMISTRY_CODE["NMC"]
    yield "N04", dossier.metals.doubtful


def _of_routes(dossier: Dossier) -> Iterator[tuple[str, BoolArray]]:
    """Yield what closes a route beyond the findings."""
    closures = list(dossier.routes.closures.values())
    for name in sorted({name for reasons in closures for name in reasons}):
        yield name, np.logical_or.reduce([reasons[name] for reasons in closures if name in reasons])
