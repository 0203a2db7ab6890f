import pytest

from valuation.errors import FieldError
from valuation.ingest.fields.values import is_placeholder, read_day, read_value
from valuation.record.fields import PACK_FIELDS, event_field

SOH = event_field("soh")
ENERGY = next(field for field in PACK_FIELDS if field.name == "rated_energy_kwh")


@pytest.mark.parametrize(
    ("field", "value", "message", "hint"),
    [
        (SOH, 88, "soh is 88, above the highest possible 1.2", "give a fraction, 0.88"),
        (SOH, "88 %", "soh is the text '88 %'", "fraction without unit: 0.88"),
        (SOH, "0.88", "soh is the text '0.88'", "without quotes: 0.88"),
        (SOH, "53mA", "soh is the text '53mA'", "bare number"),
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
    ("spelled", "hint"),
    [
        ("2024/3/31", "2024-03-31"),
        ("27.04.2022", "2022-04-27"),
        ("2024年3月31日", "2024-03-31"),
        (20240331, "2024-03-31"),
        ("7172-75-08", "YYYY-MM-DD"),
        ("2021-02-29", "YYYY-MM-DD"),
        ("1066-10-14", "YYYY-MM-DD"),
        ("2024-03-31junk", "YYYY-MM-DD"),
        (True, "YYYY-MM-DD"),
    ],
)
def test_a_day_is_iso_or_refused_with_the_iso_spelling(spelled, hint):
    with pytest.raises(FieldError) as caught:
        read_day(spelled, "made_on")
    assert hint in caught.value.hint


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
    for spelled in ("88%", "0,88", "1_0", "nan", "inf", "0x1", "٣"):
        with pytest.raises(FieldError):
            read_value(SOH, spelled, "soh", from_text=True)
