"""Records as yards have them, at every entrance: workbook, page, HTTP, command line, fleet."""

import io
import json

import openpyxl
import pyarrow as pa
import pytest
from pyarrow import parquet

from service import cli

CODE, OTHER = "T01PB0A0000002B3A0000457", "T01PB0A0000002B3A0000458"
AS_OF = "2026-11-20"


def workbook(rows, *merged):
    book = openpyxl.Workbook()
    book.active.title = "台账"
    for row in rows:
        book.active.append(row)
    for one in merged:
        book.active.merge_cells(one)
    book.create_sheet("填写说明").append(["请填写电池信息"])
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


YARD = workbook(
    [
        ["某回收公司退役电池台账", None, None, None, None, None, None],
        ["导出日期：2026年6月30日", None, None, None, None, None, None],
        ["电池编码", "基本信息", None, None, "检测结果", None, None],
        [None, "电池类型", "额定能量/kWh", "生产日期", "健康度%", "里程（万公里）", None],
        [CODE, "磷酸铁锂", "1,062.5", "2020/5/6", 82, "12.3", None],
        [OTHER, "三元锂电池", 61, "2021年3月", "78%", None, None],
        ["合计", 2, None, None, None, None, None],
    ],
    *("A3:A4", "B3:D3", "E3:F3"),
)


def value(capsys, *arguments):
    code = cli.run(["value", *map(str, arguments), "--json", "--as-of", AS_OF])
    printed = capsys.readouterr()
    return code, [json.loads(line) for line in printed.out.splitlines()], printed.err


def ids(answer):
    return {caution["id"] for caution in answer["cautions"]}


@pytest.mark.usefixtures("home")
def test_a_workbook_with_titles_merged_headings_and_totals_is_valued(tmp_path, capsys):
    (tmp_path / "yard.xlsx").write_bytes(YARD)
    code, (first, second), _ = value(capsys, tmp_path / "yard.xlsx")
    assert code == 0
    assert (first["battery_code"], second["battery_code"]) == (CODE, OTHER)
    assert {"I16", "I18"} <= ids(first)
    assert {"I15", "I16", "I18"} <= ids(second)
    assert first["evidence"]["tier"] == "T2"  # the health counts, as a BMS reading beside the ageing by use
    assert 0.82 < first["state"]["soh"]["value"] < 0.9


def test_the_page_takes_the_same_workbook(client):
    sent = client.post("/", files=[("files", ("yard.xlsx", YARD))], follow_redirects=True)
    assert sent.status_code == 200
    assert CODE in sent.text
    assert OTHER in sent.text


def test_http_reads_units_in_names_and_counts_an_undated_health_as_of_the_valuation_day(client):
    def answer(**fields):
        trace = {"battery_code": CODE, "chemistry": "LFP", "额定能量/Wh": 62000, **fields}
        return client.post("/v1/valuations", json={"trace": trace, "as_of": AS_OF}).json()

    undated, without = answer(**{"健康度%": 85}), answer()
    assert {"I16", "I17"} <= ids(undated)
    assert abs(undated["state"]["soh"]["value"] - 0.85) < abs(without["state"]["soh"]["value"] - 0.85) + 0.02
    tested = {"type": "tested", "on": AS_OF, "method": "bms", "soh": 0.85}
    assert undated["state"]["soh"]["sd"] > answer(events=[tested])["state"]["soh"]["sd"], "less weight than a dated BMS"


def test_http_refuses_a_unit_by_the_name_as_it_is_written(client):
    answered = client.post("/v1/valuations", json={"trace": {"battery_code": CODE, "电量%": 85}, "as_of": AS_OF})
    assert answered.status_code == 422
    assert "电量%" in answered.json()["detail"]


@pytest.mark.usefixtures("home")
def test_a_fleet_reads_the_same_headings(tmp_path, capsys):
    packs = {"battery_code": [CODE], "chemistry": ["LFP"], "rated_capacity_ah": [174.0]}
    test = {"battery_code": [CODE], "type": ["tested"], "method": ["quick"]}

    def point(pack_columns, event_columns):
        parquet.write_table(pa.table({**packs, **pack_columns}), tmp_path / "packs.parquet")
        parquet.write_table(pa.table({**test, **event_columns}), tmp_path / "events.parquet")
        files = [str(tmp_path / name) for name in ("packs.parquet", "events.parquet", "out.parquet")]
        assert cli.run(["score", *files, "--as-of", AS_OF]) == 0, capsys.readouterr().err
        (row,) = parquet.read_table(tmp_path / "out.parquet").to_pylist()
        (tmp_path / "out.parquet").unlink()
        return row["point_cny"], row["caution_ids"]

    plain, _ = point({"rated_energy_kwh": [58.0]}, {"on": ["2025-05-03"], "soh": [0.83]})
    yard, cautions = point({"额定能量/Wh": [58000.0]}, {"on": ["2025/5/3"], "剩余容量%": [83.0]})
    assert yard == plain
    assert "I16" in cautions


@pytest.mark.usefixtures("home")
def test_a_file_is_named_once_in_a_refusal(tmp_path, capsys):
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "broken.xlsx").write_bytes(b"PK\x03\x04 broken")
    for name in ("empty.csv", "broken.xlsx"):
        _, _, errors = value(capsys, tmp_path / name)
        assert errors.count(name) == 1, errors
