"""The page of what is read is the text of its generator, and names every family of passports."""

import importlib.util
from pathlib import Path

import pytest

from valuation.ingest import passports

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def generator():
    spec = importlib.util.spec_from_file_location("what_we_read", ROOT / "tools" / "what_we_read.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_the_text_of_its_generator(generator):
    page = (ROOT / "docs" / "reference" / "what-we-read.md").read_text("utf-8")
    assert page == generator.page(), "run: .venv/bin/python tools/what_we_read.py > docs/reference/what-we-read.md"


def test_every_family_of_passports_is_described(generator):
    assert set(generator.PASSPORTS) == set(passports._READERS)
