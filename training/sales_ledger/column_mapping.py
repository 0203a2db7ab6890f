"""Map ledger headings to fields (表头识别), with the tax basis, currency and unit stated in the heading."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from valuation.errors import UnreadableLedger
from valuation.ingest.fields.aliases import SALE_SCOPE, field_name, plain

_BRACKETS = re.compile(r"[(\[【][^)\]】]*[)\]】]")
_CURRENCIES = {
    "cny": ("cny", "rmb", "元", "人民币", "¥", "￥", "cnh"),
    "usd_cny": ("usd", "us$", "$", "美元", "美金"),
    "eur_cny": ("eur", "€", "欧元"),
}
CURRENCY_NAMES: Mapping[str, str] = {spelled: name for name, many in _CURRENCIES.items() for spelled in many}
"""Exchange-rate instrument of each spelling of a currency; "cny" where none is needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A column: its name in the file, and tax basis, currency and scale stated in its heading.

    `vat_included` is None and `currency` is "" if not stated; numbers are multiplied by `scale`.
    """

    column: str
    vat_included: bool | None = None
    currency: str = ""
    scale: float = 1.0


def count_known_headings(names: Sequence[str]) -> int:
    """Return the number of headings that are known.

    >>> count_known_headings(["成交日期", "电池编码", "成交价（元，含税）", "备注"])
    3
    """
    return sum(_name(spelled) is not None for spelled in names if isinstance(spelled, str) and spelled.strip())


def find_headings(names: Sequence[str], file: str) -> tuple[dict[str, Heading], tuple[str, ...]]:
    """Return the known columns of a file by field name, and the names of unused columns.

    If a price is given both with and without tax, the one without is used.

    Raises
    ------
    UnreadableLedger
        If two columns match one field, or a required column is missing.

    >>> found, rest = find_headings(["电池码", "成交日期", "含税价(万元)", "备注"], "台账.csv")
    >>> found["price_cny"].scale, found["price_cny"].vat_included, rest
    (10000.0, True, ('备注',))
    """
    found: dict[str, Heading] = {}
    unused = []
    for spelled in names:
        name = _name(spelled)
        if name is None:
            unused.append(spelled)
            continue
        heading = _heading(spelled)
        other = found.get(name)
        if other is not None and {other.vat_included, heading.vat_included} == {True, False}:
            unused.append(other.column if other.vat_included else spelled)
            found[name] = heading if other.vat_included else other
        elif other is not None:
            raise UnreadableLedger(
                f"{file} gives {name} twice, as {other.column!r} and {spelled!r}",
                hint="keep one of the columns, or rename the other",
                field=name,
            )
        else:
            found[name] = heading
    _require(found, file, names)
    return found, tuple(unused)


def _name(spelled: str) -> str | None:
    """Return the field name of a heading, or None."""
    bare = _BRACKETS.sub("", unicodedata.normalize("NFKC", spelled)).strip()
    name = field_name(bare, SALE_SCOPE) if bare else None
    return "sold_on" if name == "day_of_sale" else name


def _heading(spelled: str) -> Heading:
    """Return the tax basis, currency and scale stated in a heading."""
    text = unicodedata.normalize("NFKC", spelled).casefold()
    without = any(word in text for word in ("不含税", "未税", "excl", "without vat", "net of vat", "ex vat"))
    included = not without and any(word in text for word in ("含税", "incl", "with vat"))
    words = [plain(word) or word for word in re.split(r"[\s()\[\]【】,，、/_:：-]+", text)]
    currency = next(
        (CURRENCY_NAMES[word.removeprefix("万")] for word in words if word.removeprefix("万") in CURRENCY_NAMES), ""
    )
    if "¥" in text or "€" in text or "$" in text:
        currency = next(CURRENCY_NAMES[mark] for mark in "¥€$" if mark in text)
    return Heading(
        column=spelled,
        vat_included=False if without else True if included else None,
        currency=currency,
        scale=10_000.0 if "万元" in text or "万美元" in text or "万欧元" in text else 1.0,
    )


def _require(found: Mapping[str, Heading], file: str, names: Sequence[str]) -> None:
    """Raise if a required column is missing."""
    lacking = [name for name in ("battery_code", "sold_on") if name not in found]
    if "price_cny" not in found and "lot_price_cny" not in found:
        lacking.append("price_cny")
    if lacking:
        there = ", ".join(str(name) for name in names[:12]) or "none"
        raise UnreadableLedger(
            f"the ledger {file} has no column {', '.join(lacking)}; its headings are: {there}",
            hint="a ledger needs at least battery_code (电池编码), sold_on (成交日期) and price_cny (成交价)",
            field=lacking[0],
        )
