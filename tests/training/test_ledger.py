"""The sales ledger: what cannot be used is set aside with its reason, what cannot be read is refused with a way out."""

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from training.ledger import VAT_RATE, read_ledger
from valuation.errors import UnreadableLedger

HEAD = "sale_id,battery_code,sold_on,price_cny,vat_included,region,buyer_kind,seller_kind,lot_id,route,lot_price_cny"
ROWS = (
    "S1,C1,2025-03-01,1130.0,true,CN-GD,recycler,owner,,recycling,",
    "S2,C2,2025-03-02,-250.5,false,CN-SH,recycler,owner,,recycling,",
    "S3,C3,2025-03-03,,false,CN-SH,recycler,owner,L1,reuse,9000",
    "S4,C4,2025-03-03,,false,CN-SH,recycler,owner,L1,reuse,9000",
)


def ledger_of(tmp_path, *rows, head=HEAD, name="sales.csv"):
    path = tmp_path / name
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return path


def test_prices_are_read_without_tax_and_a_gate_fee_stays_negative(tmp_path):
    ledger = read_ledger(ledger_of(tmp_path, *ROWS))
    assert ledger.sale_id == ("S1", "S2", "S3", "S4")
    assert ledger.price_cny[:2].tolist() == [1130.0 / (1.0 + VAT_RATE), -250.5]
    assert np.isnan(ledger.price_cny[2:]).all()
    assert ledger.lot_price_cny[2:].tolist() == [9000.0, 9000.0]
    assert ledger.lot_id == (None, None, "L1", "L1")
    assert ledger.region[0] == "CN-GD"
    assert np.diff(ledger.sold_day).tolist() == [1.0, 1.0, 0.0]
    assert ledger.set_aside == {}


def test_parquet_says_the_same_as_csv(tmp_path, market_folder):
    whole = parquet.read_table(market_folder / "sales.parquet")
    pa.csv.write_csv(whole, tmp_path / "sales.csv")
    one, other = read_ledger(market_folder / "sales.parquet"), read_ledger(tmp_path / "sales.csv")
    assert one.sale_id == other.sale_id
    assert one.battery_code == other.battery_code
    np.testing.assert_array_equal(one.sold_day, other.sold_day)
    np.testing.assert_array_equal(one.price_cny, other.price_cny)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("S5,C5,,900,false,CN,,,,,", "no day of sale"),
        ("S5,C5,2025-03-05,,false,CN,,,,,", "no price"),
        ("S1,C5,2025-03-05,900,false,CN,,,,,", "sale_id given twice"),
        ("S5,C5,2025-03-05,inf,false,CN,,,,,", "no price"),
        ("S5,,2025-03-05,900,false,CN,,,,,", "no battery code"),
        (",C5,2025-03-05,900,false,CN,,,,,", "no sale_id"),
    ],
)
def test_a_row_that_teaches_nothing_is_set_aside_with_its_reason(tmp_path, row, reason):
    ledger = read_ledger(ledger_of(tmp_path, *ROWS, row))
    assert len(ledger) == 4
    assert ledger.price_cny[0] == 1130.0 / (1.0 + VAT_RATE)  # of two sales with one id the first stays
    assert ledger.set_aside == {reason: 1}


def test_reasons_are_counted(tmp_path):
    ledger = read_ledger(ledger_of(tmp_path, *ROWS, *ROWS, "S9,C9,,1,false,,,,,,"))
    assert ledger.set_aside == {"sale_id given twice": 4, "no day of sale": 1}


@pytest.mark.parametrize(("said", "included"), [("1", True), ("是", True), ("TRUE", True), ("0", False), ("", False)])
def test_tax_is_taken_off_however_yes_is_written(tmp_path, said, included):
    ledger = read_ledger(ledger_of(tmp_path, f"S1,C1,2025-03-01,1130,{said},,,,,,"))
    assert ledger.price_cny.tolist() == [pytest.approx(1000.0 if included else 1130.0)]


def test_a_tax_that_is_neither_yes_nor_no_is_refused(tmp_path):
    with pytest.raises(UnreadableLedger, match="'perhaps'") as refusal:
        read_ledger(ledger_of(tmp_path, "S1,C1,2025-03-01,1130,perhaps,,,,,,"))
    assert refusal.value.field == "vat_included"


def test_codes_and_ids_of_digits_alone_keep_their_zeros(tmp_path):
    ledger = read_ledger(ledger_of(tmp_path, "007,0012345678901234567,2025-03-01,1130,true,,,,,,"))
    assert (ledger.sale_id, ledger.battery_code) == (("007",), ("0012345678901234567",))


@pytest.mark.parametrize("lacking", ["sale_id", "battery_code", "sold_on", "price_cny"])
def test_a_column_that_is_lacking_is_named(tmp_path, lacking):
    with pytest.raises(UnreadableLedger, match=lacking) as refusal:
        read_ledger(ledger_of(tmp_path, *ROWS, head=HEAD.replace(lacking, "other")))
    assert refusal.value.field == lacking
    assert "a ledger needs" in refusal.value.hint


@pytest.mark.parametrize(
    ("row", "field"),
    [("S5,C5,soon,1,false,,,,,,", "sold_on"), ("S5,C5,2025-01-01,much,false,,,,,,", "price_cny")],
)
def test_what_is_no_day_or_no_number_is_named(tmp_path, row, field):
    with pytest.raises(UnreadableLedger, match=field) as refusal:
        read_ledger(ledger_of(tmp_path, *ROWS, row))
    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("name", "content"), [("x.csv", b""), ("x.parquet", b"PAR1 not"), ("x.csv", b"a,b\n1\n1,2,3\n")]
)
def test_what_is_no_table_is_refused_in_words(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableLedger) as refusal:
        read_ledger(tmp_path / name)
    assert refusal.value.hint
    with pytest.raises(UnreadableLedger):
        read_ledger(tmp_path / "nowhere.csv")
