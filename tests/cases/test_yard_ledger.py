"""`canzhi train --check-only` on the ledger of a yard: headings as people write them are read, or refused by name."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from training.commands.train import train

QUOTES = Path(__file__).parents[2] / "data_samples" / "quotes.csv"
CODES = [f"T01PB0A0000002B3A{number:07d}" for number in range(501, 509)]


def check(folder: Path, heading: str, prices: list[object]):
    """Check a ledger with these prices against the records of its packs; return the exit code, output and report."""
    traces = folder / "traces"
    traces.mkdir()
    packs = "".join(f"{code[:7]}-{code[7:]},铁锂,60,0.41,2021年3月\n" for code in CODES)
    (traces / "packs.csv").write_text(f"电池编码,电池类型,电池容量(kWh),质量/吨,生产日期\n{packs}", "utf-8")
    (traces / "events.csv").write_text(f"电池编码,事件类型,日期,健康度%\n{CODES[0]},读数,2025/6/1,88\n", "utf-8")
    rows = "".join(
        f'="{code}",2026年{month}月15日,"{price}",是\n'
        for month, (code, price) in enumerate(zip(CODES, prices, strict=True), 1)
    )
    ledger, report = folder / "ledger.csv", folder / "report.csv"
    ledger.write_text(f"2026年成交记录,,,\n电池编码,成交日期,{heading},含税\n{rows}", "gb18030")
    words = [str(ledger), "--traces", str(traces), "--market", str(QUOTES), "--check-only", "--report", str(report)]
    done = CliRunner().invoke(train, words)
    return done, report.read_text("utf-8-sig") if report.exists() else ""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CANZHI_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.mark.parametrize(
    ("heading", "price"),
    [
        ("成交价", "6,000"),
        ("成交价（万元）", 0.6),
        ("成交单价(元/kWh)", 100),
        ("单价/元/公斤", 14.5),
        ("含税单价(元/吨)", 14500),
    ],
)
def test_every_row_of_a_yard_ledger_is_used(folder, heading, price):
    done, _ = check(folder, heading, [price] * len(CODES))
    assert done.exit_code == 0, done.output
    assert f"used {len(CODES)} (100.0%)" in " ".join(done.output.split())


def test_one_price_in_another_unit_is_reported(folder):
    done, report = check(folder, "成交价", [6000, 6100, 100, 5900, 6000, 6200, 5800, 6050])
    assert done.exit_code == 0, done.output
    assert f"used {len(CODES) - 1} " in " ".join(done.output.split())
    assert "(CNY/kWh?)" in report
    assert "换成其他单位则相符" in report


@pytest.mark.parametrize("heading", ["成交价(元/Ah)", "成交价(日元)", "成交价%"])
def test_a_price_in_an_unknown_unit_is_refused_by_its_heading(folder, heading):
    done, _ = check(folder, heading, [100] * len(CODES))
    assert done.exit_code != 0
    assert heading in f"{done.output}{done.exception}"
