"""Measure the cost of reading one trace record: canonical, in Chinese names, and with an unknown field.

Run: ``.venv/bin/python -m benchmarks.record_reading [--rounds N] [--write]``

One process and one thread, CPU time, medians of the rounds. The record has 12 events with 5 to 8 fields each.
With ``--write`` the table goes into docs/explanation/how-fast.md.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from statistics import median

from benchmarks.batch_scoring import PAGE
from benchmarks.report import replace_section, table_of
from valuation.ingest import read_trace

TARGETS_US = {"canonical names": 45.0, "Chinese names and choices": 160.0, "canonical names, one unknown field": 160.0}
CALLS = 400
CHINESE = {
    "battery_code": "电池编码", "chemistry": "电池类型", "rated_energy_kwh": "额定能量", "mass_kg": "质量",
    "events": "事件", "type": "事件类型", "on": "日期", "reported_on": "上报日期", "reporter": "上报单位",
    "odometer_km": "里程", "full_cycles": "循环次数", "mean_temperature_c": "平均温度", "soh": "健康度",
    "method": "检测方法",
}  # fmt: skip
"""Chinese names of the fields in the record; tests check that each is read as its field."""
CHOICES = {"LFP": "磷酸铁锂", "usage": "运行", "tested": "检测", "lab": "实验室检测"}


def canonical() -> dict[str, object]:
    """Return a taxi's record: eleven half-yearly reports of use and one test."""
    events: list[dict[str, object]] = [
        {
            "type": "usage", "on": f"{2020 + half // 2}-{'03' if half % 2 else '09'}-15",
            "reported_on": f"{2020 + half // 2}-{'03' if half % 2 else '09'}-20", "odometer_km": 31_250.5 * (half + 1),
            "full_cycles": 110.0 * (half + 1), "mean_temperature_c": 21.5, "soh": round(0.99 - 0.012 * half, 3),
        }
        for half in range(1, 12)
    ]  # fmt: skip
    events.append({"type": "tested", "on": "2026-04-02", "reported_on": "2026-04-03", "method": "lab", "soh": 0.842})
    return {
        "battery_code": "T01PB0A0000001A680000123", "chemistry": "LFP", "rated_energy_kwh": 52.5, "mass_kg": 368.0,
        "events": events,
    }  # fmt: skip


def in_chinese(part: object) -> object:
    """Return a part of a record with Chinese names and choices."""
    if isinstance(part, Mapping):
        return {CHINESE[name]: in_chinese(value) for name, value in part.items()}
    if isinstance(part, list):
        return [in_chinese(one) for one in part]
    return CHOICES.get(part, part) if isinstance(part, str) else part


def records() -> dict[str, bytes]:
    """Return the record in each spelling."""
    plain = canonical()
    spelled = (plain, in_chinese(plain), {**plain, "remark_of_the_yard": "shelf 4"})
    return {name: json.dumps(one, ensure_ascii=False).encode() for name, one in zip(TARGETS_US, spelled, strict=True)}


def cost_us(content: bytes, rounds: int) -> float:
    """Return the CPU time to read a record; median of the rounds. [µs]"""
    spent = []
    for _ in range(rounds):
        begun = time.process_time()
        for _ in range(CALLS):
            read_trace(content)
        spent.append((time.process_time() - begun) / CALLS * 1e6)
    return median(spent)


def main() -> None:
    """Measure, print, and on request write the table."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--rounds", type=int, default=15)
    options.add_argument("--write", action="store_true")
    asked = options.parse_args()
    rows = [
        (name, f"{cost_us(content, asked.rounds):.0f}", f"{TARGETS_US[name]:.0f}")
        for name, content in records().items()
    ]
    table = table_of(("a record of 12 events", "CPU µs", "target"), rows)
    print(table)
    if asked.write:
        replace_section(PAGE, "record reading", table)


if __name__ == "__main__":
    main()
