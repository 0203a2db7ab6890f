"""The scale of the health in a table row, fraction or per cent, decided by the other readings of the row."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

from valuation.errors import FieldError
from valuation.ingest.fields.aliases import ROW_SCOPE
from valuation.ingest.fields.headings import field_name, read_heading
from valuation.ingest.fields.values import is_placeholder, read_as_written
from valuation.ingest.notes import IntakeNote, make_note
from valuation.messages import Message
from valuation.record.fields import Field, event_field

_AGREEING = 0.1
_SHARES = (("remaining_capacity_ah", "rated_capacity_ah"), ("remaining_energy_kwh", "rated_energy_kwh"))


def settle_health(readings: dict[str, tuple[str, object]], rated: Mapping[str, object]) -> IntakeNote | None:
    """Put the health of a row on the scale of its remaining capacity and energy, and return the note.

    `readings` are by canonical name, each with its heading; `rated` is by heading. A health that agrees, or that no
    other reading confirms on another scale, is unchanged.

    >>> readings = {"soh": ("SOH", "87"), "remaining_capacity_ah": ("剩余容量(Ah)", 130.0)}
    >>> settle_health(readings, {"额定容量(Ah)": "150"}).caution.message_en, readings["soh"]
    ('soh: 87 is read as 0.87, on which 1 other reading(s) of the row agree', ('soh', 0.87))
    """
    if "soh" not in readings:
        return None
    ratings = {field_name(spelled, ROW_SCOPE): (spelled, value) for spelled, value in rated.items()}
    known = []
    for left, whole in _SHARES:
        part, rating = _number(*readings.get(left, ("", None))), _number(*ratings.get(whole, ("", None)))
        if part is not None and rating:
            known.append(part / rating)
    stated = _number(*readings["soh"])
    if stated is None or not known or abs(stated - median(known)) <= _AGREEING:
        return None
    for factor in (0.01, 100.0):
        meant = float(f"{stated * factor:.12g}")
        if 0.0 < meant <= event_field("soh").high and abs(meant - median(known)) <= _AGREEING:
            written = readings["soh"][1]
            readings["soh"] = ("soh", meant)
            reason = Message("record.scale_of_row", number=f"{meant:g}", count=len(known))
            return make_note("I21", field="soh", value=str(written), reason=reason)
    return None


def _number(spelled: str, value: object) -> float | None:
    """Return a cell as a number in the unit of its field without a range check; None if it is not a number."""
    heading = read_heading(spelled, ROW_SCOPE) if spelled else None
    if heading is None or value is None:
        return None
    field = Field(heading.name, "number")
    if is_placeholder(field, value):
        return None
    try:
        number = read_as_written(field, value, heading.name, unit=heading.unit).value
    except FieldError:
        return None
    return number if isinstance(number, float) else None
