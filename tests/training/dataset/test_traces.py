"""Traces exported by spreadsheets give the same columns as the Parquet tables."""

import numpy as np
import openpyxl
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
import pytest

from training.dataset.traces import read_traces, trace_files, unread_codes
from valuation.errors import UnreadableRecord
from valuation.ingest.fields.spellings import FIELD_SPELLINGS


def in_chinese(names):
    return [FIELD_SPELLINGS[name][0] if name in FIELD_SPELLINGS else name for name in names]


@pytest.fixture(scope="module")
def tables(market_folder):
    packs = pq.read_table(market_folder / "packs.parquet").slice(0, 40)
    packs = packs.drop_columns([name for name in ("modules",) if name in packs.column_names])
    events = pq.read_table(market_folder / "events.parquet")
    codes = set(packs["battery_code"].to_pylist())
    return packs, events.filter([code in codes for code in events["battery_code"].to_pylist()])


@pytest.fixture(scope="module")
def expected(tables, tmp_path_factory):
    folder = tmp_path_factory.mktemp("parquet")
    for name, table in zip(("packs", "events"), tables, strict=True):
        pq.write_table(table, folder / f"{name}.parquet")
    return read_traces(folder)


def same(found, expected):
    assert found.table.texts["battery_code"] == expected.table.texts["battery_code"]
    for part in ("packs", "events"):
        columns = getattr(found.table, part)
        for name, column in getattr(expected.table, part).items():
            np.testing.assert_array_equal(columns[name], column, err_msg=name)
    assert unread_codes(found) == unread_codes(expected)


def test_csv_in_gb18030_with_spreadsheet_dates_is_read_equally(tables, expected, tmp_path):
    for name, table in zip(("电池", "溯源事件"), tables, strict=True):
        path = tmp_path / f"{name}.csv"
        arrow_csv.write_csv(table.rename_columns(in_chinese(table.column_names)), path)
        text = path.read_text(encoding="utf-8")
        days = {
            str(day) for column in table.columns if str(column.type).startswith("date") for day in column.to_pylist()
        }
        for day in sorted(days - {"None"}):
            text = text.replace(day, day.replace("-0", "/").replace("-", "/"))
        path.write_text("动力电池溯源导出\n" + text, encoding="gb18030")
    same(read_traces(tmp_path), expected)


def test_workbooks_are_read_equally(tables, expected, tmp_path):
    for name, table in zip(("packs", "events"), tables, strict=True):
        book = openpyxl.Workbook()
        book.active.append(in_chinese(table.column_names))
        for row in table.to_pylist():
            book.active.append(list(row.values()))
        book.save(tmp_path / f"{name}.xlsx")
    same(read_traces(tmp_path), expected)


def test_an_unreadable_record_is_reported_by_its_code(tables, tmp_path):
    packs, events = tables
    columns = packs.to_pydict()
    columns["rated_energy_kwh"][3] = -5.0
    pq.write_table(type(packs).from_pydict(columns, schema=packs.schema), tmp_path / "packs.parquet")
    pq.write_table(events, tmp_path / "events.parquet")
    assert unread_codes(read_traces(tmp_path)) == {columns["battery_code"][3]}


def test_the_two_tables_may_have_two_formats(tables, expected, tmp_path):
    arrow_csv.write_csv(tables[0], tmp_path / "Packs.CSV")
    pq.write_table(tables[1], tmp_path / "溯源事件.parquet")
    same(read_traces(tmp_path), expected)


def test_a_folder_without_traces_is_reported(tables, tmp_path):
    with pytest.raises(UnreadableRecord, match="no table of packs and events; it contains nothing"):
        trace_files(tmp_path)
    pq.write_table(tables[0], tmp_path / "packs.parquet")
    with pytest.raises(UnreadableRecord, match=r"no table of events; it contains packs\.parquet"):
        trace_files(tmp_path)
