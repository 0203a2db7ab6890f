"""Battery passports (电池护照) of three families, recognised by structure, each read into a record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from valuation.errors import UnreadableRecord
from valuation.ingest.decoded_record import DecodedRecord
from valuation.ingest.given_facts import GivenFacts
from valuation.ingest.passports import batterypass, catenax, idta, traction_code, wrappers
from valuation.ingest.passports.assembly import finish
from valuation.ingest.passports.draft import Draft
from valuation.ingest.passports.field_reader import FieldReader

__all__ = ["documents_in", "family", "join", "read_document"]

_READERS: Final[Mapping[str, Callable[[FieldReader], Draft]]] = {
    "catenax": catenax.read_nested,
    "catenax-flat": catenax.read_flat,
    "batterypass": batterypass.read_batterypass,
    "idta": idta.read_idta,
    "traction-code": traction_code.read_traction_code,
}
_IN_PARTS: Final = frozenset({"batterypass", "idta"})

_WEAK: Final = frozenset(
    {
        *("batteryCategory", "batteryStatus", "batteryPassportIdentifier", "productIdentifier", "batteryMass"),
        *("SerialNumber", "URIOfTheProduct", "DateOfManufacture", "BatteryStatus", "Documents", "Entities"),
        *("SafetyMeasures", "tractionBatteryCode"),
    }
)
"""Names that also occur around passports."""


def family(document: Mapping[str, object]) -> str | None:
    """Return the family of a document by its structure, None if it is not a passport.

    >>> family({"batteryMaterials": []}), family({"NumberOfFullCycles": {}}), family({"battery_code": "x"})
    ('batterypass', 'idta', None)
    """
    return _family(document.keys())


def _family(names: Iterable[str]) -> str | None:
    """Return the family of a document by its top-level names."""
    names = set(names)
    if len(catenax.NESTED & names) >= 2:
        return "catenax"
    for kind, topics in (
        ("catenax-flat", catenax.FLAT),
        ("batterypass", batterypass.TOPICS),
        ("idta", idta.TOPICS),
        ("traction-code", traction_code.TOPICS),
    ):
        if topics & names:
            return kind
    return None


def documents_in(content: Mapping[str, object]) -> list[tuple[str, dict[str, object]]]:
    """Return the passport documents in an object with their places: credentials, shells, wrappers, JSON-LD.

    >>> documents_in({"credentialSubject": {"batteryMaterials": []}})
    [('credentialSubject', {'batteryMaterials': []})]
    """
    found = wrappers.documents_in(content, family, _strong_family)
    return [(place, _with_condition(document)) for place, document in found if family(document) is not None]


def _strong_family(document: Mapping[str, object]) -> str | None:
    """Return the family of a document by names that occur only in passports."""
    names = set(document)
    return _family(names if {"tractionBatteryCode", "productType"} <= names else names - _WEAK)


def _with_condition(document: dict[str, object]) -> dict[str, object]:
    """Return a BatteryPass document with its top-level condition fields moved into `batteryCondition`."""
    if not batterypass.CONDITIONS & document.keys() or "batteryCondition" in document:
        return document
    topics = batterypass.TOPICS - batterypass.CONDITIONS
    condition = {name: value for name, value in document.items() if name not in topics}
    return {name: value for name, value in document.items() if name in topics} | {"batteryCondition": condition}


def join(documents: list[Mapping[str, object]]) -> list[dict[str, object]]:
    """Join the topic documents of one battery; a repeated topic starts the next battery.

    A document of codes belongs to the battery without codes.

    >>> join([{"batteryMass": 1}, {"batteryCondition": {}}, {"batteryMass": 2}])
    [{'batteryMass': 1, 'batteryCondition': {}}, {'batteryMass': 2}]
    """
    batteries: list[dict[str, object]] = []
    for document in documents:
        if batteries and _belongs(family(batteries[-1]), family(document), batteries[-1].keys() & document.keys()):
            batteries[-1] |= document
        else:
            batteries.append(dict(document))
    return batteries


def _belongs(before: str | None, kind: str | None, repeated: set[str]) -> bool:
    """Return whether a document belongs to the previous battery."""
    one_family = kind == before and kind in _IN_PARTS
    codes = "traction-code" in {before, kind} and before != kind
    return (one_family or codes) and not repeated


def read_document(document: Mapping[str, object], given: GivenFacts | None = None) -> DecodedRecord:
    """Return the record of a passport from its topic documents, completed with given facts.

    Raises
    ------
    UnreadableRecord
        When the document is not a passport of a known family.
    RefusedPack
        When its plausible fields are not enough for a valuation.
    """
    kind = family(document)
    if kind is None:
        raise UnreadableRecord("passport.unknown_family")
    draft = _READERS[kind](FieldReader(document))
    if kind != "traction-code":
        traction_code.add_codes(draft)
    return finish(draft, given)
