"""The recycling value stays near published prices, and the page shows the result of the benchmark."""

import csv

import pytest

from benchmarks.recycling_against_published import HEADS, PACK_HEADS, PAGE, PUBLISHED, compared, ours_per_t, pack_rows
from benchmarks.report import table_of

with PUBLISHED.open(encoding="utf-8", newline="") as file:
    CHECKS = {row["check"]: row for row in csv.DictReader(file)}


@pytest.mark.parametrize("name", CHECKS)
def test_values_are_near_published_prices(name):
    published, ours = float(CHECKS[name]["published_cny_per_t"]), ours_per_t(CHECKS[name])
    assert 0.75 * published < ours * 1.13
    assert ours < 1.25 * published


def test_scrap_rises_faster_than_lithium():
    # Published: carbonate 13.5 times as dear, scrap 32.8 times (April 2022 against a carbonate of 37,000).
    dear, cheap = ours_per_t(CHECKS["R4"]), ours_per_t(CHECKS["R5"])
    assert 20.0 < dear / cheap < 50.0


def test_the_page_is_not_stale():
    page = PAGE.read_text(encoding="utf-8")
    assert table_of(HEADS, [compared(check) for check in CHECKS.values()]) in page
    assert table_of(PACK_HEADS, pack_rows()) in page
