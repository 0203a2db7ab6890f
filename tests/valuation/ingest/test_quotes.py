import io
import re
from datetime import date

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from valuation.errors import UnreadableQuotes
from valuation.ingest.quotes.read_market import read_market
from valuation.market.instruments import ALIASES, INSTRUMENTS
from valuation.record.to_columns import day_number

HEAD = "quoted_on,instrument,price,unit,vat_included,region,source\n"
LATER = np.array([day_number(date(2030, 1, 1))])


def read(*lines, head=HEAD):
    return read_market((head + "\n".join(lines)).encode())


def last(market, instrument, region="CN"):
    return market.on(LATER, region=region).price[instrument][0]


@pytest.mark.parametrize(
    ("line", "instrument", "expected"),
    [
        ("2026-11-02,lithium_carbonate,113000,CNY/t,true,CN,x", "lithium_carbonate", 100_000.0),
        ("2026-11-02,lithium_carbonate,100000,CNY/t,false,CN,x", "lithium_carbonate", 100_000.0),
        ("2026-11-02,lithium_carbonate,100,CNY/kg,false,CN,x", "lithium_carbonate", 100_000.0),
        ("2026-11-02,碳酸锂,11.3,万元/吨,含税,中国,x", "lithium_carbonate", 100_000.0),
        ("2026/11/2,电解铜,90000,元／吨,否,,x", "copper", 90_000.0),
        ("2026年11月2日,三元锂折扣系数,72.5,%,,CN,x", "payable_li_ternary", 0.725),
        ("2026-11-02,payable_ni_ternary,0.75,fraction,,CN,x", "payable_ni_ternary", 0.75),
        ("2026-11-02,磷酸铁锂新电池包,0.452,元/Wh,true,CN,x", "new_pack_lfp", 400.0),
        ("2026-11-02T08:00:00,usd_cny,7.1,CNY/USD,false,CN,x", "usd_cny", 7.1),
        ('2026-11-02,copper,"90,000",CNY/t,false,CN,x', "copper", 90_000.0),
        ("2026-11-02,aluminum,20000,CNY/t,false,CN,x", "aluminium", 20_000.0),
    ],
)
def test_quotes_are_converted_to_one_basis(line, instrument, expected):
    assert last(read(line), instrument) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("day", "price"),
    [("2018-04-30", 117_000), ("2018-05-01", 116_000), ("2019-03-31", 116_000), ("2019-04-01", 113_000)],
)
def test_the_tax_of_the_quote_s_own_day_is_taken_off(day, price):
    assert last(read(f"{day},copper,{price},CNY/t,true,CN,x"), "copper") == pytest.approx(100_000.0)
    assert last(read(f"{day},copper,{price},CNY/t,false,CN,x"), "copper") == price


def test_dollar_quotes_are_converted_at_the_rate_of_their_own_day():
    market = read(
        "2026-11-01,usd_cny,7.0,CNY/USD,false,CN,x",
        "2026-11-03,usd_cny,8.0,CNY/USD,false,CN,x",
        "2026-11-02,nickel,15000,USD/t,false,CN,x",
        "2026-11-02,copper,5,USD/lb,false,CN,x",
    )
    assert last(market, "nickel") == 105_000.0
    assert last(market, "copper") == pytest.approx(5 * 2204.62262 * 7.0)


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("2026-13-01,copper,90000,CNY/t,true,CN,x", "quoted_on", "2026-13-01"),
        ("2026-11-01,lithum_carbonate,90000,CNY/t,true,CN,x", "instrument", "lithum_carbonate"),
        ("2026-11-01,copper,dear,CNY/t,true,CN,x", "price", "dear"),
        ("2026-11-01,copper,,CNY/t,true,CN,x", "price", ""),
        ("2026-11-01,copper,nan,CNY/t,true,CN,x", "price", "nan"),
        ("2026-11-01,copper,90000,CNY/barrel,true,CN,x", "unit", "CNY/barrel"),
        ("2026-11-01,copper,90000,CNY/kWh,true,CN,x", "unit", "CNY/kWh"),
        ("2026-11-01,copper,90000,CNY/t,,CN,x", "vat_included", ""),
        ("2026-11-01,copper,90000,CNY/t,perhaps,CN,x", "vat_included", "perhaps"),
        ("2026-11-01,copper,9000,CNY/t,true,EU,x", "vat_included", "true"),
        ("2026-11-01,lithium_carbonate,150,CNY/t,true,CN,x", "price", "150"),
        ("2026-11-01,copper,-90000,CNY/t,true,CN,x", "price", "-90000"),
        ("2026-11-01,payable_li_lfp,72,fraction,,CN,x", "price", "72"),
        ("2026-11-01,nickel,15000,USD/t,false,CN,x", "unit", "USD/t"),
    ],
)
def test_an_impossible_row_is_refused_with_line_field_and_value(line, field, value):
    with pytest.raises(UnreadableQuotes, match="line 3") as caught:
        read("2026-11-01,aluminium,20000,CNY/t,true,CN,x", line)
    assert (caught.value.field, caught.value.value) == (field, value)
    assert caught.value.hint


def test_the_nearest_name_is_suggested_for_a_misspelled_instrument():
    with pytest.raises(UnreadableQuotes) as caught:
        read("2026-11-01,lithum_carbonate,90000,CNY/t,true,CN,x")
    assert caught.value.hint == "did you mean lithium_carbonate?"


@pytest.mark.parametrize("second", ["price", " 均价", "Price"])
@pytest.mark.parametrize("as_table", [False, True])
def test_a_column_named_twice_is_refused(second, as_table):
    """If a column occurs twice, neither is dropped silently."""
    names = [*HEAD.strip().split(","), second]
    cells = ["2024-01-02", "lithium_carbonate", "96900", "CNY/t", "true", "CN", "SMM", "69900"]
    text = f"{','.join(names)}\n{','.join(cells)}\n"
    source = pa.table([[cell] for cell in cells], names=names) if as_table else text.encode()
    with pytest.raises(UnreadableQuotes, match="two columns of price") as refused:
        read_market(source)
    assert refused.value.field == "price"


def test_a_missing_column_is_named():
    with pytest.raises(UnreadableQuotes, match="vat_included") as caught:
        read("2026-11-01,copper,90000,CNY/t", head="quoted_on,instrument,price,unit\n")
    assert caught.value.field == "vat_included"


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02\xff", b"PAR1 not really", b"a,b\n1"])
def test_files_without_quotes_are_refused(content):
    with pytest.raises(UnreadableQuotes):
        read_market(content)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(UnreadableQuotes, match="nowhere"):
        read_market(tmp_path / "nowhere.csv")


def test_csv_parquet_table_path_and_chinese_spreadsheet_give_the_same_market(tmp_path):
    text = HEAD + "2026-11-01,碳酸锂,113000,元/吨,是,CN,甲\n2026-11-02,copper,90000,CNY/t,true,CN,乙\n"
    table = pa_csv.read_csv(io.BytesIO(text.encode()))
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    path = tmp_path / "quotes.csv"
    path.write_text(text, encoding="utf-8-sig")
    markets = [
        read_market(source)
        for source in (text.encode(), buffer.getvalue(), table, path, str(path), text.encode("gb18030"))
    ]
    assert len({market.digest for market in markets}) == 1
    assert last(markets[1], "lithium_carbonate") == pytest.approx(100_000.0)


def test_a_workbook_and_other_separators_and_encodings_give_the_same_market():
    rows = [["日期", "品种", "价格(元/吨)", "含税", "来源"], ["2026-11-01", "碳酸锂", "113,000", "是", "甲"]]
    book = openpyxl.Workbook()
    for cells in [["2026年11月报价"], rows[0], [date(2026, 11, 1), "碳酸锂", 113000, "是", "甲"]]:
        book.active.append(cells)
    buffer = io.BytesIO()
    book.save(buffer)
    plain = "\n".join(";".join(cells) for cells in rows)
    commas = read("2026-11-01,碳酸锂,113000,元/吨,是,CN,甲").digest
    for source in (
        buffer.getvalue(),
        plain.encode(),
        plain.encode("utf-16"),
        plain.replace(";", "\t").encode("gb18030"),
    ):
        assert read_market(source).digest == commas


@pytest.mark.parametrize("price", ["11,3", "1.234.567", "1,13000", "11 3"])
def test_a_number_with_two_readings_is_refused(price):
    with pytest.raises(UnreadableQuotes, match="price"):
        read(f'2026-11-01,碳酸锂,"{price}",万元/吨,是,CN,甲')


@pytest.mark.parametrize(
    "text",
    [
        HEAD.replace("\n", "\r\n") + '"2026-11-01","copper","90,000","CNY/t",true,CN,"Meier ""SMM"" & Co"\r\n',
        f"\n{HEAD}\r\n\n2026-11-01,copper,90000,CNY/t,true,CN,x\n\n",
        HEAD.replace("unit", " unit ").replace("price", '"price"') + "2026-11-01,copper, 90000,CNY/t,true,CN,x",
        HEAD.replace("\n", ",remark\n") + '2026-11-01,copper,90000,CNY/t,true,CN,x,"two\nlines, one cell"\n',
    ],
)
def test_cells_may_be_quoted_and_lines_empty(text):
    assert read_market(text.encode()).digest == read("2026-11-01,copper,90000,CNY/t,true,CN,x").digest


@pytest.mark.parametrize(
    "line", ["2026-11-01,copper,9", "2026-11-01,copper,9,CNY/t,true,CN,x,", '"2026-11-01,copper\n']
)
def test_a_row_of_another_length_and_a_quote_that_never_ends_are_refused(line):
    with pytest.raises(UnreadableQuotes, match="no quotes can be read") as caught:
        read("2026-11-01,aluminium,20000,CNY/t,true,CN,x", line)
    assert caught.value.field == "market"


def test_typed_parquet_columns_are_read():
    table = pa.table(
        {
            "quoted_on": [date(2026, 11, 1)],
            "instrument": ["copper"],
            "price": [113_000.0],
            "unit": ["CNY/t"],
            "vat_included": [True],
        }
    )
    assert last(read_market(table), "copper") == pytest.approx(100_000.0)


def test_the_digest_names_the_quotes_not_the_file():
    one, two = "2026-11-01,copper,113000,CNY/t,true,CN,x", "2026-11-02,copper,113,CNY/kg,true,CN,x"
    same = [read(one, two), read(two, one), read(one, one, two)]
    assert len({market.digest for market in same}) == 1
    assert read(one).digest != same[0].digest
    assert same[0].digest.startswith("sha256:")


def test_the_median_of_sources_is_used_and_a_contradictory_source_is_refused():
    lines = [
        f"2026-11-01,copper,{price},CNY/t,false,CN,{source}" for price, source in ((90, "a"), (91, "b"), (99, "c"))
    ]
    lines = [line.replace(",9", ",9000", 1) for line in lines]
    assert last(read(*lines), "copper") == 90_001.0
    with pytest.raises(UnreadableQuotes, match="line 3"):
        read(
            "2026-11-01,copper,90000,CNY/t,false,CN,a",
            "2026-11-01,copper,91000,CNY/t,false,CN,a",
        )


def test_a_market_is_synthetic_if_all_its_sources_are():
    synthetic = "2026-11-01,copper,90000,CNY/t,true,CN,synthetic market seed 7"
    assert read(synthetic).synthetic
    assert not read(synthetic, "2026-11-02,copper,90000,CNY/t,true,CN,exchange").synthetic
    assert not read().synthetic


def test_an_empty_file_of_quotes_is_an_empty_market():
    market = read()
    assert np.isnan(market.last_day)
    assert np.isnan(last(market, "copper"))


def test_every_alias_means_an_instrument():
    assert set(ALIASES.values()) <= set(INSTRUMENTS)
    assert all(instrument.label.zh in ALIASES for instrument in INSTRUMENTS.values())


@pytest.mark.parametrize(
    ("heading", "price"),
    [
        ("价格(万元/吨，含税)", 10.17),
        ("价格（元/吨）（含税）", 101700.0),
        ("均价/元/公斤/含税", 101.7),
        ("price (CNY/t, incl. VAT)", 101700.0),
    ],
)
def test_the_heading_of_the_prices_may_state_unit_and_vat(heading, price):
    quotes = f'报价日期,品种,"{heading}",来源\n2026-11-02,电池级碳酸锂,{price},example\n'
    assert last(read_market(quotes.encode()), "lithium_carbonate") == pytest.approx(90_000.0)


@pytest.mark.parametrize("heading", ["价格(元/箱)", "价格(%)"])
def test_an_unknown_unit_in_the_heading_of_the_prices_is_refused_by_name(heading):
    with pytest.raises(UnreadableQuotes, match=re.escape(heading)):
        read_market(f"报价日期,品种,{heading},含税\n2026-11-02,铜,9,是\n".encode())


def test_a_unit_in_the_heading_and_in_a_column_is_refused():
    with pytest.raises(UnreadableQuotes, match="two columns of unit"):
        read_market("报价日期,品种,价格(元/吨),单位,含税\n2026-11-02,铜,9,元/吨,是\n".encode())
