"""All features in one table: name, function, unit, labels, source and required direction.

From the features the model predicts the premium or discount of the market against the structural value. A direction is
given only if it must hold everywhere with all else fixed: +1, a higher value is never worth less; -1, it is never worth
more. Deductions of the structural value (haircuts, closed routes) have no direction, because the market may deduct less
than the formula. Names are stable. A new feature is a function and a row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from valuation.dossier import Dossier
from valuation.features import age, care, health, market, metals, nameplate, provenance, structure, thermal, use
from valuation.numeric.columns import FloatArray


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature (特征): name, function, unit, labels, source and required direction."""

    name: str
    function: Callable[[Dossier], FloatArray]
    unit: str
    label_en: str
    label_zh: str
    source: str
    monotone: int = 0
    categorical: bool = False

    @property
    def group(self) -> str:
        """Name of the module of its function."""
        return self.function.__module__.rpartition(".")[2]


# fmt: off
FEATURES: Final[tuple[Feature, ...]] = (
    # nameplate
    Feature("chemistry", nameplate.chemistry, "code of CHEMISTRIES", "chemistry", "电池体系",
            "record, else type letter of the code", categorical=True),
    Feature("family", nameplate.family, "code of FAMILIES", "chemistry family", "体系类别",
            "chemistry", categorical=True),
    Feature("chemistry_declared", nameplate.chemistry_declared, "1", "chemistry declared", "体系已申报", "record"),
    Feature("rated_energy_kwh", nameplate.rated_energy, "kWh", "rated energy", "额定能量",
            "record, else capacity, mass or what is typical"),
    Feature("energy_log_sd", nameplate.energy_spread, "1", "uncertainty of rated energy", "额定能量不确定度",
            "nameplate"),
    Feature("rated_capacity_ah", nameplate.rated_capacity, "Ah", "rated capacity", "额定容量", "record"),
    Feature("nominal_voltage_v", nameplate.nominal_voltage, "V", "nominal voltage", "标称电压", "record"),
    Feature("mass_kg_per_kwh", nameplate.mass_per_energy, "kg/kWh", "mass per rated energy", "单位能量质量",
            "record, else energy density of chemistry and year"),
    Feature("level", nameplate.level, "code of LEVELS", "pack, module or cell", "产品类型",
            "battery code", categorical=True),
    Feature("duty", nameplate.duty, "code of DUTIES", "kind of use", "车辆用途", "record", categorical=True),
    Feature("maker", nameplate.maker, "text code", "maker", "厂商",
            "record, else vendor letters of the code", categorical=True),
    Feature("vehicle_model", nameplate.vehicle_model, "text code", "vehicle model", "车型",
            "record", categorical=True),
    Feature("specification", nameplate.specification, "text code", "specification", "规格代码",
            "battery code: vendor, level, type, spec", categorical=True),
    Feature("specification_of_unknown_size", nameplate.specification_of_unknown_size, "text code",
            "specification, size not stated", "规格代码（额定能量未申报）", "battery code", categorical=True),
    # age
    Feature("calendar_age_a", age.calendar_age_a, "a", "age", "日历年限",
            "code or record, else first use", monotone=-1),
    Feature("service_years", age.service_years, "a", "years in service", "服役年限",
            "first use to leaving the vehicle"),
    Feature("storage_months", age.storage_months, "months", "months in storage", "离车存放时间",
            "retired, removed, scrapped or collected events"),
    Feature("made_year", age.made_year, "a", "year of manufacture", "生产年份", "code or record"),
    Feature("season", age.season, "1", "season", "季节", "valuation day"),
    # use
    Feature("full_cycles", use.full_cycles, "1", "equivalent full cycles", "等效全循环次数",
            "usage events", monotone=-1),
    Feature("cycles_per_a", use.cycles_per_year, "1/a", "cycles a year", "年均循环次数", "usage events", monotone=-1),
    Feature("odometer_km", use.odometer, "km", "odometer", "里程", "events", monotone=-1),
    Feature("km_per_a", use.distance_per_year, "km/a", "distance a year", "年均里程", "events", monotone=-1),
    Feature("fast_charge_share", use.fast_charge_share, "1", "share of fast charging", "快充占比",
            "usage events", monotone=-1),
    Feature("mean_soc", use.mean_soc, "1", "mean state of charge", "平均荷电状态", "usage events"),
    Feature("mean_depth_of_discharge", use.depth_of_discharge, "1", "mean depth of discharge", "平均放电深度",
            "usage events"),
    Feature("swaps", use.swaps, "1", "battery swaps", "换电次数", "swap events"),
    Feature("owner_changes", use.owners, "1", "changes of owner", "过户次数", "owner events"),
    Feature("usage_reports", use.usage_reports, "1", "usage reports", "使用数据上报次数", "usage events"),
    # thermal
    Feature("mean_temperature_c", thermal.mean_temperature, "°C", "mean temperature", "平均温度", "usage events"),
    Feature("hours_above_45c", thermal.hours_hot, "h", "hours above 45 °C", "高温时长", "usage events", monotone=-1),
    Feature("hours_below_0c", thermal.hours_cold, "h", "hours below 0 °C", "低温时长", "usage events"),
    Feature("over_temperature_events", thermal.over_temperature, "1", "over-temperature events", "过温次数",
            "negative events", monotone=-1),
    # health
    Feature("soh", health.soh, "1", "state of health", "健康状态", "all readings, age and use", monotone=1),
    Feature("soh_sd", health.soh_sd, "1", "uncertainty of health", "健康状态不确定度", "all readings, age and use"),
    Feature("soh_source", health.soh_source, "code of SOURCES", "source of health", "健康状态来源",
            "weightiest reading", categorical=True),
    Feature("expected_soh", health.expected_soh, "1", "health by age and use", "按年限与使用推算的健康状态",
            "ageing prior", monotone=1),
    Feature("last_reported_soh", health.last_reported_soh, "1", "last reported health", "最近上报健康状态",
            "usage and test events", monotone=1),
    Feature("bms_soh", health.bms_soh, "1", "health by the BMS", "车端上报健康状态",
            "usage events", monotone=1),
    Feature("bms_reading_age_a", health.bms_reading_age, "a", "age of the BMS reading", "车端健康读数时效",
            "usage events"),
    Feature("tested_soh", health.tested_soh, "1", "health by test", "余能检测健康状态", "test events", monotone=1),
    Feature("reading_age_a", health.reading_age, "a", "age of the health reading", "健康读数时效",
            "usage and test events"),
    Feature("health_readings", health.health_readings, "1", "health readings", "健康读数次数",
            "usage and test events"),
    Feature("resistance_growth", health.resistance_growth, "1", "growth of resistance", "内阻增长率",
            "usage and test events", monotone=-1),
    Feature("cell_spread", health.cell_spread, "1", "spread between cells", "单体一致性",
            "tests and modules", monotone=-1),
    Feature("cell_spread_mv", health.cell_spread_mv, "mV", "spread of cell voltages", "单体压差",
            "usage events", monotone=-1),
    Feature("weakest_module_soh", health.weakest_module, "1", "weakest module", "最弱模块健康状态",
            "module list", monotone=1),
    # care
    Feature("maintenance_count", care.maintenance, "1", "maintenance", "维护次数", "maintenance events"),
    Feature("replacement_count", care.replacements, "1", "modules or cells replaced", "模块或单体更换次数",
            "maintenance events"),
    Feature("maintenance_cny_per_kwh", care.maintenance_cost, "CNY/kWh", "cost of maintenance", "维护费用",
            "maintenance events"),
    Feature("maintenance_age_a", care.maintenance_age, "a", "time since maintenance", "距上次维护时间",
            "maintenance events"),
    Feature("negative_events", care.negative_events, "1", "negative events", "异常事件次数",
            "negative events", monotone=-1),
    Feature("worst_severity", care.worst_severity, "1", "worst harmful event", "最严重异常程度",
            "negative events", monotone=-1),
    Feature("accident_severity", care.accident_severity, "1", "worst accident", "最严重事故程度",
            "negative events", monotone=-1),
    Feature("abuse_events", care.abuses, "1", "over-charge and deep discharge", "过充过放次数",
            "negative events", monotone=-1),
    Feature("recalls", care.recalls, "1", "recalls", "召回次数", "negative events"),
    Feature("condition", care.condition, "code of condition", "condition", "外观状态",
            "leaving and collection events", categorical=True),
    Feature("missing_modules", care.missing_modules, "1", "missing modules", "缺失模块数", "record", monotone=-1),
    # provenance
    Feature("evidence_tier", provenance.evidence_tier, "1", "evidence tier", "证据等级",
            "what is known and not too old"),
    Feature("trust_grade", provenance.trust_grade, "1", "trust grade", "溯源等级", "findings", monotone=-1),
    Feature("warnings", provenance.warnings, "1", "findings that warn", "警示数", "findings", monotone=-1),
    Feature("closures", provenance.closures, "1", "findings that close a route", "阻断数", "findings", monotone=-1),
    Feature("widening", provenance.widening, "1", "widening by findings", "区间放大系数", "findings"),
    Feature("unexplained_rise", provenance.unexplained_rise, "%", "unexplained rise of health", "无因健康上升",
            "finding U05", monotone=-1),
    Feature("longest_gap_months", provenance.longest_gap, "months", "longest gap in the record", "最长记录空白",
            "finding T03"),
    Feature("late_reports", provenance.late_reports, "1", "late reports", "逾期上报数", "finding T04"),
    Feature("event_count", provenance.events, "1", "events on record", "记录数", "events"),
    Feature("completeness", provenance.completeness, "1", "completeness of the record", "溯源完整度", "events"),
    Feature("months_silent", provenance.months_silent, "months", "time since the last event", "距最近记录时间",
            "events"),
    Feature("last_reporter", provenance.last_reporter, "code of REPORTER_KINDS", "last reporter", "最近上报方类型",
            "events", categorical=True),
    Feature("code_kind", provenance.code_kind, "code of KINDS", "kind of battery code", "编码类型",
            "battery code", categorical=True),
    Feature("has_modules", provenance.has_modules, "1", "modules listed", "有模块清单", "module list"),
    # metals
    Feature("lithium_kg_per_kwh", metals.lithium, "kg/kWh", "lithium content", "锂含量",
            "passport, else chemistry and vintage"),
    Feature("nickel_kg_per_kwh", metals.nickel, "kg/kWh", "nickel content", "镍含量",
            "passport, else chemistry and vintage"),
    Feature("cobalt_kg_per_kwh", metals.cobalt, "kg/kWh", "cobalt content", "钴含量",
            "passport, else chemistry and vintage"),
    Feature("copper_kg_per_kwh", metals.copper, "kg/kWh", "copper content", "铜含量",
            "passport, else chemistry and vintage"),
    Feature("aluminium_kg_per_kwh", metals.aluminium, "kg/kWh", "aluminium content", "铝含量",
            "passport, else chemistry and vintage"),
    Feature("declared_metal_share", metals.declared_share, "1", "metals declared", "成分申报比例", "passport"),
    Feature("cell_mass_share", metals.cell_mass_share, "1", "cells' share of the mass", "电芯质量占比", "chemistry"),
    # market
    Feature("lithium_carbonate_cny_per_t", market.lithium_price, "CNY/t", "lithium carbonate price", "碳酸锂价格",
            "quote of the day", monotone=1),
    Feature("nickel_cny_per_kg", market.nickel_price, "CNY/kg", "nickel price", "镍价",
            "quote of the day", monotone=1),
    Feature("cobalt_cny_per_kg", market.cobalt_price, "CNY/kg", "cobalt price", "钴价",
            "quote of the day", monotone=1),
    Feature("copper_cny_per_t", market.copper_price, "CNY/t", "copper price", "铜价", "quote of the day", monotone=1),
    Feature("new_pack_cny_per_kwh", market.new_pack, "CNY/kWh", "new-pack price", "新电池价",
            "quote of the day", monotone=1),
    Feature("lithium_payable", market.lithium_payable, "1", "payable of lithium", "锂折扣系数",
            "quote of the day, else price-level rule", monotone=1),
    Feature("second_life_discount", market.second_life_discount, "1", "second-life discount", "梯次折扣",
            "quote of the day", monotone=-1),
    Feature("lithium_trend_90d", market.lithium_trend, "1", "lithium price trend", "碳酸锂90日走势",
            "quotes of the day and 90 days before", monotone=1),
    Feature("basket_trend_90d", market.basket_trend, "1", "trend of the pack's metals", "金属篮子90日走势",
            "quotes of the day and 90 days before", monotone=1),
    Feature("new_pack_trend_90d", market.new_pack_trend, "1", "new-pack price trend", "新电池价90日走势",
            "quotes of the day and 90 days before", monotone=1),
    Feature("oldest_quote_days", market.quote_age, "d", "age of the oldest quote", "行情时效", "quotes"),
    Feature("region", market.region, "code of REGIONS", "region", "地区", "request", categorical=True),
    # structure
    Feature("structural_cny_per_kwh", structure.structural, "CNY/kWh", "structural value", "结构价值",
            "routes", monotone=1),
    Feature("recycling_cny_per_kwh", structure.recycling, "CNY/kWh", "recycling value", "再生利用价值",
            "routes", monotone=1),
    Feature("second_life_cny_per_kwh", structure.second_life, "CNY/kWh", "second-life value", "梯次利用价值",
            "routes", monotone=1),
    Feature("reuse_cny_per_kwh", structure.reuse, "CNY/kWh", "reuse value", "再装车价值", "routes", monotone=1),
    Feature("metal_value_cny_per_kwh", structure.metal_value, "CNY/kWh", "value of the metals", "金属价值",
            "routes", monotone=1),
    Feature("recycling_cost_cny_per_kwh", structure.recycling_cost, "CNY/kWh", "cost of recycling", "再生利用成本",
            "routes"),
    Feature("second_life_haircut", structure.second_life_haircut, "1", "haircut on second life", "梯次利用折减",
            "findings"),
    Feature("reuse_haircut", structure.reuse_haircut, "1", "haircut on reuse", "再装车折减", "findings"),
    Feature("routes_closed", structure.routes_closed, "1", "routes closed", "关闭途径数", "findings"),
)
# fmt: on
"""All features, in the order of the columns of the matrix."""


def compute(dossier: Dossier) -> FloatArray:
    """Return the features of a batch as a matrix of shape (packs, features), NaN if unknown."""
    by_feature = np.empty((len(FEATURES), dossier.rows))
    for position, feature in enumerate(FEATURES):
        by_feature[position] = feature.function(dossier)
    return np.ascontiguousarray(by_feature.T)
