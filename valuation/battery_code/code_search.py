"""Search for the one battery code in a longer text: a label, a QR address, a GS1 element string, a spreadsheet cell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from valuation.battery_code.layout import LAYOUTS, NORMAL, looks_like_head

LONGEST_SEARCHED: Final = 1000
"""Longer texts are documents, not codes, and are not searched. [characters]"""

_ESCAPED: Final = re.compile(r"%([2-7][0-9A-F])")
_RUN: Final = re.compile(r"[0-9A-Z]+")
_SEPARATOR: Final = re.compile(r"[\s\-\u2010-\u2015\u2212._*/|\u00b7]{1,3}")
"""Characters that labels print between the parts of a code; they never occur inside a code."""

_GLUED: Final = re.compile(
    r"(?:(?:[A-Z]\d)?(?:0[12]\d{14})?(?:1[1-7]\d{6})*(?:21|24[01]|25[01]|9\d)|(?:BATTERY|PACK)?(?:CODE|SN|NO|ID|QR))"
    rf"(?P<code>[0-9A-Z]{{{NORMAL.length}}})"
)
"""A GS1 element string without brackets (symbology, GTIN, dates, the identifier before a code), or a short label."""


def candidates_in(text: str) -> Iterator[tuple[str, str]]:
    """Yield the texts inside a longer text that have the length and beginning of a code, each with its clean-up step.

    >>> list(candidates_in("HTTPS://Q.EXAMPLE.CN/?C=001PB0A0000001A680000123"))
    [('001PB0A0000001A680000123', 'text_around')]
    >>> list(candidates_in("001PB0A-0000001-A68-0000123"))
    [('001PB0A0000001A680000123', 'separators')]
    """
    text = _ESCAPED.sub(lambda escaped: chr(int(escaped[1], 16)), text)
    runs = list(_RUN.finditer(text))
    for first, run in enumerate(runs):
        glued = _GLUED.fullmatch(run[0])
        if glued and looks_like_head(glued["code"]):
            yield glued["code"], "text_around"
        joined, last = "", first
        while last < len(runs) and len(joined) < NORMAL.length:
            if last > first and not _SEPARATOR.fullmatch(text, runs[last - 1].end(), runs[last].start()):
                break
            joined += runs[last][0]
            if len(joined) in LAYOUTS and looks_like_head(joined):
                whole = text[run.start() : runs[last].end()] == text.strip()
                yield joined, "separators" if whole else "text_around"
            last += 1
        if last == first + 2:  # two printed halves, the second one first
            swapped = runs[first + 1][0] + run[0]
            if len(swapped) in LAYOUTS and looks_like_head(swapped):
                yield swapped, "swap"
