"""What became of a ledger's rows: every bad one with its way out, and the share that is used (校验报告)."""

from __future__ import annotations

import csv
from pathlib import Path

from training.sales_ledger.reasons import NOTES, REASONS
from training.sales_ledger.sales_table import Ledger

HEADINGS = (
    *("row", "sale_id", "battery_code", "field", "value", "reason", "way_out"),
    *("原因", "处理办法"),
)


def write_report(ledger: Ledger, path: Path) -> None:
    """Write every row that was set aside as CSV in UTF-8 with a mark, which spreadsheets of any language open."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(HEADINGS)
        for fault in sorted(ledger.faults, key=lambda one: one.row):
            reason = REASONS[fault.reason]
            writer.writerow(
                [
                    fault.row,
                    *(_plain(text) for text in (fault.sale_id, fault.battery_code, fault.field, fault.value)),
                    *(reason.en, reason.way_out_en, reason.zh, reason.way_out_zh),
                ]
            )


def _plain(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in {"=", "+", "@"} or (text[:1] == "-" and not text[1:2].isdigit()) else text


def summary(ledger: Ledger, used: int) -> list[str]:
    """Return what became of a ledger's rows, a line each: rows, used, set aside by reason, what is worth a word.

    Sales that are kept out because findings close their route have lines of their own.

    Parameters
    ----------
    ledger : Ledger
        As it stood after the last check.
    used : int
        Sales that a model learns from.
    """
    lines = [
        f"rows                {ledger.rows_read:,}",
        f"used                {used:,}  ({used / ledger.rows_read:.1%})",
    ]
    closed = ledger.closed_routes
    counted = sorted(ledger.reject_row.items(), key=lambda item: (-item[1], item[0]))
    lines.extend(f"set aside           {count:,}  {reason}" for reason, count in counted if reason not in closed)
    lines.extend(f"closed route        {count:,}  {reason}" for reason, count in counted if reason in closed)
    lines.extend(f"note                {count:,}  {NOTES[name][0]}" for name, count in ledger.notes.items() if count)
    if ledger.unused_columns:
        lines.append(f"columns not used    {', '.join(ledger.unused_columns)}")
    return lines
