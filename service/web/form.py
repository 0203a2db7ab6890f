"""The submitted form, kept so that the page can show the entries again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from service.web.page_refusal import PageRefusal
from valuation.errors import FieldError
from valuation.ingest import Document, GivenFacts, read_given
from valuation.ingest.fields.units import NUMBERS

LEVELS: Final = ("0.5", "0.8", "0.9", "0.95")
_GIVEN: Final = (
    *("chemistry", "rated_energy_kwh", "mass_kg", "made_on", "soh", "soh_on"),
    *("make", "vehicle_model", "model_year", "vin", "odometer_km"),
)
MAX_FILES: Final = 100
_MAX_FIELDS: Final = 40
_MAX_NAME_LENGTH: Final = 100
_DECIMAL_COMMA: Final = re.compile(r"^(\d+),(\d{1,2})(?!\d)")
"""A comma before one or two digits, which can only be a decimal mark in a field that is one number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormEntry:
    """The fields of the form as text, and the uploaded files."""

    code: str = ""
    record: str = ""
    chemistry: str = ""
    rated_energy_kwh: str = ""
    mass_kg: str = ""
    made_on: str = ""
    soh: str = ""
    soh_on: str = ""
    make: str = ""
    vehicle_model: str = ""
    model_year: str = ""
    vin: str = ""
    odometer_km: str = ""
    as_of: str = ""
    level: str = "0.9"
    files: tuple[Document, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether the form contains no pack."""
        named = self.code or self.record or self.files or self.chemistry or self.rated_energy_kwh or self.vehicle_model
        return not named

    @property
    def nameplate_given(self) -> bool:
        """Whether any nameplate field is filled in."""
        return any(getattr(self, name) for name in _GIVEN)

    def given(self, day: date, code: str = "") -> GivenFacts | None:
        """Return the facts that complete a record: the nameplate, a health, and a code beside a document.

        Raises
        ------
        FieldError
            If a fact is wrong.
        """
        facts = {name: getattr(self, name) for name in _GIVEN} | {"battery_code": code}
        facts |= {name: _DECIMAL_COMMA.sub(r"\1.\2", facts[name]) for name in facts.keys() & NUMBERS.keys()}
        return read_given(facts, source="form", as_of=day, from_text=True)

    def day(self, default: date) -> date:
        """Return the valuation day.

        Raises
        ------
        FieldError
            If it is not a date.
        """
        try:
            return date.fromisoformat(self.as_of) if self.as_of else default
        except ValueError as reason:
            raise FieldError("market.as_of", field="as_of", value=self.as_of[:40]) from reason

    def level_fraction(self) -> float:
        """Return the level as a fraction; `valuation` checks its range.

        Raises
        ------
        PageRefusal
            If it is not a number.
        """
        try:
            return float(self.level)
        except ValueError as reason:
            raise PageRefusal("level", field="level", value=self.level[:40]) from reason


async def read_entry(request: Request, limit_bytes: int) -> FormEntry:
    """Return the submitted form of a request.

    Raises
    ------
    PageRefusal
        If the body is not a form.
    """
    try:
        async with request.form(max_files=MAX_FILES, max_fields=_MAX_FIELDS, max_part_size=limit_bytes) as form:
            return await _entry(form)
    except HTTPException as reason:
        raise PageRefusal("form") from reason


async def _entry(form: FormData) -> FormEntry:
    """Return the fields of a decoded form; a selected suggestion replaces the typed code."""
    typed = {name: _text(form, name) for name in FormEntry.__dataclass_fields__ if name != "files"}
    uploads = [one for one in form.getlist("files") if isinstance(one, UploadFile)]
    files = [Document(name=_file_name(one), content=await one.read()) for one in uploads]
    chosen = _text(form, "chosen")
    if chosen:
        typed["code"] = chosen
    if typed["code"][:1] in ("{", "[") and not typed["record"]:
        typed |= {"code": "", "record": typed["code"]}
    typed["level"] = typed["level"] or "0.9"
    return FormEntry(**typed, files=tuple(one for one in files if one.content))


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value.strip() if isinstance(value, str) else ""


def _file_name(upload: UploadFile) -> str:
    """Return the name of an uploaded file, without folders and control characters."""
    name = (upload.filename or "").replace("\\", "/").rpartition("/")[2]
    return "".join(letter for letter in name if letter.isprintable())[:_MAX_NAME_LENGTH] or "file"
