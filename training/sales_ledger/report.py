"""Report on the rows of a ledger (校验报告): every rejected row with its correction, and the share of rows used."""

from __future__ import annotations

import csv
from pathlib import Path

from training.sales_ledger.reasons import NOTES, REASONS
from training.sales_ledger.sales_table import SalesLedger
from valuation.messages import LANGUAGES, Message

HEADINGS = (
    *("row", "sale_id", "battery_code", "field", "value", "reason", "way_out"),
    *("原因", "处理办法"),
)


def write_report(ledger: SalesLedger, path: Path) -> None:
    """Write the rejected rows as CSV in UTF-8 with byte-order mark, which all spreadsheets open."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(HEADINGS)
        for error in sorted(ledger.row_errors, key=lambda one: one.row):
            reason = REASONS[error.reason]
            writer.writerow(
                [
                    error.row,
                    *(_plain(text) for text in (error.sale_id, error.battery_code, error.field, error.value)),
                    *(one.in_language(language) for language in LANGUAGES for one in reason),
                ]
            )


def _plain(text: str) -> str:
    """Escape a text that a spreadsheet would evaluate as a formula."""
    return f"'{text}" if text[:1] in {"=", "+", "@"} or (text[:1] == "-" and not text[1:2].isdigit()) else text


def summary(ledger: SalesLedger, used: int) -> list[Message]:
    """Return one line per figure: rows read, rows used, rejected rows by reason, notes.

    Sales excluded because findings close their route are listed separately.

    Parameters
    ----------
    ledger : Ledger
        The ledger after the last check.
    used : int
        Number of sales used for training.
    """
    lines = [
        Message("train.ledger.rows", count=ledger.rows_read),
        Message("train.ledger.used", count=used, share=used / ledger.rows_read),
    ]
    closed = ledger.closed_routes
    counted = sorted(ledger.rejected_rows.items(), key=lambda item: (-item[1], item[0]))
    for identity, listed in (("train.ledger.rejected", False), ("train.ledger.closed_route", True)):
        lines.extend(
            Message(identity, count=count, reason=reason) for reason, count in counted if (reason in closed) == listed
        )
    noted = [(NOTES[name], count) for name, count in ledger.notes.items() if count]
    lines.extend(Message("train.ledger.note", count=count, reason=note) for note, count in noted)
    if ledger.unused_columns:
        lines.append(Message("train.ledger.unused_columns", columns=ledger.unused_columns))
    return lines
