"""Cautions (提示) that rest on the price itself: which model answered, on how many sales, on how fresh a market."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from valuation.columns import FloatArray
from valuation.market.cautions import market_cautions
from valuation.result import Caution
from valuation.valued import Valued

FEW_SALES = 30.0
"""Below this effective number of sales a group's own coverage cannot be told from luck (judged)."""

OLD_NEWS_DAYS = 180.0
"""Half-life of a sale's weight in the band: news older than this says little of the market of the day. [d]"""


def price_cautions(valued: Valued, row: int) -> tuple[Caution, ...]:
    """Return what weakens the price of one pack beyond its own record."""
    return (
        *_model_cautions(valued, row),
        *_scenario_cautions(valued),
        *market_cautions(valued.dossier.market, row),
        *valued.dossier.nameplate.cautions(row),
        *valued.dossier.metals.cautions(row),
        *valued.dossier.routes.cautions(row),
        *_floor_cautions(valued, row),
    )


def _model_cautions(valued: Valued, row: int) -> Iterator[Caution]:
    """Yield what weakens the learned part: none, a demonstration, few sales of the kind."""
    if valued.model is None:
        yield _NO_MODEL
        return
    if valued.model.demonstration:
        yield _DEMONSTRATION
    sales = float(valued.prices.effective_sales[row])
    if sales < FEW_SALES:
        yield _few_sales(f"{sales:.0f}")
    age = float(valued.dossier.cases.as_of_day[row]) - float(valued.prices.newest_day[row])
    if age > OLD_NEWS_DAYS:
        yield _old_news(f"{age:.0f}")
    if not valued.prices.group_known[row]:
        yield _unknown_group(valued.prices.group_used[row] or "all packs")
    turn = valued.model.turn
    if not turn.knows:
        yield _OUTRUN
    elif turn.widening > 1.0:
        yield _turning(f"{turn.widening:.2f}")


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


def news_age_days(valued: Valued) -> FloatArray:
    """Return how old the newest sale behind the band is on each pack's day; NaN where no sale has a day. [d]"""
    age: FloatArray = valued.dossier.cases.as_of_day - valued.prices.newest_day
    return age


def _scenario_cautions(valued: Valued) -> Iterator[Caution]:
    """Yield that the quotes are not those of the day but a scenario's."""
    if valued.market_shift:
        moves = ", ".join(f"{name} × {factor:g}" for name, factor in sorted(valued.market_shift.items()))
        yield Caution(
            id="V06",
            severity="warn",
            message_en=f"A scenario, not the market of the day: {moves}.",
            message_zh=f"情景估值，非当日行情：{moves}。",
            effect="the value speaks of a market that was assumed, not quoted",
        )


def _floor_cautions(valued: Valued, row: int) -> Iterator[Caution]:
    """Yield a caution where the band reaches below what its metals alone would fetch; the band is not clipped."""
    recycling = float(valued.dossier.routes.value_per_kwh["recycling"][row])
    below = float(valued.prices.point[row]) < recycling - 0.01 * abs(recycling)
    if below and valued.dossier.routes.open["recycling"][row]:
        yield Caution(
            id="V04",
            severity="info",
            message_en="The value lies below what recycling its metals should fetch by today's quotes.",
            message_zh="估值低于按当日行情计算的材料回收底价。",
            effect="none: clipping the band would spoil what it promises; ask a recycler for an offer",
        )
