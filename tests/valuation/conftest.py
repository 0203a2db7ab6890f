"""A small market with round prices, each quoted twice so that trends exist."""

from dataclasses import replace

import pytest

from valuation.errors import CanzhiError
from valuation.ingest.quotes.read_market import read_market
from valuation.record.unused_events import NOTHING_LEFT_OUT

QUOTES = """quoted_on,instrument,price,unit,vat_included,region,source
2015-01-05,lithium_carbonate,40000,CNY/t,true,CN,synthetic
2015-01-05,nickel_sulphate,25000,CNY/t,true,CN,synthetic
2015-01-05,cobalt_sulphate,50000,CNY/t,true,CN,synthetic
2015-01-05,copper,45000,CNY/t,true,CN,synthetic
2015-01-05,aluminium,13000,CNY/t,true,CN,synthetic
2015-01-05,new_pack_lfp,1600,CNY/kWh,true,CN,synthetic
2015-01-05,new_pack_ternary,1800,CNY/kWh,true,CN,synthetic
2026-05-20,lithium_carbonate,120000,CNY/t,true,CN,synthetic
2026-05-20,nickel_sulphate,30000,CNY/t,true,CN,synthetic
2026-05-20,cobalt_sulphate,75000,CNY/t,true,CN,synthetic
2026-05-20,copper,100000,CNY/t,true,CN,synthetic
2026-05-20,aluminium,24000,CNY/t,true,CN,synthetic
2026-05-20,new_pack_lfp,450,CNY/kWh,true,CN,synthetic
2026-05-20,new_pack_ternary,600,CNY/kWh,true,CN,synthetic
"""


@pytest.fixture(scope="session")
def market_history():
    """All quotes of a small synthetic market."""
    return read_market(QUOTES.encode())


@pytest.fixture(scope="session")
def but_late():
    """A function that returns an answer without its parts about late reports."""

    def stripped(answer):
        if isinstance(answer, CanzhiError):
            return answer
        cautions = tuple(caution for caution in answer.cautions if caution.id not in ("D01", "D02"))
        return replace(answer, cautions=cautions, not_used=NOTHING_LEFT_OUT)

    return stripped
