"""The glossary is one alphabetical table, and each of its terms occurs in the code."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "glossary.md").read_text("utf-8")
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| `")]
TERMS = [row[0].strip("`") for row in ROWS]


@pytest.fixture(scope="module")
def code():
    packages = [ROOT / package for package in ("valuation", "models", "training", "service")]
    files = [path for package in packages for kind in ("*.py", "*.toml") for path in package.rglob(kind)]
    return "\n".join(path.read_text("utf-8") for path in files)


@pytest.mark.parametrize("term", TERMS)
def test_each_term_occurs_in_the_code(code, term):
    """A term is a word of an identifier or of the text: `closed_route` also matches "closed route"."""
    words = [re.escape(word) for word in term.rstrip("*").rstrip("_").split("_")]
    assert re.search(r"(?<![a-z])" + "[_ -]?".join(words) + ("_" if term.endswith("*") else ""), code, re.IGNORECASE)


def test_terms_are_in_alphabetical_order_and_unique():
    assert sorted({*TERMS}, key=str.casefold) == TERMS


def test_each_term_has_its_chinese_and_a_meaning():
    assert [row for row in ROWS if len(row) != 3 or not re.search(r"[一-鿿]", row[1]) or not row[2]] == []
