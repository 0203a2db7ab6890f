"""Names of fields and choices in English and Chinese spellings (别名表), by the scope in which they are unique.

A new spelling is one word in :mod:`valuation.ingest.fields.spellings` and nothing else. Case, blanks, underscores,
hyphens and full-width letters are ignored; :mod:`valuation.ingest.fields.headings` reads names with units.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from valuation.ingest.fields.chemistry_text import chemistries_named
from valuation.ingest.fields.life_cycle_text import status_named
from valuation.ingest.fields.spellings import CHOICE_SPELLINGS, FIELD_SPELLINGS
from valuation.record.fields import (
    COMPOSITION,
    EVENT_COMMON_FIELDS,
    EVENT_TYPE_FIELDS,
    PACK_FIELDS,
    Field,
)

EVENT_DAY_COLUMNS: Mapping[str, str] = {
    "installed_on": "installed",
    "sold_on": "sold",
    "retired_on": "retired",
    "removed_on": "removed",
    "collected_on": "collected_in",
    "tested_on": "tested",
}
"""Day columns of a table with one row per pack; each means that an event of this type happened."""

PACK_SCOPE = (*(field.name for field in PACK_FIELDS), "composition", "modules", "events")
NAMEPLATE_SCOPE = tuple(name for name in PACK_SCOPE if name not in ("battery_code", "events"))
TABLE_SCOPE = (*(field.name for field in PACK_FIELDS), *COMPOSITION, "modules")
MODULE_SCOPE = ("battery_code", "soh")
EVENT_SCOPES: Mapping[str, tuple[str, ...]] = {
    name: ("type", *(field.name for field in (*EVENT_COMMON_FIELDS, *own))) for name, own in EVENT_TYPE_FIELDS.items()
}
ANY_EVENT_SCOPE = tuple(dict.fromkeys(name for scope in EVENT_SCOPES.values() for name in scope))
EVENT_TABLE_SCOPE = ("battery_code", *ANY_EVENT_SCOPE)
SALE_SCOPE = (
    *("sale_id", "battery_code", "sold_on", "day_of_sale", "price_cny", "vat_included", "vat_rate", "currency"),
    *("region", "buyer_kind", "seller_kind", "lot_id", "lot_price_cny", "route"),
)
QUOTE_SCOPE = ("quoted_on", "instrument", "price", "unit", "vat_included", "region", "source")
ROW_SCOPE = tuple(dict.fromkeys((*TABLE_SCOPE, *ANY_EVENT_SCOPE, *EVENT_DAY_COLUMNS, "exported_on")))

HEALTH_FIELDS = frozenset({"soh", "remaining_capacity_ah", "remaining_energy_kwh"})
"""Fields that state a health, directly or as a remainder of the rated value."""

MONEY_FIELDS = frozenset({"price_cny", "lot_price_cny", "price"})
"""Prices, whose headings state currency, tax and quantity."""

_MOST_SPELLINGS, _LONGEST_KEPT = 4096, 100


NEEDS_UNIT: Mapping[str, str] = {
    "电池容量": "rated_capacity_ah",
    "电池电量": "rated_energy_kwh",
    "batterycapacity": "rated_capacity_ah",
}
"""Names that say nothing without a unit: people state energy, capacity or charge by them."""


def plain(spelled: str) -> str:
    """Return a spelling without case, width, blanks, underscores and hyphens.

    >>> plain("Rated_Energy kWh"), plain("SoH"), plain("电池 编码")
    ('ratedenergykwh', 'soh', '电池编码')
    """
    return "".join(letter for letter in unicodedata.normalize("NFKC", spelled).casefold() if letter.isalnum())


@lru_cache(maxsize=64)
def names_in(scope: tuple[str, ...]) -> Mapping[str, str]:
    """Return every plain spelling of the fields of a scope with the field's name."""
    spellings = {plain(spelled): name for name in scope for spelled in (name, *FIELD_SPELLINGS.get(name, ()))}
    return spellings | {spelled: name for spelled, name in NEEDS_UNIT.items() if name in scope}


@lru_cache(maxsize=64)
def _choices(field: str, choices: tuple[str, ...]) -> Mapping[str, str]:
    """Return every plain spelling of the choices of a category field with our choice."""
    known = CHOICE_SPELLINGS.get(field, {})
    return {plain(spelled): choice for choice in choices for spelled in (choice, *known.get(choice, ()))}


def choice_name(spelled: str, field: str, choices: tuple[str, ...]) -> str | None:
    """Return the canonical name of a choice, None if the field has no such choice.

    >>> choice_name("磷酸铁锂", "chemistry", ("LFP", "NMC")), choice_name("gold", "chemistry", ("LFP", "NMC"))
    ('LFP', None)
    """
    if spelled in choices:
        return spelled
    found = _choices(field, choices).get(plain(spelled))
    if field == "life_cycle_status" and found is None:
        return status_named(spelled)
    if field != "chemistry":
        return found
    named = chemistries_named(spelled)
    if named is None:
        return found
    return named[0] if len(named) == 1 and named[0] in choices else None


class Choices(dict[str, str]):
    """Cache of canonical choices by spelling; unknown texts stay unchanged."""

    def __init__(self, field: Field) -> None:
        self.field = field

    def __missing__(self, spelled: str) -> str:
        """Look one up."""
        name = choice_name(spelled.strip(), self.field.name, self.field.choices) or spelled
        keep_spelling(self, spelled, name)
        return name


def keep_spelling(known: dict[Any, Any], spelled: object, meaning: object, longest: int = _LONGEST_KEPT) -> None:
    """Keep a spelling for the next record, within bounds of memory."""
    if len(known) >= _MOST_SPELLINGS:
        known.clear()
    if len(str(spelled)) <= longest:
        known[spelled] = meaning
