"""Payables (折扣系数): a recycler pays price of the traded form x metal content of the form x payable.

Since 2023-02-13 Chinese quotes give separate coefficients on nickel sulphate, cobalt sulphate and lithium carbonate
(SMM notice of that day); 0.223 t Ni per t of nickel sulphate (Platts since April 2024), 20.5 % Co in cobalt sulphate
(SMM specification), 5.323 t of lithium carbonate per t of lithium by stoichiometry, 32 % Mn in manganese sulphate.
Before that day the coefficient on nickel and cobalt included lithium, so a separate one would count it twice.

An unquoted coefficient follows the lithium price, as fitted on 12 published quotes of June 2025 to January 2026:
lithium 0.719 + 0.105 ln(LCE / 80,000), nickel and cobalt 0.749 + 0.068 ln(LCE / 80,000), LCE in CNY/t with VAT, held
within 0.62 and 0.85. Copper 0.80 and aluminium 0.70 are trade averages, 2026; steel scrap 0.5 is judged; manganese
and graphite are not paid for separately.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np

from valuation.market.instruments import VAT_RATE
from valuation.numeric.columns import BoolArray, FloatArray
from valuation.numeric.exact_math import log

LCE_PER_LITHIUM: Final = 5.323
NICKEL_IN_SULPHATE: Final = 0.223
COBALT_IN_SULPHATE: Final = 0.205
MANGANESE_IN_SULPHATE: Final = 0.32

REDEFINED_DAY: Final = 19401.0
"""2023-02-13, the day from which coefficients are quoted per metal. [days since 1970-01-01]"""

REFERENCE_LCE: Final = 80_000.0
LOWEST, HIGHEST = 0.62, 0.85


class PaidForm(NamedTuple):
    """One traded form of a metal: instrument, kg of the form per kg of metal, additional spread of its price."""

    instrument: str
    per_metal: float
    relative_sd: float


PAID_FORMS: Final[Mapping[str, tuple[PaidForm, ...]]] = MappingProxyType(
    {
        "Li": (PaidForm("lithium_carbonate", LCE_PER_LITHIUM, 0.0),),
        # Black mass is paid by the sulphate price; the metal price replaces it within a few per cent.
        "Ni": (PaidForm("nickel_sulphate", 1.0 / NICKEL_IN_SULPHATE, 0.0), PaidForm("nickel", 1.0, 0.08)),
        "Co": (PaidForm("cobalt_sulphate", 1.0 / COBALT_IN_SULPHATE, 0.0), PaidForm("cobalt", 1.0, 0.12)),
        "Mn": (PaidForm("manganese_sulphate", 1.0 / MANGANESE_IN_SULPHATE, 0.0), PaidForm("manganese", 1.0, 0.15)),
        "Cu": (PaidForm("copper", 1.0, 0.0),),
        "Al": (PaidForm("aluminium", 1.0, 0.0),),
        "Fe": (PaidForm("steel", 1.0, 0.0),),
        "graphite": (PaidForm("graphite", 1.0, 0.0),),
    }
)
"""Traded forms of each paid element, in order of preference."""


class PayableRule(NamedTuple):
    """Rule for an unquoted payable: level at the reference price, slope on the lithium price, spread."""

    at_reference: float
    slope: float
    relative_sd: float


RULES: Final[Mapping[str, PayableRule]] = MappingProxyType(
    {
        "li": PayableRule(0.719, 0.105, 0.08),
        "ni": PayableRule(0.749, 0.068, 0.05),
        "co": PayableRule(0.749, 0.068, 0.05),
        "mn": PayableRule(0.0, 0.0, 0.0),
        "cu": PayableRule(0.80, 0.0, 0.06),
        "al": PayableRule(0.70, 0.0, 0.08),
        "fe": PayableRule(0.50, 0.0, 0.30),
        "graphite": PayableRule(0.0, 0.0, 0.0),
    }
)
# Nickel hydride goes to pyrometallurgy, which pays far less for its metal (judged, 2026).
FAMILY_RULES: Final[Mapping[str, PayableRule]] = MappingProxyType(
    {"ni_nimh": PayableRule(0.50, 0.0, 0.15), "co_nimh": PayableRule(0.45, 0.0, 0.20)}
)
# Europe: nickel and cobalt 47 to 55 %, lithium not paid (Fastmarkets, December 2023 to January 2024).
REGION_RULES: Final[Mapping[str, Mapping[str, PayableRule]]] = MappingProxyType(
    {
        "EU": MappingProxyType(
            {
                "li": PayableRule(0.0, 0.0, 0.0),
                "ni": PayableRule(0.50, 0.0, 0.12),
                "co": PayableRule(0.50, 0.0, 0.12),
            }
        )
    }
)


def rule_for(element: str, family: str, region: str) -> PayableRule:
    """Return the rule that estimates an unquoted payable.

    >>> rule_for("li", "lfp", "CN").at_reference, rule_for("li", "lfp", "EU").at_reference
    (0.719, 0.0)
    """
    regional = REGION_RULES.get(region, {}).get(element)
    return FAMILY_RULES.get(f"{element}_{family}") or regional or RULES[element]


def estimated_payable(rule: PayableRule, lithium_carbonate: FloatArray) -> FloatArray:
    """Return the payable by the rule at a lithium carbonate price without VAT. [1]

    >>> estimated_payable(RULES["li"], np.array([80_000 / 1.13, 1e6])).round(4).tolist()
    [0.719, 0.85]
    """
    if rule.slope == 0.0:
        return np.full(len(lithium_carbonate), rule.at_reference)
    known = ~np.isnan(lithium_carbonate)
    level = np.where(known, lithium_carbonate, REFERENCE_LCE / (1.0 + VAT_RATE)) * (1.0 + VAT_RATE) / REFERENCE_LCE
    return np.minimum(np.maximum(rule.at_reference + rule.slope * log(level), LOWEST), HIGHEST)


def includes_lithium(nickel_quoted_day: FloatArray) -> BoolArray:
    """Return where the nickel and cobalt coefficient of the time includes lithium."""
    return nickel_quoted_day < REDEFINED_DAY
