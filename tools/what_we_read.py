"""Write the page of what is read: files, passports, fields with their spellings and units, and what is refused.

Run: ``.venv/bin/python tools/what_we_read.py > docs/reference/what-we-read.md``. A contract test compares the page.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from valuation.ingest.fields.aliases import SALE_SCOPE  # noqa: E402 - the checkout, not an installed package
from valuation.ingest.fields.price_units import CURRENCIES, UNITS  # noqa: E402 - same
from valuation.ingest.fields.spellings import CHOICE_SPELLINGS, FIELD_SPELLINGS  # noqa: E402 - same
from valuation.ingest.fields.units import units_of  # noqa: E402 - same
from valuation.ingest.fields.values import PLACEHOLDERS  # noqa: E402 - same
from valuation.record.fields import (  # noqa: E402 - same
    COMPOSITION_FIELDS,
    EVENT_COMMON_FIELDS,
    EVENT_FIELDS,
    PACK_FIELDS,
    Field,
    category,
)

PASSPORTS: Final = {
    "catenax": ("Catena-X `battery_pass`, nested", "4.x, 5.x, 6.x, each by its own layout"),
    "catenax-flat": ("Catena-X `battery_pass`, flat; its readings have no date", "3.x"),
    "batterypass": ("BatteryPass data model, by topic documents, given together or alone", "1.2.x"),
    "idta": ("IDTA 02035 submodels", "parts 1 to 7, given together or alone"),
    "traction-code": ("documents with a `tractionBatteryCode`", "packs with their modules"),
}
"""Families of battery passports by the name in `valuation.ingest.passports`: what they are, and which versions."""

_HEAD = """# What is read

Written by `tools/what_we_read.py`; do not edit. The same rules hold at every entrance: `canzhi value`,
`check`, `score` and `train`, the page and the HTTP interface.

## Files

| file | how it is read |
|---|---|
| JSON, JSONL | one record, a list, or a record per line |
| CSV | UTF-8, UTF-16 with a byte-order mark, or GB18030; commas, semicolons, tabs or bars; titles above the headings |
| Excel (.xlsx, .xls) | every sheet with known headings; titles, merged cells, empty columns, rows of totals |
| Parquet, Arrow in memory | columns of texts, numbers, dates or categories; no Arrow files, which may be forged |

A table with one event per row is joined to the table of packs beside it; another table has one pack per row.

## Headings and names

A name may be Chinese or English, in any case and width, with blanks, hyphens or underscores. A unit may follow it in
brackets (round, square, 【】), after a slash, an underscore, a comma, a blank or a line break, or directly; a percent
sign may stand anywhere. The unit is converted (note I16), or the heading is refused by its name.

| written | what happens |
|---|---|
| a name that is not known | kept, not used, named in note I01 |
| a name that resembles a field | as above, and the field is suggested (I19) |
| a unit that the field cannot have | the heading is refused |
| a remaining capacity or energy in % | read as a state of health |
| a capacity in a unit of energy, such as 容量(kWh) | read as the energy |
| 电池容量, 电池电量, battery capacity without a unit | kept, not used: energy, capacity or charge |
| a column without name and content | left out |
| headings in two rows, such as 剩余 over 容量(Ah) | read together where that is a known name |
| two columns of one field | refused |

## Values

| written | what happens |
|---|---|
| `1,234.5`, `82%`, `62 kWh`, `12.3万公里` | converted (I16) |
| `123 000`, `1'234`, `约12万公里`, `12万左右` | converted (I16) |
| `12,5` | refused: this may be 12.5 or a part of a larger number |
| a state of health from 20 to 120 in a CSV or Excel table | read as per cent (I16) |
| a cell such as `85%` under a remaining capacity or energy | read as a state of health (I16) |
| a number up to 1.2 under a heading in % | a state of health is read as a fraction; any other share is refused |
| `2023/5/1`, `2023年5月1日`, `20230501`, `31.05.2023`, `1 May 2023` | converted (I16) |
| `03/05/2026` | refused: this may be two days |
| `2021年3月`, `2021-03`, `Mar 2021`, `Mar-21`, `3/2021`, `202103` | the middle of the month, with a caution (I15) |
| a serial number such as `45382` in a column of days of a CSV or Excel table | the day of the spreadsheet |
| a state of health, or a remaining capacity or energy, without a day | as of a day that stands for it, see below |

A health without a day counts as of the export day that the file states (I18), else as of the valuation day, as the
weakest evidence and with a caution (I17); never in training or back-tests. The same goes for a condition of the pack
(外观 鼓包); damage in such a cell (泡水, 起火) is a negative event. A status column (电池状态, 状态) acts if it names a
life-cycle status; other words of it are not known.
"""


_PASSPORTS: Final = """\
A passport is also found inside another document (I24): in a credential, in JSON-LD with prefixes, in the wrapper of a
data-space application, packed as text; in a signed token (JWT, SD-JWT), whose signature is not verified (I25). Asset
Administration Shells are read as JSON, XML or AASX package. Every part that is not used is named (I14); a value that no
pack can have is not used (I03).

| stated | what happens |
|---|---|
| status recycled | refused (R04); "to be recycled" is waste |
| status waste | only recycling is open (T17) |
| status repurposed, second life or second use | no reuse in a vehicle (T18) |
| a health that agrees with the other readings only on the other scale, per cent or fraction | read on theirs (I21) |
| a fade below 1 without another reading | not used: it may be per cent or a fraction |
| a unit beside a value, or in the text of a number | converted; an unknown unit is named (I03) |
| a material share in %, per mille or ppm | a mass, by the mass of the battery (I04); without a unit not used |

What a passport, file or stored pack lacks can be given beside it: by options of `canzhi value` and `check`, in `given`
of a request, in the fields of the page. Each fact names its source (I22); a conflict names both (I23).

## Battery codes

The one code in a text is read with a note (I04): between hyphens, blanks, slashes, lines; in a label, a QR address, GS1
strings, a formula such as `="..."`, after an apostrophe; in two halves in either order. Two codes in one text are
refused. Letters are never changed: O and I are a caution with the code that may be meant (I20).

## Cell chemistry in words

Any text that names one chemistry is read, such as 三元锂离子电池, Li-ion NMC 622 or LiFePO4. Several names, a denial
(cobalt free, LFP (no NMC)), a doubt or only "lithium-ion" tell none (I02). The digits of a grade count only beside NMC,
NCM or 三元.
"""


def page() -> str:
    """Return the whole page."""
    return "\n".join([_HEAD, *_sections()]).rstrip() + "\n"


def _sections() -> Iterator[str]:
    yield "Read as not known (I02): " + ", ".join(f"`{one}`" for one in sorted(PLACEHOLDERS) if one) + ".\n"
    yield "## Battery passports\n"
    yield _table(("family", "what it is", "versions"), [(f"`{name}`", *facts) for name, facts in PASSPORTS.items()])
    yield _PASSPORTS
    for title, fields in (
        ("Fields of a pack", PACK_FIELDS),
        ("Composition", COMPOSITION_FIELDS),
        ("Fields of any event", (category("type"), *EVENT_COMMON_FIELDS)),
        ("Fields of some events", EVENT_FIELDS),
    ):
        yield f"## {title}\n"
        yield _table(("field", "other spellings", "units"), [_field(field) for field in fields])
    yield "## Sales ledger\n"
    yield _table(
        ("column", "other spellings"), [(f"`{name}`", _listed(FIELD_SPELLINGS.get(name, ()))) for name in SALE_SCOPE]
    )
    yield "A price may be per pack, per kWh or per kg; the heading states currency, multiple and VAT (含税, 不含税).\n"
    yield _table(
        ("prices", "spellings"),
        [
            ("currency", _listed(CURRENCIES)),
            ("per kWh", _listed(_quantities("CNY/kWh"))),
            ("per t, kg or lb", _listed(_quantities("CNY/t"))),
        ],
    )
    yield "## Choices\n"
    for field, choices in CHOICE_SPELLINGS.items():
        yield f"### `{field}`\n"
        yield _table(("choice", "other spellings"), [(f"`{one}`", _listed(other)) for one, other in choices.items()])


def _field(field: Field) -> tuple[str, str, str]:
    """Return a field with its spellings and units."""
    units = dict.fromkeys(unit.name for unit in units_of(field.name).values())
    return f"`{field.name}`", _listed(FIELD_SPELLINGS.get(field.name, ())), _listed(units)


def _quantities(base: str) -> list[str]:
    """Return the spellings of the quantities that a price may be for."""
    return list(dict.fromkeys(name.partition("/")[2] for name in UNITS[base]))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(name.replace("|", "\\|") for name in names)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
