"""The grammar of GB/T 34014-2017 battery codes (动力蓄电池编码): the position of each part and its allowed letters.

A product code has 24 characters: vendor 3, level 1, type 1, spec 2, trace 7, date 3, serial 7. A second-life product
(梯次利用) has a new code of 19 characters without the trace part and ending in R and its level. No check digit exists.

References: GB/T 34014-2017 as read in the pattern of the Catena-X aspect io.catenax.traction_battery_code 2.0.0 and in
published codes; the day 31 = 0 and the letters that are skipped are seen on real labels.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

KINDS: Final = ("normal24", "second_life19", "legacy")
LEVELS: Final = ("pack", "module", "cell")
LEVEL_LETTERS: Final = "PMC"
TYPE_LETTERS: Final = "ABCDEFGZ"
REASONS: Final = (
    "length",
    "charset",
    "level_letter",
    "type_letter",
    "date_letter",
    "impossible_date",
    "future_date",
    "suffix",
    "placeholder",
    "ambiguous",
)

DIGITS: Final = "0123456789"
ALPHABET: Final = DIGITS + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DATE_LETTERS: Final = "123456789ABCDEFGHJKLMNPRSTVWXY"  # I, O, Q, U and Z are never used in a date
YEAR_LETTERS: Final = DATE_LETTERS  # 1 = 2011 ... A = 2020 ... T = 2036
MONTH_LETTERS: Final = DATE_LETTERS[:12]
DAY_LETTERS: Final = DATE_LETTERS + "0"  # 1 ... Y = 30, and 0 = 31
FIRST_YEAR: Final = 2011
LAST_AGREED_YEAR: Final = 2036  # public sources disagree on the letters of 2037 and later
STANDARD_IN_FORCE: Final = dt.date(2018, 2, 1)  # an earlier date means that the code was assigned afterwards

# The coarse chemistry of each type letter: E covers NMC and NCA of every grade.
CHEMISTRY_OF_TYPE: Final = {"A": "NIMH", "B": "LFP", "C": "LMO", "D": "LCO", "E": "NMC", "G": "LTO"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The position of each part of a code, and its suffix."""

    kind: str
    length: int
    trace: slice | None
    date: slice
    serial: slice
    serial_letters: str
    suffix: bool


NORMAL: Final = Layout(
    kind="normal24",
    length=24,
    trace=slice(7, 14),
    date=slice(14, 17),
    serial=slice(17, 24),
    serial_letters=ALPHABET,  # digits by the standard; 00FTY45 is seen on a real pack
    suffix=False,
)
SECOND_LIFE: Final = Layout(
    kind="second_life19",
    length=19,
    trace=None,
    date=slice(7, 10),
    serial=slice(10, 17),
    serial_letters=DIGITS,
    suffix=True,
)
LAYOUTS: Final = {layout.length: layout for layout in (NORMAL, SECOND_LIFE)}


@dataclass(frozen=True, slots=True)
class LayoutMatch:
    """The result of reading a cleaned text: its layout, and its date or the reason of refusal."""

    layout: Layout | None
    made_on: dt.date | None = None
    reason: str | None = None


@lru_cache(maxsize=16_384)
def date_from_letters(letters: str) -> dt.date | None:
    """Return the day that three date letters name (生产日期代码); None if the calendar has no such day.

    Raises
    ------
    ValueError
        When a letter is not one of the table of its place.

    >>> date_from_letters("8B6"), date_from_letters("E10"), date_from_letters("B2X")
    (datetime.date(2018, 11, 6), datetime.date(2024, 1, 31), None)
    """
    year = FIRST_YEAR + YEAR_LETTERS.index(letters[0])
    month = 1 + MONTH_LETTERS.index(letters[1])
    day = 1 + DAY_LETTERS.index(letters[2])
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None


def date_letters(day: dt.date) -> str | None:
    """Return the three letters of a day, None if the standard has none for its year.

    >>> date_letters(dt.date(2018, 5, 18)), date_letters(dt.date(2010, 5, 18))
    ('85J', None)
    """
    if not FIRST_YEAR <= day.year <= LAST_AGREED_YEAR:
        return None
    return YEAR_LETTERS[day.year - FIRST_YEAR] + MONTH_LETTERS[day.month - 1] + DAY_LETTERS[day.day - 1]


def looks_like_head(text: str) -> bool:
    """Return whether a text begins like a code: three vendor characters, a level letter, a type letter.

    >>> looks_like_head("001PB"), looks_like_head("660050GMHF3A041X0")
    (True, False)
    """
    return len(text) > 4 and text[3] in LEVEL_LETTERS and text[4] in TYPE_LETTERS and _all_in(text[:3], ALPHABET)


def pretended_layout(text: str) -> Layout | None:
    """Return the layout that a text resembles by length and first characters; None for a code of another system.

    >>> pretended_layout("T03PB07E5S0000042R").kind  # one character short
    'second_life19'
    """
    length = len(text)
    if length == NORMAL.length:
        return NORMAL
    if length == SECOND_LIFE.length and (looks_like_head(text) or text[-2] == "R"):
        return SECOND_LIFE
    if not looks_like_head(text):
        return None
    if abs(length - SECOND_LIFE.length) == 1:
        return SECOND_LIFE
    return NORMAL if abs(length - NORMAL.length) <= 2 else None


def read(text: str, on: dt.date) -> LayoutMatch:
    """Read a clean text: upper case, no blanks, nothing before or after the code.

    >>> read("T01PE010000001B2Y0000123", dt.date(2026, 1, 1)).reason
    'impossible_date'
    """
    layout = pretended_layout(text)
    if len(text) not in LAYOUTS:
        return LayoutMatch(layout, reason="length")
    reason = _letter_reason(text, LAYOUTS[len(text)])
    if reason is not None:
        return LayoutMatch(layout, reason=reason)
    made_on = date_from_letters(text[LAYOUTS[len(text)].date])
    reason = _date_reason(made_on, on)
    return LayoutMatch(layout, reason=reason) if reason else LayoutMatch(layout, made_on=made_on)


def _letter_reason(text: str, layout: Layout) -> str | None:
    """Return why a text of the right length has invalid letters, the most specific reason first."""
    year, month, day = tuple(text[layout.date])
    checks = (
        ("charset", _all_in(text, ALPHABET)),
        ("level_letter", text[3] in LEVEL_LETTERS),
        ("type_letter", text[4] in TYPE_LETTERS),
        ("date_letter", year in YEAR_LETTERS and month in MONTH_LETTERS and day in DAY_LETTERS),
        ("charset", _all_in(text[layout.serial], layout.serial_letters)),
        ("suffix", not layout.suffix or (text[-2] == "R" and text[-1] in LEVEL_LETTERS)),
    )
    return next((reason for reason, passed in checks if not passed), None)


def _date_reason(made_on: dt.date | None, on: dt.date) -> str | None:
    """Return why a date is refused; one day later is accepted, because the label's time zone may be ahead."""
    if made_on is None:
        return "impossible_date"
    if (made_on - on).days > 1:
        return "future_date"
    return "date_letter" if made_on.year > LAST_AGREED_YEAR else None


def _all_in(text: str, letters: str) -> bool:
    return all(character in letters for character in text)
