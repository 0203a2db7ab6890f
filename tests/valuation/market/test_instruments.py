from pathlib import Path

import pytest

from valuation.market.instruments import INSTRUMENTS

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "market-quotes.md"


def table():
    lines = ["| instrument | 中文 | base unit | from | to |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| `{name}` | {entry.label.zh} | {entry.unit} | {entry.low:g} | {entry.high:g} |"
        for name, entry in INSTRUMENTS.items()
        if not name.startswith("payable_")
    ]
    lines.append("| `payable_…` | …折扣系数 | fraction | 0 | 5 |")
    return "\n".join(lines)


def test_the_reference_lists_every_instrument():
    assert table() in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", INSTRUMENTS)
def test_every_instrument_has_labels_bounds_and_a_unit(name):
    entry = INSTRUMENTS[name]
    assert entry.low < entry.high
    assert entry.unit in {"CNY/t", "CNY/kWh", "fraction", "CNY"}
    assert entry.label.en
    assert entry.label.zh
