"""Headings of columns and names of JSON fields (表头): the field, and the unit if stated.

The name may be English or Chinese. The unit may follow in brackets, after a slash, underscore, blank or line break, or
directly; a percent sign may be anywhere. A unit is either understood, or the heading is refused; it is never ignored.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from valuation.errors import FieldError
from valuation.ingest.fields.aliases import MONEY_FIELDS, NEEDS_UNIT, keep_spelling, names_in, plain
from valuation.ingest.fields.price_units import PriceBasis, price_basis, without_vat_words
from valuation.ingest.fields.units import (
    ENERGY_OF_CAPACITY,
    KNOWN,
    NUMBERS,
    PERCENT,
    SHARE_OF_RATED,
    Unit,
    own_unit,
    tidy_unit,
    unit_names,
    units_of,
)

_MAY, _SLASH, _MUST = 0, 1, 2
"""Certainty that a text next to a name is a unit: after a blank or underscore, after a slash, in brackets."""

_BRACKETS: Final = re.compile(r"[(\[{<【〔〈《「『]([^()\[\]{}<>【】〔〕〈〉《》「」『』]*)[)\]}>】〕〉》」』]")
_PERCENT: Final = re.compile(r"[%‰]")
_SEPARATORS: Final = re.compile(r"[\s/_,，、;；:：|(\[{<【〔-]+")
_MEANING: Final = re.compile(r"[%‰°Ωµμ/$¥€£()\[\]{}<>【】〔〕〈〉《》「」『』]")
_LONGEST_LAYOUT = 1000
_PATH: Final = re.compile(r"(?:composition|modules\[\d+\]|events\[\d+\])\.")
"""Start of the name of an unknown field of a part, as a written record states it: ``modules[0].colour``."""
_CLAUSES: Final = re.compile(r"[,，、;；|]+")
_REMARKS: Final = frozenset(
    {"必填", "选填", "可选", "铭牌", "实测", "表显", "累计", "约", "若有", "如有", "单位", "bms"}
    | {"required", "optional", "nameplate", "measured", "approx", "if known", "in", "unit", "-"}
)


@dataclass(frozen=True, slots=True)
class Heading:
    """Meaning of a heading: its field, the unit of its values if it differs, and the basis of a price.

    `spelled` is the heading as written.
    """

    name: str
    spelled: str
    unit: Unit | None = None
    price: PriceBasis | None = None


@lru_cache(maxsize=4096)
def read_heading(spelled: str, scope: tuple[str, ...]) -> Heading | None:
    """Return the meaning of a heading among the fields of a scope, None if it is unknown.

    Raises
    ------
    FieldError
        When the field cannot have the stated unit.

    >>> from valuation.ingest.fields.aliases import PACK_SCOPE, ROW_SCOPE
    >>> read_heading("额定能量（kWh）", PACK_SCOPE).name, read_heading("批次号", PACK_SCOPE)
    ('rated_energy_kwh', None)
    >>> found = read_heading("剩余容量%", ROW_SCOPE)
    >>> found.name, found.unit.name
    ('soh', '%')
    """
    if spelled in scope:
        return Heading(spelled, spelled)
    if _PATH.match(spelled):
        return None
    names = names_in(scope)
    text = unicodedata.normalize("NFKC", spelled).replace("\ufeff", "").strip(" \t\r\n*:：'\"")
    name = None if plain(text) in NEEDS_UNIT else _named(text, names)
    if name is not None:
        price = price_basis(text, ()) if name in MONEY_FIELDS else None
        return Heading(name, spelled, price=price)
    found = _split(text, names)
    if found is None:
        return None
    name, stated = found
    if name in MONEY_FIELDS and name not in NUMBERS:
        basis = price_basis(text, [one for one, _ in stated])
        if basis is None:
            raise _unknown_unit(spelled, name, ", ".join(one for one, _ in stated))
        return Heading(name, spelled, price=basis)
    heading = _measured(spelled, name, stated, names)
    has_unit = heading is None or heading.unit is not None or _own_unit_stated(heading.name, stated)
    return heading if has_unit or not any(word in plain(text) for word in NEEDS_UNIT) else None


def field_name(spelled: str, scope: tuple[str, ...]) -> str | None:
    """Return the canonical name of a field, None if it is not in the scope; see :func:`read_heading`."""
    heading = read_heading(spelled, scope)
    return None if heading is None else heading.name


def recognised(names: Iterable[object], scope: tuple[str, ...]) -> int:
    """Return the number of names that belong to the scope.

    >>> from valuation.ingest.fields.aliases import PACK_SCOPE
    >>> recognised(["电池编码", "容量/Ah", "whatever"], PACK_SCOPE)
    2
    """
    return sum(isinstance(name, str) and _is_known(name, scope) for name in names)


def is_field_heading(spelled: str, scope: tuple[str, ...]) -> bool:
    """Return whether a heading is of a field of the scope, in a unit that the field can have."""
    try:
        return field_name(spelled, scope) is not None
    except FieldError:
        return False


def _is_known(spelled: str, scope: tuple[str, ...]) -> bool:
    try:
        return _cached_names(scope)[spelled] is not None
    except FieldError:
        return True


@lru_cache(maxsize=64)
def _cached_names(scope: tuple[str, ...]) -> FieldNames:
    return FieldNames(scope)


class FieldNames(dict[object, Heading | None]):
    """Cache of the canonical field for each name as written; None for an unknown name."""

    def __init__(self, scope: tuple[str, ...]) -> None:
        self.scope = scope
        self._layouts: dict[tuple[object, ...], tuple[str, ...]] = {}

    def layout(self, spelled: tuple[object, ...]) -> tuple[str, ...] | None:
        """Return the fields of the names of an object; None if a name is unknown or repeated or may need its value."""
        found = self._layouts.get(spelled)
        if found is not None:
            return found
        try:
            headings = [self[one] for one in spelled]
        except FieldError:
            return None
        fields = [one.name for one in headings if one and one.unit is None and one.name not in SHARE_OF_RATED]
        if len(set(fields)) < len(spelled):
            return None
        keep_spelling(self._layouts, spelled, tuple(fields), _LONGEST_LAYOUT)
        return tuple(fields)

    def __missing__(self, spelled: object) -> Heading | None:
        """Look up one name; :class:`FieldError` if its field cannot have the stated unit."""
        found = read_heading(spelled, self.scope) if isinstance(spelled, str) else None
        keep_spelling(self, spelled, found)
        return found


def share_heading(names: FieldNames, spelled: object, value: object) -> Heading | None:
    """Return the meaning of a heading for one cell: a remaining capacity or energy of `85%` is a state of health.

    >>> from valuation.ingest.fields.aliases import ROW_SCOPE
    >>> share_heading(FieldNames(ROW_SCOPE), "剩余容量", "85%").name
    'soh'
    """
    heading = names[spelled]
    if heading is None or heading.name not in SHARE_OF_RATED or heading.unit is not None:
        return heading
    share = isinstance(value, str) and value.strip().endswith(("%", "％")) and SHARE_OF_RATED[heading.name]
    return Heading(share, heading.spelled) if share and share in names.scope else heading


@lru_cache(maxsize=4096)
def nearest_name(spelled: str, scope: tuple[str, ...]) -> str | None:
    """Return the field of a scope whose name is most similar to an unknown name, None if none is similar.

    >>> from valuation.ingest.fields.aliases import PACK_SCOPE
    >>> nearest_name("rated_enrgy_kwh", PACK_SCOPE), nearest_name("colour", PACK_SCOPE)
    ('rated_energy_kwh', None)
    """
    names = names_in(scope)
    if plain(spelled) in names:
        return None  # a field, but of another type of event
    near = difflib.get_close_matches(plain(spelled)[:60], names, n=1, cutoff=0.86)
    return names[near[0]] if near else None


def _named(text: str, names: Mapping[str, str]) -> str | None:
    """Return the field with exactly this name; characters that may belong to a unit are significant."""
    return None if _MEANING.search(text) else names.get(plain(text))


def _split(text: str, names: Mapping[str, str]) -> tuple[str, list[tuple[str, int]]] | None:
    """Return the field in a heading, and each text next to its name with the certainty that it is a unit."""
    stated = [(one.strip(), _MUST) for one in _BRACKETS.findall(text)]
    head = _BRACKETS.sub(" ", text)
    stated += [(mark, _MUST) for mark in _PERCENT.findall(head)]
    head = _PERCENT.sub(" ", head).strip(" /_-,，、:：;；")
    for bare in dict.fromkeys((head, without_vat_words(head))):
        name = _named(bare, names)
        if name is not None:
            return name, stated
        for left, rest, how_sure in _parts(bare):
            name = _named(left, names)
            if name is not None:
                return name, [*stated, (rest, how_sure)]
    return None


def _parts(head: str) -> Iterator[tuple[str, str, int]]:
    """Yield the possible divisions of a heading into a name and other text, the longest name first."""
    for cut in reversed(list(_SEPARATORS.finditer(head))):
        how_sure = _SLASH if set("/([{") & set(cut[0]) else _MAY
        yield head[: cut.start()], head[cut.end() :], how_sure
        if tidy_unit(head[: cut.start()]) in KNOWN:  # the unit before the name
            yield head[cut.end() :], head[: cut.start()], _MAY
    for end in range(len(head) - 1, 0, -1):  # the unit directly behind the name
        unit = tidy_unit(head[end:])
        if unit in KNOWN and not unit.isdigit() and (len(unit) > 1 or not head[end - 1].isascii()):
            yield head[:end], head[end:], _SLASH if len(unit) > 1 else _MAY


def _measured(spelled: str, name: str, stated: list[tuple[str, int]], names: Mapping[str, str]) -> Heading | None:
    """Return a heading with its unit; None if the other text changes the meaning."""
    percent = any(units_of("soh").get(tidy_unit(text)) is PERCENT for text, _ in stated)
    if name in SHARE_OF_RATED and percent and SHARE_OF_RATED[name] in names.values():
        name = SHARE_OF_RATED[name]
    energy = ENERGY_OF_CAPACITY.get(name, "")
    if energy in names.values() and any(tidy_unit(text) in units_of(energy) for text, _ in stated):
        name = energy
    units = units_of(name)
    found: dict[str, Unit] = {}
    for text, how_sure in stated:
        whole = tidy_unit(text) in units or text.casefold() in _REMARKS or _named(text, names) == name
        for piece in [text] if whole else _pieces(text):
            unit = None if how_sure == _MAY and piece.isdigit() else units.get(tidy_unit(piece))
            if unit is not None:
                found[unit.name] = unit
            elif not piece or piece.casefold() in _REMARKS or _named(piece, names) == name:
                continue
            elif _PERCENT.search(piece) or (units and _must_be_unit(piece, how_sure)):
                raise _unknown_unit(spelled, name, piece)
            elif how_sure != _MUST:
                return None  # another field, such as "capacity class"
    if len(found) > 1:
        raise _unknown_unit(spelled, name, ", ".join(found))
    unit = next(iter(found.values()), None)
    return Heading(name, spelled, None if unit is None or unit.own else unit)


def _own_unit_stated(name: str, stated: list[tuple[str, int]]) -> bool:
    """Return whether a heading states a unit of its field."""
    return any(tidy_unit(text) in units_of(name) for text, _ in stated)


def _pieces(text: str) -> list[str]:
    """Return the clauses of a text; clauses of several words that are not a unit are divided further."""
    clauses = [clause.strip() for clause in _CLAUSES.split(text)]
    return clauses if len(clauses) > 1 else text.split()


def _must_be_unit(text: str, how_sure: int) -> bool:
    """Return whether a text can only be a unit, though not one of the field."""
    tidy = tidy_unit(text)
    short = how_sure == _SLASH and tidy.isascii() and tidy.isalpha() and 1 < len(tidy) < 6
    sure = how_sure != _MAY or len(tidy) > 1 or not tidy.isascii()
    return how_sure == _MUST or short or (tidy in KNOWN and sure)


def _unknown_unit(spelled: str, name: str, stated: str) -> FieldError:
    """Return the refusal of a heading with a unit that its field cannot have."""
    if name in MONEY_FIELDS and name not in NUMBERS:
        return FieldError("heading.price", field=name, value=spelled, unit=stated)
    units = units_of(name)
    if not units:
        return FieldError("heading.no_unit", field=name, value=spelled, name=name, unit=stated)
    hint = "heading.unit_percent" if PERCENT.name in stated else "heading.unit.hint"
    known = unit_names(units.values())
    return FieldError(
        "heading.unit", hint=hint, field=name, value=spelled, name=name, unit=stated, wanted=own_unit(name), known=known
    )
