"""Look-up of field and choice names in English and Chinese spellings (别名表).

A new spelling is one word in :mod:`valuation.ingest.fields.spellings` and nothing else. Case, blanks, underscores,
hyphens and full-width letters are ignored; a unit in brackets after a name must be the unit of the field.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from valuation.errors import FieldError
from valuation.ingest.fields.spellings import CHOICE_SPELLINGS, FIELD_SPELLINGS, UNIT_SPELLINGS
from valuation.record.fields import (
    COMPOSITION,
    COMPOSITION_FIELDS,
    EVENT_COMMON_FIELDS,
    EVENT_FIELDS,
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
ROW_SCOPE = tuple(dict.fromkeys((*TABLE_SCOPE, *ANY_EVENT_SCOPE, *EVENT_DAY_COLUMNS)))

_MOST_SPELLINGS, _LONGEST_KEPT = 4096, 100
_MEASURED = {field.name for field in (*PACK_FIELDS, *COMPOSITION_FIELDS, *EVENT_FIELDS) if field.kind == "number"}
_WITH_UNIT = re.compile(r"^(?P<name>[^(\[]+)[(\[](?P<unit>[^)\]]*)[)\]]$")


def plain(spelled: str) -> str:
    """Return a spelling without case, width, blanks, underscores and hyphens.

    >>> plain("Rated_Energy kWh"), plain("SoH"), plain("电池 编码")
    ('ratedenergykwh', 'soh', '电池编码')
    """
    return "".join(letter for letter in unicodedata.normalize("NFKC", spelled).casefold() if letter.isalnum())


@lru_cache(maxsize=64)
def _names(scope: tuple[str, ...]) -> Mapping[str, str]:
    """Return every plain spelling of the fields of a scope with the field's name."""
    return {plain(spelled): name for name in scope for spelled in (name, *FIELD_SPELLINGS.get(name, ()))}


@lru_cache(maxsize=64)
def _choices(field: str, choices: tuple[str, ...]) -> Mapping[str, str]:
    """Return every plain spelling of the choices of a category field with our choice."""
    known = CHOICE_SPELLINGS.get(field, {})
    return {plain(spelled): choice for choice in choices for spelled in (choice, *known.get(choice, ()))}


@lru_cache(maxsize=4096)
def field_name(spelled: str, scope: tuple[str, ...]) -> str | None:
    """Return our name of a field, None if the scope has no such field.

    Raises
    ------
    FieldError
        When the name has another unit in brackets: a unit is never converted by guess.

    >>> field_name("额定能量（kWh）", PACK_SCOPE), field_name("批次号", PACK_SCOPE)
    ('rated_energy_kwh', None)
    """
    if spelled in scope:
        return spelled
    match = _WITH_UNIT.match(unicodedata.normalize("NFKC", spelled).strip())
    found = _names(scope).get(plain(match["name"] if match else spelled))
    if found is not None and match is not None:
        _refuse_other_unit(spelled, found, match["unit"])
    return found


def choice_name(spelled: str, field: str, choices: tuple[str, ...]) -> str | None:
    """Return our name of a choice, None if the field has no such choice.

    >>> choice_name("磷酸铁锂", "chemistry", ("LFP", "NMC")), choice_name("gold", "chemistry", ("LFP", "NMC"))
    ('LFP', None)
    """
    return spelled if spelled in choices else _choices(field, choices).get(plain(spelled))


class FieldNames(dict[object, str | None]):
    """Spelled names with the field of a scope that each means, None for an unknown name; each looked up once."""

    def __init__(self, scope: tuple[str, ...]) -> None:
        self.scope = scope

    def __missing__(self, spelled: object) -> str | None:
        """Look one up; :class:`FieldError` if it carries a unit that is not ours."""
        name = field_name(spelled, self.scope) if isinstance(spelled, str) else None
        _keep(self, spelled, name)
        return name


class Choices(dict[str, str]):
    """Spelled choices of a category with our names; what is no choice stays as it is."""

    def __init__(self, field: Field) -> None:
        self.field = field

    def __missing__(self, spelled: str) -> str:
        """Look one up."""
        name = choice_name(spelled.strip(), self.field.name, self.field.choices) or spelled
        _keep(self, spelled, name)
        return name


def _keep(known: dict[Any, Any], spelled: object, name: str | None) -> None:
    """Keep a spelling for the next record, within bounds of memory."""
    if len(known) >= _MOST_SPELLINGS:
        known.clear()
    if len(str(spelled)) <= _LONGEST_KEPT:
        known[spelled] = name


def recognised(names: Iterable[object], scope: tuple[str, ...]) -> int:
    """Return how many names belong to the scope in any spelling.

    >>> recognised(["电池编码", "容量", "whatever"], PACK_SCOPE)
    2
    """
    count = 0
    for name in names:
        if isinstance(name, str):
            base = _WITH_UNIT.match(unicodedata.normalize("NFKC", name).strip())
            count += plain(base["name"] if base else name) in _names(scope)
    return count


def _refuse_other_unit(spelled: str, field: str, unit: str) -> None:
    """Raise if the unit in a name is not the field's."""
    if field not in _MEASURED:
        return
    stated = "".join(unicodedata.normalize("NFKC", unit).casefold().split())
    own = next((spellings for suffix, spellings in UNIT_SPELLINGS.items() if field.endswith(suffix)), ("0-1", "1", ""))
    if stated in own:
        return
    wanted = own[0]
    hint = "table.unit_percent" if stated == "%" else "table.unit.hint"
    raise FieldError("table.unit", hint=hint, field=field, value=spelled, name=field, unit=unit, wanted=wanted)
