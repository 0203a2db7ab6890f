"""Clean-up of battery codes from scanners, forms and tables, and suggestions for refused texts.

Only changes that cannot turn one code into another are made, and each step is named. Letters are never corrected: O, I
and Q are legal in the maker's parts, so a likely typing error is only suggested.
"""

from __future__ import annotations

import datetime as dt
import html
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from valuation.battery_code.code_search import LONGEST_SEARCHED, candidates_in
from valuation.battery_code.layout import ALPHABET, LAYOUTS, LEVEL_LETTERS, NORMAL, LayoutMatch, read

_FULL_WIDTH: Final = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_CAPITALS: Final = {
    code: code - 32 for code in range(ord("a"), ord("z") + 1)
}  # str.upper would turn letters of other alphabets into Latin ones
_INVISIBLE: Final = dict.fromkeys((0xFEFF, 0x200B, 0x200C, 0x200D, 0x2060))
_SCAN_PREFIX: Final = "[>16"  # a vehicle maker's label: this mark, 36 characters of its own, then the code
_SCAN_PREFIX_LENGTH: Final = len(_SCAN_PREFIX) + 36
_PLACEHOLDERS: Final = frozenset({"", "-1", "NA", "N/A", "NAN", "NONE", "NULL", "NIL", "UNKNOWN", "无", "未知", "暂无"})

# Likely typing and scanning errors: letters that dates do not use, capitals for digits, other scripts for Latin.
_DATE_SLIPS: Final = {"I": "1J", "O": "0", "Q": "0", "U": "V", "Z": "2"}
_DIGIT_SLIPS: Final = {"O": "0", "Q": "0", "D": "0", "I": "1", "Z": "2", "S": "5", "B": "8"}
_TYPE_SLIPS: Final = {"8": "B", "6": "G", "2": "Z", "3": "E", "0": "D"}
_LOOK_ALIKES: Final = str.maketrans("АВЕКМНОРСТХΑΒΕΖΗΙΚΜΝΟΡΤΧ", "ABEKMHOPCTXABEZHIKMNOPTX")  # noqa: RUF001 - the point of the table
_LETTER_FOR_DIGIT: Final = str.maketrans("OI", "01")
_MOST_SUGGESTIONS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """A text after clean-up, the steps that were made, and the result of reading it."""

    code: str
    steps: tuple[str, ...]
    reading: LayoutMatch


def clean(text: str, on: dt.date) -> Cleaned:
    """Return the one code in a text with the clean-up steps; without a code, the reading holds the reason.

    >>> cleaned = clean("bc40000903 04qcb76836300j", dt.date(2026, 1, 1))
    >>> cleaned.code, cleaned.steps
    ('04QCB76836300JBC40000903', ('upper', 'swap'))
    """
    plain, steps = _spell(text)
    direct = _joined(plain, steps, on)
    if direct.reading.reason in (None, "placeholder", "ambiguous") or len(plain) > LONGEST_SEARCHED:
        return direct
    found = _found_within(plain, steps, on)
    same = found is not None and (found.code, found.reading) == (direct.code, direct.reading)
    return direct if found is None or same else found


def _joined(plain: str, steps: tuple[str, ...], on: dt.date) -> Cleaned:
    """Return the reading of a text that holds nothing but a code, in one piece or in printed parts."""
    pieces = plain.split()
    joined = "".join(pieces)
    two_halves = len(pieces) == 2
    other_blanks = len(plain) - len(joined) - int(two_halves)
    if other_blanks and "space" not in steps:
        steps += ("space",)
    straight = _unwrap(joined, (*steps, "join") if two_halves else steps, on)
    if not two_halves:
        result = straight
    else:
        swapped = _unwrap(pieces[1] + pieces[0], (*steps, "swap"), on)
        result = _choose(straight, swapped)
    if result.reading.reason is None:
        return result
    if _is_placeholder(joined):
        return Cleaned(code=joined, steps=(), reading=LayoutMatch(None, reason="placeholder"))
    if len({piece for piece in pieces if read(piece, on).reason is None}) > 1:
        return Cleaned(code=joined, steps=steps, reading=LayoutMatch(None, reason="ambiguous"))
    return result


def _found_within(plain: str, steps: tuple[str, ...], on: dt.date) -> Cleaned | None:
    """Return the one code inside a longer text; None if there is none, a refusal if there are several.

    Of texts that only look like a code, one alone is returned with the reason of its refusal.
    """
    found = {code: Cleaned(code=code, steps=(*steps, step), reading=read(code, on))
             for code, step in candidates_in(plain)}  # fmt: skip
    valid = [one for one in found.values() if one.reading.reason is None]
    valid = [one for one in valid if "swap" not in one.steps] or valid  # the printed order counts first
    if len(valid) > 1:
        return Cleaned(code="".join(plain.split()), steps=steps, reading=LayoutMatch(None, reason="ambiguous"))
    return (valid or list(found.values()))[0] if len(valid) == 1 or len(found) == 1 else None


def look_alike(code: str, on: dt.date) -> str | None:
    """Return the valid code with digits instead of the letters O and I; None if that is not another valid code.

    >>> look_alike("OO1PB0A0000001A680000123", dt.date(2026, 1, 1))
    '001PB0A0000001A680000123'
    """
    digits = code.translate(_LETTER_FOR_DIGIT)
    return digits if digits != code and len(digits) in LAYOUTS and read(digits, on).reason is None else None


def suggestions(text: str, on: dt.date) -> tuple[str, ...]:
    """Return up to three valid codes that a refused text may mean, most likely first; they are never applied.

    >>> suggestions("A170000123T01PE010000001", dt.date(2026, 1, 1))
    ('T01PE010000001A170000123',)
    """
    plain, _ = _spell(text[:LONGEST_SEARCHED])
    pieces = plain.split()
    found: dict[str, None] = {}
    for candidate in _candidates("".join(pieces), pieces):
        if len(candidate) in LAYOUTS and read(candidate, on).reason is None:
            found[candidate] = None
            if len(found) == _MOST_SUGGESTIONS:
                break
    return tuple(found)


def _spell(text: str) -> tuple[str, tuple[str, ...]]:
    """Return a text in half-width capitals without invisible characters, and the steps made."""
    steps: tuple[str, ...] = ()
    plain = html.unescape(text) if "&" in text else text
    if plain != text:
        steps += ("html_unescape",)
    for step, table in (("full_width", _FULL_WIDTH), ("upper", _CAPITALS), ("space", _INVISIBLE)):
        changed = plain.translate(table)
        if changed != plain:
            steps += (step,)
            plain = changed
    return plain, steps


def _unwrap(text: str, steps: tuple[str, ...], on: dt.date) -> Cleaned:
    """Remove a vehicle maker's prefix before a code and the C of a virtual module after it."""
    if text.startswith(_SCAN_PREFIX) and len(text) > _SCAN_PREFIX_LENGTH:
        text = text[_SCAN_PREFIX_LENGTH:]
        steps += ("scan_prefix",)
    if len(text) == NORMAL.length + 1 and text[-1] == "C" and text[3] in LEVEL_LETTERS:
        text = text[:-1]
        steps += ("trailing_c",)
    return Cleaned(code=text, steps=steps, reading=read(text, on))


def _choose(straight: Cleaned, swapped: Cleaned) -> Cleaned:
    """Return the order of two printed halves that gives a valid code; both orders valid is ambiguous."""
    if swapped.reading.reason is not None:
        return straight
    if straight.reading.reason is not None or straight.code == swapped.code:
        return swapped if straight.reading.reason is not None else straight
    return Cleaned(code=straight.code, steps=(), reading=LayoutMatch(straight.reading.layout, reason="ambiguous"))


def _is_placeholder(text: str) -> bool:
    """Return whether a text is a placeholder: a word for unknown, punctuation, or one repeated character."""
    one_character = len(set(text)) == 1
    return text in _PLACEHOLDERS or one_character or not any(character.isalnum() for character in text)


def _candidates(text: str, pieces: list[str]) -> Iterator[str]:
    """Yield possible meanings of a text, most likely first."""
    latin = text.translate(_LOOK_ALIKES)
    bare = "".join(character for character in latin if character in ALPHABET)
    yield from (latin, bare, bare.translate(_LETTER_FOR_DIGIT))
    yield from pieces
    if len(pieces) == 2:
        yield pieces[1] + pieces[0]
    yield from _rotations(bare)
    yield from _slips(bare)
    for length in LAYOUTS:
        yield from (bare[start : start + length] for start in range(len(bare) - length + 1))


def _rotations(text: str) -> Iterator[str]:
    """Yield the text with its halves exchanged, starting with a cut at the printed line end."""
    if len(text) not in LAYOUTS:
        return
    cuts = sorted(range(1, len(text)), key=lambda cut: abs(cut - 10))  # the second line of a label has ten characters
    yield from (text[cut:] + text[:cut] for cut in cuts)


def _slips(text: str) -> Iterator[str]:
    """Yield the text with one character replaced by a character it is often confused with."""
    if len(text) not in LAYOUTS:
        return
    layout = LAYOUTS[len(text)]
    places = [(place, _DATE_SLIPS) for place in range(*layout.date.indices(len(text)))]
    places += [(place, _DIGIT_SLIPS) for place in range(*layout.serial.indices(len(text)))]
    places += [(4, _TYPE_SLIPS)]
    for place, slips in places:
        for letter in slips.get(text[place], ""):
            yield text[:place] + letter + text[place + 1 :]
