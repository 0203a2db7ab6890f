"""What a route costs and yields where nobody says otherwise (成本与收率假设), each figure with its source and date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

# Share of each metal that crushing and separation bring into a paid product (mechanical yields, judged 2026 within
# .90 to .97; the Chinese industry conditions of 2024-12-24 ask 98 % of electrode powder). What is lost in refining
# after that is inside the payable, and must not be taken off twice.
_YIELDS: Final = MappingProxyType(
    {"Li": 0.93, "Ni": 0.95, "Co": 0.95, "Mn": 0.95, "Cu": 0.93, "Al": 0.90, "Fe": 0.90, "graphite": 0.90}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """Costs [CNY without VAT] and yields of the three routes in one region; no fixed cost a pack, so value adds in kWh.

    Attributes
    ----------
    transport_cny_per_kg : per kg of pack
        China 0.5 (R. Ma et al., Nat. Commun. 2024, doi 10.1038/s41467-024-52030-0, basis May 2023).
    dismantling_cny_per_kg : per kg of cells
        Discharge and disassembly, China 0.85 (same).
    treatment_cny_per_kg : per kg of cells
        Crushing and separation: half of the labour (2,150 CNY/t) and the equipment (365 CNY/t) of the same source's
        hydrometallurgical route; the other half comes after the black mass, inside the payable (judged, 2026).
    trade_margin : share of what the metals fetch
        What collectors between seller and recycler keep; recyclers themselves bid down to about no profit (trade press,
        2025), so that the payable is theirs and this is the channel's (judged, 2026). [1]
    lithium_slope : share of the lithium
        How much less lithium is recovered from a wholly faded cathode: what it lost stays in the anode. Ma et al. scale
        recovered lithium with health; a weak slope of 0.3 is judged, 2026. [1]
    repurposing_cny_per_kwh : per rated kWh
        China 80, the middle of 8 to 15 USD (recalled, 2026); Europe 27 to 38 EUR (Lieskoski et al., Batteries 2024).
    liability_cny_per_kwh : per rated kWh
        Warranty and liability of a second-life product (judged, 2026).
    used_discount : mapping of anchor to fraction
        What a buyer takes off for used goods beyond health: 0.25 to 0.40, after the B2U calculator (J. Neubauer, NREL).
    resistance_decay, spread_penalty : float
        How fast risen resistance and unequal cells take value off a second life (judged, 2026). [1]
    yearly_discount : float
        Rate at which the later recycling is discounted: 8 % a year.
    reuse_discount : float
        What a used pack fetches below a new one as a spare (judged, 2026). [1]
    test_cny_per_kwh : per rated kWh
        Test and re-certification before it goes back into a vehicle (judged, 2026).
    softness_cny_per_kwh : float
        Within how many CNY/kWh two routes are as good as each other: buyers differ (about 3 % of a usual value).
    """

    yields: Mapping[str, float] = field(default_factory=lambda: _YIELDS)
    transport_cny_per_kg: float = 0.5
    dismantling_cny_per_kg: float = 0.85
    treatment_cny_per_kg: float = 1.44
    trade_margin: float = 0.06
    lithium_slope: float = 0.3
    repurposing_cny_per_kwh: float = 80.0
    liability_cny_per_kwh: float = 10.0
    used_discount: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({"lfp": 0.30, "ternary": 0.40}))
    resistance_decay: float = 0.5
    spread_penalty: float = 2.0
    yearly_discount: float = 0.08
    reuse_discount: float = 0.45
    test_cny_per_kwh: float = 12.0
    softness_cny_per_kwh: float = 4.0


CHINA: Final = Assumptions()
# Transport of class 9 goods and labour cost several times as much (EverBatt 2019 and 2023); 8 CNY a euro, 2026.
EUROPE: Final = replace(
    CHINA,
    transport_cny_per_kg=3.0,
    dismantling_cny_per_kg=2.5,
    treatment_cny_per_kg=4.0,
    repurposing_cny_per_kwh=260.0,
    liability_cny_per_kwh=30.0,
)
_BY_REGION: Final[Mapping[str, Assumptions]] = MappingProxyType({"CN": CHINA, "EU": EUROPE})


def assumptions_for(region: str) -> Assumptions:
    """Return what routes cost in a region; China's where the region is not known.

    >>> assumptions_for("CN").transport_cny_per_kg, assumptions_for("EU").repurposing_cny_per_kwh
    (0.5, 260.0)
    """
    return _BY_REGION.get(region, CHINA)
