"""Plausibility of a passport: energy, voltage, capacity, mass and materials checked against each other."""

from __future__ import annotations

from valuation.ingest.passports.draft import Draft
from valuation.messages import Message

CONTRADICTION = 1.5
"""Factor between rated energy and voltage times capacity above which one of them must be wrong."""

_WH_PER_KG = (20.0, 350.0)
"""Range of pack energy densities, from old NiMH and LTO packs to the best cells of 2025. [Wh/kg]"""

_PACK_VOLTS = (12.0, 1000.0)


def drop_implausible(draft: Draft, given_energy_kwh: float | None = None) -> None:
    """Drop values of a draft that contradict each other or are impossible, each with a note.

    Masses are checked against the energy given beside the passport where it has none of its own.
    """
    _settle_energy(draft)
    energy_kwh = draft.energy_kwh or given_energy_kwh
    _check_mass(draft, energy_kwh)
    _check_masses(draft, energy_kwh)


def _settle_energy(draft: Draft) -> None:
    """Cross-check rated energy, voltage times capacity and mass; the contradictory value is dropped."""
    implied = draft.voltage_v * draft.capacity_ah / 1000 if draft.voltage_v and draft.capacity_ah else None
    if draft.energy_kwh is None or implied is None:
        draft.energy_kwh = draft.energy_kwh or implied
        return
    ratio = draft.energy_kwh / implied
    if 1 / CONTRADICTION <= ratio <= CONTRADICTION:
        return
    drop = draft.reader.drop
    declared = draft.energy_kwh
    energies = {"declared": declared, "volts": draft.voltage_v, "ampere_hours": draft.capacity_ah, "implied": implied}
    if _dense_enough(declared, draft.mass_kg):
        drop("nominal_voltage_v", draft.voltage_v, Message("passport.why.cell_voltage", **energies))
        volts = declared * 1000 / (draft.capacity_ah or 1.0)
        draft.voltage_v = None
        if not _PACK_VOLTS[0] <= volts <= _PACK_VOLTS[1]:
            drop("rated_capacity_ah", draft.capacity_ah, Message("passport.why.no_pack_voltage", declared=declared))
            draft.capacity_ah = None
        return
    if _dense_enough(implied, draft.mass_kg):
        drop("rated_energy_kwh", declared, Message("passport.why.implied_energy", **energies))
        draft.energy_kwh = implied
        return
    drop("rated_energy_kwh", declared, Message("passport.why.unsettled_energy", **energies))
    draft.energy_kwh = draft.voltage_v = draft.capacity_ah = None


def _dense_enough(energy_kwh: float, mass_kg: float | None) -> bool:
    """Return whether a pack of that energy can have that mass; False if the mass is unknown."""
    return mass_kg is not None and _WH_PER_KG[0] <= energy_kwh * 1000 / mass_kg <= _WH_PER_KG[1]


def _check_mass(draft: Draft, energy_kwh: float | None) -> None:
    """Drop a mass that no pack of that energy can have."""
    if draft.mass_kg is not None and energy_kwh is not None and not _dense_enough(energy_kwh, draft.mass_kg):
        density = energy_kwh * 1000 / draft.mass_kg
        low, high = _WH_PER_KG
        draft.reader.drop(
            "mass_kg", draft.mass_kg, Message("passport.why.density", density=density, low=low, high=high)
        )
        draft.mass_kg = None


_MOST_KG_PER_KWH = {
    "lithium_kg": 0.3,
    "nickel_kg": 1.5,
    "cobalt_kg": 1.0,
    "manganese_kg": 2.5,
    "copper_kg": 3.0,
    "aluminium_kg": 6.0,
    "graphite_kg": 2.5,
}
"""Twice the highest metal content of published cell designs, rounded up (BatPaC 5.2, GREET 2023). [kg/kWh]"""


def _check_masses(draft: Draft, energy_kwh: float | None) -> None:
    """Drop material masses that no battery of that energy, or of that mass, can hold."""
    for name, mass in list(draft.composition.items()):
        most = _MOST_KG_PER_KWH.get(name)
        if most is not None and energy_kwh is not None and mass > most * energy_kwh:
            _drop_mass(draft, name, Message("passport.why.metal_share", share=mass / energy_kwh, most=most))
        elif draft.mass_kg is not None and mass > draft.mass_kg:
            _drop_mass(draft, name, Message("passport.why.heavier_than_pack", mass=draft.mass_kg))


def _drop_mass(draft: Draft, name: str, reason: Message) -> None:
    """Drop one material mass."""
    draft.reader.drop(name, draft.composition.pop(name), reason)
