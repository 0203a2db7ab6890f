"""Request data: the sample records, varied into as many distinct packs as needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).resolve().parents[2] / "data_samples"
PLAIN = ("lfp_taxi.json", "private_nmc811_laboratory.json", "taxi_lfp_readings.json")
CODE_LENGTH, SERIAL = 24, 7
Record = dict[str, Any]


def records(count: int) -> list[Record]:
    """Return distinct records with canonical field names, each with its own valid battery code."""
    kinds = [json.loads((SAMPLES / name).read_text("utf-8")) for name in PLAIN]
    kinds += [json.loads(line) for line in (SAMPLES / "lot.jsonl").read_text("utf-8").splitlines() if line.strip()]
    kinds = [kind for kind in kinds if len(kind.get("battery_code", "")) == CODE_LENGTH]
    return [_changed(kinds[number % len(kinds)], number) for number in range(count)]


def bodies(count: int, *, explain: bool) -> list[bytes]:
    """Return the request bodies of these records."""
    asked = {"as_of": "2026-11-20", "explain": explain}
    return [json.dumps({"trace": record, **asked}, ensure_ascii=False).encode() for record in records(count)]


def _changed(kind: Record, number: int) -> Record:
    """Return a record with another serial number and slightly changed readings."""
    record: Record = json.loads(json.dumps(kind))
    record["battery_code"] = f"{record['battery_code'][:-SERIAL]}{number:0{SERIAL}d}"
    for event in record.get("events", []):
        for name in ("odometer_km", "full_cycles"):
            if name in event:
                event[name] = round(event[name] * (1.0 + 0.0003 * (number % 101)), 1)
    return record
