"""Simulate payables (折扣系数): the share of a metal's price that a recycler pays; they follow prices with a lag.

The level rule is fitted on trade quotes of June 2025 to January 2026: lithium 71.9 + 10.5 ln(Li2CO3 / 80,000) points,
nickel and cobalt 74.9 + 6.8 ln(Li2CO3 / 80,000); copper and aluminium about 80 and 70 points (trade averages).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from training.simulation.plan import SimulationPlan, day_number, stream
from training.simulation.prices.price_paths import PricePaths
from valuation.numeric.columns import FloatArray

_LITHIUM_REFERENCE = 80_000.0  # CNY/t, including VAT
_DAYS_UP, _DAYS_DOWN = 8.0, 16.0  # business days: buyers raise payables fast and cut them slowly
_LOWEST, _HIGHEST = 0.05, 0.92
# kg per kWh of a 523 pack, the reference of the old joint coefficient (EverBatt 2023, by stoichiometry)
_REFERENCE_KG = {"li": 0.107, "ni": 0.443, "co": 0.178}


class _Payable(NamedTuple):
    name: str
    at_reference: float
    slope: float  # points per unit of ln(lithium carbonate / reference)


_PAYABLES = (
    _Payable("payable_li_lfp", 0.719, 0.105), _Payable("payable_cu_lfp", 0.80, 0.010),
    _Payable("payable_al_lfp", 0.70, 0.010), _Payable("payable_li_ternary", 0.705, 0.100),
    _Payable("payable_ni_ternary", 0.749, 0.068), _Payable("payable_co_ternary", 0.749, 0.068),
    _Payable("payable_mn_ternary", 0.20, 0.020), _Payable("payable_cu_ternary", 0.80, 0.010),
    _Payable("payable_al_ternary", 0.70, 0.010), _Payable("payable_li_lmo", 0.60, 0.100),
    _Payable("payable_mn_lmo", 0.25, 0.020), _Payable("payable_cu_lmo", 0.78, 0.010),
    _Payable("payable_al_lmo", 0.68, 0.010), _Payable("payable_li_lco", 0.68, 0.100),
    _Payable("payable_co_lco", 0.79, 0.060), _Payable("payable_cu_lco", 0.78, 0.010),
    _Payable("payable_al_lco", 0.68, 0.010), _Payable("payable_ni_nimh", 0.52, 0.030),
    _Payable("payable_co_nimh", 0.50, 0.030),
)  # fmt: skip


def simulate_payables(plan: SimulationPlan, paths: PricePaths) -> dict[str, FloatArray]:
    """Simulate the payable of each metal and form, one value per business day. [1]"""
    level = np.log(paths.levels["lithium_carbonate"] / _LITHIUM_REFERENCE)
    base = np.array([payable.at_reference for payable in _PAYABLES])
    slope = np.array([payable.slope for payable in _PAYABLES])
    shocks = stream(plan, "publication").standard_normal((len(level), len(_PAYABLES))) * 0.0022
    target = base + level[:, None] * slope
    current, wobble = target[0].copy(), np.zeros(len(_PAYABLES))
    path = np.empty_like(target)
    for step in range(len(level)):
        gap = target[step] - current
        current = current + gap / np.where(gap > 0.0, _DAYS_UP, _DAYS_DOWN)
        wobble = 0.97 * wobble + shocks[step]
        path[step] = np.clip(current + wobble, _LOWEST, _HIGHEST)
    result = {payable.name: path[:, column] for column, payable in enumerate(_PAYABLES)}
    return _with_old_definition(plan, paths, result)


def _with_old_definition(
    plan: SimulationPlan, paths: PricePaths, payables: dict[str, FloatArray]
) -> dict[str, FloatArray]:
    """Before the redefinition, include lithium in the nickel and cobalt payables and quote no lithium payable."""
    if plan.payables_redefined_on is None:
        return payables
    before = paths.days < day_number(plan.payables_redefined_on)
    price = {
        "li": paths.levels["lithium_carbonate"] * 5.323,
        "ni": paths.levels["nickel_sulphate"] / 0.223,
        "co": paths.levels["cobalt_sulphate"] / 0.205,
    }
    paid = {metal: price[metal] * _REFERENCE_KG[metal] * payables[f"payable_{metal}_ternary"] for metal in price}
    uplift = 1.0 + paid["li"] / (paid["ni"] + paid["co"])
    changed = dict(payables)
    for metal in ("ni", "co"):
        name = f"payable_{metal}_ternary"
        changed[name] = np.where(before, payables[name] * uplift, payables[name])
    changed["payable_li_ternary"] = np.where(before, np.nan, payables["payable_li_ternary"])
    return changed
