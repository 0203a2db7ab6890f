"""Energy and chemistry of a vehicle's pack as a distribution over the variants of its model and year (车型参数表).

The built-in table is `models.csv` (one row for each variant, with source and confidence) and `makes.csv` (makes, their
spellings and their world manufacturer identifiers). A catalogue that was imported is asked first. Names are compared as
people write them: make and model in either language, together or apart, with the model year and the variant in the
text (比亚迪 秦EV450 2018款).
"""

from __future__ import annotations

import csv
import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Final

import numpy as np

from valuation.numeric.exact_math import exp, log, normal_cdf
from valuation.pack.chemistry import BY_NAME
from valuation.pack.vehicle_packs import MATCHES

CONFIDENCE_SD: Final[Mapping[str, float]] = {"high": 0.03, "medium": 0.06, "low": 0.12}
"""Spread of the logarithm of the energy of a row of the table by its confidence (judged, 2026). [1]"""
UNLISTED_SD: Final = 0.12
"""Added spread for variants that the table does not list; benchmark vehicle_energy. [1]"""
OTHER_YEAR_SD: Final = 0.10
"""Added spread where the table has the model, but not in that year. [1]"""
OF_MAKE_SD: Final = 0.35
"""Added spread where the table has other models of the make only; benchmark vehicle_energy. [1]"""
OF_YEAR_SD: Final = 0.35
"""Added spread where the table has neither model nor make. [1]"""
NEIGHBOURING_YEAR: Final = 0.2
"""Weight of a variant sold only in the year before or after: model year and registration differ. [1]"""

_POWERTRAIN = re.compile(
    r"(?<=..)(?:ev|dm|dmi|dmp|phev|纯电|纯电动)$|(?<=[^\x00-\x7f])(?:ev|dm|dmi|dmp|phev|纯电|纯电动)$"
)
"""Ends of a name that people leave out: 秦 is 秦EV or 秦DM."""
_BLANKS = re.compile(r"[\s()（）\[\]【】,，]+")
_SHORT: Final = 4
_YEAR = re.compile(r"(?<!\d)(20[0-4]\d)(?!\d)\s*(?:年?款|年)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One variant of a vehicle model: years sold, chemistry, rated energy, and its share among the variants."""

    make: str
    model: str
    aliases: tuple[str, ...] = ()
    from_year: float
    to_year: float
    variant: tuple[str, ...] = ()
    chemistry: str
    energy_kwh: float
    share: float = 1.0
    duty: str = ""
    source: str = ""
    confidence: str = "medium"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The variants of one family of chemistries: their share, and the logarithm of their energy with its spread."""

    chemistry: str
    share: float
    log_energy: float
    log_sd: float

    @property
    def energy_kwh(self) -> float:
        """Median energy. [kWh]"""
        return float(exp(np.array([self.log_energy]))[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicle:
    """Energy and chemistry of the pack of a vehicle, as a distribution over its variants.

    Attributes
    ----------
    name, name_zh
        Make and model as spelled in the table, and in Chinese if the table has a Chinese spelling; several names if
        the text matches several.
    makes
        Makes of these models.
    match : "model", "make" or "year"
        What was found in the table: the model, only other models of its make, or neither.
    parts
        One part per chemistry, the most likely first; the shares add up to 1.
    source
        Source of the figures.
    near
        Models with a similar name, if the model is unknown.
    """

    name: str
    name_zh: str
    makes: frozenset[str]
    match: str
    parts: tuple[Part, ...]
    source: str
    near: tuple[str, ...] = ()

    def energy_range_kwh(self, level: float = 0.9) -> tuple[float, float]:
        """Return the central range of energy that contains the given share of the packs of this vehicle. [kWh]"""
        grid = np.linspace(-1.0, 1.0, 2001)
        low = min(part.log_energy - 4.0 * part.log_sd for part in self.parts)
        high = max(part.log_energy + 4.0 * part.log_sd for part in self.parts)
        at = low + (grid + 1.0) / 2.0 * (high - low)
        below = sum(
            (part.share * normal_cdf((at - part.log_energy) / part.log_sd) for part in self.parts), np.zeros(len(at))
        )
        edges = np.interp([0.5 - level / 2.0, 0.5 + level / 2.0], below, at)
        lower, upper = exp(edges).tolist()
        return lower, upper


def plain(text: str) -> str:
    """Return a name without case, width, blanks and punctuation.

    >>> plain("ID.4 X"), plain("秦 EV")
    ('id4x', '秦ev')
    """
    return "".join(letter for letter in unicodedata.normalize("NFKC", text).casefold() if letter.isalnum())


@dataclass(frozen=True)
class Make:
    """A make: its name, its spellings, and the world manufacturer identifiers of its vehicles."""

    name: str
    spellings: tuple[str, ...]
    wmi: tuple[str, ...]


@lru_cache(maxsize=1)
def makes() -> Mapping[str, Make]:
    """Return the built-in makes by name."""
    rows = _rows("makes.csv")
    return {row["make"]: Make(row["make"], _listed(row["aliases"]), _listed(row["wmi"])) for row in rows}


class Catalogue:
    """Vehicle models with the energy and chemistry of their variants."""

    def __init__(self, variants: Iterable[Variant]) -> None:
        self.variants = tuple(variants)

    @cached_property
    def _by_model(self) -> Mapping[tuple[str, str], tuple[Variant, ...]]:
        grouped: dict[tuple[str, str], list[Variant]] = {}
        for one in self.variants:
            grouped.setdefault((one.make, one.model), []).append(one)
        return {key: tuple(rows) for key, rows in grouped.items()}

    @cached_property
    def _spellings(self) -> Mapping[str, tuple[tuple[str, str], ...]]:
        """Models by each of their normalised spellings."""
        found: dict[str, dict[tuple[str, str], None]] = {}
        for key, rows in self._by_model.items():
            for name in {key[1], *(name for row in rows for name in row.aliases)}:
                whole = {plain(name), _without_make(plain(name), _spellings_of(key[0]))}
                for spelled in whole | {_POWERTRAIN.sub("", one) for one in whole} - {""}:
                    found.setdefault(spelled, {})[key] = None
        return {name: tuple(keys) for name, keys in found.items()}

    @cached_property
    def _makes(self) -> Mapping[str, frozenset[str]]:
        """Names of makes by each of their normalised spellings."""
        found: dict[str, set[str]] = {}
        for name in {make for make, _ in self._by_model} | set(makes()):
            for spelled in _spellings_of(name):
                found.setdefault(spelled, set()).add(name)
        return {spelled: frozenset(names) for spelled, names in found.items()}

    @lru_cache(maxsize=4096)  # noqa: B019 - a process has one or two catalogues, for its whole life
    def find(self, model: str, make: str | None = None, year: float | None = None) -> Vehicle | None:
        """Return energy and chemistry of the pack of a vehicle; None if model, make and year are all unknown.

        Parameters
        ----------
        model
            Model as written, with or without make, variant and year.
        make
            Make as written.
        year
            Model year, or the year it was made; a year in the text counts where none is given.
        """
        text, said = _take_year(model)
        year = year if year is not None else said
        query = plain(text)
        named = self.makes_of(make or "") or self._makes_at_start(query)
        keys, rest = self._models(text, named) if named or not make else ((), "")
        if keys:
            variants, spread = _of_year(_of_variant([one for key in keys for one in self._by_model[key]], rest), year)
            return _vehicle("model", variants, spread)
        return self._unknown(query, named, year, make_given=bool(make or named))

    def makes_of(self, text: str) -> frozenset[str]:
        """Return the makes named in a text."""
        spelled = plain(text)
        if spelled in self._makes:
            return self._makes[spelled]
        inside = [name for name in self._makes if len(name) > 1 and name in spelled and not name.isascii()]
        return self._makes[max(inside, key=len)] if inside else self._makes_at_start(spelled)

    def _makes_at_start(self, query: str) -> frozenset[str]:
        found = [name for name in self._makes if query.startswith(name) and (len(name) > 2 or not name.isascii())]
        return self._makes[max(found, key=len)] if found else frozenset()

    def _models(self, text: str, named: frozenset[str]) -> tuple[tuple[tuple[str, str], ...], str]:
        """Return the models with the longest spelling found in a text, and the rest of the text."""
        words = [plain(word) for word in _BLANKS.split(text)]
        query, ends = "".join(words), set(accumulate(map(len, words)))
        starts = {0, *(len(one) for name in named for one in _spellings_of(name) if query.startswith(one))}
        best: tuple[int, tuple[tuple[str, str], ...], str] = (0, (), "")
        for spelled, keys in self._spellings.items():
            wanted = tuple(key for key in keys if not named or key[0] in named)
            if len(spelled) <= best[0] or not wanted:
                continue
            inside = query.find(spelled) if named and len(spelled) >= (_SHORT if spelled.isascii() else 2) else -1
            for start in starts | ({inside} - {-1}):
                end = start + len(spelled)
                rest = query[end:]
                if query.startswith(spelled, start) and (end in ends or _parts(spelled, rest, known_make=bool(named))):
                    best = (len(spelled), wanted, rest)
        return best[1], best[2]

    def _unknown(self, query: str, named: frozenset[str], year: float | None, *, make_given: bool) -> Vehicle | None:
        if year is None or not query or not make_given:
            return None
        near = self.near(query, named)
        of_make = [one for one in self.variants if one.make in named and not one.duty]  # cars: duty is of others
        if not of_make:
            return self._of_year_only(near, year)
        weighted = [(one, one.share * 0.5 ** abs(_years_off(one, year))) for one in of_make]
        return _vehicle("make", weighted, OF_MAKE_SD, near)

    def _of_year_only(self, near: tuple[str, ...], year: float) -> Vehicle:
        cars = [one for one in self.variants if not one.duty]
        nearest = min(_years_off(one, year) for one in cars)
        weighted = [(one, one.share) for one in cars if _years_off(one, year) == nearest]
        return _vehicle("year", weighted, OF_YEAR_SD, near)

    def near(self, query: str, named: frozenset[str] = frozenset()) -> tuple[str, ...]:
        """Return up to three models with similar names; models of the given make come first."""
        tails = {_without_make(query, _spellings_of(name)) for name in named} | {query}
        pool = {s: keys for s, keys in self._spellings.items() if not named or any(key[0] in named for key in keys)}
        close = [name for tail in tails for name in difflib.get_close_matches(tail, pool, n=3, cutoff=0.6)]
        models = [key for name in close for key in pool[name] if not named or key[0] in named]
        return tuple(dict.fromkeys(f"{make} {model}" for make, model in models))[:3]


def _vehicle(match: str, weighted: list[tuple[Variant, float]], spread: float, near: tuple[str, ...] = ()) -> Vehicle:
    """Return the distribution over weighted variants, by family of chemistries."""
    total = sum(weight for _, weight in weighted)
    families: dict[str, list[tuple[Variant, float]]] = {}
    for one, share in weighted:
        families.setdefault(BY_NAME[one.chemistry].family, []).append((one, share))
    parts = []
    for rows in families.values():
        grades = {one.chemistry for one, _ in rows}
        chemistry = grades.pop() if len(grades) == 1 else "NMC"
        weight = np.array([weight for _, weight in rows])
        energy = log(np.array([one.energy_kwh for one, _ in rows]))
        own = np.array([CONFIDENCE_SD[one.confidence] for one, _ in rows])
        mean = float(np.sum(weight * energy) / np.sum(weight))
        variance = float(np.sum(weight * ((energy - mean) ** 2 + own * own)) / np.sum(weight)) + spread * spread
        share = float(np.sum(weight) / total)
        parts.append(Part(chemistry=chemistry, share=share, log_energy=mean, log_sd=float(np.sqrt(variance))))
    parts.sort(key=lambda part: (-part.share, part.chemistry))
    named = [one for one, _ in weighted] if match != "year" else []
    source = "; ".join(dict.fromkeys(one.source for one in named if one.source and match == "model"))
    names, names_zh = (dict.fromkeys(name_of(one, match) for one in named) for name_of in (_name, _name_zh))
    return Vehicle(
        name=" / ".join(names),
        name_zh=" / ".join(names_zh),
        makes=frozenset(one.make for one in named),
        match=match,
        parts=tuple(parts),
        source=source,
        near=near,
    )


def _name(one: Variant, match: str) -> str:
    return one.make if match == "make" else f"{one.make} {one.model}"


def _name_zh(one: Variant, match: str) -> str:
    known = makes().get(one.make)
    make = next((name for name in (known.spellings if known else ()) if not name.isascii()), one.make)
    if match == "make":
        return make
    model = next((name for name in one.aliases if not name.isascii()), one.model)
    return model if model.startswith(make) else f"{make} {model}"


def _of_variant(variants: list[Variant], rest: str) -> list[Variant]:
    """Return the variants named in the rest of the text; all variants if none is named."""
    length = {
        id(one): max((len(name) for name in map(plain, one.variant) if _holds(rest, name)), default=0)
        for one in variants
    }
    longest = max(length.values())
    return [one for one in variants if length[id(one)] == longest]


def _of_year(variants: list[Variant], year: float | None) -> tuple[list[tuple[Variant, float]], float]:
    """Return the variants sold in a year with their weights, and the spread to add if the year is uncertain."""
    if year is None:
        return [(one, one.share) for one in variants], UNLISTED_SD
    nearest = min(_years_off(one, year) for one in variants)
    if nearest > 1.0:
        added = float(np.sqrt(UNLISTED_SD**2 + OTHER_YEAR_SD**2))
        return [(one, one.share) for one in variants if _years_off(one, year) == nearest], added
    weight = {0.0: 1.0, 1.0: NEIGHBOURING_YEAR if nearest == 0.0 else 1.0}
    kept = [(one, one.share * weight.get(_years_off(one, year), 0.0)) for one in variants]
    return [(one, share) for one, share in kept if share > 0.0], UNLISTED_SD


def _years_off(one: Variant, year: float) -> float:
    return max(one.from_year - year, year - one.to_year, 0.0)


def _take_year(text: str) -> tuple[str, float | None]:
    """Return a text without its model year, and the year.

    >>> _take_year("秦EV 2019款"), _take_year("E200")
    (('秦EV ', 2019.0), ('E200', None))
    """
    found = _YEAR.search(text)
    return (text[: found.start()] + text[found.end() :], float(found[1])) if found else (text, None)


def _parts(spelled: str, rest: str, *, known_make: bool) -> bool:
    """Return whether a name ends where its spelling does, rather than in the middle of a number or a word."""
    last, first = spelled[-1], rest[0]
    if last.isdigit() and first.isdigit():
        return False
    if first.isdigit() and spelled.isascii() and len(spelled) < _SHORT:
        return False  # eQ is not the model of eQ7, but the Emgrand EV is that of an Emgrand EV300
    if not known_make and len(spelled) < 2:
        return False
    return known_make or not (last.isascii() and last.isalpha() and first.isascii() and first.isalpha())


def _holds(text: str, name: str) -> bool:
    """Return whether a text holds a name, a number not inside a longer one."""
    return (
        bool(name)
        and re.search(rf"(?<!\d){re.escape(name)}(?!\d)" if name.isdigit() else re.escape(name), text) is not None
    )


@lru_cache(maxsize=512)
def _spellings_of(make: str) -> tuple[str, ...]:
    """Return the plain spellings of a make."""
    known = makes().get(make)
    return tuple(dict.fromkeys(plain(one) for one in (make, *(known.spellings if known else ()))))


def _without_make(name: str, spellings: tuple[str, ...]) -> str:
    """Return a plain name without the make in front."""
    found = [one for one in spellings if name.startswith(one) and len(one) < len(name)]
    return name[len(max(found, key=len)) :] if found else name


def _listed(text: str) -> tuple[str, ...]:
    return tuple(one for one in text.split("|") if one)


def _rows(name: str) -> list[dict[str, str]]:
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def read_variants(rows: Iterable[Mapping[str, str]]) -> list[Variant]:
    """Return the variants listed in rows with the columns of `models.csv`."""
    listed = list(rows)
    aliases: dict[tuple[str, str], tuple[str, ...]] = {}
    for row in listed:
        key = (row["make"], row["model"])
        aliases[key] = aliases.get(key, ()) + _listed(row["aliases"])
    return [
        Variant(
            make=row["make"],
            model=row["model"],
            aliases=aliases[row["make"], row["model"]],
            from_year=float(row["from_year"]),
            to_year=float(row["to_year"]),
            variant=_listed(row["variant"]),
            chemistry=row["chemistry"],
            energy_kwh=float(row["energy_kwh"]),
            share=float(row["share"]),
            duty=row["duty"],
            source=row["source"],
            confidence=row["confidence"],
        )
        for row in listed
    ]


@lru_cache(maxsize=1)
def built_in() -> Catalogue:
    """Return the built-in catalogue."""
    return Catalogue(read_variants(_rows("models.csv")))


_IMPORTED: list[Catalogue] = []


def install(variants: Iterable[Variant]) -> None:
    """Look up these variants before the built-in table in this process; none restores the built-in table alone."""
    listed = tuple(variants)
    _IMPORTED[:] = [Catalogue(listed)] if listed else []


def find_vehicle(model: str, make: str | None = None, year: float | None = None) -> Vehicle | None:
    """Return energy and chemistry of the pack of a vehicle, from the imported catalogue, else from the built-in table.

    >>> vehicle = find_vehicle("秦EV 2019款", "比亚迪")
    >>> vehicle.name, vehicle.parts[0].chemistry, [round(edge) for edge in vehicle.energy_range_kwh()]
    ('BYD Qin EV', 'NMC', [44, 70])
    """
    best: Vehicle | None = None
    for catalogue in (*_IMPORTED, built_in()):
        found = catalogue.find(model, make, year)
        if found is not None and (best is None or MATCHES.index(found.match) > MATCHES.index(best.match)):
            best = found
    return best


def year_in(text: str) -> float | None:
    """Return the model year written in the name of a vehicle.

    >>> year_in("秦EV 2019款"), year_in("E200")
    (2019.0, None)
    """
    return _take_year(text)[1]


@lru_cache(maxsize=4096)
def makes_named(text: str) -> frozenset[str]:
    """Return the makes named in a text.

    >>> sorted(makes_named("比亚迪汽车工业有限公司")), sorted(makes_named("宁德时代"))
    (['BYD'], [])
    """
    return built_in().makes_of(text)


def near_models(model: str, make: str | None = None) -> tuple[str, ...]:
    """Return up to three known models with a similar name.

    >>> near_models("宏光MINI EW")[0]
    'Wuling Hongguang MINIEV'
    """
    known = [*_IMPORTED, built_in()]
    names = [name for one in known for name in one.near(plain(_take_year(model)[0]), one.makes_of(make or ""))]
    return tuple(dict.fromkeys(names))[:3]
