"""Battery passports (电池护照) of three families, recognised by structure, each read into a history."""

from __future__ import annotations

from collections.abc import Mapping

from valuation.errors import UnreadableRecord
from valuation.ingest.notes import IntakeNote
from valuation.ingest.passports import batterypass, catenax, idta
from valuation.ingest.passports.assembly import finish
from valuation.ingest.passports.finder import Finder
from valuation.record.history import PackHistory

__all__ = ["family", "join", "read_document"]


def family(document: Mapping[str, object]) -> str | None:
    """Return which family a document belongs to by its structure, None if it is not a passport.

    >>> family({"batteryMaterials": []}), family({"NumberOfFullCycles": {}}), family({"battery_code": "x"})
    ('batterypass', 'idta', None)
    """
    names = document.keys()
    if len(catenax.NESTED & names) >= 2:
        return "catenax"
    if catenax.FLAT & names:
        return "catenax-flat"
    if batterypass.TOPICS & names:
        return "batterypass"
    if idta.TOPICS & names:
        return "idta"
    return None


def join(documents: list[Mapping[str, object]]) -> list[dict[str, object]]:
    """Join the topic documents of one battery; a repeated topic begins the next battery.

    >>> join([{"batteryMass": 1}, {"batteryCondition": {}}, {"batteryMass": 2}])
    [{'batteryMass': 1, 'batteryCondition': {}}, {'batteryMass': 2}]
    """
    batteries: list[dict[str, object]] = []
    for document in documents:
        kind = family(document)
        parts = kind in {"batterypass", "idta"}
        if parts and batteries and family(batteries[-1]) == kind and not (batteries[-1].keys() & document.keys()):
            batteries[-1] |= document
        else:
            batteries.append(dict(document))
    return batteries


def read_document(document: Mapping[str, object]) -> tuple[PackHistory, tuple[IntakeNote, ...]]:
    """Return the history in a passport, its topic documents joined, and the notes about it.

    Raises
    ------
    UnreadableRecord
        When the document is not a passport of a known family.
    RefusedPack
        When its plausible fields are not enough for a valuation.
    """
    finder = Finder(document)
    kind = family(document)
    if kind == "catenax":
        return finish(catenax.read_nested(finder))
    if kind == "catenax-flat":
        return finish(catenax.read_flat(finder))
    if kind == "batterypass":
        return finish(batterypass.read_batterypass(finder))
    if kind == "idta":
        return finish(idta.read_idta(finder))
    raise UnreadableRecord("passport.unknown_family")
