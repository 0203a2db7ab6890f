"""Other spellings of a battery code are normalised with a note; look-alike letters raise a caution."""

from __future__ import annotations

import json
import random
from datetime import date

import pyarrow as pa
import pytest

from valuation.battery_code.decoding import decode
from valuation.battery_code.encoding import CodeParts, encode
from valuation.battery_code.layout import DIGITS, LEVELS
from valuation.errors import RefusedPack
from valuation.ingest import read_tables, read_trace

CODE = "001PB0A0000001A680000123"
ON = date(2026, 11, 20)
PARTS = (3, 4, 5, 7, 14, 17)
WRAPPERS = (
    ("", ""), ('="', '"'), ("'", ""), ('"', '"'), ("“", "”"), ("编码：", ""), ("电池编码:", "；型号:L150"),
    ("S/N: ", ""), ("SN", ""), ("Battery code ", " CATL"), ("https://q.example.cn/?c=", ""), ("http://x.cn/p/", "?v=1"),
    ("https://q.example.cn/?u=a&code%3D", "&t=20260101"), ("(01)06901234567892(21)", ""), ("(91)", ""),
    ("]d20106901234567892" + "21", ""), ("\x1d91", ""), ("[>16" + "X" * 36, ""), ("\ufeff", "\r\n"), ("<", ">"),
)  # fmt: skip
SEPARATORS = ("", "-", " ", "\u2013", "_", ".", " - ", "\u00a0", "·", "/", "|")


def spelled(chance: random.Random) -> tuple[str, str]:
    """Return a code, and a spelling of it as written by a person, a scanner or a spreadsheet."""
    code = encode(
        CodeParts(
            vendor=chance.choice(("001", "04Q", "T0A", "03U")),
            level=LEVELS[0],
            battery_type=chance.choice("BEZ"),
            spec=chance.choice(("0A", "99", "7C")),
            trace="".join(chance.choices(DIGITS + "ABCDEH", k=7)),
            made_on=date.fromordinal(date(2018, 2, 1).toordinal() + chance.randrange(3000)),
            serial="".join(chance.choices(DIGITS, k=7)),
        )
    )
    before, after = chance.choice(WRAPPERS)
    between = chance.choice(SEPARATORS) if before not in ("SN", "]d2010690123456789221", "\x1d91") else ""
    if before.startswith("[>16"):
        between = ""
    cuts = sorted(chance.sample(PARTS, chance.randint(1, 4))) if between else []
    text = between.join(code[start:stop] for start, stop in zip([0, *cuts], [*cuts, None], strict=True))
    if chance.random() < 0.3:
        text = text.lower()
    if chance.random() < 0.1 and not before.startswith("http"):
        text = "".join(
            chr(ord(letter) + 0xFEE0) if letter.isascii() and letter.isalnum() else letter for letter in text
        )
    return code, f"{before}{text}{after}"


@pytest.mark.parametrize("between", ["\n", "\r\n", "\t", "\x1d"])
def test_lines_of_a_label_and_separators_of_a_scanner_are_read(between):
    for text in (f"{CODE[:14]}{between}{CODE[14:]}", f"010690123456789221{CODE}{between}10ABC"):
        assert read_trace({"battery_code": text}).histories[0].battery_code == CODE


def see_spellings(count: int) -> None:
    """Check that generated spellings are read as their code, or refused if ambiguous."""
    ambiguous = 0
    chance = random.Random(20261120)  # noqa: S311 - the same spellings in every run
    for _ in range(count):
        code, text = spelled(chance)
        read = decode(text, ON)
        if read.reason == "ambiguous":
            ambiguous += 1
            continue
        assert (read.valid, read.code) == (True, code), text
        assert bool(read.clean_up) == (text != code), text
    assert ambiguous <= count / 500


def test_two_thousand_spellings_are_read_as_the_plain_code():
    see_spellings(2_000)


@pytest.mark.slow
def test_twenty_thousand_spellings_are_read_as_the_plain_code():
    see_spellings(20_000)


def test_a_changed_letter_is_another_code_or_a_refusal_never_the_plain_one():
    chance = random.Random(7)  # noqa: S311 - the same texts in every run
    for _ in range(500):
        code, text = spelled(chance)
        place = chance.randrange(24)
        changed = code[:place] + chance.choice("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") + code[place + 1 :]
        read = decode(text.upper().replace(code, changed), ON)
        if changed != code and code in text:
            assert read.code == changed if read.valid else read.code != code


@pytest.mark.parametrize(
    "text",
    [
        "001PB0A-0000001-A68-0000123",
        "https://q.example.cn/?c=001PB0A0000001A680000123",
        '="001PB0A0000001A680000123"',
        "'001PB0A0000001A680000123",
        "(01)06901234567892(91)001PB0A0000001A680000123",
        "电池编码：001PB0A0000001A680000123",
        "001PB0A 0000001 A68 0000123",
    ],
)
def test_a_spelling_has_the_answer_of_the_plain_code_and_a_note(entrances, text):
    plain = entrances.http("trace", {"battery_code": CODE, "rated_energy_kwh": 52.5})
    outcome = entrances.everywhere("trace", {"battery_code": text, "rated_energy_kwh": 52.5})
    assert outcome.worth == plain.worth
    assert outcome.answer["battery_code"] == CODE
    assert "is read as '001PB0A0000001A680000123'" in outcome.cautions
    assert entrances.page(code=text, rated_energy_kwh="52.5").worth["battery_code"] == CODE
    row = f'电池编码,额定能量(kWh)\n"{text.replace(chr(34), chr(34) * 2)}",52.5\n'.encode()
    assert entrances.value(("packs.csv", row)).worth == entrances.page(("packs.csv", row)).worth == plain.worth


@pytest.mark.parametrize("other", ["001PB0A-0000001-A68-0000123", f"https://q.example.cn/?c={CODE}", f'="{CODE}"'])
def test_one_code_on_two_packs_is_found_however_it_is_spelled(entrances, other):
    packs = [{"battery_code": code, "chemistry": "LFP", "rated_energy_kwh": 52.5} for code in (CODE, other)]
    traces = read_trace(packs)
    assert not traces.histories
    assert [type(problem.error) for problem in traces.problems] == [RefusedPack, RefusedPack]
    columns = read_tables(pa.Table.from_pylist(packs))
    assert [type(problem.error) for problem in columns.problems] == [RefusedPack, RefusedPack]
    lines = "\n".join(json.dumps(pack) for pack in packs).encode()
    assert f"two packs carry the code '{CODE}'" in entrances.value(("packs.jsonl", lines)).refusal
    assert CODE in entrances.page(("packs.jsonl", lines)).refusal


def test_events_are_joined_to_a_pack_whose_code_is_spelled_otherwise():
    packs = pa.Table.from_pylist([{"battery_code": CODE, "rated_energy_kwh": 52.5}])
    events = [
        {
            "battery_code": "001PB0A-0000001-A68-0000123",
            "type": "tested",
            "on": "2024-05-01",
            "method": "lab",
            "soh": 0.8,
        }
    ]
    read = read_tables(packs, pa.Table.from_pylist(events))
    assert not read.problems
    assert read.table.events["soh"].tolist() == [0.8]
    csv = "battery_code,type,on,method,soh\n001PB0A-0000001-A68-0000123,tested,2024-05-01,lab,0.8\n"
    traces = read_trace([f"battery_code,rated_energy_kwh\n{CODE},52.5\n".encode(), csv.encode()])
    assert [event.facts["soh"] for event in traces.histories[0].events] == [0.8]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("OO1PB0A0000001A680000123", CODE),
        ("001PB0A0000001A68O0OO123", CODE),
        ("001PB0A00000O1A680000I23", CODE),
        ("001PB0A0000001A5O0000123", "001PB0A0000001A500000123"),  # 31 May
    ],
)
def test_similar_looking_letters_raise_a_caution_with_a_suggestion(entrances, typed, meant):
    record = {"battery_code": typed, "chemistry": "LFP", "rated_energy_kwh": 52.5}
    outcome = entrances.everywhere("trace", record)
    if meant == CODE:
        assert outcome.answer["battery_code"] == typed
        assert f"looks like a digit; it may be '{meant}'" in outcome.cautions
    assert meant in decode(typed, ON).suggestions
    assert decode(typed, ON).clean_up == ()
    assert meant in entrances.client.get(f"/v1/codes/{typed}").json()["suggestions"]
    columns = read_tables(pa.Table.from_pylist([record]))
    assert [note.caution for note in columns.notes.get(0, ())] == [
        note.caution for note in read_trace(record).notes[0] if note.caution.id == "I20"
    ]
