"""The repository speaks of batteries: not of one machine's folders, and not of where packages come from."""

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
def test_no_tracked_file_speaks_of(kind):
    pattern = re.compile(FORBIDDEN[kind])
    found = []
    for path in tracked():
        text = path.read_bytes()
        if b"\0" in text:
            continue  # a picture or a table of numbers
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
def test_the_patterns_find_what_they_are_for(kind, line):
    assert re.search(FORBIDDEN[kind], line)
