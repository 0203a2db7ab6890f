"""The element of a passport's material, by name and CAS number, which must agree."""

from __future__ import annotations

import re
from typing import NamedTuple

from valuation.ingest.passports.draft import Draft
from valuation.messages import Message, shown_value
from valuation.record.fields import COMPOSITION_FIELDS


class _Element(NamedTuple):
    mass: str
    cas: str
    names: str


_ELEMENTS = (
    _Element("lithium_kg", "7439-93-2", r"lithium( metal)?|li"),
    _Element("nickel_kg", "7440-02-0", r"nickel|ni"),
    _Element("cobalt_kg", "7440-48-4", r"cobalt|co"),
    _Element("manganese_kg", "7439-96-5", r"manganese|mn"),
    _Element("copper_kg", "7440-50-8", r"copper|cu"),
    _Element("aluminium_kg", "7429-90-5", r"alumini?um|al"),
    _Element("iron_kg", "7439-89-6", r"iron|fe"),
    _Element("steel_kg", "12597-69-2", r"steel"),
    _Element("graphite_kg", "7782-42-5", r"((natural|synthetic|artificial) )?graphite"),
    _Element("phosphorus_kg", "7723-14-0", r"phosphorus|p"),
    _Element("titanium_kg", "7440-32-6", r"titanium|ti"),
    _Element("sodium_kg", "7440-23-5", r"sodium|na"),
)
"""Elements with their CAS registry numbers; compounds are not read."""

_MASS = {field.name: field for field in COMPOSITION_FIELDS}
_SYMBOL = re.compile(r"\s*\([a-z]{1,2}\)\s*$")


def element_of(name: str | None, cas: str | None) -> str | None:
    """Return the mass field of an element, None if name and number are unknown or disagree.

    >>> element_of("Nickel (Ni)", None), element_of("Lithium", "7439-93-2 "), element_of("Lithium", "346417-97-8")
    ('nickel_kg', 'lithium_kg', None)
    """
    plain = _SYMBOL.sub("", (name or "").strip().casefold())
    by_name = next((element for element in _ELEMENTS if re.fullmatch(element.names, plain)), None)
    number = (cas or "").strip()
    by_number = next((element for element in _ELEMENTS if element.cas == number), None)
    if by_name is not None and number and by_name.cas != number and by_number is not by_name:
        return None
    chosen = by_number if not plain or by_name is None else by_name
    return chosen.mass if chosen else None


def read_material(draft: Draft, wanted: str, name: str | None, cas: str | None, factor: float) -> None:
    """Add the mass at a path to the composition; a mass of an unknown or contradictory element is dropped.

    `factor` converts the mass or share to kilogram.
    """
    path, mass = draft.reader.raw(wanted)
    if mass is None:
        return
    element = element_of(name, cas)
    if element is None:
        if element_of(name, None) is not None:
            draft.reader.drop(path, mass, Message("passport.why.cas", cas=shown_value(cas), element=name))
        return
    kilograms = draft.reader.quantity(path, mass, _MASS[element], factor)
    if kilograms is not None:
        draft.composition[element] = draft.composition.get(element, 0.0) + kilograms
