"""The sales ledger: every rejected row is reported with a correction, and a bad cell rejects only its own sale."""

import csv
import datetime as dt

import numpy as np
import openpyxl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from training.sales_ledger import REASONS, VAT_RATE, read_ledger
from training.sales_ledger.cells import Unreadable, read_answer, read_day, read_money, read_rate
from training.sales_ledger.report import summary, write_report
from valuation.errors import UnreadableLedger

HEAD = "sale_id,battery_code,sold_on,price_cny,vat_included,region,buyer_kind,seller_kind,lot_id,route,lot_price_cny"
ROWS = (
    "S1,C1,2025-03-01,1130.0,true,CN-GD,recycler,owner,,recycling,",
    "S2,C2,2025-03-02,-250.5,false,CN-SH,recycler,owner,,recycling,",
    "S3,C3,2025-03-03,,false,CN-SH,recycler,owner,L1,reuse,9000",
    "S4,C4,2025-03-03,,false,CN-SH,recycler,owner,L1,reuse,9000",
)
CODES = ("T02PB18001443J9700000281", "T01PE5W006771H9CH0000477", "T01PC0T000962H92E0000070", "T01PB75008214A95Y0000188")
CHINESE = ("销售编号", "电池编码", "成交日期", "成交价（元）", "是否含税", "省份", "批次号", "批次总价", "备注")


def ledger_of(tmp_path, *rows, head=HEAD, name="sales.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(("\r\n".join([head, *rows]) + "\r\n").encode(encoding))
    return path


def reasons_of(ledger):
    return [(fault.row, fault.field, fault.reason) for fault in ledger.row_errors]


def test_prices_are_read_without_tax_and_a_gate_fee_stays_negative(tmp_path):
    ledger = read_ledger(ledger_of(tmp_path, *ROWS))
    assert ledger.sale_id == ("S1", "S2", "S3", "S4")
    assert ledger.price_cny[:2].tolist() == [1130.0 / (1.0 + VAT_RATE), -250.5]
    assert np.isnan(ledger.price_cny[2:]).all()
    assert ledger.lot_price_cny[2:].tolist() == [9000.0, 9000.0]
    assert ledger.lot_id == (None, None, "L1", "L1")
    assert ledger.region[0] == "CN-GD"
    assert (ledger.buyer_kind[0], ledger.seller_kind[0], ledger.route[0]) == ("recycler", "owner", "recycling")
    assert np.diff(ledger.sold_day).tolist() == [1.0, 1.0, 0.0]
    assert ledger.rejected_rows == {}
    assert ledger.row.tolist() == [2, 3, 4, 5]
    assert ledger.notes == {"vat": 1, "gate fee": 1, "lot": 2}


def test_a_short_line_is_read_and_a_surplus_cell_reported(tmp_path):
    short = (
        "S5,C5,2025-03-04,700,false",
        "合计,,,8579.5",
        "S6,C6,2025-03-05,800,false,CN,recycler,owner,,recycling,,7",
    )
    ledger = read_ledger(ledger_of(tmp_path, *ROWS[:2], *short[:1], *ROWS[2:], *short[1:]))
    assert ledger.sale_id == ("S1", "S2", "S5", "S3", "S4")
    assert (ledger.row.tolist(), ledger.price_cny[2]) == ([2, 3, 4, 5, 6], 700.0)
    assert reasons_of(ledger) == [(7, "sale_id", "total"), (8, "", "line")]
    assert ledger.rows_read == 7


def test_parquet_is_read_like_csv(tmp_path, market_folder):
    whole = parquet.read_table(market_folder / "sales.parquet")
    pa.csv.write_csv(whole, tmp_path / "sales.csv")
    one, other = read_ledger(market_folder / "sales.parquet"), read_ledger(tmp_path / "sales.csv")
    assert one.sale_id == other.sale_id
    assert one.battery_code == other.battery_code
    assert one.lot_id == other.lot_id
    np.testing.assert_array_equal(one.sold_day, other.sold_day)
    np.testing.assert_array_equal(one.price_cny, other.price_cny)
    np.testing.assert_array_equal(one.lot_price_cny, other.lot_price_cny)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_a_chinese_ledger_is_read_in_every_encoding(tmp_path, encoding, delimiter):
    path = tmp_path / "台账.csv"
    with path.open("w", encoding=encoding, newline="") as stream:
        writer = csv.writer(stream, delimiter=delimiter)
        writer.writerow(["某某再生资源有限公司 2026 年成交台账"] + [""] * 8)
        writer.writerow(CHINESE)
        writer.writerow([""] * 9)
        writer.writerow(["S1", CODES[0], "2026/3/5", "12,500", "是", "广东省", "", "", "甲"])
        writer.writerow(["S2", CODES[1].lower(), "2026年3月5日", "￥９８００", "否", "上海", "", "", ""])
        writer.writerow(["合计", "", "", "22,300", "", "", "", "", ""])
    ledger = read_ledger(path)
    assert ledger.battery_code == CODES[:2]
    np.testing.assert_allclose(ledger.price_cny, [12_500.0 / 1.13, 9_800.0])
    assert ledger.region == ("CN-GD", "CN-SH")
    assert ledger.row.tolist() == [4, 5]
    assert reasons_of(ledger) == [(6, "sale_id", "total")]
    assert ledger.notes["blank"] == 1
    assert ledger.unused_columns == ("备注",)


def test_a_workbook_with_titles_merged_cells_and_serial_dates_is_read(tmp_path):
    book = openpyxl.Workbook()
    book.active.title = "说明"
    book.active["A1"] = "本表由财务部维护"
    sheet = book.create_sheet("2026")
    sheet["A1"] = "成交台账"
    sheet.merge_cells("A1:I1")
    sheet.append(list(CHINESE))
    sheet.append(["S1", CODES[0], dt.date(2026, 3, 5), 12500, "是", "广东", None, None, None])
    sheet.append(["S2", CODES[1], 46086, "9,800.00", "否", "广东", None, None, None])
    sheet.append(["S3", CODES[2], "2026.3.6", None, "否", "广东", "L1", 20000, None])
    sheet.append(["S4", CODES[3], "2026.3.6", None, "否", "广东", None, None, None])
    sheet.append([None] * 9)
    sheet.append([1005, CODES[0], "昨天", 1, "否", None, None, None, None])
    sheet.merge_cells("G5:G6")
    book.save(tmp_path / "sales.xlsx")
    ledger = read_ledger(tmp_path / "sales.xlsx")
    assert ledger.name == "sales.xlsx [2026]"
    assert ledger.sale_id == ("S1", "S2", "S3", "S4")
    assert ledger.sold_day.tolist() == [20517.0, 20517.0, 20518.0, 20518.0]
    assert ledger.lot_id == (None, None, "L1", "L1")
    assert ledger.lot_price_cny[2:].tolist() == [20_000.0, 20_000.0]
    assert ledger.row.tolist() == [3, 4, 5, 6]
    (fault,) = ledger.row_errors
    assert (fault.row, fault.sale_id, fault.value, fault.reason) == (8, "1005", "昨天", "bad day")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("S5,C5,,900,false,CN,,,,,", "no day"),
        ("S5,C5,soon,900,false,CN,,,,,", "bad day"),
        ("S5,C5,03/05/2025,900,false,CN,,,,,", "bad day"),
        ("S5,C5,2025-02-30,900,false,CN,,,,,", "impossible day"),
        ("S5,C5,1925-02-03,900,false,CN,,,,,", "impossible day"),
        ("S5,C5,2025-03-05,,false,CN,,,,,", "no price"),
        ("S5,C5,2025-03-05,-1,false,CN,,,,,", "no price"),
        ("S5,C5,2025-03-05,--,false,CN,,,,,", "no price"),
        ("S5,C5,2025-03-05,,false,CN,,,L9,,", "no price"),
        ("S5,C5,2025-03-05,inf,false,CN,,,,,", "bad price"),
        ('S5,C5,2025-03-05,"12,5",false,CN,,,,,', "bad price"),
        ("S5,C5,2025-03-05,much,false,CN,,,,,", "bad price"),
        ("S5,C5,2025-03-05,0,false,CN,,,,,", "zero price"),
        ("S5,C5,2025-03-05,¥900,perhaps,CN,,,,,", "bad vat"),
        ("S5,C5,2025-03-05,900,,CN,,,,,", "vat not said"),
        ("S5,C5,2025-03-05,900,true,DE,,,,,", "foreign vat"),
        ("S5,,2025-03-05,900,false,CN,,,,,", "no code"),
        ("S5,1.23457E+23,2025-03-05,900,false,CN,,,,,", "code rounded"),
        ("S1,C1,2025-03-01,1130.00,true,CN-GD,,,,,", "copied"),
        ("S9,C1,2025-03-01,1130,true,CN-GD,,,,,", "copied"),
        ("S5,C5,2025-03-05,900,false,CN,,,,,,,x", "line"),
    ],
)
def test_an_unusable_row_is_rejected_with_its_reason(tmp_path, row, reason):
    ledger = read_ledger(ledger_of(tmp_path, *ROWS, row))
    assert len(ledger) == 4
    assert [(fault.row, fault.reason) for fault in ledger.row_errors] == [(6, reason)]
    assert ledger.rejected_rows == {REASONS[reason].text: 1}
    assert ledger.rows_read == 5


def test_every_invalid_cell_is_listed_and_the_row_counts_once(tmp_path):
    ledger = read_ledger(ledger_of(tmp_path, *ROWS, "S5,C5,soon,much,perhaps,CN,,,,,"))
    assert reasons_of(ledger) == [
        (6, "sold_on", "bad day"),
        (6, "price_cny", "bad price"),
        (6, "vat_included", "bad vat"),
    ]
    assert ledger.rejected_rows == {"day of sale cannot be read": 1}


def test_contradicting_rows_of_one_sale_are_both_rejected(tmp_path):
    ledger = read_ledger(ledger_of(tmp_path, *ROWS, "S2,C2,2025-03-02,-300,false,CN-SH,,,,,"))
    assert ledger.sale_id == ("S1", "S3", "S4")
    assert reasons_of(ledger) == [(3, "sale_id", "contradicted"), (6, "sale_id", "contradicted")]


def test_a_resale_is_used_and_several_packs_may_share_an_order(tmp_path):
    ledger = read_ledger(
        ledger_of(tmp_path, *ROWS, "S5,C1,2025-06-01,900,false,,,,,,", "S5,C6,2025-06-01,800,false,,,,,,")
    )
    assert len(ledger) == 6
    assert ledger.notes["resold"] == 1
    assert ledger.notes["shared order"] == 1


def test_a_lot_total_may_be_given_once_and_excludes_separately_priced_packs(tmp_path):
    rows = [
        "S1,C1,2025-03-01,,false,,,,L1,,10000",
        "S2,C2,2025-03-01,4000,false,,,,L1,,",
        "S3,C3,2025-03-01,,false,,,,L1,,",
        "S4,C4,2025-03-01,,false,,,,L2,,7000",
        "S5,C5,2025-03-01,1500,false,,,,L2,,7000",
        "S6,C6,2025-03-02,,false,,,,,,5000",
    ]
    ledger = read_ledger(ledger_of(tmp_path, *rows))
    assert ledger.row_errors == ()
    np.testing.assert_array_equal(ledger.price_cny, [np.nan, 4000.0, np.nan, 5500.0, 1500.0, 5000.0])
    assert ledger.lot_price_cny[[0, 2]].tolist() == [6000.0, 6000.0]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("S5,C5,2025-03-03,,false,,,,L1,,9500", "lot contradicted"),
        ("S5,C5,2025-03-09,,false,,,,L1,,9000", "lot contradicted"),
        ("S5,,2025-03-03,,false,,,,L1,,9000", "lot broken"),
        ("S5,C5,soon,,false,,,,L1,,9000", "lot broken"),
    ],
)
def test_a_lot_that_cannot_be_allocated_is_rejected_as_a_whole(tmp_path, row, reason):
    ledger = read_ledger(ledger_of(tmp_path, *ROWS, row))
    assert ledger.sale_id == ("S1", "S2")
    assert {fault.row for fault in ledger.row_errors} == {4, 5, 6}
    assert [fault.reason for fault in ledger.row_errors].count(reason) == (3 if reason == "lot contradicted" else 2)


def test_a_lot_listed_twice_stays_complete(tmp_path):
    ledger = read_ledger(ledger_of(tmp_path, *ROWS, ROWS[2]))
    assert ledger.sale_id == ("S1", "S2", "S3", "S4")
    assert reasons_of(ledger) == [(6, "sale_id", "copied")]


@pytest.mark.parametrize(
    ("text", "included"), [("1", True), ("是", True), ("TRUE", True), ("含税", True), ("0", False)]
)
def test_tax_is_deducted_for_every_spelling_of_yes(tmp_path, text, included):
    ledger = read_ledger(ledger_of(tmp_path, f"S1,C1,2025-03-01,1130,{text},,,,,,"))
    assert ledger.price_cny.tolist() == [pytest.approx(1000.0 if included else 1130.0)]


@pytest.mark.parametrize(
    ("heading", "price", "expected"),
    [
        ("成交价(含税)", "1130", 1000.0),
        ("成交价（万元，不含税）", "0.1", 1000.0),
        ("不含税价", "1000", 1000.0),
        ("含税价（元）", "1,130元", 1000.0),
    ],
)
def test_a_heading_may_state_tax_and_unit(tmp_path, heading, price, expected):
    path = ledger_of(
        tmp_path, f'{CODES[0]},2025-03-01,"{price}"', head=f"电池编码,成交日期,{heading}", encoding="gb18030"
    )
    ledger = read_ledger(path)
    assert ledger.price_cny.tolist() == [pytest.approx(expected)]
    assert ledger.sale_id == ("row 2",)
    assert ledger.notes["unnamed"] == 1


def test_of_two_price_columns_the_one_without_tax_is_used(tmp_path):
    path = ledger_of(tmp_path, "C1,2025-03-01,1130,1000", head="电池编码,成交日期,含税价,不含税价")
    ledger = read_ledger(path)
    assert ledger.price_cny.tolist() == [1000.0]
    assert ledger.unused_columns == ("含税价",)
    with pytest.raises(UnreadableLedger, match="price_cny twice"):
        read_ledger(ledger_of(tmp_path, "C1,2025-03-01,1130,1000", head="电池编码,成交日期,售价,成交价"))


def test_a_ledger_without_tax_basis_needs_the_vat_option(tmp_path):
    path = ledger_of(tmp_path, "S1,C1,2025-03-01,1130", head="sale_id,battery_code,sold_on,price_cny")
    with pytest.raises(UnreadableLedger, match="VAT") as refusal:
        read_ledger(path)
    assert "--vat" in refusal.value.hint
    assert read_ledger(path, "included").price_cny.tolist() == [pytest.approx(1000.0)]
    assert read_ledger(path, "excluded").price_cny.tolist() == [1130.0]
    assert read_ledger(path, "excluded").notes == {"vat assumed": 1}


def test_a_given_rate_is_deducted_and_old_rates_are_noted(tmp_path):
    head = "sale_id,battery_code,sold_on,price_cny,含税,税率"
    ledger = read_ledger(
        ledger_of(
            tmp_path,
            "S1,C1,2018-01-05,1170,是,17%",
            "S2,C2,2025-01-05,1010,是,0.01",
            "S3,C3,2018-04-30,1170,是,",
            "S4,C4,2018-01-05,1130,是,lots",
            "S5,C5,2018-05-01,1160,是,",
            "S6,C6,2019-04-01,1130,是,",
            "S7,C7,2018-05-01,1000,否,",
            head=head,
        )
    )
    np.testing.assert_allclose(ledger.price_cny, 1000.0)
    np.testing.assert_allclose(ledger.tax, [0.17, 0.01, 0.17, 0.16, 0.13, 0.0])
    assert ledger.notes["old vat"] == 3  # of the one with a bad rate, too
    assert reasons_of(ledger) == [(5, "vat_rate", "bad rate")]


def test_foreign_prices_keep_their_currency_and_unknown_ones_are_rejected(tmp_path):
    head = "sale_id,battery_code,sold_on,price_cny,vat_included,币种"
    rows = ["S1,C1,2025-01-05,800,no,USD", "S2,C2,2025-01-05,800,no,人民币", "S3,C3,2025-01-05,800,no,JPY"]
    clash = "S4,C4,2025-01-05,€800,no,美元"
    ledger = read_ledger(ledger_of(tmp_path, *rows, "S5,C5,2025-01-05,€800,no,", clash, head=head))
    assert ledger.currency == ("usd_cny", None, "eur_cny")
    assert [(row, reason) for row, _, reason in reasons_of(ledger)] == [(4, "bad currency"), (6, "bad currency")]


def test_codes_and_ids_of_digits_keep_their_zeros(tmp_path):
    ledger = read_ledger(ledger_of(tmp_path, "007,0012345678901234567,2025-03-01,1130,true,,,,,,"))
    assert (ledger.sale_id, ledger.battery_code) == (("007",), ("0012345678901234567",))


@pytest.mark.parametrize("lacking", ["battery_code", "sold_on", "price_cny"])
def test_a_missing_column_is_reported(tmp_path, lacking):
    head = HEAD.replace(lacking, "other", 1).replace(",lot_price_cny", ",nothing")
    with pytest.raises(UnreadableLedger, match=lacking) as refusal:
        read_ledger(ledger_of(tmp_path, *ROWS, head=head))
    assert refusal.value.field == lacking
    assert "a ledger needs" in refusal.value.hint


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.csv", b""),
        ("x.csv", b"\n\n"),
        ("x.parquet", b"PAR1 not"),
        ("x.csv", b"a,b\n1\n1,2,3\n"),
        ("x.xlsx", b"PK\3\4"),
    ],
)
def test_a_file_that_is_not_a_table_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableLedger) as refusal:
        read_ledger(tmp_path / name)
    assert refusal.value.hint
    with pytest.raises(UnreadableLedger):
        read_ledger(tmp_path / "nowhere.csv")


def test_the_report_lists_every_rejected_row_with_a_correction_in_both_languages(tmp_path):
    ledger = read_ledger(
        ledger_of(tmp_path, *ROWS, "S5,C5,=1+1,900,false,CN,,,,,", ",,,,,,,,,,", "S6,C6,,1,false,,,,,,")
    )
    write_report(ledger, tmp_path / "reports" / "report.csv")
    assert (tmp_path / "reports" / "report.csv").read_bytes().startswith(b"\xef\xbb\xbf")  # or Excel reads no Chinese
    with (tmp_path / "reports" / "report.csv").open(encoding="utf-8-sig", newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert [(line["row"], line["field"], line["value"]) for line in lines] == [
        ("6", "sold_on", "'=1+1"),
        ("8", "sold_on", ""),
    ]
    assert all(line["reason"] and line["way_out"] and line["原因"] and line["处理办法"] for line in lines)
    lines = "\n".join(summary(ledger, len(ledger)))
    assert "rows                6" in lines
    assert "used                4  (66.7%)" in lines


def test_a_missing_price_is_shown_as_empty(tmp_path):
    ledger = read_ledger(ledger_of(tmp_path, *ROWS, "S7,C7,2025-01-02,,false,CN,,,,,"))
    (fault,) = ledger.row_errors
    assert (fault.reason, fault.field, fault.value) == ("no price", "price_cny", "")


def test_every_reason_exists_in_both_languages():
    for reason in REASONS.values():
        assert all(one and one.in_language("zh") != one for one in reason)


@given(st.dates(dt.date(1990, 1, 1), dt.date(2100, 12, 31)))
def test_a_day_is_the_same_day_in_every_spelling(day):
    expected = float((day - dt.date(1970, 1, 1)).days)
    serial = (day - dt.date(1899, 12, 30)).days
    spellings = [
        day.isoformat(),
        f"{day.year}/{day.month}/{day.day}",
        f"{day.year}年{day.month}月{day.day}日",
        str(serial),
    ]
    assert {read_day(text) for text in [*spellings, f"{day.isoformat()} 13:45:00", f"{day:%Y%m%d}"]} == {expected}


@given(st.integers(-(10**9), 10**9))
def test_money_is_the_same_in_every_spelling(fen):
    value = fen / 100.0
    wide = str.maketrans("0123456789.,-", "０１２３４５６７８９．，－")
    for text in (
        f"{value:.2f}",
        f"{value:,.2f}",
        f"{value:,.2f}".translate(wide),
        f"¥{value:,.2f}",
        f"{value:,.2f} 元",
    ):
        assert read_money(text)[0] == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize("text", ["0,917", "-0,917万", "007,500", "12,5", "1,2345"])
def test_an_ambiguous_comma_is_not_a_price(text):
    with pytest.raises(Unreadable, match="bad price"):
        read_money(text)


@given(st.text(max_size=12))
def test_any_cell_is_read_or_rejected_with_a_known_reason(text):
    for read in (read_day, read_money, read_answer, read_rate):
        try:
            read(text)
        except Unreadable as refusal:
            assert str(refusal) in REASONS  # noqa: PT017 - either outcome is right, but only by name
