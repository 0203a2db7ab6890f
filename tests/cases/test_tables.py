"""Tables as people save them: encodings, separators, notations, empty columns, a health without a day."""

import io
from datetime import date
from pathlib import Path

import openpyxl
import pytest

from training.sales_ledger import read_ledger
from valuation import appraise, read_market
from valuation.errors import FieldError
from valuation.ingest import read_tables, read_trace

CASES = Path(__file__).parent
QUOTES = Path(__file__).parents[2] / "data_samples" / "quotes.csv"
CODE = "T01PB0A0000002B3A0000457"
YARD = f"电池编码;电池类型;质量;生产日期;检测日期;检测方法;SOH\n{CODE};磷酸铁锂;1,385;2020年3月;2025/5/3;快检;82%\n"


def notes(traces):
    return {note.caution.id: note.caution for note in traces.notes[0]}


def test_columns_without_name_and_content_are_left_out():
    traces = read_trace(CASES / "empty_columns.csv")
    assert traces.histories[0].rated_energy_kwh == 58.0
    assert traces.histories[0].extras == {}


def test_a_column_with_content_but_without_a_name_is_kept_and_named():
    traces = read_trace(f"电池编码,,\n{CODE},x,\n".encode())
    assert traces.histories[0].extras == {"column 2": "x"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_a_table_is_read_in_every_encoding_with_every_separator(encoding, separator):
    traces = read_trace(YARD.replace(";", separator).encode(encoding))
    pack = traces.histories[0]
    assert (pack.mass_kg, pack.made_on) == (1385.0, date(2020, 3, 15))
    assert pack.events[0].facts == {"method": "quick", "soh": 0.82}
    assert notes(traces).keys() >= {"I15", "I16"}
    assert "2020-03-15" in notes(traces)["I15"].message_zh


def test_columns_read_at_once_are_read_as_rows_are():
    packs = f"电池编码,质量,生产日期\n{CODE},1公吨x,2020/3/4\n".encode()
    assert read_tables(packs).problems[0].error.message == read_error(packs)
    fine = read_tables(packs.replace("1公吨x".encode(), "0.4吨".encode()))
    assert fine.table.packs["mass_kg"].tolist() == [400.0]
    assert [note.caution.id for note in fine.notes[0]] == ["I16", "I16"]


def read_error(content):
    with pytest.raises(FieldError) as caught:
        read_trace(content)
    return caught.value.message


def test_a_health_without_a_day_counts_as_of_the_export_day_the_file_states():
    traces = read_trace(f"导出日期：2026年6月30日,,\n电池编码,SOH,检测方法\n{CODE},0.82,快检\n".encode())
    (tested,) = traces.histories[0].events
    assert (tested.on, tested.facts) == (date(2026, 6, 30), {"method": "quick", "soh": 0.82})
    assert "2026-06-30" in notes(traces)["I18"].message_en


@pytest.mark.parametrize("record", [{"SOH": 0.82}, {"健康度%": 82}, {"remaining_capacity_ah": 120}])
def test_a_health_without_a_day_counts_as_of_the_valuation_day_as_the_weakest_evidence(record):
    record = {"battery_code": CODE, **record}
    traces = read_trace(record, undated_on=date(2026, 11, 20))
    (tested,) = traces.histories[0].events
    assert (tested.type, tested.on, tested.facts["method"]) == ("tested", date(2026, 11, 20), "undated")
    assert notes(traces)["I17"].severity == "warn"
    assert read_trace(record).histories[0].events == ()  # never in training and back-tests


def only(text, on=date(2026, 11, 20)):
    (history,) = read_trace(text.encode(), undated_on=on).histories
    return history


@pytest.mark.parametrize(
    ("cell", "health"), [("82", 0.82), ("0.82", 0.82), ("82%", 0.82), ("104.5", 1.045), ("1.1", 1.1)]
)
def test_a_health_in_a_table_above_any_fraction_is_per_cent(cell, health):
    (tested,) = only(f"电池编码,检测日期,检测方法,SOH\n{CODE},2025-05-03,快检,{cell}\n").events
    assert tested.facts["soh"] == health


@pytest.mark.parametrize("cell", ["8.2", "1.5", "182"])
def test_a_health_in_a_table_with_no_one_scale_is_refused(cell):
    with pytest.raises(FieldError, match="soh"):
        only(f"电池编码,检测日期,检测方法,SOH\n{CODE},2025-05-03,快检,{cell}\n")


def test_a_remaining_capacity_of_85_per_cent_is_a_health():
    (tested,) = only(f"电池编码,检测日期,检测方法,剩余容量\n{CODE},2025-05-03,快检,85%\n").events
    assert tested.facts == {"method": "quick", "soh": 0.85}


def test_a_capacity_in_kwh_is_an_energy():
    assert only("电池类型,电池容量(kWh)\n铁锂,61\n").rated_energy_kwh == 61.0
    pack = only(f"电池编码,电池容量/Ah,剩余容量(kWh)\n{CODE},151,50\n")
    assert (pack.rated_capacity_ah, pack.rated_energy_kwh) == (151.0, None)
    assert pack.events[0].facts["remaining_energy_kwh"] == 50.0
    assert only(f"电池编码,电池容量\n{CODE},61\n").extras == {"电池容量": "61"}  # energy or capacity


TWO_ROWS = [
    ["电池编码", "额定", None, "剩余", None, "检测", None],
    [None, "能量(kWh)", "容量(Ah)", "容量(Ah)", "能量(kWh)", "日期", "方法"],
    [CODE, 61, 184, 151, 49, "2025-05-01", "快检"],
]


def workbook(rows, merged) -> bytes:
    book, content = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    for area in merged:
        book.active.merge_cells(area)
    book.save(content)
    return content.getvalue()


@pytest.mark.parametrize("form", ["workbook", "csv"])
def test_headings_in_two_rows_are_read_together(form):
    as_text = "\n".join(",".join("" if cell is None else str(cell) for cell in row) for row in TWO_ROWS)
    merged = ["A1:A2", "B1:C1", "D1:E1", "F1:G1"]
    content = workbook(TWO_ROWS, merged) if form == "workbook" else as_text.encode()
    (pack,) = read_trace(content).histories
    assert (pack.battery_code, pack.rated_energy_kwh, pack.rated_capacity_ah) == (CODE, 61.0, 184.0)
    (tested,) = pack.events
    assert tested.facts == {"method": "quick", "remaining_capacity_ah": 151.0, "remaining_energy_kwh": 49.0}


def test_a_title_above_the_headings_changes_none_of_them():
    rows = [["制表：李", None, "日期：2025年"], ["电池编码", "电池类型", "SOH%"], [CODE, "铁锂", 85]]
    (pack,) = read_trace(workbook(rows, []), undated_on=date(2026, 11, 20)).histories
    assert (pack.battery_code, pack.chemistry, pack.events[0].facts["soh"]) == (CODE, "LFP", 0.85)


@pytest.mark.parametrize(
    ("headings", "cells", "event"),
    [
        ("外观", "鼓包", ("collected_in", date(2026, 11, 20), {"condition": "swollen"})),
        ("电池状态", "破损", ("collected_in", date(2026, 11, 20), {"condition": "damaged"})),
        ("外观", "泡水", ("negative", date(2026, 11, 20), {"kind": "water"})),
        ("导出日期,外观", "2026-06-30,腐蚀", ("collected_in", date(2026, 6, 30), {"condition": "corroded"})),
        ("上牌日期", "2020/6/1", ("installed", date(2020, 6, 1), {})),
        ("首次上牌", "Jun-20", ("installed", date(2020, 6, 15), {})),
    ],
)
def test_remarks_of_a_yard_become_events(headings, cells, event):
    (read,) = only(f"电池编码,{headings}\n{CODE},{cells}\n").events
    assert (read.type, read.on, dict(read.facts)) == event


@pytest.mark.parametrize("heading", ["电池状态", "状态", "生命周期状态"])
def test_a_known_status_is_used_and_an_unknown_one_ignored(heading):
    assert only(f"电池编码,{heading}\n{CODE},已再生利用\n").life_cycle_status == "recycled"
    assert only(f"电池编码,{heading}\n{CODE},待再生利用\n").life_cycle_status == "waste"
    assert only(f"电池编码,{heading}\n{CODE},在库\n").life_cycle_status is None


def test_a_misspelt_status_is_refused():
    with pytest.raises(FieldError) as caught:
        read_trace({"battery_code": CODE, "life_cycle_status": "recyled"})
    assert "recycled" in caught.value.hint


def test_a_condition_without_a_day_is_not_used_in_training():
    assert only(f"电池编码,外观\n{CODE},鼓包\n", on=None).events == ()


@pytest.mark.parametrize(
    ("cell", "number"), [("123 000", 123000), ("约12万公里", 120000), ("12万左右", 120000), ("1'234", 1234)]
)
def test_thousands_separators_and_approximations_are_read(cell, number):
    assert only(f"电池编码,行驶里程\n{CODE},{cell}\n").odometer_km == number


@pytest.mark.parametrize("cell", ["12 3000", "123 00", "约", "1,234 567"])
def test_other_marks_are_refused(cell):
    with pytest.raises(FieldError):
        only(f'电池编码,行驶里程\n{CODE},"{cell}"\n')


def test_a_price_per_kwh_is_no_price_of_a_pack():
    ledger = read_ledger(CASES / "price_per_kwh.csv")
    assert (ledger.price_per, ledger.price_heading) == ("kWh", "成交价(元/kWh)")


def test_a_production_month_is_read_as_its_middle_with_a_wider_age():
    rows = f"电池编码,电池类型,额定能量,生产日期\n{CODE},磷酸铁锂,50,2020年3月\n"
    (one,) = read_trace(rows.encode()).histories
    (exact,) = read_trace(rows.replace("3月", "3月15日").encode()).histories
    assert (one.made_on, one.made_on_sd_days) == (date(2020, 3, 15), pytest.approx(30.4 / 12**0.5, abs=0.05))
    assert (exact.made_on, exact.made_on_sd_days) == (one.made_on, None)
    market, plate = read_market(QUOTES), {"chemistry": "LFP", "rated_energy_kwh": 50.0, "made_on": "2020-03-15"}
    wide, narrow = (
        appraise(read_trace({**plate, "made_on_sd_days": sd}), market, as_of="2026-11-20").state.soh.sd
        for sd in (200.0, None)
    )
    assert wide > narrow
