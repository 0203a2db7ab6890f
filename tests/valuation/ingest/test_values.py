from datetime import date

import pytest

from valuation.errors import FieldError
from valuation.ingest.fields.days import read_day, read_day_as_written
from valuation.ingest.fields.parsed_value import ParsedValue
from valuation.ingest.fields.units import PERCENT, units_of
from valuation.ingest.fields.values import is_placeholder, read_as_written, read_value
from valuation.record.fields import PACK_FIELDS, event_field

SOH = event_field("soh")
ENERGY = next(field for field in PACK_FIELDS if field.name == "rated_energy_kwh")


@pytest.mark.parametrize(
    ("field", "value", "message", "hint"),
    [
        (SOH, 88, "soh is 88, above the highest possible 1.2", "give a fraction, 0.88"),
        (SOH, "0,88", "soh is the text '0,88'", "decimal point"),
        (SOH, "53mA", "soh is the text '53mA'", "bare number"),
        (SOH, "188%", "soh is '188%', above the highest possible 1.2", "true value"),
        (SOH, False, "soh is false, not a number", "leave the field out"),
        (SOH, [0.8], "soh is a list, not a number", "number"),
        (SOH, {"value": 1}, "soh is an object, not a number", "number"),
        (SOH, float("nan"), "no finite number", "measured"),
        (SOH, float("inf"), "no finite number", "measured"),
        (SOH, -(10**308), "whole number above 10^18", "measured"),
        (SOH, -0.2, "below the lowest possible 0", "true value"),
        (ENERGY, 85000, "above the highest possible 2000", "in Wh, give 85"),
        (ENERGY, 0, "below the lowest possible 0.001", "leave the field out"),
        (PACK_FIELDS[1], "gold", "none of LFP", "LFP"),
        (PACK_FIELDS[1], 3, "none of LFP", "LFP"),
        (PACK_FIELDS[7], 12, "not a text", "quotes"),
        (PACK_FIELDS[7], "a\0b", "control characters", "plain text"),
        (PACK_FIELDS[7], "x" * 2000, "longer than 1000", "plain text"),
    ],
)
def test_a_wrong_value_is_refused_with_field_value_and_way_out(field, value, message, hint):
    with pytest.raises(FieldError) as caught:
        read_value(field, value, field.name)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.field == field.name


@pytest.mark.parametrize(
    "spelled",
    [
        "03/05/2026",
        "7172-75-08",
        "2021-02-29",
        "1066-10-14",
        "2024-03-31junk",
        "2021年",
        "201105",  # May 2011, or 5 November 2020
        "23/5/1",
        "45047",
        True,
        45047,
    ],
)
def test_a_text_that_is_no_day_or_may_be_two_is_refused_without_an_invented_day(spelled):
    with pytest.raises(FieldError) as caught:
        read_day(spelled, "made_on")
    assert "YYYY-MM-DD" in caught.value.hint
    assert not any(letter.isdigit() for letter in caught.value.hint)


@pytest.mark.parametrize(
    "spelled",
    [
        *("2024/3/31", "2024.03.31", "2024年3月31日", "２０２４年３月３１日", "20240331", 20240331, "2024-3-31"),
        *("31.03.2024", "31/3/2024", "31 Mar 2024", "March 31, 2024", "31-Mar-2024", "2024/3/31 0:00:00"),
    ],
)
def test_a_day_in_another_notation_is_read_and_marked(spelled):
    read = read_day_as_written(spelled, "made_on")
    assert read == ParsedValue(date(2024, 3, 31), respelled=True)


@pytest.mark.parametrize(
    "spelled", ["2021年3月", "2021-03", "2021/3", "2021.03", "Mar 2021", "202103", "03/2021", "Mar-21"]
)
def test_a_month_is_read_as_its_middle_and_marked(spelled):
    assert read_day_as_written(spelled, "made_on") == ParsedValue(date(2021, 3, 15), respelled=True, month_only=True)


def test_serial_numbers_of_spreadsheets_are_days_only_in_tables_of_texts():
    assert read_day("45382", "on", from_text=True) == date(2024, 3, 31)
    with pytest.raises(FieldError):
        read_day("45382", "on")


@pytest.mark.parametrize(
    "spelled",
    ["2024-03-31", "2024-03-31T23:59:59Z", "2024-03-31 08:00", "2024-03-31T08:00:00.123+08:00", " 2024-03-31 "],
)
def test_a_time_of_day_is_dropped(spelled):
    assert read_day(spelled, "on").isoformat() == "2024-03-31"


def test_minus_one_is_unknown_only_where_it_is_impossible():
    assert is_placeholder(SOH, -1)
    assert is_placeholder(event_field("resistance_growth"), -1.0)
    assert not is_placeholder(event_field("mean_temperature_c"), -1)
    assert not is_placeholder(SOH, value=False)


def test_a_text_table_writes_numbers_as_text_but_not_units():
    assert read_value(SOH, "0.88", "soh", from_text=True) == 0.88
    for spelled in ("0,88", "0,880", "1_0", "inf", "0x1", "٣", "88 Ah", "~0.8", "0.8-0.9"):
        with pytest.raises(FieldError):
            read_value(SOH, spelled, "soh", from_text=True)


@pytest.mark.parametrize(
    ("name", "spelled", "value"),
    [
        ("soh", "88%", 0.88),
        ("soh", "８８ ％", 0.88),
        ("soh", "0.88", 0.88),
        ("odometer_km", "81,234", 81234.0),
        ("odometer_km", "1,081,234.5", 1081234.5),
        ("odometer_km", "12.3万公里", 123000.0),
        ("odometer_km", "12.3万", 123000.0),
        ("cost_cny", "1.2万元", 12000.0),
        ("cost_cny", "500元", 500.0),
        ("remaining_energy_kwh", "52500Wh", 52.5),
        ("mean_temperature_c", "77°F", 25.0),
        ("mass_kg", "0.3吨", 300.0),
    ],
)
def test_a_number_with_a_unit_or_separators_is_converted_and_marked(name, spelled, value):
    assert read_as_written(event_field(name), spelled, name) == ParsedValue(value, respelled=True)


def test_a_value_whose_unit_contradicts_its_heading_is_refused():
    with pytest.raises(FieldError, match="its heading states Wh"):
        read_value(ENERGY, "52 kWh", "rated_energy_kwh", unit=units_of("rated_energy_kwh")["wh"])


def test_a_fraction_under_a_heading_in_per_cent_is_read_only_if_it_has_one_reading():
    assert read_value(SOH, 0.85, "soh", unit=PERCENT) == 0.85
    with pytest.raises(FieldError, match="this may be 50%"):
        read_value(event_field("fast_charge_share"), 0.5, "fast_charge_share", unit=PERCENT)
