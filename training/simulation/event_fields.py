"""Fields of the simulated events (节点字段): types, choices, decimals of numbers and widths of codes."""

from __future__ import annotations

from training.simulation.regions import REGION_CODES

# In the order of events on one day.
EVENT_TYPES = (
    "produced", "installed", "sold", "owner_changed", "swapped_in", "swapped_out", "usage", "negative", "maintained",
    "retired", "vehicle_scrapped", "removed", "collected_in", "collected_out", "tested", "second_life_out",
    "recycled_in", "dismantled", "recycled_done",
)  # fmt: skip
REPORTER_KINDS = (
    "battery_maker", "vehicle_maker", "swap_operator", "repair_shop", "dismantler", "recycler", "service_outlet",
    "importer", "owner",
)  # fmt: skip
FLOAT_DECIMALS = {
    "odometer_km": 0, "full_cycles": 1, "energy_throughput_kwh": 0, "charge_throughput_ah": 0, "fast_charge_share": 3,
    "mean_temperature_c": 1, "hours_above_45c": 0, "hours_below_0c": 0, "mean_soc": 3, "mean_depth_of_discharge": 3,
    "soh": 4, "resistance_growth": 4, "cell_spread_mv": 0, "cost_cny": 0, "severity": 2, "remaining_capacity_ah": 1,
    "remaining_energy_kwh": 2, "cell_soh_spread": 4, "temperature_c": 1, "mass_kg": 1,
}  # fmt: skip
CHOICES: dict[str, tuple[str, ...]] = {
    "purpose": ("private", "taxi", "public_transport", "logistics", "swap", "company", "energy_storage"),
    "region": REGION_CODES,
    "soh_source": ("bms", "quick_test", "lab_test", "certificate"),
    "soh_definition": ("capacity", "energy", "resistance"),
    "work": ("inspection", "cooling", "bms", "balancing", "module_replaced", "cell_replaced", "seal", "other"),
    "kind": ("accident", "fire", "water", "overcharge", "deep_discharge", "over_temperature", "isolation_fault",
             "recall", "swelling", "leak", "other"),
    "station": tuple(f"SYN-ST{number:03d}" for number in range(200)),
    "method": ("lab", "quick", "bms"),
    "standard": ("GB/T 34015-2017", "maker's procedure"),
    "reason": ("vehicle_end_of_life", "capacity_below_limit", "accident", "warranty_exchange", "upgrade", "failure",
               "end_of_storage_use"),
    "destination": ("dismantler", "service_outlet", "recycler", "second_life_firm", "trader", "repair_shop", "storage"),
    "condition": ("intact", "opened", "damaged", "burned", "corroded", "swollen", "leaking"),
}  # fmt: skip
CODE_WIDTHS = {"vin": 17, "old_code": 24, "new_code": 24}
