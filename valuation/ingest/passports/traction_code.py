"""Catena-X `traction_battery_code`: the GB/T 34014 codes of a pack and of its parts, as one code or a tree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from valuation.battery_code.decoding import decode
from valuation.ingest.fields.days import LAST_DAY
from valuation.ingest.passports.draft import Draft
from valuation.ingest.passports.field_reader import FieldReader
from valuation.messages import Message, shown_value

TOPICS: Final = frozenset({"tractionBatteryCode"})
_MOST_LEVELS: Final = 8


def read_traction_code(reader: FieldReader) -> Draft:
    """Return the draft of a document that contains only codes."""
    draft = Draft(family="Catena-X traction_battery_code", reader=reader)
    add_codes(draft)
    return draft


def add_codes(draft: Draft) -> None:
    """Add the code of a pack and the codes of its modules, from the tree in a document if there is one."""
    reader = draft.reader
    code = reader.text("tractionBatteryCode")
    if code is None:
        return
    reader.text("productType")
    read = decode(code, LAST_DAY)
    if read.reason is not None:
        reader.drop("tractionBatteryCode", code, Message(f"code.reason.{read.reason}"))
    elif draft.code is not None and decode(draft.code, LAST_DAY).code != read.code:
        claims = [f"tractionBatteryCode {shown_value(code)}", str(shown_value(draft.code))]
        reader.note("I10", claims=claims, chosen="tractionBatteryCode")
    if read.valid:
        draft.code = code
        draft.identities.setdefault("tractionBatteryCode", code)
    for path in _parts(reader, "subcomponents", 0):
        part = reader.text(f"{path}.tractionBatteryCode")
        decoded = decode(part, LAST_DAY) if part else None
        if part and decoded is not None and decoded.level == "module":
            reader.text(f"{path}.productType")
            draft.modules.append({"battery_code": decoded.code})
        elif part and decoded is not None and not decoded.valid:
            reader.drop(f"{path}.tractionBatteryCode", part, Message(f"code.reason.{decoded.reason}"))
        else:
            reader.used.discard(f"{path}.tractionBatteryCode")  # a cell or another pack is named as not used


def _parts(reader: FieldReader, wanted: str, level: int) -> Iterator[str]:
    """Yield the paths of all parts of a tree, those of parts after the part."""
    for path in reader.items(wanted) if level < _MOST_LEVELS else ():
        yield path
        yield from _parts(reader, f"{path}.subcomponents", level + 1)
