"""The fields read from the passport of one battery."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from valuation.battery_code.decoding import decode
from valuation.ingest.fields.aliases import choice_name
from valuation.ingest.fields.chemistry_text import settle_names
from valuation.ingest.fields.days import LAST_DAY
from valuation.ingest.fields.values import has_unclear_chemistry
from valuation.ingest.passports.field_reader import FieldReader, Paths
from valuation.messages import Message, shown_value
from valuation.record.fields import CHEMISTRIES, LIFE_CYCLE_STATUSES, event_field

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
    """The fields read so far from the passport of one battery."""

    family: str
    reader: FieldReader
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
    events: list[dict[str, object]] = field(default_factory=list)
    event_extras: dict[int, Mapping[str, object]] = field(default_factory=dict)
    modules: list[dict[str, str]] = field(default_factory=list)
    code: str | None = None
    status: str | None = None

    def read_chemistry(self, *texts: str | None) -> None:
        """Set the chemistry on which the texts agree; if they are ambiguous, it stays unknown."""
        said = [spelled for spelled in texts if spelled and spelled.strip()]
        read = [choice_name(spelled, "chemistry", CHEMISTRIES) for spelled in said]
        unclear = next(
            (text for text, one in zip(said, read, strict=True) if one is None and has_unclear_chemistry(text)), None
        )
        named = settle_names(one for one in read if one is not None)
        if unclear is None and len(named) == 1:
            self.chemistry = named[0]
            spelled = next(text for text, one in zip(said, read, strict=True) if one is not None)
            self.reader.note("I05", value=shown_value(spelled), chemistry=named[0])
        elif said:
            self.reader.drop("chemistry", unclear or " / ".join(said), Message("passport.why.no_one_chemistry"))

    def reading(self, on: date | None, path: str, name: str, value: float | None) -> None:
        """Add a usage reading on its day; a reading without a day is noted and not used."""
        if value is None:
            return
        if on is None:
            self.reader.note("I07", fields=path)
            return
        self.readings.setdefault(on, {})[name] = value

    def negative(self, on: date | None, path: str, spelled: str | None) -> None:
        """Add a negative event; its kind is derived from its text, with a note if the text is unclear."""
        if spelled is None or spelled.strip().casefold() in _NOTHING_HAPPENED:
            return
        kind = choice_name(spelled, "kind", event_field("kind").choices)
        kind = kind or next((name for words, name in _EVENT_WORDS if re.search(words, spelled.casefold())), None)
        if kind is None or on is None:
            self.reader.note("I08", value=shown_value(spelled), path=path)
        if on is not None:
            self.event_extras[len(self.events)] = {"said": spelled}
            self.events.append({"type": "negative", "on": on, "kind": kind or "other"})

    def identity(self, name: str, value: str | None) -> None:
        """Add an identifier of the battery; a valid GB/T 34014 code becomes its battery code."""
        if not value or set(value) <= set("0-: urnid"):
            return
        self.identities[name] = value
        if self.code is None and decode(value, LAST_DAY).valid:
            self.code = value

    def installed(self, wanted: Paths) -> None:
        """Add the day on which the battery was put into service."""
        on = self.reader.day(wanted)
        if on is not None:
            self.events.append({"type": "installed", "on": on})

    def category(self, wanted: Paths) -> None:
        """Note the category of a battery that is not from an electric vehicle."""
        spelled = self.reader.text(wanted)
        if spelled and spelled.casefold() != "ev":
            self.statuses["category"] = spelled
            self.reader.note("I11", value=spelled)

    def life_cycle_status(self, wanted: Paths) -> None:
        """Set the life-cycle status, and note it unless it is "original"."""
        spelled = self.reader.text(wanted)
        if spelled is None:
            return
        self.status = choice_name(spelled, "life_cycle_status", LIFE_CYCLE_STATUSES)
        if self.status != "original":
            self.statuses["status"] = spelled
            self.reader.note("I13", value=spelled)
