"""Cautions (提示) of a priced batch, in one table: the packs that each is raised for, and its text.

The answer for one pack lists its cautions; the columns of a fleet hold a mask over the packs for each id. Both are made
from the same rules, so they agree. Cautions of the findings are part of :mod:`valuation.provenance`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from typing import Final, TypeAlias

import numpy as np

from valuation.answer import late_reports
from valuation.answer.priced_batch import PricedBatch
from valuation.answer.vehicle_cautions import VEHICLE_CAUTIONS
from valuation.market.cautions import market_cautions
from valuation.messages import Message
from valuation.numeric.columns import BoolArray, FloatArray
from valuation.pack.chemistry import CHEMISTRY_CODE, ROWS
from valuation.result import Caution, Severity, make_caution
from valuation.routes.closures import CLOSURES, closure_caution, is_raised

FEW_SALES: Final = 30.0
"""Effective number of sales below which the coverage of a group cannot be distinguished from chance (judged). [1]"""

FAR_IN_A_WEEK: Final = 0.05
"""Relative shift of the points by reported sales within a week that raises a caution (judged). [1]"""

OLD_SALES_DAYS: Final = 180.0
"""Half-life of a sale's weight in the band; older sales say little about the market of the day. [d]"""

Applies: TypeAlias = Callable[[PricedBatch], "BoolArray | None"]
"""Returns the packs that a caution is raised for, shape (packs,), or None if it is raised for none."""

Raised: TypeAlias = tuple[str, BoolArray, Callable[[int], Caution]]
"""Id of a caution, mask over the packs, and function from the row of a pack to the caution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CautionRule:
    """One row of the table: id, packs that the caution is raised for, and the caution for one of them."""

    id: str
    applies: Applies
    caution_of: Callable[[PricedBatch, int], Caution]


def cautions_by_pack(priced: PricedBatch) -> list[list[Caution]]:
    """Return the cautions of each pack beyond the findings on its record, in the order of an answer."""
    cautions: list[list[Caution]] = [[] for _ in range(priced.dossier.rows)]
    for _, mask, caution_of in _raised(priced):
        for row in np.flatnonzero(mask).tolist():
            cautions[row].append(caution_of(row))
    return cautions


def caution_masks(priced: PricedBatch) -> Iterator[tuple[str, BoolArray]]:
    """Yield the id of each caution with the packs it is raised for, findings first, in the order of an answer.

    The notes on how a record was read, which an answer lists first, are not included: they depend on the input only.
    """
    yield from priced.dossier.findings.masks()
    for caution_id, mask, _ in _raised(priced):
        yield caution_id, mask


def _raised(priced: PricedBatch) -> Iterator[Raised]:
    """Yield id, mask over the packs and caution by row, in the order of an answer."""
    yield from _applied(_PRICE_RULES, priced)
    yield from _of_market(priced)
    yield from _applied(_PACK_RULES, priced)


def _applied(rules: tuple[CautionRule, ...], priced: PricedBatch) -> Iterator[Raised]:
    for rule in rules:
        mask = rule.applies(priced)
        if mask is not None:
            yield rule.id, mask, partial(rule.caution_of, priced)


def _of_market(priced: PricedBatch) -> Iterator[Raised]:
    """Yield the cautions of the market, which are computed once per valuation day and chemistry."""
    market, chemistry = priced.dossier.market, priced.dossier.nameplate.chemistry
    keys = market.row * len(ROWS) + chemistry.astype(np.int64)
    _, first, kind = np.unique(keys, return_index=True, return_inverse=True)
    by_kind = [{caution.id: caution for caution in market_cautions(market, row)} for row in first.tolist()]
    for name in sorted(set().union(*by_kind)):
        mask: BoolArray = np.array([name in cautions for cautions in by_kind], dtype=np.bool_)[kind]

        def caution_of(row: int, name: str = name) -> Caution:
            return by_kind[int(kind[row])][name]

        yield name, mask, caution_of


def _rule(
    caution_id: str,
    severity: Severity,
    applies: Applies,
    values: Callable[[PricedBatch, int], Mapping[str, object]] | None = None,
) -> CautionRule:
    """Return the rule of a caution whose sentence has the parameters `values`, or the same for every pack."""
    if values is None:
        fixed = cache(lambda: make_caution(caution_id, severity))
        return CautionRule(id=caution_id, applies=applies, caution_of=lambda _priced, _row: fixed())
    filled = values

    @lru_cache(maxsize=1024)
    def made(texts: tuple[tuple[str, str], ...]) -> Caution:
        return make_caution(caution_id, severity, effect=None, **dict(texts))

    def caution_of(priced: PricedBatch, row: int) -> Caution:
        parameters = filled(priced, row)
        texts = tuple([(name, text) for name, text in parameters.items() if type(text) is str])
        if len(texts) == len(parameters):
            return made(texts)
        return make_caution(caution_id, severity, effect=None, **parameters)

    return CautionRule(id=caution_id, applies=applies, caution_of=caution_of)


def _all_if(condition: Callable[[PricedBatch], bool]) -> Applies:
    """Return a mask of all packs if the condition on the batch holds, else none."""
    return lambda priced: np.ones(priced.dossier.rows, dtype=np.bool_) if condition(priced) else None


def _with_model(mask: Callable[[PricedBatch], BoolArray]) -> Applies:
    """Return the mask if a model priced the batch, else none."""
    return lambda priced: None if priced.model is None else mask(priced)


def newest_sale_age_days(priced: PricedBatch) -> FloatArray:
    """Return the age of the newest sale behind each band on the valuation day; NaN if no sale has a day. [d]"""
    age: FloatArray = priced.dossier.cases.as_of_day - priced.prices.newest_day
    return age


def _week_move(priced: PricedBatch) -> float:
    """Return by which share reported sales moved the points within a week, as a size; 0 without a model. [1]"""
    return 0.0 if priced.model is None else abs(priced.model.week_move or 0.0)


def _below_recycling(priced: PricedBatch) -> BoolArray:
    """Return the packs with a point more than 1 % below their recycling value, where recycling is open."""
    routes = priced.dossier.routes
    recycling = routes.value_per_kwh["recycling"]
    below: BoolArray = priced.prices.point < recycling - 0.01 * np.abs(recycling)
    return below & routes.open["recycling"]


def _market_moves(priced: PricedBatch, _row: int) -> Mapping[str, object]:
    moves = sorted(priced.terms.market_shift.items())
    return {"moves": [f"{name} × {factor:g}" for name, factor in moves]}


_PRICE_RULES: Final = (
    CautionRule(
        id="D01",
        applies=lambda priced: late_reports.has_late_events(priced.dossier.cases),
        caution_of=lambda priced, row: late_reports.late_events_caution(priced.not_used[row]),
    ),
    CautionRule(
        id="D02",
        applies=lambda priced: late_reports.has_late_nameplate(priced.dossier.cases),
        caution_of=lambda priced, row: late_reports.late_nameplate_caution(priced.not_used[row]),
    ),
    _rule(
        "V01",
        "warn",
        _all_if(lambda priced: priced.model is None),
    ),
    _rule(
        "V02",
        "warn",
        _all_if(lambda priced: priced.model is not None and priced.model.demonstration),
    ),
    _rule(
        "V03",
        "info",
        _with_model(lambda priced: priced.prices.effective_sales < FEW_SALES),
        lambda priced, row: {"sales": f"{priced.prices.effective_sales[row]:.0f}"},
    ),
    _rule(
        "V07",
        "warn",
        _with_model(lambda priced: newest_sale_age_days(priced) > OLD_SALES_DAYS),
        lambda priced, row: {"days": f"{newest_sale_age_days(priced)[row]:.0f}"},
    ),
    _rule(
        "V05",
        "info",
        _with_model(lambda priced: ~np.array(priced.prices.group_known, dtype=np.bool_)),
        lambda priced, row: {"group": priced.prices.group_used[row] or Message("value.all_packs")},
    ),
    _rule(
        "V08",
        "warn",
        _all_if(lambda priced: priced.model is not None and not priced.model.shift_monitor.reliable),
    ),
    _rule(
        "V09",
        "info",
        _all_if(
            lambda priced: (
                priced.model is not None
                and priced.model.shift_monitor.reliable
                and priced.model.shift_monitor.widening > 1.0
            )
        ),
        lambda priced, _row: {"factor": "" if priced.model is None else f"{priced.model.shift_monitor.widening:.2f}"},
    ),
    _rule(
        "V10",
        "warn",
        _all_if(lambda priced: _week_move(priced) > FAR_IN_A_WEEK),
        lambda priced, _row: {"share": "" if priced.model is None else f"{priced.model.week_move:+.1%}"},
    ),
    _rule(
        "V06",
        "warn",
        _all_if(lambda priced: bool(priced.terms.market_shift)),
        _market_moves,
    ),
)
"""Cautions about reports after the valuation day, the model and the scenario; those of the market follow."""

_PACK_RULES: Final = (
    _rule(
        "N01",
        "warn",
        lambda priced: priced.dossier.nameplate.energy_log_sd > 0.0,
        lambda priced, row: {"energy": f"{priced.dossier.nameplate.energy_kwh[row]:.1f}"},
    ),
    *(_rule(*one) for one in VEHICLE_CAUTIONS),
    _rule(
        "N02",
        "warn",
        lambda priced: priced.dossier.nameplate.chemistry == CHEMISTRY_CODE["OTHER"],
    ),
    _rule(
        "N03",
        "info",
        lambda priced: priced.dossier.nameplate.chemistry == CHEMISTRY_CODE["NMC"],
    ),
    _rule(
        "N04",
        "warn",
        lambda priced: priced.dossier.metals.doubtful,
    ),
    *(
        CautionRule(
            id=name,
            applies=lambda priced, name=name: is_raised(priced.dossier.routes.closures, name),  # type: ignore[misc]  # binds the loop's id
            caution_of=lambda _priced, _row, name=name: closure_caution(name),  # type: ignore[misc]  # as above
        )
        for name in CLOSURES
    ),
    _rule(
        "V04",
        "info",
        _below_recycling,
    ),
)
"""Cautions about nameplate, metals, closed routes and the recycling value."""
