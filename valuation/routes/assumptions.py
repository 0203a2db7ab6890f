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


# Fleets lose 1.8 to 2.3 % of health a year, those in heavy use and fast charging up to 3 % (Geotab 2024 and 2025).
_USUAL_LOSS: Final = MappingProxyType(
    {
        "private": 0.020,
        "taxi": 0.030,
        "bus": 0.030,
        "logistics": 0.027,
        "swap": 0.030,
        "other": 0.023,
        "unknown": 0.023,
    }
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
    cost_decline_per_a : float
        How much less dismantling, treatment and repurposing cost a year later; before 2026 they cost more. [1/a]
    second_life_fitness : mapping of kind to share
        What a second life of each kind earns beside one of iron phosphate of the same energy. [1]
    health_shift : float
        How much lower than the table's a health buyers ask for, and end a second life at. [1]
    reuse_odds : float
        Multiplies the odds that a vehicle is found. [1]
    reuse_fade_per_a : float
        How much those odds fall for each year of age, as a logarithm. [1/a]
    doubt_discount : float
        What a second life earns less for each point of uncertainty of its health. [1]
    rule_of_thumb : share
        How far buyers go by age and the battery's own readings rather than by a valuer's estimate of health. [1]
    usual_loss_per_a : mapping of duty to share of health a year
        What buyers take off for age, by kind of use (judged, 2026). [1/a]
    usual_loss_sd, bms_sd : float
        How good buyers hold that rule, and the battery's own readings, to be (judged, 2026). [1]
    damaged_cny_per_kg : float
        Packing, haul and handling of a damaged pack on top of a sound one's; per kg of pack.
    dangerous_cny_per_kg : float
        The same on top of that for one that may react; per kg of pack.
    disposal_cny_per_kg : float
        Packing in drums (UN 3480, P911), a watched haul and storage of a pack that no recycler takes, on top of a sound
        one's transport, where a damaged and dangerous one costs no more: 8 in China, 3 EUR in Europe (judged, 2026).
    momentum : float
        How far buyers' bids follow a rise or fall of lithium over 90 days. [1]
    softness_share : float
        What `softness_cny_per_kwh` grows by with the value itself. [1]
    unknown_kind : float
        What the metals of a pack of unknown chemistry are taken for, of what they would be on average. [1]
    bms_flattery : float
        Loss that buyers read from a battery's own computer, over the loss it tells. [1]
    unsureness : float
        How unsure of health buyers act, over how unsure a valuer is. [1]
    premium_falls : float
        How far what a route earns over recycling falls with the share of buyers who take the pack there: 0, the last
        one left pays all of it; 1, in proportion. [1]
    severity_limit : float
        Severity of the worst mishap that half of the buyers for further use put up with; above one, all. [1]
    end_shift : float
        How much lower than the table's buyers put the health at which a second life ends. [1]
    age_discount_per_a : float
        What age itself takes off a used pack's price each year, whatever its health. [1/a]
    recycling_cny, further_use_cny : float
        Papers and handling of a pack whatever its size, to recycle it or to use it further. With them value no longer
        adds in kWh.
    search_cny_per_kwh : float
        Cost of looking for a vehicle, found or not; per rated kWh.
    reuse_age_shift_a, reuse_age_width : float
        How much older than judged packs are taken for reuse [a], and how much buyers differ in it over as judged. [1]
    keen_age_per_a, keen_harm, keen_missing, keen_again, keen_damaged : float
        What buyers take off what a further use leaves them: for each year of age [1/a], for the worst mishap put up
        with, for each module missing, for a pack that has had a second life already, for visible damage. [1]
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
    cost_decline_per_a: float = 0.0
    second_life_fitness: Mapping[str, float] = field(
        default_factory=lambda: MappingProxyType({"lfp": 1.0, "ternary": 1.0, "lto": 1.0, "other": 1.0})
    )
    health_shift: float = 0.0
    reuse_odds: float = 1.0
    reuse_fade_per_a: float = 0.0
    doubt_discount: float = 0.0
    rule_of_thumb: float = 0.0
    usual_loss_per_a: Mapping[str, float] = field(default_factory=lambda: _USUAL_LOSS)
    usual_loss_sd: float = 0.06
    bms_sd: float = 0.05
    damaged_cny_per_kg: float = 0.0
    dangerous_cny_per_kg: float = 0.0
    disposal_cny_per_kg: float = 8.0
    momentum: float = 0.0
    softness_share: float = 0.0
    unknown_kind: float = 1.0
    bms_flattery: float = 1.0
    unsureness: float = 1.0
    premium_falls: float = 0.0
    severity_limit: float = 1.15
    end_shift: float = 0.0
    age_discount_per_a: float = 0.0
    recycling_cny: float = 0.0
    further_use_cny: float = 0.0
    search_cny_per_kwh: float = 0.0
    reuse_age_shift_a: float = 0.0
    reuse_age_width: float = 1.0
    keen_age_per_a: float = 0.0
    keen_harm: float = 0.0
    keen_missing: float = 0.0
    keen_again: float = 0.0
    keen_damaged: float = 0.0


CHINA: Final = Assumptions()
# Transport of class 9 goods and labour cost several times as much (EverBatt 2019 and 2023); 8 CNY a euro, 2026.
EUROPE: Final = replace(
    CHINA,
    transport_cny_per_kg=3.0,
    dismantling_cny_per_kg=2.5,
    treatment_cny_per_kg=4.0,
    disposal_cny_per_kg=24.0,
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
