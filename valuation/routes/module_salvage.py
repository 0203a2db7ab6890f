"""Module salvage (拆包选用模块): a pack with a few weak modules is opened, and its strong modules are sold.

    M = w S(s + g)  +  (1 - w) F  -  opening

with the share w of strong modules, their health above that of the pack g (a whole pack is as good as its weakest
module), the value S of a second life of theirs, the value F of the weak ones on the better of recycling and second
life, and the cost of opening: half of the work of taking a pack apart down to the cells (two of four hours in Argonne
EverBatt 2023, sheet Disassembly) and a test of every module. It is a way into a second life, and closed where that is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from valuation.condition.health import HIGHEST_SOH
from valuation.market.snapshot import Market
from valuation.numeric.columns import FloatArray
from valuation.pack.materials import MetalContent
from valuation.pack.nameplate import PACK, Nameplate
from valuation.record.cases import Cases
from valuation.routes.assumptions import Assumptions
from valuation.routes.recycling import surcharge
from valuation.routes.second_life import SecondLife

OPENING_SHARE: Final = 0.5
"""Share of the work of dismantling a pack to its cells that opens it to its modules (EverBatt 2023: 2 of 4 h). [1]"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleSalvage:
    """Terms of the value of a pack that is opened, one row per pack.

    Attributes
    ----------
    strong_share : array
        Share of the modules that are strong; 0 if all are alike or their health is not known. [1]
    health_gap : array
        Mean health of the strong modules less that of the weakest one. [1]
    opening_cost : array
        Opening the pack and testing its modules. [CNY/kWh]
    second_life : SecondLife
        Terms of a second life of the strong modules.
    """

    strong_share: FloatArray
    health_gap: FloatArray
    opening_cost: FloatArray
    second_life: SecondLife

    def strong_health(self, soh: FloatArray) -> FloatArray:
        """Return the health of the strong modules, given the pack's, of shape (…, packs). [1]"""
        return np.minimum(soh + self.health_gap, HIGHEST_SOH)

    def value(self, soh: FloatArray, recycling: FloatArray, weak: FloatArray) -> FloatArray:
        """Return the value of an opened pack at a state of health. [CNY/kWh]

        `recycling` and `weak` are the value of recycling and that of the weak modules, per kWh.
        """
        sold = self.second_life.value(self.strong_health(soh), recycling)
        return self.strong_share * sold + (1.0 - self.strong_share) * weak - self.opening_cost

    def admission(self, soh: FloatArray) -> FloatArray:
        """Return the share of buyers who would take the strong modules; 0 without weak ones. [1]"""
        return np.where(self.strong_share > 0.0, self.second_life.admission(self.strong_health(soh)), 0.0)


def price_module_salvage(  # noqa: PLR0913, PLR0917 - one argument for each step of the dossier it rests on
    cases: Cases,
    nameplate: Nameplate,
    market: Market,
    metals: MetalContent,
    second_life: SecondLife,
    assumptions: Assumptions,
) -> ModuleSalvage:
    """Return the terms of opening each pack (拆包选用模块)."""
    share = cases.packs["module_strong_share"]
    apart = (share > 0.0) & (share < 1.0) & (nameplate.level == PACK)
    gap = cases.packs["module_strong_soh"] - cases.packs["module_lowest_soh"]
    work = metals.cell_mass_kg / nameplate.energy_kwh * surcharge(market, assumptions)
    return ModuleSalvage(
        strong_share=np.where(apart, share, 0.0),
        health_gap=np.where(apart, gap, 0.0),
        opening_cost=work * (OPENING_SHARE * assumptions.dismantling_cny_per_kg) + assumptions.test_cny_per_kwh,
        second_life=replace(second_life, cell_spread=np.full(len(share), np.nan)),
    )
