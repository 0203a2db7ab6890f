"""Cautions (提示) of a priced batch, in one table: the packs that each is raised for, and its text.

The answer for one pack lists its cautions; the columns of a fleet hold a mask over the packs for each id. Both are made
from the same rules, so they agree. Cautions of the findings are part of :mod:`valuation.provenance`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, TypeAlias

import numpy as np

from valuation.answer import late_reports
from valuation.answer.priced_batch import PricedBatch
from valuation.answer.vehicle_cautions import VEHICLE_CAUTIONS
from valuation.market.cautions import market_cautions
from valuation.numeric.columns import BoolArray, FloatArray
from valuation.pack.chemistry import CHEMISTRY_CODE, ROWS
from valuation.result import Caution
from valuation.routes.closures import CLOSURE_CAUTIONS, is_raised

FEW_SALES: Final = 30.0
"""Effective number of sales below which the coverage of a group cannot be distinguished from chance (judged). [1]"""

FAR_IN_A_WEEK: Final = 0.05
"""Share by which reported sales may move the points within a week before a caution says so (judged). [1]"""

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


def _fixed(caution: Caution, applies: Applies) -> CautionRule:
    """Return the rule of a caution with the same text for every pack."""
    return CautionRule(id=caution.id, applies=applies, caution_of=lambda _priced, _row: caution)


def _filled(caution: Caution, applies: Applies, values: Callable[[PricedBatch, int], Mapping[str, str]]) -> CautionRule:
    """Return the rule of a caution whose texts have fields in braces, filled from `values`."""

    def caution_of(priced: PricedBatch, row: int) -> Caution:
        fields = values(priced, row)
        texts = (caution.message_en, caution.message_zh, caution.effect)
        message_en, message_zh, effect = (text.format(**fields) for text in texts)
        return replace(caution, message_en=message_en, message_zh=message_zh, effect=effect)

    return CautionRule(id=caution.id, applies=applies, caution_of=caution_of)


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


def _market_moves(priced: PricedBatch, _row: int) -> Mapping[str, str]:
    moves = sorted(priced.terms.market_shift.items())
    return {"moves": ", ".join(f"{name} × {factor:g}" for name, factor in moves)}


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
    _fixed(
        Caution(
            id="V01",
            severity="warn",
            message_en="No trained model: this is the structural value, from metal content, costs and quotes alone.",
            message_zh="未使用训练模型：本结果为结构价值，仅由金属含量、成本与行情推算。",
            effect="the band is wide because no sales have narrowed it",
        ),
        _all_if(lambda priced: priced.model is None),
    ),
    _fixed(
        Caution(
            id="V02",
            severity="warn",
            message_en="Demonstration model, trained on a synthetic market: train on real sales before trading on it.",
            message_zh="演示模型，仅用合成市场数据训练：实际交易前请用真实成交数据重新训练。",
            effect="figures show how canzhi works, not what the market pays",
        ),
        _all_if(lambda priced: priced.model is not None and priced.model.demonstration),
    ),
    _filled(
        Caution(
            id="V03",
            severity="info",
            message_en="This band rests on only about {sales} comparable sales.",
            message_zh="可比成交仅约 {sales} 笔，区间可信度有限。",
            effect="the band leans on wider groups of packs and is wider for it",
        ),
        _with_model(lambda priced: priced.prices.effective_sales < FEW_SALES),
        lambda priced, row: {"sales": f"{priced.prices.effective_sales[row]:.0f}"},
    ),
    _filled(
        Caution(
            id="V07",
            severity="warn",
            message_en="The newest sale behind this band is {days} days old.",
            message_zh="区间所依据的最新成交距评估基准日已有 {days} 天。",
            effect="if the market has turned since, the band may not hold what it promises; report newer sales",
        ),
        _with_model(lambda priced: newest_sale_age_days(priced) > OLD_SALES_DAYS),
        lambda priced, row: {"days": f"{newest_sale_age_days(priced)[row]:.0f}"},
    ),
    _filled(
        Caution(
            id="V05",
            severity="info",
            message_en="The model was trained on no sale of this kind of pack; it uses the band of {group}, widened.",
            message_zh="模型未学习过该类电池的成交；区间取自 {group}，并已放宽。",
            effect="the band is widened by what packs of kinds never seen cost in training",
        ),
        _with_model(lambda priced: ~np.array(priced.prices.group_known, dtype=np.bool_)),
        lambda priced, row: {"group": priced.prices.group_used[row] or "all packs"},
    ),
    _fixed(
        Caution(
            id="V08",
            severity="warn",
            message_en="The market has moved away from the model: the band no longer covers the newest reported sales.",
            message_zh="行情已偏离模型所学：区间已不能覆盖最近上报的成交。",
            effect="the band is widened beyond the stated limit of 1.5 times; do not deal by the point, "
            "train on newer sales",
        ),
        _all_if(lambda priced: priced.model is not None and not priced.model.shift_monitor.reliable),
    ),
    _filled(
        Caution(
            id="V09",
            severity="info",
            message_en="More of the newest reported sales fell outside the band than its confidence level allows.",
            message_zh="最近上报的成交落在区间之外的比例超过置信水平所允许的范围。",
            effect="the band is widened {factor} times until it would have held them; report more sales",
        ),
        _all_if(
            lambda priced: (
                priced.model is not None
                and priced.model.shift_monitor.reliable
                and priced.model.shift_monitor.widening > 1.0
            )
        ),
        lambda priced, _row: {"factor": "" if priced.model is None else f"{priced.model.shift_monitor.widening:.2f}"},
    ),
    _filled(
        Caution(
            id="V10",
            severity="warn",
            message_en="Sales reported within a week moved the points of this model by {share} (median).",
            message_zh="近一周上报的成交使本模型的估值中位数变动 {share}。",
            effect="look at the newest sales before you deal by the point; void those that are wrong",
        ),
        _all_if(lambda priced: _week_move(priced) > FAR_IN_A_WEEK),
        lambda priced, _row: {"share": "" if priced.model is None else f"{priced.model.week_move:+.1%}"},
    ),
    _filled(
        Caution(
            id="V06",
            severity="warn",
            message_en="A scenario, not the market of the day: {moves}.",
            message_zh="情景估值，非当日行情：{moves}。",
            effect="the value speaks of a market that was assumed, not quoted",
        ),
        _all_if(lambda priced: bool(priced.terms.market_shift)),
        _market_moves,
    ),
)
"""Cautions about reports after the valuation day, the model and the scenario; those of the market follow."""

_PACK_RULES: Final = (
    _filled(
        Caution(
            id="N01",
            severity="warn",
            message_en="Rated energy is not on record; {energy} kWh is assumed from the other facts.",
            message_zh="未记录额定能量；按其他已知信息取 {energy} kWh。",
            effect="widens the band; give rated_energy_kwh, or rated_capacity_ah with nominal_voltage_v",
        ),
        lambda priced: priced.dossier.nameplate.energy_log_sd > 0.0,
        lambda priced, row: {"energy": f"{priced.dossier.nameplate.energy_kwh[row]:.1f}"},
    ),
    *(_filled(*one) for one in VEHICLE_CAUTIONS),
    _fixed(
        Caution(
            id="N02",
            severity="warn",
            message_en="Chemistry is unknown: metals are the fleet average of its year, and only recycling is priced.",
            message_zh="电池类型未知：金属含量按同年份车队平均取值，仅按再生利用计价。",
            effect="widens the band; give chemistry",
        ),
        lambda priced: priced.dossier.nameplate.chemistry == CHEMISTRY_CODE["OTHER"],
    ),
    _fixed(
        Caution(
            id="N03",
            severity="info",
            message_en="Ternary of unknown grade: nickel and cobalt follow the mix of grades of its year.",
            message_zh="三元材料牌号未知：镍、钴含量按同年份各牌号占比取值。",
            effect="widens the band; give chemistry as NMC523, NMC622, NMC811 … or the masses in composition",
        ),
        lambda priced: priced.dossier.nameplate.chemistry == CHEMISTRY_CODE["NMC"],
    ),
    _fixed(
        Caution(
            id="N04",
            severity="warn",
            message_en="A mass stated in composition does not fit chemistry and energy; the usual mass is used.",
            message_zh="所报成分中有质量与电池类型、能量不符；已改用典型含量。",
            effect="widens the band; check units: composition is in kg for the whole pack",
        ),
        lambda priced: priced.dossier.metals.doubtful,
    ),
    *(
        _fixed(caution, lambda priced, name=name: is_raised(priced.dossier.routes.closures, name))  # type: ignore[misc]  # binds the loop's id
        for name, caution in CLOSURE_CAUTIONS.items()
    ),
    _fixed(
        Caution(
            id="V04",
            severity="info",
            message_en="The value is below what recycling should pay for its metals at the day's quotes.",
            message_zh="估值低于按当日行情计算的材料回收底价。",
            effect="none: clipping the band would spoil what it promises; ask a recycler for an offer",
        ),
        _below_recycling,
    ),
)
"""Cautions about nameplate, metals, closed routes and the recycling value."""
