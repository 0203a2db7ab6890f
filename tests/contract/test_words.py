"""Words that no file may contain: paths of one machine, package hosts, and identifiers of the former vocabulary."""

import ast
import importlib.util
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FORBIDDEN = {
    "a folder of one machine": r"(?<![\w.~}-])/(?:work|root|home)/\w",
    "a folder outside the repository": r"\.\./shared|(?<![\w/])shared/(?:facts|research|samples|data)\b",
    "a host that packages come from": r"pypi\.org|pythonhosted\.org|npmjs\.|conda\.anaconda|index-url *=",
    "how a text came about": r"(?i)\blanguage model|\bAI[- ](?:assist|generat)|\bas an AI\b|\bco-authored-by\b",
}


def tracked():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout: nothing says which files are ours")
    paths = [ROOT / name.decode() for name in listed.stdout.split(b"\0") if name]
    return [path for path in paths if path.is_file() and path != Path(__file__)]


@pytest.mark.parametrize("kind", FORBIDDEN)
def test_no_tracked_file_contains(kind):
    pattern = re.compile(FORBIDDEN[kind])
    found = []
    for path in tracked():
        text = path.read_bytes()
        if b"\0" in text:
            continue  # binary file
        lines = text.decode("utf-8", "replace").splitlines()
        found += [
            f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
            for number, line in enumerate(lines, 1)
            if pattern.search(line)
        ]
    assert found == []


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("a folder of one machine", "open('/work/" + "x')"),
        ("a folder outside the repository", "see ../" + "shared/x"),
        ("a host that packages come from", "https://pypi" + ".org/simple"),
        ("how a text came about", "written by a language " + "model"),
    ],
)
def test_each_pattern_matches_its_example(kind, line):
    assert re.search(FORBIDDEN[kind], line)


@pytest.fixture(scope="module")
def identifiers():
    spec = importlib.util.spec_from_file_location("identifiers", ROOT / "tools" / "identifiers.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_no_new_identifier_contains_a_former_word(identifiers):
    """Names in former_words.txt are still to be replaced; the list may only shrink (tools/identifiers.py writes it)."""
    listed = (ROOT / "tests" / "contract" / "former_words.txt").read_text("utf-8").splitlines()
    assert sorted(set(identifiers.find_former_names()) - set(listed)) == []


@pytest.mark.parametrize(
    "code",
    [
        "class OpenDoor: ...",
        "def tell(): ...",
        "def price(*, strange_groups): ...",
        "async def price(**told): ...",
        "habits_of_market: int = 1",
        "for verdict in (): ...",
        "self.sought = 1",
        "import numpy as parcel",
        "try: ...\nexcept ValueError as mishap: ...",
        "match 1:\n case contest: ...",
        "lambda crowd: 1",
        "[porch for porch in ()]",
    ],
)
def test_former_words_are_found_in_every_kind_of_definition(identifiers, code):
    names = list(identifiers.defined_names(ast.parse(code)))
    assert any(identifiers.FORMER_WORDS.intersection(identifiers.words_of(name)) for name in names)


def test_names_of_other_libraries_are_allowed(identifiers):
    assert list(identifiers.defined_names(ast.parse("stream.tell()\nprint(stream.told)"))) == []


def test_words_of_an_identifier(identifiers):
    assert identifiers.words_of("OutOfFoldResiduals") == ["out", "of", "fold", "residuals"]
    assert identifiers.words_of("_read_JSON_tellTale2") == ["read", "json", "tell", "tale"]
