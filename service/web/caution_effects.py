"""What a caution does to the answer, in the reader's language; the core spells effects in English."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from service.web.messages import Language, name
from valuation.provenance.catalogue import CHECKS
from valuation.provenance.check import Check
from valuation.result import Caution

_SILENT: Final = frozenset({"", "none", "info", "warn", "block"})
_CHECKS: Final[Mapping[str, Check]] = MappingProxyType({check.id: check for check in CHECKS})

CHINESE: Final[Mapping[str, str]] = MappingProxyType(
    {
        # the price itself
        "the band is wide because no sales have narrowed it": "尚无成交数据缩小区间，故区间较宽",
        "figures show how canzhi works, not what the market pays": "数字仅展示系统功能，不代表市场成交价",
        "the band leans on wider groups of packs and is wider for it": "区间借用更大类别的数据，因而较宽",
        "the band is widened by what packs of kinds never seen cost in training": "按训练中未见类别的误差放宽区间",
        "the value speaks of a market that was assumed, not quoted": "估值基于假设行情，而非实际报价",
        "none: clipping the band would spoil what it promises; ask a recycler for an offer": (
            "不调整区间，以保证其覆盖率；请向回收企业询价"
        ),
        "look at the newest sales before you deal by the point; void those that are wrong": (
            "交易前请核对近期上报的成交；有误的请作废"
        ),
        # the valuation day
        "not part of this value; choose that day or a later one as the valuation day to count it": (
            "未计入本次评估；将评估基准日改为该日或之后即可计入"
        ),
        # the market
        "widens the band with the square root of the age; read fresher quotes": (
            "区间随报价天数的平方根加宽；请更新行情"
        ),
        "widens the band; quote the payables you deal at": "区间加宽；请补充实际折扣系数",
        "the price level may differ between regions": "不同地区价格水平可能不同",
        "a few per cent more or less; quote nickel_sulphate and cobalt_sulphate": (
            "偏差约百分之几；请补充硫酸镍、硫酸钴报价"
        ),
        "the value is too low and the band wider; add the quotes": "评估值偏低且区间加宽；请补充报价",
        "none on the figures; read real quotes before you deal by them": "不影响数字；实际交易前请读入真实行情",
        # the nameplate
        "widens the band; give rated_energy_kwh, or rated_capacity_ah with nominal_voltage_v": (
            "区间加宽；请补充额定能量，或额定容量与标称电压"
        ),
        "widens the band; give chemistry": "区间加宽；请补充电池类型",
        "widens the band; give chemistry and rated_energy_kwh from the nameplate": (
            "区间加宽；请按铭牌补充电池类型与额定能量"
        ),
        "check the VIN and the model year": "请核对车架号与年款",
        "check the VIN and the make": "请核对车架号与品牌",
        "correct the VIN": "请更正车架号",
        "widens the band; give chemistry as NMC523, NMC622, NMC811 … or the masses in composition": (
            "区间加宽；请补充三元比例或材料成分"
        ),
        "widens the band; check units: composition is in kg for the whole pack": (
            "区间加宽；请核对单位，成分按整包千克填报"
        ),
        # the routes
        "closes second_life": "关闭梯次利用",
        "closes reuse": "关闭再装车使用",
        "closes the route; a capacity test may open it": "关闭该途径；余能检测后或可重新开放",
        "closes the route; quote new_pack_lfp or new_pack_ternary": "关闭该途径；请补充新电池包报价",
        "closes second_life and reuse; quote new_pack_lfp": "关闭梯次利用与再装车；请补充磷酸铁锂新电池包报价",
        "closes second_life and reuse; quote new_pack_ternary": "关闭梯次利用与再装车；请补充三元新电池包报价",
        # refusals
        "find out which pack the code belongs to, and value it alone": "请查清该编码属于哪个电池包，再单独评估",
        "check the battery code, or correct life_cycle_status": "请核对电池编码，或更正生命周期状态",
        "check the battery code, or choose a valuation day before the recycling": (
            "请核对电池编码，或选择再生利用之前的评估基准日"
        ),
        "find out which pack carries the code before anybody trades it": "交易前须查清该编码对应的电池",
        (
            "correct the code, or give chemistry with rated_energy_kwh or mass_kg, or vehicle_model with make and "
            "model_year"
        ): "请更正编码，或补充电池类型与额定能量（或质量），或补充车型、品牌与年款",
        "correct made_on, or choose a later valuation day": "请更正生产日期，或选择更晚的评估基准日",
    }
)
"""Chinese of every effect that is a fixed sentence."""


def effect_of(caution: Caution, language: Language) -> str | None:
    """Return what a caution does to the answer, None where it does nothing or is known in English only."""
    if caution.effect in _SILENT:
        return None
    if language == "en":
        return caution.effect.replace("second_life", "second life")
    fixed = CHINESE.get(caution.effect)
    if fixed is not None:
        return fixed
    check = _CHECKS.get(caution.id)
    return _chinese(check) if check is not None else None


def _chinese(check: Check) -> str | None:
    """Return the effect of a check in Chinese."""
    parts = [f"区间加宽 {check.widen - 1.0:.0%}"] if check.widen > 1.0 else []
    parts += [f"{name('zh', 'route', route)}扣减 {share:.0%}" for route, share in check.haircut.items()]
    parts += [f"关闭{'、'.join(name('zh', 'route', route) for route in check.blocks)}"] if check.blocks else []
    parts += ["申报的健康状态仅作弱证据"] if check.weakens_readings else []
    parts += [f"可信度最高 {check.grade} 级"] if check.grade != "A" else []
    return "；".join(parts) or None
