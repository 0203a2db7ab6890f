"""Default costs and yields of the routes (成本与收率假设), each figure with its source and date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

# Share of each metal that crushing and separation bring into a paid product (mechanical yields, judged 2026 within
# .90 to .97; the Chinese industry conditions of 2024-12-24 require 98 % of electrode powder). Losses in refining
# are part of the payable and must not be deducted twice.
_YIELDS: Final = MappingProxyType(
    {"Li": 0.93, "Ni": 0.95, "Co": 0.95, "Mn": 0.95, "Cu": 0.93, "Al": 0.90, "Fe": 0.90, "graphite": 0.90}
)


# Fleets lose 1.8 to 2.3 % of health per year, with heavy use and fast charging up to 3 % (Geotab 2024 and 2025).
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
    """Costs [CNY without VAT], yields and behaviour of buyers for the three routes in one region.

    Attributes
    ----------
    transport_cny_per_kg : per kg of pack
        China 0.5 (R. Ma et al., Nat. Commun. 2024, doi 10.1038/s41467-024-52030-0, basis May 2023).
    dismantling_cny_per_kg : per kg of cells
        Discharge and disassembly, China 0.85 (same).
    treatment_cny_per_kg : per kg of cells
        Crushing and separation: half of the labour (2,150 CNY/t) and the equipment (365 CNY/t) of the same source's
        hydrometallurgical route; the other half comes after the black mass, inside the payable (judged, 2026).
    trade_margin : share of the metals' value
        Margin of collectors between seller and recycler. Recyclers bid at about zero profit (trade press, 2025), so
        the payable contains their margin, and this is that of the trade (judged, 2026). [1]
    lithium_slope : share of the lithium
        Loss of recovered lithium for a completely faded cathode: the lost part stays in the anode. Ma et al. scale
        recovered lithium with health; a weak slope of 0.3 is judged, 2026. [1]
    repurposing_cny_per_kwh : per rated kWh
        China 80, the middle of 8 to 15 USD (recalled, 2026); Europe 27 to 38 EUR (Lieskoski et al., Batteries 2024).
    liability_cny_per_kwh : per rated kWh
        Warranty and liability of a second-life product (judged, 2026).
    used_discount : mapping of anchor to fraction
        Discount of a repurposed pack beyond remaining energy and life: about 0.30 in China (trade press, 2021), 0.25 to
        0.40 in the B2U calculator (J. Neubauer, NREL); judged .40, 2026, as buyers pay less than sellers ask.
    resistance_decay, spread_penalty : float
        Loss of second-life value with excess resistance and with unequal cells (judged, 2026). [1]
    new_pack_over_china : float
        Price of a new pack in the region over that in China, for a quote that is borrowed from China: 1.56 in Europe
        (BloombergNEF survey of December 2025). [1]
    yearly_discount : float
        Rate at which the later recycling is discounted: 8 % a year.
    reuse_discount : float
        Discount of a used spare pack against a new one (judged, 2026). [1]
    test_cny_per_kwh : per rated kWh
        Test and re-certification before the pack goes back into a vehicle (judged, 2026).
    softness_cny_per_kwh : float
        Difference in CNY/kWh within which buyers choose either route (about 3 % of a usual value).
    cost_decline_per_a : float
        Yearly decline of the costs of dismantling, treatment and repurposing, relative to 2026. [1/a]
    second_life_fitness : mapping of kind to share
        Second-life revenue of each kind over that of iron phosphate with the same energy and life. Ternary packs are
        barred from large and medium storage (25 key requirements of the National Energy Administration, draft of 2022),
        so fewer buyers bid; LMO and sodium packs are rare goods: judged .80 for both, 2026. [1]
    health_shift : float
        Reduction of the minimum health, and of the health at the end of a second life, against the table. [1]
    reuse_odds : float
        Factor on the odds that a matching vehicle is found. [1]
    reuse_fade_per_a : float
        Decrease of the logarithm of those odds per year of age. [1/a]
    doubt_discount : float
        Reduction of second-life revenue per unit of uncertainty of health. [1]
    rule_of_thumb : share
        Weight of age and BMS readings, against the valuer's estimate, in the health that buyers assume. [1]
    usual_loss_per_a : mapping of duty to share of health a year
        Loss of health per year that buyers assume, by kind of use (judged, 2026). [1/a]
    usual_loss_sd, bms_sd : float
        Uncertainty that buyers assign to that rule and to BMS readings (judged, 2026). [1]
    damaged_cny_per_kg : float
        Additional packing, haul and storage of a damaged pack (P908 box); per kg of pack. Packing of hazardous against
        other packs costs 0.53 USD/kg more in the USA (EverBatt 2023, sheet Col&Trans Par.), 3.8 CNY/kg; judged half of
        it, 2, in China and 6 with a class 9 haul in Europe, 2026.
    dangerous_cny_per_kg : float
        Further addition for a pack that may react (P911 drum, guarded haul, watched storage); per kg of pack. Judged,
        2026: with the above 6 in China and 18 in Europe, three quarters of a disposal.
    disposal_cny_per_kg : float
        Packing in drums (UN 3480, P911), guarded transport and storage of a pack that no recycler takes, in addition to
        normal transport; the higher of this and the two costs above counts: 8 in China, 3 EUR in Europe (judged, 2026).
    momentum : float
        Response of bids to the change of the lithium price over 90 days. [1]
    softness_share : float
        Increase of `softness_cny_per_kwh` per CNY/kWh of value. [1]
    unknown_kind : float
        Metal value credited to a pack of unknown chemistry, over the fleet average. [1]
    bms_flattery : float
        Loss of health that buyers assume over the loss that the BMS reports. [1]
    unsureness : float
        Uncertainty of health that buyers assume over that of the valuer. [1]
    premium_falls : float
        Decrease of a route's premium over recycling with the share of buyers who take the pack there: 0 for a constant
        premium, 1 for a premium in proportion to the share. [1]
    severity_limit : float
        Severity of the worst incident that half of the buyers for further use accept; above one, all accept. [1]
    end_shift : float
        Reduction of the health at the end of a second life against the table. [1]
    age_discount_per_a : float
        Yearly discount on a used pack for its age alone, whatever its health. [1/a]
    recycling_cny, further_use_cny : float
        Fixed cost per pack for documents and handling, for recycling and for further use.
    search_cny_per_kwh : float
        Cost of the search for a vehicle, successful or not; per rated kWh.
    reuse_age_shift_a, reuse_age_width : float
        Shift of the maximum age for reuse [a], and factor on the spread of that age among buyers. [1]
    keen_age_per_a, keen_harm, keen_missing, keen_again, keen_damaged : float
        Discounts on the value of a further use: per year of age [1/a], for the worst accepted incident, per missing
        module, for a pack that already had a second life, for visible damage. [1]
    """

    yields: Mapping[str, float] = field(default_factory=lambda: _YIELDS)
    transport_cny_per_kg: float = 0.5
    dismantling_cny_per_kg: float = 0.85
    treatment_cny_per_kg: float = 1.44
    trade_margin: float = 0.06
    lithium_slope: float = 0.3
    repurposing_cny_per_kwh: float = 80.0
    liability_cny_per_kwh: float = 10.0
    used_discount: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({"lfp": 0.40, "ternary": 0.40}))
    new_pack_over_china: float = 1.0
    resistance_decay: float = 0.5
    spread_penalty: float = 2.0
    yearly_discount: float = 0.08
    reuse_discount: float = 0.45
    test_cny_per_kwh: float = 12.0
    softness_cny_per_kwh: float = 4.0
    cost_decline_per_a: float = 0.0
    second_life_fitness: Mapping[str, float] = field(
        default_factory=lambda: MappingProxyType({"lfp": 1.0, "ternary": 0.8, "lto": 1.0, "other": 0.8})
    )
    health_shift: float = 0.0
    reuse_odds: float = 1.0
    reuse_fade_per_a: float = 0.0
    doubt_discount: float = 0.0
    rule_of_thumb: float = 0.0
    usual_loss_per_a: Mapping[str, float] = field(default_factory=lambda: _USUAL_LOSS)
    usual_loss_sd: float = 0.06
    bms_sd: float = 0.05
    damaged_cny_per_kg: float = 2.0
    dangerous_cny_per_kg: float = 4.0
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
# Transport of class 9 goods and labour cost several times as much (EverBatt 2019 and 2023); 8 CNY per euro, 2026.
EUROPE: Final = replace(
    CHINA,
    transport_cny_per_kg=3.0,
    dismantling_cny_per_kg=2.5,
    treatment_cny_per_kg=4.0,
    damaged_cny_per_kg=6.0,
    dangerous_cny_per_kg=12.0,
    disposal_cny_per_kg=24.0,
    new_pack_over_china=1.56,
    repurposing_cny_per_kwh=260.0,
    liability_cny_per_kwh=30.0,
)
_BY_REGION: Final[Mapping[str, Assumptions]] = MappingProxyType({"CN": CHINA, "EU": EUROPE})


def assumptions_for(region: str) -> Assumptions:
    """Return the assumptions of a region; those of China if the region is unknown.

    >>> assumptions_for("CN").transport_cny_per_kg, assumptions_for("EU").repurposing_cny_per_kwh
    (0.5, 260.0)
    """
    return _BY_REGION.get(region, CHINA)
