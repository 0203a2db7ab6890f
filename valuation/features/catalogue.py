"""All features in one table: name, function, unit, source and required direction.

From the features the model predicts the premium or discount of the market against the structural value. A direction is
given only if it must hold everywhere with all else fixed: +1, a higher value is never worth less; -1, it is never worth
more. Deductions of the structural value (haircuts, closed routes) have no direction, because the market may deduct less
than the formula. Names are stable. A new feature is a function, a row and a
label in ``valuation/messages/feature.toml``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from valuation.dossier import Dossier
from valuation.features import age, care, health, market, metals, nameplate, provenance, structure, thermal, use
from valuation.messages import Wording, sentence
from valuation.numeric.columns import FloatArray


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature (特征): name, function, unit, source and required direction."""

    name: str
    function: Callable[[Dossier], FloatArray]
    unit: str
    source: str
    monotone: int = 0
    categorical: bool = False

    @property
    def label(self) -> Wording:
        """What people call it."""
        return sentence(f"feature.{self.name}")

    @property
    def group(self) -> str:
        """Name of the module of its function."""
        return self.function.__module__.rpartition(".")[2]


# fmt: off
FEATURES: Final[tuple[Feature, ...]] = (
    # nameplate
    Feature("chemistry", nameplate.chemistry, "code of CHEMISTRIES",
            "record, else type letter of the code", categorical=True),
    Feature("family", nameplate.family, "code of FAMILIES", "chemistry", categorical=True),
    Feature("chemistry_declared", nameplate.chemistry_declared, "1", "record"),
    Feature("rated_energy_kwh", nameplate.rated_energy, "kWh", "record, else capacity, mass or what is typical"),
    Feature("energy_log_sd", nameplate.energy_spread, "1", "nameplate"),
    Feature("rated_capacity_ah", nameplate.rated_capacity, "Ah", "record"),
    Feature("nominal_voltage_v", nameplate.nominal_voltage, "V", "record"),
    Feature("mass_kg_per_kwh", nameplate.mass_per_energy, "kg/kWh",
            "record, else energy density of chemistry and year"),
    Feature("level", nameplate.level, "code of LEVELS", "battery code", categorical=True),
    Feature("duty", nameplate.duty, "code of DUTIES", "record", categorical=True),
    Feature("maker", nameplate.maker, "text code", "record, else vendor letters of the code", categorical=True),
    Feature("vehicle_model", nameplate.vehicle_model, "text code", "record", categorical=True),
    Feature("specification", nameplate.specification, "text code",
            "battery code: vendor, level, type, spec", categorical=True),
    Feature("specification_of_unknown_size", nameplate.specification_of_unknown_size, "text code",
            "battery code", categorical=True),
    # age
    Feature("calendar_age_a", age.calendar_age_a, "a", "code or record, else first use", monotone=-1),
    Feature("service_years", age.service_years, "a", "first use to leaving the vehicle"),
    Feature("storage_months", age.storage_months, "months", "retired, removed, scrapped or collected events"),
    Feature("made_year", age.made_year, "a", "code or record"),
    Feature("season", age.season, "1", "valuation day"),
    # use
    Feature("full_cycles", use.full_cycles, "1", "usage events", monotone=-1),
    Feature("cycles_per_a", use.cycles_per_year, "1/a", "usage events", monotone=-1),
    Feature("odometer_km", use.odometer, "km", "events", monotone=-1),
    Feature("km_per_a", use.distance_per_year, "km/a", "events", monotone=-1),
    Feature("fast_charge_share", use.fast_charge_share, "1", "usage events", monotone=-1),
    Feature("mean_soc", use.mean_soc, "1", "usage events"),
    Feature("mean_depth_of_discharge", use.depth_of_discharge, "1", "usage events"),
    Feature("swaps", use.swaps, "1", "swap events"),
    Feature("owner_changes", use.owners, "1", "owner events"),
    Feature("usage_reports", use.usage_reports, "1", "usage events"),
    # thermal
    Feature("mean_temperature_c", thermal.mean_temperature, "°C", "usage events"),
    Feature("hours_above_45c", thermal.hours_hot, "h", "usage events", monotone=-1),
    Feature("hours_below_0c", thermal.hours_cold, "h", "usage events"),
    Feature("over_temperature_events", thermal.over_temperature, "1", "negative events", monotone=-1),
    # health
    Feature("soh", health.soh, "1", "all readings, age and use", monotone=1),
    Feature("soh_sd", health.soh_sd, "1", "all readings, age and use"),
    Feature("soh_source", health.soh_source, "code of SOURCES", "weightiest reading", categorical=True),
    Feature("expected_soh", health.expected_soh, "1", "ageing prior", monotone=1),
    Feature("last_reported_soh", health.last_reported_soh, "1", "usage and test events", monotone=1),
    Feature("bms_soh", health.bms_soh, "1", "usage events", monotone=1),
    Feature("bms_reading_age_a", health.bms_reading_age, "a", "usage events"),
    Feature("tested_soh", health.tested_soh, "1", "test events", monotone=1),
    Feature("reading_age_a", health.reading_age, "a", "usage and test events"),
    Feature("health_readings", health.health_readings, "1", "usage and test events"),
    Feature("resistance_growth", health.resistance_growth, "1", "usage and test events", monotone=-1),
    Feature("cell_spread", health.cell_spread, "1", "tests and modules", monotone=-1),
    Feature("cell_spread_mv", health.cell_spread_mv, "mV", "usage events", monotone=-1),
    Feature("weakest_module_soh", health.weakest_module, "1", "module list", monotone=1),
    # care
    Feature("maintenance_count", care.maintenance, "1", "maintenance events"),
    Feature("replacement_count", care.replacements, "1", "maintenance events"),
    Feature("maintenance_cny_per_kwh", care.maintenance_cost, "CNY/kWh", "maintenance events"),
    Feature("maintenance_age_a", care.maintenance_age, "a", "maintenance events"),
    Feature("negative_events", care.negative_events, "1", "negative events", monotone=-1),
    Feature("worst_severity", care.worst_severity, "1", "negative events", monotone=-1),
    Feature("accident_severity", care.accident_severity, "1", "negative events", monotone=-1),
    Feature("abuse_events", care.abuses, "1", "negative events", monotone=-1),
    Feature("recalls", care.recalls, "1", "negative events"),
    Feature("condition", care.condition, "code of condition", "leaving and collection events", categorical=True),
    Feature("missing_modules", care.missing_modules, "1", "record", monotone=-1),
    # provenance
    Feature("evidence_tier", provenance.evidence_tier, "1", "what is known and not too old"),
    Feature("trust_grade", provenance.trust_grade, "1", "findings", monotone=-1),
    Feature("warnings", provenance.warnings, "1", "findings", monotone=-1),
    Feature("closures", provenance.closures, "1", "findings", monotone=-1),
    Feature("widening", provenance.widening, "1", "findings"),
    Feature("unexplained_rise", provenance.unexplained_rise, "%", "finding U05", monotone=-1),
    Feature("longest_gap_months", provenance.longest_gap, "months", "finding T03"),
    Feature("late_reports", provenance.late_reports, "1", "finding T04"),
    Feature("event_count", provenance.events, "1", "events"),
    Feature("completeness", provenance.completeness, "1", "events"),
    Feature("months_silent", provenance.months_silent, "months", "events"),
    Feature("last_reporter", provenance.last_reporter, "code of REPORTER_KINDS", "events", categorical=True),
    Feature("code_kind", provenance.code_kind, "code of KINDS", "battery code", categorical=True),
    Feature("has_modules", provenance.has_modules, "1", "module list"),
    # metals
    Feature("lithium_kg_per_kwh", metals.lithium, "kg/kWh", "passport, else chemistry and vintage"),
    Feature("nickel_kg_per_kwh", metals.nickel, "kg/kWh", "passport, else chemistry and vintage"),
    Feature("cobalt_kg_per_kwh", metals.cobalt, "kg/kWh", "passport, else chemistry and vintage"),
    Feature("copper_kg_per_kwh", metals.copper, "kg/kWh", "passport, else chemistry and vintage"),
    Feature("aluminium_kg_per_kwh", metals.aluminium, "kg/kWh", "passport, else chemistry and vintage"),
    Feature("declared_metal_share", metals.declared_share, "1", "passport"),
    Feature("cell_mass_share", metals.cell_mass_share, "1", "chemistry"),
    # market
    Feature("lithium_carbonate_cny_per_t", market.lithium_price, "CNY/t", "quote of the day", monotone=1),
    Feature("nickel_cny_per_kg", market.nickel_price, "CNY/kg", "quote of the day", monotone=1),
    Feature("cobalt_cny_per_kg", market.cobalt_price, "CNY/kg", "quote of the day", monotone=1),
    Feature("copper_cny_per_t", market.copper_price, "CNY/t", "quote of the day", monotone=1),
    Feature("new_pack_cny_per_kwh", market.new_pack, "CNY/kWh", "quote of the day", monotone=1),
    Feature("lithium_payable", market.lithium_payable, "1", "quote of the day, else price-level rule", monotone=1),
    Feature("second_life_discount", market.second_life_discount, "1", "quote of the day", monotone=-1),
    Feature("lithium_trend_90d", market.lithium_trend, "1", "quotes of the day and 90 days before", monotone=1),
    Feature("basket_trend_90d", market.basket_trend, "1", "quotes of the day and 90 days before", monotone=1),
    Feature("new_pack_trend_90d", market.new_pack_trend, "1", "quotes of the day and 90 days before", monotone=1),
    Feature("oldest_quote_days", market.quote_age, "d", "quotes"),
    Feature("region", market.region, "code of REGIONS", "request", categorical=True),
    # structure
    Feature("structural_cny_per_kwh", structure.structural, "CNY/kWh", "routes", monotone=1),
    Feature("recycling_cny_per_kwh", structure.recycling, "CNY/kWh", "routes", monotone=1),
    Feature("second_life_cny_per_kwh", structure.second_life, "CNY/kWh", "routes", monotone=1),
    Feature("reuse_cny_per_kwh", structure.reuse, "CNY/kWh", "routes", monotone=1),
    Feature("metal_value_cny_per_kwh", structure.metal_value, "CNY/kWh", "routes", monotone=1),
    Feature("recycling_cost_cny_per_kwh", structure.recycling_cost, "CNY/kWh", "routes"),
    Feature("second_life_haircut", structure.second_life_haircut, "1", "findings"),
    Feature("reuse_haircut", structure.reuse_haircut, "1", "findings"),
    Feature("routes_closed", structure.routes_closed, "1", "findings"),
)
# fmt: on
"""All features, in the order of the columns of the matrix."""


def compute(dossier: Dossier) -> FloatArray:
    """Return the features of a batch as a matrix of shape (packs, features), NaN if unknown."""
    by_feature = np.empty((len(FEATURES), dossier.rows))
    for position, feature in enumerate(FEATURES):
        by_feature[position] = feature.function(dossier)
    return np.ascontiguousarray(by_feature.T)
