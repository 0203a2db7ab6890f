"""Formats numbers, amounts and days for display; stored values are not rounded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from valuation.messages import Language, name, say

MINUS = "\N{MINUS SIGN}"
THIN_SPACE = "\N{NARROW NO-BREAK SPACE}"


@dataclass(frozen=True, slots=True)
class Formatter:
    """Formats values and messages in one language."""

    language: Language

    def say(self, key: str, **words: object) -> str:
        """Return a message of the page."""
        return say(self.language, f"page.{key}", **words)

    def name(self, kind: str, value: str) -> str:
        """Return the display name of a value."""
        return name(self.language, kind, value)

    def number(self, value: float, digits: int = 0) -> str:
        """Return a number with thousands separators and a true minus sign.

        >>> Formatter("en").number(-1234.5, 1)
        '−1,234.5'
        """
        shown = f"{round(value, digits) + 0.0:,.{digits}f}"
        return shown.replace("-", MINUS)

    def money(self, amount_cny: float, digits: int = 0) -> str:
        """Return an amount with its currency.

        >>> Formatter("en").money(4210.0), Formatter("zh").money(4210.0)
        ('4,210 CNY', '4,210 元')
        """
        return f"{self.number(amount_cny, digits)} {'元' if self.language == 'zh' else 'CNY'}"

    def effect(self, amount_cny: float, digits: int = 2) -> str:
        """Return an amount with its sign and without the currency.

        >>> Formatter("en").effect(12.3), Formatter("en").effect(-0.001)
        ('+12.30', '0.00')
        """
        shown = self.number(amount_cny, digits)
        return f"+{shown}" if round(amount_cny, digits) > 0.0 else shown

    def percent(self, fraction: float, digits: int = 0) -> str:
        """Return a fraction in per cent.

        >>> Formatter("en").percent(0.9), Formatter("zh").percent(0.9)
        ('90\u202f%', '90%')
        """
        shown = self.number(100.0 * fraction, digits)
        return f"{shown}%" if self.language == "zh" else f"{shown}{THIN_SPACE}%"

    def day(self, when: date | str) -> str:
        """Return a date in the usual form of the language; accepts ISO text.

        >>> Formatter("en").day("2026-11-20"), Formatter("zh").day("2026-11-20")
        ('20 Nov 2026', '2026年11月20日')
        """
        value = date.fromisoformat(when) if isinstance(when, str) else when
        if self.language == "zh":
            return f"{value.year}年{value.month}月{value.day}日"
        return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"

    def short(self, digest: str, letters: int = 12) -> str:
        """Return the first characters of a digest.

        >>> Formatter("en").short("sha256:0123456789abcdef0123")
        '0123456789ab…'
        """
        scheme, _, value = digest.partition(":")
        if scheme != "sha256":
            return digest
        return value[:letters] + ("…" if len(value) > letters else "")


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
