"""Converts a draft to a record, completes it with given facts, or refuses it with the missing fields."""

from __future__ import annotations

import re

import msgspec

from valuation.errors import RefusedPack
from valuation.ingest.decoded_record import DecodedRecord, ReadRecord, build_record
from valuation.ingest.fields.days import MONTH_SD_DAYS
from valuation.ingest.given_facts import GivenFacts, complete
from valuation.ingest.passports.draft import Draft
from valuation.ingest.passports.plausibility import drop_implausible
from valuation.ingest.record_decoder import convert_event, missing_identity
from valuation.ingest.record_schema import Record, TypedEvent
from valuation.messages import Message, shown_value

_MOST_NAMED = 60


def finish(draft: Draft, given: GivenFacts | None) -> DecodedRecord:
    """Return the record of a passport with its notes, completed with given facts.

    Raises
    ------
    RefusedPack
        When neither a code nor chemistry and energy or mass are known; the message lists dropped fields and reasons.
    """
    drop_implausible(draft, None if given is None else given.pack.get("rated_energy_kwh"))
    reader = draft.reader
    if reader.as_text:
        reason = Message("passport.respelled.numbers_as_text")
        reader.note("I04", field=", ".join(reader.as_text), reason=reason)
    unused = reader.unused()
    if unused:
        reader.note("I14", count=len(unused), paths=[*unused[:_MOST_NAMED], *("…" for _ in unused[_MOST_NAMED:][:1])])
    read = complete(_read(draft), given)
    by_mass = missing_identity(msgspec.structs.replace(read.pack, mass_kg=None))
    if missing_identity(read.pack) or (by_mass and _dropped_energies(draft)):  # a doubtful plate is not valued by mass
        raise _refusal(draft, read)
    if read.pack.battery_code is None:
        identity = next(iter(draft.identities.values()), None)
        reader.note("I12", value=Message("value.nothing") if identity is None else shown_value(identity))
        read.notes.append(reader.notes[-1])
    return build_record(read)


def _read(draft: Draft) -> ReadRecord:
    """Return a draft as a record whose values were checked."""
    usage: list[dict[str, object]] = [
        {"type": "usage", "on": day, **facts} for day, facts in sorted(draft.readings.items())
    ]
    events: list[TypedEvent] = []
    values: list[float] = []
    for fields in [*draft.events, *usage]:
        event, numbers = convert_event(fields)
        events.append(event)
        values += numbers
    nameplate = {
        "battery_code": draft.code,
        "chemistry": draft.chemistry,
        "rated_energy_kwh": draft.energy_kwh,
        "rated_capacity_ah": draft.capacity_ah,
        "nominal_voltage_v": draft.voltage_v,
        "mass_kg": draft.mass_kg,
        "made_on": draft.made_on,
        "made_on_sd_days": MONTH_SD_DAYS if draft.made_on in draft.reader.middles_of_months else None,
        "maker": draft.maker,
        "vehicle_model": draft.model,
        "life_cycle_status": draft.status,
        "composition": draft.composition,
        "modules": draft.modules,
    }
    return ReadRecord(
        pack=msgspec.structs.replace(msgspec.convert(nameplate, Record), events=events),
        values=values,
        notes=list(draft.reader.notes),
        extras={"passport": {"family": draft.family, **draft.identities, **draft.statuses}},
        event_extras=draft.event_extras,
    )


def _dropped_energies(draft: Draft) -> list[Message]:
    """Return the reasons why facts of energy or chemistry are not used."""
    facts = r"energy|capacity|voltage|chemistry"
    return [reason for reason in draft.reader.dropped if re.search(facts, reason.casefold())]


def _refusal(draft: Draft, read: ReadRecord) -> RefusedPack:
    """Return the refusal of a passport without enough fields for a valuation."""
    lacks = [
        Message(f"passport.{name}")
        for name, value in (("chemistry", read.pack.chemistry), ("rated_energy", read.pack.rated_energy_kwh))
        if value is None
    ]
    dropped = (_dropped_energies(draft) or draft.reader.dropped)[:4]
    return RefusedPack(
        "passport.not_enough_because" if dropped else "passport.not_enough",
        hint="passport.give_more",
        field="chemistry" if read.pack.chemistry is None else "rated_energy_kwh",
        family=draft.family,
        lacking=lacks,
        dropped=dropped,
    )
