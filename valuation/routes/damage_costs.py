"""Cost of a damaged or dangerous pack (安全状态成本): packing, haul, storage, lost metal, and discounts for accidents.

A condition on record counts in full, an incident in proportion to its severity; for each cost the worse of the two
counts. So a worse condition or a higher severity never makes a pack worth more.

Order of the conditions: damaged and corroded packs travel in boxes with filler (UN 3480, special provision 376, packing
instruction P908), leaking and burned ones in tested drums under guard (P911); swollen ones lie between. How far an
incident without a stated condition brings a pack towards each is judged, 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from valuation.market.payables import PAID_FORMS
from valuation.numeric.columns import BoolArray, FloatArray
from valuation.provenance.physical_checks import BURNT_OUT
from valuation.provenance.usage_checks import HARMFUL, SEVERE
from valuation.record.cases import Cases
from valuation.routes.assumptions import Assumptions

_ELEMENTS: Final = tuple(PAID_FORMS)
PARTLY_BURNT: Final = 0.6
"""Severity of a fire from which recyclers pay less and less for a burned pack, down to nothing at
:data:`valuation.provenance.physical_checks.BURNT_OUT` (judged, 2026). [1]"""
DISCOUNT_PER_SEVERITY: Final = 0.20
"""Discount on further use per unit of severity of the worst accident: 10 % at .5, as finding U13 (judged, 2026). [1]"""


@dataclass(frozen=True, slots=True)
class HazardLevel:
    """Effects of a condition, or of an incident of full severity. [1]

    `packing` and `danger` are shares of the costs per kg of a damaged and of a dangerous pack; `lost` is the share of a
    metal that a recycler no longer pays for.
    """

    packing: float
    danger: float
    lost: Mapping[str, float]


# The salt of the electrolyte holds .0077 kg/kWh of the lithium, a tenth of it (1.3 kg/kWh of 1.2 mol/kg LiPF6, computed
# here). In a fire aluminium melts and lithium leaves with slag and extinguishing water: three tenths (judged, 2026).
_SALT: Final = MappingProxyType({"Li": 0.09})
_BURNED: Final = MappingProxyType({"Li": 0.30, "Al": 0.30})
_NOTHING: Final[Mapping[str, float]] = MappingProxyType({})

CONDITIONS: Final[Mapping[str, HazardLevel]] = MappingProxyType(
    {
        "damaged": HazardLevel(1.0, 0.0, _NOTHING),
        "corroded": HazardLevel(1.0, 0.0, _NOTHING),
        "swollen": HazardLevel(1.0, 0.5, _NOTHING),
        "leaking": HazardLevel(1.0, 1.0, _SALT),
        "burned": HazardLevel(1.0, 1.0, _BURNED),
    }
)
"""Effects of each condition, from mild to severe; the conditions intact and opened cost nothing here."""

INCIDENTS: Final[Mapping[str, HazardLevel]] = MappingProxyType(
    {
        "accident": HazardLevel(1.0, 0.0, _NOTHING),
        "isolation_fault": HazardLevel(0.5, 0.0, _NOTHING),
        "water": HazardLevel(1.0, 0.5, _NOTHING),
        "swelling": HazardLevel(1.0, 0.5, _NOTHING),
        "leak": HazardLevel(1.0, 1.0, _SALT),
        "fire": HazardLevel(1.0, 1.0, _BURNED),
    }
)
"""Effects of each kind of incident at severity 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hazard:
    """Cost of the hazards of each pack.

    Attributes
    ----------
    handling_cny_per_kg : array of shape (packs,)
        Packing, guarded haul and storage beyond those of a sound pack; per kg of pack.
    paid_share : array of shape (elements, packs)
        Share of each metal that a recycler still pays for, in the order of `PAID_FORMS`; 0 for a pack that no recycler
        takes. [1]
    discount : array of shape (packs,)
        Share deducted from the price of a further use for the worst accident. [1]
    """

    handling_cny_per_kg: FloatArray
    paid_share: FloatArray
    discount: FloatArray


def assess_hazard(cases: Cases, disposed: BoolArray, assumptions: Assumptions) -> Hazard:
    """Return the cost of the hazards of each pack (安全状态成本).

    `disposed` are the packs that no recycler takes: they pay at least the cost of disposal and earn nothing.
    """
    severity = stated_severity(cases)
    levels = [(level, _has_condition(cases, name)) for name, level in CONDITIONS.items()]
    levels += [(level, _worst(cases, severity, name)) for name, level in INCIDENTS.items()]
    packing, danger = np.zeros(cases.rows), np.zeros(cases.rows)
    lost = {element: np.zeros(cases.rows) for element in _BURNED}
    for level, share in levels:
        packing = np.maximum(packing, level.packing * share)
        danger = np.maximum(danger, level.danger * share)
        for element, part in level.lost.items():
            lost[element] = np.maximum(lost[element], part * share)
    ruin = np.where(disposed, 1.0, _burnt_share(cases, severity))
    handling = packing * assumptions.damaged_cny_per_kg + danger * assumptions.dangerous_cny_per_kg
    paid = np.ones((len(_ELEMENTS), cases.rows))
    for element, share in lost.items():
        paid[_ELEMENTS.index(element)] = 1.0 - share
    return Hazard(
        handling_cny_per_kg=np.maximum(handling, handling + ruin * (assumptions.disposal_cny_per_kg - handling)),
        paid_share=paid * (1.0 - ruin),
        discount=_accident_discount(cases, severity),
    )


def stated_severity(cases: Cases) -> FloatArray:
    """Return the severity of each event; an incident without a stated one counts as severe, as in finding U13. [1]"""
    stated = cases.events["severity"]
    return np.where(np.isnan(stated), SEVERE, stated)


def _has_condition(cases: Cases, name: str) -> FloatArray:
    """Return 1 for packs seen in a condition, else 0. [1]"""
    return np.where(cases.count(cases.is_choice("condition", name)) > 0.0, 1.0, 0.0)


def _worst(cases: Cases, severity: FloatArray, *kinds: str) -> FloatArray:
    """Return the severity of the worst incident of these kinds; 0 without one. [1]"""
    of_kind = cases.is_choice("kind", *kinds)
    worst = np.zeros(cases.rows)
    np.maximum.at(worst, cases.row[of_kind], severity[of_kind])
    return worst


def _burnt_share(cases: Cases, severity: FloatArray) -> FloatArray:
    """Return the share of a burned pack's metal value that its fire has taken. [1]"""
    fire = _worst(cases, severity, "fire")
    share: FloatArray = np.minimum(np.maximum((fire - PARTLY_BURNT) / (BURNT_OUT - PARTLY_BURNT), 0.0), 1.0)
    return share * _has_condition(cases, "burned")


def _accident_discount(cases: Cases, severity: FloatArray) -> FloatArray:
    """Return the discount on further use for the worst accident, beyond that of finding U13 from :data:`SEVERE` on."""
    worst = _worst(cases, severity, *HARMFUL)
    beyond = np.where(worst < SEVERE, worst, worst - SEVERE)
    return DISCOUNT_PER_SEVERITY * beyond
