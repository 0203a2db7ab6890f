"""The state of health of a passport, from several claims; fraction or per cent is decided by their agreement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from statistics import median
from typing import NamedTuple

from valuation.ingest.passports.draft import Draft
from valuation.ingest.passports.field_reader import FieldReader, Paths
from valuation.messages import Message, shown_value
from valuation.record.fields import Field, event_field

AGREEING = 0.1
"""Largest difference of agreeing readings of one battery, by definition and method. [1]"""

_LEAST_HEALTH, _USUAL_HEALTH = 0.05, 0.5
"""Lowest health of a pack on offer; a lower percentage is a fraction if it is at least the second number."""

_SOH = event_field("soh")
_PER_CENT = Field("percentage", "number", 0.0, 100.0 * _SOH.high)


class Claim(NamedTuple):
    """One claim of health: day, definition, fraction, and the alternative fraction on the other scale, if possible."""

    on: date | None
    definition: str
    value: float | None
    other: float | None = None
    path: str = ""


def percentage(reader: FieldReader, wanted: Paths, on: Paths | None, definition: str, *, fade: bool = False) -> Claim:
    """Return the claim of a per-cent field; a number up to 1.2 (a fade below 1) may be a fraction."""
    path, raw = reader.raw(wanted)
    if isinstance(raw, str) and raw.strip().endswith("%"):
        raw = raw.strip().removesuffix("%").strip()
    number = reader.quantity(path, raw, _PER_CENT)
    if number is None:
        return Claim(None, definition, None)
    day = reader.day(on) if on is not None else None
    other = number if 0.0 < number < (1.0 if fade else _SOH.high) else None
    value = round(number / 100, 12)
    if fade:
        value, other = 1.0 - value, None if other is None else 1.0 - other
    return Claim(day, definition, value, other, path)


def remaining(reader: FieldReader, wanted: Paths, on: Paths, definition: str, whole: float | None) -> Claim:
    """Return the claim of a remaining capacity or energy, None without a rated value or a possible ratio."""
    if not whole:
        return Claim(None, definition, None)
    value = reader.number(wanted, _SOH, 1.0 / whole)
    return Claim(reader.day(on) if value is not None else None, definition, value)


def settle_soh(draft: Draft, claims: Mapping[str, Claim]) -> None:
    """Set the state of health from the first dated claim, and note the claims that contradict it.

    `claims` maps a field name to its claim, the most trusted first.
    """
    stated = {name: claim for name, claim in on_one_scale(draft.reader, claims).items() if claim.value is not None}
    known = {name: claim for name, claim in stated.items() if claim.on is not None}
    for name in sorted(stated) if not known else ():
        draft.reader.note("I07", fields=name)
    if not known:
        return
    (chosen, claim), *others = known.items()
    value = claim.value or 0.0
    far = [f"{name} {other.value:.3g}" for name, other in others if abs((other.value or 0.0) - value) > AGREEING]
    if far:
        draft.reader.note("I10", claims=[f"{chosen} {value:.3g}", *far], chosen=chosen)
    draft.reading(claim.on, chosen, "soh", value)
    if claim.on is not None and draft.readings:
        draft.readings[claim.on] |= {"soh_source": "bms", "soh_definition": claim.definition}


def on_one_scale(reader: FieldReader, claims: Mapping[str, Claim]) -> dict[str, Claim]:
    """Return the claims; an ambiguous percentage is put on the scale on which the other claims agree.

    Without another claim, a percentage from 0.5 to 1.2 is a fraction of health, because no pack on offer has 1 % left;
    other ambiguous claims, and a fade below 1, are not used.
    """
    settled: dict[str, Claim] = {}
    known: list[float] = []
    for name, claim in sorted(claims.items(), key=lambda item: _certainty(item[1])):
        chosen = claim
        if claim.value is not None and claim.other is not None:
            chosen = _on_scale_of(reader, claim, known)
        if chosen.value is not None:
            known.append(chosen.value)
        settled[name] = chosen
    return {name: settled[name] for name in claims}


def _certainty(claim: Claim) -> int:
    """Return the order of claims: unambiguous ones first, then those with only one plausible scale."""
    if claim.other is None:
        return 0
    return 1 if (claim.value or 0.0) < _LEAST_HEALTH else 2


def _on_scale_of(reader: FieldReader, claim: Claim, known: Sequence[float]) -> Claim:
    """Return an ambiguous claim on the scale that fits the known readings; without a value if neither fits."""
    value, other = claim.value or 0.0, claim.other or 0.0
    near, fits = other, value < _LEAST_HEALTH and other >= _USUAL_HEALTH
    if known:
        closest, far = sorted((value, other), key=lambda one: abs(one - median(known)))
        if abs(closest - median(known)) <= AGREEING and abs(far - median(known)) > 2 * abs(closest - median(known)):
            near, fits = closest, True
    if not fits:
        reader.drop(claim.path, reader.raw(claim.path)[1], Message("passport.why.two_scales"))
        return claim._replace(value=None)
    if near == other:
        reason = Message("passport.scale.agreed", count=len(known)) if known else Message("passport.scale.only")
        reader.note("I21", field=claim.path, value=shown_value(reader.raw(claim.path)[1]), reason=reason)
    return claim._replace(value=near)
