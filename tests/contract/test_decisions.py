"""Decision records in docs/adr: numbers without a gap, five headings in order, at most forty lines."""

import re
from pathlib import Path

import pytest

ADR = Path(__file__).parents[2] / "docs" / "adr"
RECORDS = sorted(ADR.glob("*.md"))
HEADINGS = ["Context", "Decision", "Consequences", "Alternatives", "Enforced by"]


def test_numbers_have_no_gap():
    assert [int(record.name[:4]) for record in RECORDS] == list(range(1, len(RECORDS) + 1))


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name[:4])
def test_each_record_has_its_number_and_the_five_headings(record):
    text = record.read_text("utf-8")
    assert text.startswith(f"# {int(record.name[:4])}. ")
    assert re.findall(r"^\*\*(.+?)\.?\*\*", text, re.MULTILINE) == HEADINGS
    assert len(text.splitlines()) <= 40


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name[:4])
def test_each_path_of_the_last_heading_exists(record):
    """A record must name a check that still runs."""
    paths = re.findall(
        r"`((?:tests|benchmarks|valuation|models|training|service|docs|tools|\.ci)/[\w./-]+)`",
        record.read_text("utf-8").split("**Enforced by**")[1],
    )
    missing = [path for path in paths if not (ADR.parents[1] / path).exists()]
    assert missing == []
