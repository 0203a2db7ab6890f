"""What a person entered: the form as it came, kept so that nothing has to be typed twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from service.web.refusals import PageRefusal
from valuation.errors import FieldError
from valuation.ingest import Document

LEVELS: Final = ("0.5", "0.8", "0.9", "0.95")
MOST_FILES: Final = 100
_MOST_FIELDS: Final = 40
_LONGEST_NAME: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class FormEntry:
    """The fields of the form as text, and the files."""

    code: str = ""
    record: str = ""
    chemistry: str = ""
    rated_energy_kwh: str = ""
    made_on: str = ""
    as_of: str = ""
    level: str = "0.9"
    files: tuple[Document, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing names a pack."""
        return not (self.code or self.record or self.files or self.chemistry or self.rated_energy_kwh)

    @property
    def nameplate_given(self) -> bool:
        """Whether any nameplate field is filled in."""
        return bool(self.chemistry or self.rated_energy_kwh or self.made_on)

    def nameplate(self) -> dict[str, object]:
        """Return the nameplate fields as a trace record has them.

        Raises
        ------
        PageRefusal
            If the energy is no number.
        """
        found: dict[str, object] = {}
        if self.chemistry:
            found["chemistry"] = self.chemistry
        if self.rated_energy_kwh:
            found["rated_energy_kwh"] = _energy(self.rated_energy_kwh)
        if self.made_on:
            found["made_on"] = self.made_on
        return found

    def day(self, default: date) -> date:
        """Return the valuation day.

        Raises
        ------
        FieldError
            If it is no date.
        """
        try:
            return date.fromisoformat(self.as_of) if self.as_of else default
        except ValueError as reason:
            raise FieldError(
                f"as_of is {self.as_of[:40]!r}, no ISO date", hint="write 2026-11-20", field="as_of", value=self.as_of
            ) from reason

    def share(self) -> float:
        """Return the level as a fraction; the core says whether it can be used.

        Raises
        ------
        PageRefusal
            If it is no number.
        """
        try:
            return float(self.level)
        except ValueError as reason:
            raise PageRefusal("level", field="level", value=self.level[:40]) from reason


def _energy(text: str) -> float:
    """Return the rated energy, with a comma or a point. [kWh]"""
    try:
        return float(text.replace(",", ".").removesuffix("kWh"))
    except ValueError as reason:
        raise PageRefusal("energy", field="rated_energy_kwh", value=text[:40]) from reason


async def read_entry(request: Request, limit_bytes: int) -> FormEntry:
    """Return what the form of a request holds.

    Raises
    ------
    PageRefusal
        If the body is no form.
    """
    try:
        async with request.form(max_files=MOST_FILES, max_fields=_MOST_FIELDS, max_part_size=limit_bytes) as form:
            return await _entry(form)
    except HTTPException as reason:
        raise PageRefusal("form") from reason


async def _entry(form: FormData) -> FormEntry:
    """Return the entry in a decoded form; a suggested code that was clicked replaces the one typed."""
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
    """Return the name a file is spoken of by, without folders and control characters."""
    name = (upload.filename or "").replace("\\", "/").rpartition("/")[2]
    return "".join(letter for letter in name if letter.isprintable())[:_LONGEST_NAME] or "file"
