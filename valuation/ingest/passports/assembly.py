"""A passport's fields assembled into a history: energies cross-checked, readings dated, masses checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from valuation.battery_code.decoding import decode
from valuation.errors import RefusedPack
from valuation.ingest.fields.aliases import choice_name
from valuation.ingest.fields.days import LAST_DAY
from valuation.ingest.notes import IntakeNote
from valuation.ingest.passports.finder import Finder
from valuation.messages import Message, shown_value
from valuation.record.fields import CHEMISTRIES, event_field
from valuation.record.history import PackHistory, TraceEvent

CONTRADICTION = 1.5
"""Rated energy and voltage times capacity may differ by this factor before one of them must be wrong."""

_WH_PER_KG = (20.0, 350.0)
"""Pack energy densities that exist, from old NiMH and LTO packs to the best cells of 2025. [Wh/kg]"""

_PACK_VOLTS = (12.0, 1000.0)

_CHEMISTRY_WORDS: tuple[tuple[str, str], ...] = (
    (r"811", "NMC811"),
    (r"622", "NMC622"),
    (r"523|532", "NMC523"),
    (r"\b(ncm|nmc)\W?111", "NMC111"),
    (r"\bnca\b|nickel.*cobalt.*alumin", "NCA"),
    (r"\b(ncm|nmc|nmc\d*)\b|nickel.*manganese.*cobalt|nickel.*cobalt.*manganese|ternary|三元", "NMC"),
    (r"\blfp\b|lifepo4|iron.*phosphate|铁锂", "LFP"),
    (r"\blto\b|titanate", "LTO"),
    (r"\blmo\b|limn2o4|mangan(ese|ate).*(oxide|spinel)|lithium.*mangan", "LMO"),
    (r"\blco\b|licoo2|lithium.*cobalt", "LCO"),
    (r"\bni-?mh\b|metal.*hydride", "NIMH"),
    (r"sodium|\bna-?ion", "NAION"),
)

_EVENT_WORDS: tuple[tuple[str, str], ...] = (
    (r"over.?charg", "overcharge"),
    (r"deep.*discharg|over.?discharg", "deep_discharge"),
    (r"over.?temp|over.?heat|extreme.*temp", "over_temperature"),
    (r"fire|burn|thermal.*runaway", "fire"),
    (r"accident|crash|collision", "accident"),
    (r"water|flood|immers", "water"),
    (r"isolat|insulat", "isolation_fault"),
    (r"recall", "recall"),
    (r"swell|swollen", "swelling"),
    (r"leak", "leak"),
)
_NOTHING_HAPPENED = {"", "none", "no", "-", "0", "n/a", "no accidents", "no accident", "无"}


@dataclass(slots=True)
class Draft:
    """The fields of one battery that have been read."""

    family: str
    finder: Finder
    chemistry: str | None = None
    energy_kwh: float | None = None
    capacity_ah: float | None = None
    voltage_v: float | None = None
    mass_kg: float | None = None
    made_on: date | None = None
    maker: str | None = None
    model: str | None = None
    composition: dict[str, float] = field(default_factory=dict)
    identities: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    readings: dict[date, dict[str, float | str]] = field(default_factory=dict)
    events: list[TraceEvent] = field(default_factory=list)
    code: str | None = None
    lacking: str = ""

    def read_chemistry(self, *texts: str | None) -> None:
        """Set the chemistry from the first text that names one."""
        for spelled in filter(None, texts):
            found = choice_name(spelled, "chemistry", CHEMISTRIES)
            if found is None:
                found = next((name for words, name in _CHEMISTRY_WORDS if re.search(words, spelled.casefold())), None)
            if found is not None:
                self.chemistry = found
                self.finder.note("I05", value=shown_value(spelled), chemistry=found)
                return
        named = [spelled for spelled in texts if spelled]
        if named:
            self.finder.drop("chemistry", named[0], Message("passport.why.unknown_chemistry"))

    def reading(self, on: date | None, path: str, name: str, value: float | None) -> None:
        """Add a usage reading on its day; without a day it is noted and not used."""
        if value is None:
            return
        if on is None:
            self.finder.note("I07", fields=path)
            return
        self.readings.setdefault(on, {})[name] = value

    def negative(self, on: date | None, path: str, spelled: str | None) -> None:
        """Add a negative event; its kind is read from its text, and a note asks for review if the text is unclear."""
        if spelled is None or spelled.strip().casefold() in _NOTHING_HAPPENED:
            return
        kind = choice_name(spelled, "kind", event_field("kind").choices)
        kind = kind or next((name for words, name in _EVENT_WORDS if re.search(words, spelled.casefold())), None)
        if kind is None or on is None:
            self.finder.note("I08", value=shown_value(spelled), path=path)
        if on is not None:
            event = TraceEvent(type="negative", on=on, facts={"kind": kind or "other"}, extras={"said": spelled})
            self.events.append(event)

    def identity(self, name: str, value: str | None) -> None:
        """Add an identifier of the battery; a valid GB/T 34014 code becomes its battery code."""
        if not value or set(value) <= set("0-: urnid"):
            return
        self.identities[name] = value
        read = decode(value, LAST_DAY)
        if self.code is None and read.valid:
            self.code = read.code


def finish(draft: Draft) -> tuple[PackHistory, tuple[IntakeNote, ...]]:
    """Return the history of a passport with its notes.

    Raises
    ------
    RefusedPack
        When neither a code nor chemistry and energy are known; the message lists the dropped fields and reasons.
    """
    finder = draft.finder
    _settle_energy(draft)
    _check_masses(draft)
    if draft.code is None and (draft.chemistry is None or draft.energy_kwh is None):
        raise _refusal(draft)
    if draft.code is None:
        identity = next(iter(draft.identities.values()), None)
        finder.note("I12", value=Message("value.nothing") if identity is None else shown_value(identity))
    unused = finder.unused()
    if unused:
        finder.note("I14", count=len(unused), paths=unused[:3])
    usage = [TraceEvent(type="usage", on=day, facts=dict(facts)) for day, facts in sorted(draft.readings.items())]
    history = PackHistory(
        battery_code=draft.code,
        chemistry=draft.chemistry,
        rated_energy_kwh=draft.energy_kwh,
        rated_capacity_ah=draft.capacity_ah,
        nominal_voltage_v=draft.voltage_v,
        mass_kg=draft.mass_kg,
        made_on=draft.made_on,
        maker=draft.maker,
        vehicle_model=draft.model,
        composition=draft.composition,
        events=(*draft.events, *usage),
        extras={"passport": {"family": draft.family, **draft.identities, **draft.statuses}},
    )
    return history, tuple(finder.notes)


def settle_soh(draft: Draft, claims: Mapping[str, tuple[date | None, str, float | None]]) -> None:
    """Set the state of health from the first dated claim, and note the claims that contradict it.

    `claims` maps a field name to its day, definition and fraction, the most trusted first.
    """
    stated = {name: claim for name, claim in claims.items() if claim[2] is not None}
    known = {name: claim for name, claim in stated.items() if claim[0] is not None}
    for name in sorted(stated) if not known else ():
        draft.finder.note("I07", fields=name)
    if not known:
        return
    (chosen, (on, definition, value)), *others = known.items()
    far = [f"{name} {other:.3g}" for name, (_, _, other) in others if abs((other or 0.0) - (value or 0.0)) > 0.1]
    if far:
        draft.finder.note("I10", claims=[f"{chosen} {value:.3g}", *far], chosen=chosen)
    draft.reading(on, chosen, "soh", value)
    if on is not None and draft.readings:
        draft.readings[on] |= {"soh_source": "bms", "soh_definition": definition}


def _settle_energy(draft: Draft) -> None:
    """Cross-check rated energy, voltage times capacity and mass; the contradictory value is dropped."""
    implied = draft.voltage_v * draft.capacity_ah / 1000 if draft.voltage_v and draft.capacity_ah else None
    if draft.energy_kwh is None or implied is None:
        draft.energy_kwh = draft.energy_kwh or implied
        _check_mass(draft)
        return
    ratio = draft.energy_kwh / implied
    if 1 / CONTRADICTION <= ratio <= CONTRADICTION:
        _check_mass(draft)
        return
    drop = draft.finder.drop
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


def _check_mass(draft: Draft) -> None:
    """Drop a mass that no pack of that energy can have."""
    if (
        draft.mass_kg is not None
        and draft.energy_kwh is not None
        and not _dense_enough(draft.energy_kwh, draft.mass_kg)
    ):
        density = draft.energy_kwh * 1000 / draft.mass_kg
        low, high = _WH_PER_KG
        draft.finder.drop(
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
"""Twice what the most metal-hungry published cell design holds, rounded up (BatPaC 5.2, GREET 2023). [kg/kWh]"""


def _check_masses(draft: Draft) -> None:
    """Drop material masses that no battery of that energy, or of that mass, can hold."""
    for name, mass in list(draft.composition.items()):
        most = _MOST_KG_PER_KWH.get(name)
        energy = draft.energy_kwh
        if most is not None and energy is not None and mass > most * energy:
            _drop_mass(draft, name, Message("passport.why.metal_share", share=mass / energy, most=most))
        elif draft.mass_kg is not None and mass > draft.mass_kg:
            _drop_mass(draft, name, Message("passport.why.heavier_than_pack", mass=draft.mass_kg))


def _drop_mass(draft: Draft, name: str, reason: Message) -> None:
    """Drop one material mass."""
    draft.finder.drop(name, draft.composition.pop(name), reason)


def _refusal(draft: Draft) -> RefusedPack:
    """Return the refusal of a passport without enough fields for a valuation."""
    lacks = [
        Message(f"passport.{name}")
        for name, value in (("chemistry", draft.chemistry), ("rated_energy", draft.energy_kwh))
        if value is None
    ]
    energies = [
        reason for reason in draft.finder.dropped if re.search(r"energy|capacity|voltage|chemistry", reason.casefold())
    ]
    dropped = (energies or draft.finder.dropped)[:4]
    return RefusedPack(
        "passport.not_enough_because" if dropped else "passport.not_enough",
        hint="passport.give_more",
        field="chemistry" if draft.chemistry is None else "rated_energy_kwh",
        family=draft.family,
        lacking=lacks,
        dropped=dropped,
    )
