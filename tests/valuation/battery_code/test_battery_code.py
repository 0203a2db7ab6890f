"""Battery codes: published examples, clean-up, encoding, and columns compared with single decoding."""

from __future__ import annotations

import csv
import datetime as dt
import re
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from valuation.battery_code.decoding import decode, decode_many
from valuation.battery_code.encoding import CodeParts, encode
from valuation.battery_code.explanation import explain
from valuation.battery_code.layout import (
    ALPHABET,
    DATE_LETTERS,
    KINDS,
    LEVELS,
    REASONS,
    TYPE_LETTERS,
    date_from_letters,
    date_letters,
)
from valuation.errors import BatteryCodeError, FieldError
from valuation.messages import sentences

ON = dt.date(2026, 11, 23)
EPOCH = dt.date(1970, 1, 1)
ON_DAY = float((ON - EPOCH).days)
GOOD = "T01PE010000001A170000123"


def _vectors():
    # newline="" and no strip: the blanks inside and around the codes are the point of some rows
    with (Path(__file__).parent / "battery_code_vectors.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


VECTORS = _vectors()


def _noted(note, name):
    found = re.search(rf"\b{name}=([a-z0-9_,]+)", note)
    return tuple(found.group(1).split(",")) if found else ()


@pytest.mark.parametrize("row", VECTORS, ids=[row["code"].strip()[:40] for row in VECTORS])
def test_a_published_vector_is_decoded_as_stated(row):
    code = decode(row["code"], ON)

    assert code.valid is (row["valid"] == "true")
    assert code.kind == row["kind"]
    for part in ("level", "battery_type", "vendor", "spec", "trace", "serial"):
        assert (getattr(code, part) or "") == row[part], part
    assert str(code.made_on or "") == row["made_on"]
    assert (code.reason or "") == "".join(_noted(row["note"], "reason"))
    steps = _noted(row["note"], "clean_up")
    if code.valid:
        assert code.clean_up == (() if steps == ("none",) else steps)
    assert code.warnings == _noted(row["note"], "warn")


def test_all_vectors_are_here():
    assert len(VECTORS) == 62
    assert sum(row["valid"] == "true" for row in VECTORS) == 32


def test_columns_agree_with_the_vectors():
    many = decode_many([row["code"] for row in VECTORS], np.array([ON_DAY]))
    assert many.columns["valid"].tolist() == [float(row["valid"] == "true") for row in VECTORS]
    assert [KINDS[int(kind)] for kind in many.columns["kind_code"]] == [row["kind"] for row in VECTORS]
    assert many.vendor.tolist() == [row["vendor"] for row in VECTORS]


@pytest.mark.parametrize(
    ("text", "suggested"),
    [
        ("jbc4000090304qcb76836300", "04QCB76836300JBC40000903"),  # halves in the wrong order, cut one place off
        ("A170000123T01PE010000001", "T01PE010000001A170000123"),  # halves in the wrong order
        ("04Q\u0421B52091380JG120006435", "04QCB52091380JG120006435"),  # a Cyrillic letter that looks like C
        ("T01PE010000001B1I0000123", "T01PE010000001B110000123"),  # I in the day: 1 or J
        ("T01PE010000001B1I0000123", "T01PE010000001B1J0000123"),
        ("T01P8010000001B110000123", "T01PB010000001B110000123"),  # 8 for B
        ("TO1PEO1OOOOOO1A17OOOO123XX"[:24].replace("A17", "AI7"), GOOD),  # letters for digits everywhere
    ],
)
def test_a_likely_meaning_is_suggested_not_applied(text, suggested):
    code = decode(text, ON)
    assert not code.valid
    assert suggested in code.suggestions
    assert code.made_on is None


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("\ufeff" + GOOD + "\r\n", ("space",)),  # byte order mark and line end of a scanner
        ("".join(chr(ord(letter) + 0xFEE0) for letter in GOOD), ("full_width",)),
        ("T01PE010000001\nA170000123", ("join",)),
        ("A170000123\nT01PE010000001\n", ("space", "swap")),
        ("t01p e01 0000001 a17 0000123", ("upper", "space")),
        ("T01-PE01-0000001-A17-0000123", ("separators",)),
        ("SN:T01PE010000001A170000123", ("text_around",)),
        ("SNT01PE010000001A170000123", ("text_around",)),
        ("电池编码：T01PE010000001A170000123，CATL 280Ah", ("full_width", "upper", "text_around")),
        ("https://q.example.cn/?c=T01PE010000001A170000123&d=2", ("upper", "text_around")),
        ("https://q.example.cn/t01pe010000001a170000123", ("upper", "text_around")),
        ("https://q.example.cn/?u=c%3dT01PE010000001A170000123", ("upper", "text_around")),
        ('="T01PE010000001A170000123"', ("text_around",)),
        ("'T01PE010000001A170000123", ("text_around",)),
        ("(01)06901234567892(21)T01PE010000001A170000123", ("text_around",)),
        ("]d2010690123456789211200107" + "21T01PE010000001A170000123", ("upper", "text_around")),
        ("91T01PE010000001A170000123", ("text_around",)),
        ("SN: A170000123 T01PE010000001", ("swap",)),
    ],
)
def test_clean_up_is_named(text, steps):
    code = decode(text, ON)
    assert (code.code, code.clean_up) == (GOOD, steps)
    assert code.text == text


@pytest.mark.parametrize("text", ["", " ", "-", "--", "/", "-1", "N/A", "none", "无", "0" * 24, "x" * 24])
def test_a_placeholder_has_no_identity(text):
    code = decode(text, ON)
    assert (code.valid, code.kind, code.reason, code.identity) == (False, "legacy", "placeholder", None)


def test_two_codes_in_one_text_are_not_guessed():
    other = "T01PE010000001A170000124"
    code = decode(f"{GOOD} {other}", ON)
    assert (code.valid, code.reason, code.identity) == (False, "ambiguous", None)
    assert set(code.suggestions) == {GOOD, other}


@pytest.mark.parametrize("between", [" ", ",", ";", " / ", "\n", "-"])
def test_two_codes_in_a_label_are_not_guessed(between):
    code = decode(f"编码: {GOOD}{between}T01PE010000001A170000124", ON)
    assert (code.valid, code.reason) == (False, "ambiguous")


def test_a_mistyped_code_in_an_address_keeps_its_own_reason_and_name():
    code = decode("https://q.example.cn/?c=T01PE010000001B2X0000123", ON)
    assert (code.valid, code.reason, code.identity) == (False, "impossible_date", "T01PE010000001B2X0000123")


def test_halves_that_fit_in_both_orders_are_not_guessed():
    first, second = "001CB0000000", "00ACB0000000"  # C is a level and December, B a type and the eleventh
    straight, swapped = decode(first + second, ON), decode(second + first, ON)
    assert (straight.reason, swapped.reason) == (None, None)
    assert decode(f"{first} {second}", ON).reason == "ambiguous"


def test_letters_of_other_alphabets_are_not_replaced():
    assert decode(GOOD.replace("0123", "012\u017f"), ON).reason == "charset"  # a long s, whose capital is S
    assert decode("T0\u0131PE010000001A170000123", ON).reason == "charset"  # a dotless i, whose capital is I


def test_a_legacy_code_is_kept_as_identity():
    code = decode(" 660050gmhf3a041x0", ON)
    assert (code.kind, code.valid, code.reason, code.identity) == ("legacy", False, "length", "660050GMHF3A041X0")
    assert decode("LSVPC41Z9J2123456", ON).kind == "legacy"  # a vehicle number that happens to hold P and C


def test_future_date_has_one_day_of_grace():
    made_on = date_from_letters("A17")
    assert decode(GOOD, made_on - dt.timedelta(days=1)).valid
    assert decode(GOOD, made_on - dt.timedelta(days=2)).reason == "future_date"


def test_years_whose_letter_is_not_agreed_stay_refused():
    text = "T01PE010000001V110000123"  # V may be 2037
    assert decode(text, ON).reason == "future_date"
    late = dt.date(2040, 1, 1)
    assert decode(text, late).reason == "date_letter"
    assert decode_many([text], np.array([float((late - EPOCH).days)])).columns["valid"].tolist() == [0.0]


def test_back_filled_code_is_older_than_the_standard():
    assert decode("T02PZ990000007171000000A", ON).back_filled
    assert not decode(GOOD, ON).back_filled


def test_chemistry_is_only_as_fine_as_the_letter():
    assert decode(GOOD, ON).chemistry == "NMC"
    assert decode("T02PZ990000007171000000A", ON).chemistry is None


def test_date_letters_round_trip_for_every_day():
    day = dt.date(2011, 1, 1)
    seen = set()
    while day <= dt.date(2036, 12, 31):
        letters = date_letters(day)
        assert date_from_letters(letters) == day
        seen.add(letters)
        day += dt.timedelta(days=1)
    assert len(seen) == 9497  # 26 years with 7 leap days: no two days share letters
    assert not set("IOQUZ") & set("".join(seen))


@pytest.mark.parametrize(
    "change",
    [
        {"vendor": "T1"},
        {"vendor": "t01"},
        {"level": "P"},
        {"battery_type": "H"},
        {"spec": "0-"},
        {"trace": ""},
        {"trace": None, "serial": "00000A2"},
        {"serial": "123"},
        {"made_on": dt.date(2010, 12, 31)},
        {"made_on": dt.date(2037, 1, 1)},
    ],
)
def test_encode_refuses_invalid_parts(change):
    parts = {
        "vendor": "T01",
        "level": "pack",
        "battery_type": "E",
        "spec": "01",
        "trace": "0000001",
        "made_on": dt.date(2020, 1, 7),
        "serial": "0000123",
    }
    assert encode(CodeParts(**parts)) == GOOD
    with pytest.raises(BatteryCodeError):
        encode(CodeParts(**parts | change))


def _texts(length, letters=ALPHABET):
    return st.text(letters, min_size=length, max_size=length)


PRODUCT = st.builds(
    CodeParts,
    vendor=_texts(3),
    level=st.sampled_from(LEVELS),
    battery_type=st.sampled_from(TYPE_LETTERS),
    spec=_texts(2),
    trace=_texts(7),
    made_on=st.dates(dt.date(2011, 1, 1), ON),
    serial=_texts(7),
)
SECOND_LIFE = st.builds(
    CodeParts,
    vendor=_texts(3),
    level=st.sampled_from(LEVELS),
    battery_type=st.sampled_from(TYPE_LETTERS),
    spec=_texts(2),
    made_on=st.dates(dt.date(2011, 1, 1), ON),
    serial=_texts(7, "0123456789"),
)


@given(PRODUCT | SECOND_LIFE)
def test_an_encoded_code_is_decoded_to_its_parts(parts):
    code = decode(encode(parts), ON)
    assert code.valid
    assert code.parts == parts
    assert code.clean_up == ()


@st.composite
def _damaged(draw):
    """A code with characters replaced, removed, repeated or in lower case."""
    text = encode(draw(PRODUCT | SECOND_LIFE))
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(text) - 1))
        length = draw(st.integers(0, 2))
        text = (
            text[:place]
            + draw(st.sampled_from([*"IOQUZ0159PMCRDX -&;>[", "\uff21", "\u0421", "\x1d", "é"])) * length
            + text[place + 1 :]
        )
    return draw(st.sampled_from([text, text.lower(), " " + text, text + "C", "[>16" + "X" * 36 + text]))


@settings(max_examples=300, deadline=None)  # the first call builds the tables
@given(st.lists(_damaged() | st.text(max_size=70) | st.sampled_from([row["code"] for row in VECTORS]), max_size=8))
def test_columns_equal_each_row_decoded_alone(texts):
    many = decode_many(texts, np.full(len(texts), ON_DAY))
    columns = many.columns
    for row, text in enumerate(texts):
        code = decode(text, ON)
        assert columns["valid"][row] == code.valid
        assert KINDS[int(columns["kind_code"][row])] == code.kind
        assert columns["cleaned_up"][row] == bool(code.clean_up)
        assert (many.vendor[row], many.spec[row]) == (code.vendor or "", code.spec or "")
        if not code.valid:
            assert REASONS[int(columns["reason_code"][row])] == code.reason
            assert np.isnan([columns["made_day"][row], columns["level_code"][row], columns["back_filled"][row]]).all()
            continue
        assert np.isnan(columns["reason_code"][row])
        assert columns["made_day"][row] == (code.made_on - EPOCH).days
        assert LEVELS[int(columns["level_code"][row])] == code.level
        assert TYPE_LETTERS[int(columns["type_code"][row])] == code.battery_type
        assert columns["serial_has_letters"][row] == ("serial_has_letters" in code.warnings)
        assert columns["suffix_level_differs"][row] == ("suffix_level_differs" in code.warnings)
        assert columns["back_filled"][row] == code.back_filled


@settings(max_examples=300, deadline=None)  # the first call builds the tables
@given(_damaged() | st.text())
def test_any_text_is_decoded_and_explained_without_error(text):
    code = decode(text, ON)
    assert code.valid is (code.reason is None)
    assert all(decode(suggested, ON).valid for suggested in code.suggestions)
    lines = explain(code)
    assert {f"part.{line.part}" for line in lines} <= sentences("code").keys()
    assert all(line.text_en and line.text_zh for line in lines)
    assert ("way_out" in {line.part for line in lines}) is not code.valid


@given(st.text())
def test_a_clean_code_is_never_cleaned_again(text):
    code = decode(text, ON)
    if code.valid:
        again = decode(code.code, ON)
        assert (again.code, again.clean_up) == (code.code, ())


def test_day_of_the_check_is_per_row_and_must_be_known():
    made_day = float((dt.date(2020, 1, 7) - EPOCH).days)
    many = decode_many([GOOD, GOOD, None], np.array([made_day - 2, made_day - 1, made_day]))
    assert many.columns["valid"].tolist() == [0.0, 1.0, 0.0]
    assert REASONS[int(many.columns["reason_code"][2])] == "placeholder"
    with pytest.raises(FieldError, match="on_day"):
        decode_many([GOOD], np.array([np.nan]))


def test_chunk_borders_change_nothing():
    codes = [GOOD, "-", "T03PB07E5S0000042RP"] * 25_000  # more rows than one chunk
    many = decode_many(codes, np.array([ON_DAY]))
    for name, column in many.columns.items():
        assert np.array_equal(column.reshape(-1, 3), np.tile(column[:3], (25_000, 1)), equal_nan=True), name
    assert many.vendor[-1] == "T03"


def test_a_fleet_is_read_fast():
    codes = [f"001PB0A0000001{'ABCDEF'[n % 6]}{1 + n % 9}{1 + n % 9}{n:07d}" for n in range(200_000)]
    began = time.process_time()  # of the processor: the machine may be busy
    many = decode_many(codes, np.array([ON_DAY]))
    # a million in about a second; the bound is five times that, for a machine that is busy
    assert time.process_time() - began < 1.0
    assert many.columns["valid"].all()


def test_every_term_has_its_wording():
    noted = {step for row in VECTORS for step in _noted(row["note"], "clean_up")} - {"none"}
    terms = {"reason": REASONS, "kind": KINDS, "level": LEVELS, "type": TYPE_LETTERS, "clean_up": noted}
    wanted = {f"{subject}.{term}" for subject, names in terms.items() for term in names}
    assert wanted | {f"reason.{reason}.hint" for reason in REASONS} <= sentences("code").keys()
    assert len(DATE_LETTERS) == 30


def test_explanation_names_the_maker_in_both_languages():
    lines = {line.part: line for line in explain(decode("04QCB52091380JG120006435", ON))}
    assert (lines["vendor"].text_en, lines["vendor"].text_zh) == ("04Q, EVE Energy", "04Q，亿纬锂能")
    assert lines["made_on"].text_en == "2026-01-02"
    assert list(lines) == ["kind", "vendor", "level", "battery_type", "spec", "trace", "made_on", "serial"]
