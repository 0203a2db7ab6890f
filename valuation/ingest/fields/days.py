"""Calendar days as people write them (日期): ISO 8601, year first, names of months, and serial numbers of spreadsheets.

A spelling with two possible readings, such as 03/05/2026, is refused. A month without a day is its middle.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, timedelta
from typing import Final

from valuation.errors import FieldError
from valuation.ingest.fields.parsed_value import ParsedValue

FIRST_DAY = date(1990, 1, 1)
LAST_DAY = date(2100, 12, 31)

_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_ISO_TIME = re.compile(r"[T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?(Z|[+-]\d{2}(:?\d{2})?)?", re.ASCII)
_TIME: Final = r"(?:[t\s]+\d{1,2}[:时].*)?"
_YEAR_FIRST: Final = re.compile(
    rf"(\d{{4}})\s*[-/.年]\s*(\d{{1,2}})\s*[-/.月]\s*(\d{{1,2}})\s*[日号]?{_TIME}", re.ASCII
)
_COMPACT: Final = re.compile(r"(\d{4})(\d{2})(\d{2})(?:\.0*)?", re.ASCII)
_MONTH: Final = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*(?:月份?)?", re.ASCII)
_COMPACT_MONTH: Final = re.compile(r"((?:19|20)\d{2})(0[1-9]|1[0-2])", re.ASCII)
_MONTH_FIRST: Final = re.compile(r"(0?[1-9]|1[0-2])\s*[-/.]\s*((?:19|20)\d{2})", re.ASCII)
_SHORT_YEAR: Final = re.compile(r"([a-z]{3,9})[\s.'-]+(\d{2})", re.ASCII)  # as spreadsheets show a month
_DAY_FIRST: Final = re.compile(rf"(\d{{1,2}})[-/.](\d{{1,2}})[-/.](\d{{4}}){_TIME}", re.ASCII)
_NAMED: Final = re.compile(
    rf"(?:(\d{{1,2}})[\s.-]*)?([a-z]{{3,9}})\.?[\s,-]+(?:(\d{{1,2}}),?\s+)?(\d{{4}}){_TIME}", re.ASCII
)
_SERIAL: Final = re.compile(r"(\d{5})(?:\.\d+)?", re.ASCII)
_SERIAL_START: Final = date(1899, 12, 30)  # day 0 of a spreadsheet's serial dates, its 29 February 1900 allowed for
_MONTHS: Final = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
MIDDLE_OF_MONTH: Final = 15
MONTH_SD_DAYS: Final = 8.8
"""Standard deviation of a day of which only the month is known: 30.4 days over the root of 12. [d]"""


def read_day(value: object, path: str, *, from_text: bool = False) -> date:
    """Return a calendar day, without its time of day; see :func:`read_day_as_written`.

    >>> read_day("2024-03-31T08:00:00+08:00", "on").isoformat(), read_day("2024年3月31日", "on").isoformat()
    ('2024-03-31', '2024-03-31')
    """
    day = read_day_as_written(value, path, from_text=from_text).value
    assert isinstance(day, date)  # noqa: S101 - for the type checker
    return day


def read_day_as_written(value: object, path: str, *, from_text: bool = False) -> ParsedValue:
    """Return a calendar day, and whether it was not written in ISO 8601 or names only a month.

    Parameters
    ----------
    value
        A day, or a text.
    path
        Its place for the message.
    from_text
        Whether it comes from a table of texts, where a day may be the serial number of a spreadsheet.

    Raises
    ------
    FieldError
        If it is no day, has two readings, or is outside 1990 to 2100.
    """
    if isinstance(value, datetime):
        read = ParsedValue(value.date())
    elif isinstance(value, date):
        read = ParsedValue(value)
    else:
        read = _parse(value, path, from_text=from_text)
    day = read.value
    if not FIRST_DAY <= day <= LAST_DAY:  # type: ignore[operator]  # a day
        raise FieldError("record.day_outside", field=path, value=str(day), day=day, first=FIRST_DAY, last=LAST_DAY)
    return read


def _parse(value: object, path: str, *, from_text: bool) -> ParsedValue:
    """Return the day that a text names."""
    trimmed = value.strip() if isinstance(value, str) else ""
    day, rest = trimmed[:10], trimmed[10:]
    try:
        if _ISO_DAY.fullmatch(day) and (not rest or _ISO_TIME.fullmatch(rest)):
            return ParsedValue(date.fromisoformat(day))
        written = value if isinstance(value, str | int) and not isinstance(value, bool) else ""
        found = find_day(str(written), from_text=from_text)
    except ValueError:
        raise FieldError("record.day_not_in_calendar", hint="record.give_day", field=path, value=value) from None
    if found is None:
        hint = "record.write_year_first" if _DAY_FIRST.fullmatch(trimmed) else "record.give_day"
        raise FieldError("record.not_a_day", hint=hint, field=path, value=value)
    return found


def find_day(text: str, *, from_text: bool) -> ParsedValue | None:
    """Return the day of a text with one reading, None if it has none or several.

    Raises
    ------
    ValueError
        If no calendar has the day.
    """
    text = unicodedata.normalize("NFKC", text).strip().casefold()
    day: date | None = None
    month_only = False
    if match := _YEAR_FIRST.fullmatch(text) or _COMPACT.fullmatch(text):
        day = date(int(match[1]), int(match[2]), int(match[3]))
    elif (match := _MONTH.fullmatch(text)) or (
        (match := _COMPACT_MONTH.fullmatch(text)) and not _may_be_short_day(text)
    ):
        day, month_only = date(int(match[1]), int(match[2]), MIDDLE_OF_MONTH), True
    elif match := _MONTH_FIRST.fullmatch(text):
        day, month_only = date(int(match[2]), int(match[1]), MIDDLE_OF_MONTH), True
    elif match := _SHORT_YEAR.fullmatch(text):
        months = _months_named(match[1])
        if len(months) == 1:
            day, month_only = date(2000 + int(match[2]), months[0], MIDDLE_OF_MONTH), True
    elif match := _DAY_FIRST.fullmatch(text):
        day = _unambiguous(int(match[1]), int(match[2]), int(match[3]))
    elif match := _NAMED.fullmatch(text):
        months = _months_named(match[2])
        month_only = not (match[1] or match[3])
        if len(months) == 1 and not (match[1] and match[3]):
            day = date(int(match[4]), months[0], int(match[1] or match[3] or MIDDLE_OF_MONTH))
    elif from_text and (match := _SERIAL.fullmatch(text)):
        day = _SERIAL_START + timedelta(days=int(match[1]))
    return None if day is None else ParsedValue(day, respelled=True, month_only=month_only)


def _months_named(start: str) -> list[int]:
    """Return the months whose name begins with a text."""
    return [number for number, name in enumerate(_MONTHS, 1) if name.startswith(start)]


def _may_be_short_day(digits: str) -> bool:
    """Return whether six digits may also be a day with a year of two digits, such as 201105."""
    return 1 <= int(digits[2:4]) <= 12 and 1 <= int(digits[4:6]) <= 31


def _unambiguous(first: int, second: int, year: int) -> date | None:
    """Return the day of two numbers of which only one can be the month, None if both can."""
    if first <= 12 and second <= 12 and first != second:
        return None
    month, day = (second, first) if second <= 12 else (first, second)
    return date(year, month, day)
