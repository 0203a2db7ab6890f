"""Cautions (提示) that rest on the price itself: which model answered, on how many sales, on how fresh a market."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import TypeAlias

import numpy as np

from valuation.answer.late_reports import late_report_cautions
from valuation.answer.priced_batch import PricedBatch
from valuation.market.cautions import market_cautions
from valuation.numeric.columns import FloatArray
from valuation.ports import Predictor
from valuation.record.not_used import NotUsed
from valuation.result import Caution

FEW_SALES = 30.0
"""Below this effective number of sales a group's own coverage cannot be told from luck (judged)."""

FAR_IN_A_WEEK = 0.05
"""Sales reported that move the points by more within a week are pointed out (judged). [1]"""

OLD_NEWS_DAYS = 180.0
"""Half-life of a sale's weight in the band: news older than this says little of the market of the day. [d]"""


Raised: TypeAlias = Iterator[tuple[int, Caution]]
"""Cautions with the rows of the packs that they are raised for."""


def price_cautions(valued: PricedBatch, left_out: Sequence[NotUsed]) -> list[list[Caution]]:
    """Return what weakens the price of each pack beyond the findings on its record, one list a pack.

    `left_out` is what was known only after the valuation day, one a pack.
    """
    dossier = valued.dossier
    told: list[list[Caution]] = [[] for _ in range(dossier.rows)]
    for row, caution in chain(
        late_report_cautions(left_out),
        _of_model(valued),
        _of_scenario(valued),
        _of_market(valued),
        dossier.nameplate.cautions(),
        dossier.metals.cautions(),
        dossier.routes.cautions(),
        _of_floor(valued),
    ):
        told[row].append(caution)
    return told


def _of_model(valued: PricedBatch) -> Raised:
    """Yield what weakens the learned part: none, a demonstration, few sales of the kind."""
    everywhere, model, prices = range(valued.dossier.rows), valued.model, valued.prices
    if model is None:
        yield from [(row, _NO_MODEL) for row in everywhere]
        return
    if model.demonstration:
        yield from [(row, _DEMONSTRATION) for row in everywhere]
    for row in np.flatnonzero(prices.effective_sales < FEW_SALES).tolist():
        yield row, _few_sales(f"{prices.effective_sales[row]:.0f}")
    age = news_age_days(valued)
    for row in np.flatnonzero(age > OLD_NEWS_DAYS).tolist():
        yield row, _old_news(f"{age[row]:.0f}")
    for row, known in enumerate(prices.group_known):
        if not known:
            yield row, _unknown_group(prices.group_used[row] or "all packs")
    turn = model.turn
    if not turn.reliable:
        yield from [(row, _OUTRUN) for row in everywhere]
    elif turn.widening > 1.0:
        yield from [(row, _turning(f"{turn.widening:.2f}")) for row in everywhere]
    if moved_far(model):
        yield from [(row, _moved(f"{model.week_move:+.1%}")) for row in everywhere]


def moved_far(model: Predictor) -> bool:
    """Tell whether sales reported within a week have moved the model's points far."""
    return model.week_move is not None and abs(model.week_move) > FAR_IN_A_WEEK


_NO_MODEL = Caution(
    id="V01",
    severity="warn",
    message_en="No trained model: this is the structural value alone, from metal content, costs and quotes.",
    message_zh="无训练模型：本结果仅为结构价值，由金属含量、成本与行情推算。",
    effect="the band is wide because no sales have narrowed it",
)
_DEMONSTRATION = Caution(
    id="V02",
    severity="warn",
    message_en="Demonstration model, trained on a synthetic market: train on real sales before you deal by it.",
    message_zh="演示模型，仅用合成市场训练：实际交易前请用真实成交数据重新训练。",
    effect="figures show how canzhi works, not what the market pays",
)


@lru_cache(maxsize=1024)
def _few_sales(sales: str) -> Caution:
    return Caution(
        id="V03",
        severity="info",
        message_en=f"Only about {sales} comparable sales stand behind this band.",
        message_zh=f"可比成交仅约 {sales} 笔，区间可信度有限。",
        effect="the band leans on wider groups of packs and is wider for it",
    )


@lru_cache(maxsize=1024)
def _unknown_group(group: str) -> Caution:
    return Caution(
        id="V05",
        severity="info",
        message_en=f"The model learned from no sale of this kind of pack; the band is that of {group}, made wider.",
        message_zh=f"模型未见过该类电池的成交；区间取自 {group}，并已放宽。",
        effect="the band is widened by what packs of kinds never seen cost in training",
    )


@lru_cache(maxsize=1024)
def _old_news(days: str) -> Caution:
    return Caution(
        id="V07",
        severity="warn",
        message_en=f"The newest sale behind this band is {days} days old.",
        message_zh=f"区间所依据的最新成交距评估日已有 {days} 天。",
        effect="if the market has turned since, the band may not hold what it promises; report newer sales",
    )


_OUTRUN = Caution(
    id="V08",
    severity="warn",
    message_en="The market has outrun this model: its band no longer holds the newest sales reported.",
    message_zh="市场已超出模型所学：其区间已不能覆盖最近上报的成交。",
    effect="the band is widened beyond the stated limit of 1.5 times; do not deal by the point, train on newer sales",
)


@lru_cache(maxsize=1024)
def _turning(factor: str) -> Caution:
    return Caution(
        id="V09",
        severity="info",
        message_en="The newest sales reported fell outside the band more often than promised.",
        message_zh="最近上报的成交落在区间之外的比例高于承诺。",
        effect=f"the band is widened {factor} times until it would have held them; report more sales",
    )


@lru_cache(maxsize=1024)
def _moved(share: str) -> Caution:
    return Caution(
        id="V10",
        severity="warn",
        message_en=f"Sales reported within a week moved this model's points by {share} in the middle.",
        message_zh=f"近一周上报的成交使本模型的估值中位数变动 {share}。",
        effect="look at the newest sales before you deal by the point; void those that are wrong",
    )


def news_age_days(valued: PricedBatch) -> FloatArray:
    """Return how old the newest sale behind the band is on each pack's day; NaN where no sale has a day. [d]"""
    age: FloatArray = valued.dossier.cases.as_of_day - valued.prices.newest_day
    return age


def _of_scenario(valued: PricedBatch) -> Raised:
    """Yield that the quotes are not those of the day but a scenario's."""
    if valued.market_shift:
        moves = ", ".join(f"{name} × {factor:g}" for name, factor in sorted(valued.market_shift.items()))
        caution = Caution(
            id="V06",
            severity="warn",
            message_en=f"A scenario, not the market of the day: {moves}.",
            message_zh=f"情景估值，非当日行情：{moves}。",
            effect="the value speaks of a market that was assumed, not quoted",
        )
        yield from [(row, caution) for row in range(valued.dossier.rows)]


def _of_market(valued: PricedBatch) -> Raised:
    """Yield what weakens the quotes of the day."""
    for row in range(valued.dossier.rows):
        yield from [(row, caution) for caution in market_cautions(valued.dossier.market, row)]


def _of_floor(valued: PricedBatch) -> Raised:
    """Yield a caution where the band reaches below what its metals alone would fetch; the band is not clipped."""
    routes = valued.dossier.routes
    recycling = routes.value_per_kwh["recycling"]
    below = valued.prices.point < recycling - 0.01 * np.abs(recycling)
    for row in np.flatnonzero(below & routes.open["recycling"]).tolist():
        yield row, _FLOOR


_FLOOR = Caution(
    id="V04",
    severity="info",
    message_en="The value lies below what recycling its metals should fetch by today's quotes.",
    message_zh="估值低于按当日行情计算的材料回收底价。",
    effect="none: clipping the band would spoil what it promises; ask a recycler for an offer",
)
